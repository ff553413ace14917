"""Level-Based Foraging: ours, and the package itself."""

import math
from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.scenario.envs.env import Broken, Env, EpisodeSteps
from dvdn_sim.wording import plural
from netmodels.units import CLOSED, Count, Flag, Number

Side = Annotated[Count, Field(ge=3, le=200)]
Level = Annotated[Count, Field(le=1000)]


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Foraging(Env):
    """Players with levels stand together to load foods with levels.

    Attributes:
        field_size: rows and columns of the field.
        players: number of players, each an agent.
        max_num_food: foods placed at the start of an episode.
        sight: cells that a player sees to each side; the field's longest side shows it all.
        min_player_level: lowest level of a player.
        max_player_level: highest level of a player.
        min_food_level: lowest level of a food.
        max_food_level: highest level of a food; None for the sum of the three lowest player levels.
        force_coop: give every food the highest level.
        penalty: what a load that fails costs each loader.
        max_episode_steps: steps after which an episode ends.
    """

    field_size: tuple[Side, Side]
    players: Annotated[Count, Field(le=100)]
    max_num_food: Annotated[Count, Field(le=10_000)]
    sight: Annotated[Count, Field(le=200)]
    min_player_level: Level = 1
    max_player_level: Level = 2
    min_food_level: Level = 1
    max_food_level: Level | None = None
    force_coop: Flag = False
    penalty: Annotated[Number, Field(ge=0.0)] = 0.0
    max_episode_steps: EpisodeSteps = 50

    noun = "player"
    n_actions = 6

    def __post_init__(self) -> None:
        # Place and level of every food and every player.
        self._settle(n_agents=self.players, obs_dim=3 * (self.max_num_food + self.players))

    @property
    def action_names(self) -> tuple[str, ...]:
        return "none", "north", "south", "west", "east", "load"

    def describe(self) -> str:
        who, what = plural(self.players, self.noun), plural(self.max_num_food, "food")
        rows, columns = self.field_size
        return f"{who} gather {what} on {rows} x {columns} cells, sight {self.sight}"

    @property
    def title(self) -> str:
        rows, columns = self.field_size
        return f"{plural(self.players, self.noun)}, lbf {rows}x{columns}"

    @property
    def returns_within(self) -> tuple[float, float]:
        """All food makes 1 together; a load that fails costs each of its loaders."""
        return 0.0 - self.penalty * self.players * self.max_episode_steps, 1.0

    @property
    def most_food(self) -> int:
        """A number of foods that the field can never exceed.

        Foods keep off the border and at least 3 steps (rows plus columns) from each other. So each has to itself its
        cell and the four beside it, within the field without its corners; and a 2 by 2 block, or 3 cells in a row, hold
        one.
        """
        rows, columns = self.field_size[0] - 2, self.field_size[1] - 2
        crosses = (self.field_size[0] * self.field_size[1] - 4) // 5
        blocks = -(-rows // 2) * -(-columns // 2)
        threes = min(rows * -(-columns // 3), columns * -(-rows // 3))
        return min(crosses, blocks, threes)

    def broken_rules(self) -> Iterator[Broken]:
        rows, columns = self.field_size
        size, either = f"a field of {rows} by {columns}", "raise the one or lower the other"
        low, high, food = self.min_player_level, self.max_player_level, self.max_food_level
        weakest, strongest = min(3, self.players) * low, self.players * high
        yield from super().broken_rules()
        if low > high:
            yield "min_player_level", f"{low} is above max_player_level, {high}", either
        if food is None and self.min_food_level > weakest:
            message = f"{self.min_food_level} is above the highest food level, which can be as low as {weakest}"
            yield "min_food_level", message, "lower it, or set `max_food_level`"
        if food is not None and self.min_food_level > food:
            yield "min_food_level", f"{self.min_food_level} is above max_food_level, {food}", either
        if food is not None and food > strongest:
            message = f"no team could load it: {self.players} players of level {high} make {strongest}"
            yield "max_food_level", message, f"at most {strongest}"
        if self.max_num_food > self.most_food:
            remedy = f"at most {self.most_food}: foods keep off the border and two cells from each other"
            yield "max_num_food", f"{self.max_num_food} foods do not fit {size}", remedy
        room = rows * columns - self.max_num_food
        if self.players > room:
            message = f"{self.players} players do not fit {size} beside {self.max_num_food} foods"
            yield "players", message, f"at most {max(room, 1)}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Lbf(Foraging):
    """Level-Based Foraging: players with levels stand together to load foods with levels.

    Attributes:
        normalize_reward: divide rewards by what the team can load in all.
        observe_agent_levels: whether players see the levels of players.
        food_levels: whether the highest food level is drawn, too (``v3``, as in lbforaging 2), or not unless it is the
            only one (``legacy``, as in versions 1 and 2, with which most numbers were published).
    """

    kind: Literal["lbf"] = field(default="lbf", repr=False)
    normalize_reward: Flag = True
    observe_agent_levels: Flag = True
    food_levels: Literal["v3", "legacy"] = "v3"

    picture_note = "In a disc stands a player's level, above it its number; in a square the level of food."

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.observe_agent_levels:
            self._settle(obs_dim=3 * self.max_num_food + 2 * self.players)

    @property
    def returns_within(self) -> tuple[float, float]:
        """Without normalisation, as much as there is food."""
        least, most = super().returns_within
        return least, most if self.normalize_reward else math.inf

    def describe(self) -> str:
        return super().describe() + (", food levels as in older versions" if self.food_levels == "legacy" else "")


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class LbForaging(Foraging):
    """The package lbforaging itself, one copy after the other: slow, and what ``lbf`` is checked against."""

    kind: Literal["lbforaging"] = field(default="lbforaging", repr=False)

    def describe(self) -> str:
        return f"{super().describe()}, by lbforaging itself"

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        if self.heterogeneity:
            yield "heterogeneity", "the package lbforaging has no permuted players", "remove it, or write `kind: lbf`"
        rows, columns = self.field_size
        if 2 * self.players > rows * columns:
            message = f"{self.players} players are more than lbforaging places on a field of {rows} by {columns}"
            yield "players", message, f"at most {rows * columns // 2}"
