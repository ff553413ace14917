"""Level-Based Foraging: our own in batches, and the package from which its rules are."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dvdn_sim.scenario.env import EpisodeSteps
from dvdn_sim.scenario.quantities import Count

Side = Annotated[Count, Field(ge=3, le=200)]
Level = Annotated[Count, Field(le=1000)]


@dataclass(frozen=True)
class Foraging:
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

    field_size: Annotated[tuple[Side, Side], Field(strict=False)]
    players: Annotated[Count, Field(le=100)]
    max_num_food: Annotated[Count, Field(le=10_000)]
    sight: Annotated[Count, Field(le=200)]
    min_player_level: Level = 1
    max_player_level: Level = 2
    min_food_level: Level = 1
    max_food_level: Level | None = None
    force_coop: bool = False
    penalty: Annotated[float, Field(ge=0.0)] = 0.0
    max_episode_steps: EpisodeSteps = 50

    @property
    def n_agents(self) -> int:
        """Number of players."""
        return self.players

    @property
    def longest_episode(self) -> int:
        """Steps after which every episode has ended."""
        return self.max_episode_steps

    @property
    def obs_dim(self) -> int:
        """Place and level of every food and every player."""
        return 3 * (self.max_num_food + self.players)

    @property
    def n_actions(self) -> int:
        """Nothing, four directions, load."""
        return 6

    @property
    def alike(self) -> bool:
        """Levels differ, and are dealt out anew for every episode."""
        return True

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        rows, columns = self.field_size
        return f"{_players(self.players)}, lbf {rows}x{columns}"

    def describe(self) -> str:
        """Say in one line what is played."""
        rows, columns = self.field_size
        foods = "1 food" if self.max_num_food == 1 else f"{self.max_num_food} foods"
        return f"{_players(self.players)} gather {foods} on {rows} x {columns} cells, sight {self.sight}"


@dataclass(frozen=True)
class Lbf(Foraging):
    """Level-Based Foraging: players with levels stand together to load foods with levels.

    Attributes:
        normalize_reward: divide rewards by what the team can load in all.
        observe_agent_levels: whether players see the levels of players.
        food_levels: whether the highest food level is drawn, too (``v3``, as in lbforaging 2), or not unless it is the
            only one (``legacy``, as in versions 1 and 2, with which most numbers were published).
    """

    normalize_reward: bool = True
    observe_agent_levels: bool = True
    food_levels: Literal["v3", "legacy"] = "v3"

    @property
    def obs_dim(self) -> int:
        """Place and level of every food and every player; without the levels of players, if these are not seen."""
        return 3 * self.max_num_food + (3 if self.observe_agent_levels else 2) * self.players

    def describe(self) -> str:
        """Say in one line what is played."""
        return super().describe() + (", food levels as in older versions" if self.food_levels == "legacy" else "")


@dataclass(frozen=True)
class LbForaging(Foraging):
    """The package lbforaging itself, one copy after the other: slow, and what ``lbf`` is checked against."""

    def describe(self) -> str:
        """Say in one line what is played."""
        return f"{super().describe()}, by lbforaging itself"


def _players(count: int) -> str:
    return "1 player" if count == 1 else f"{count} players"
