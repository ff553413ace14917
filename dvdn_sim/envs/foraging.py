"""The real Level-Based Foraging: ``lbforaging`` 2.0.0 (Christianos et al., 2020) as a PettingZoo environment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv  # type: ignore[import-untyped, unused-ignore]

if TYPE_CHECKING:
    from lbforaging.foraging.environment import ForagingEnv

Levels = int | Sequence[int]
Observations = dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]
Infos = dict[str, dict[str, object]]


class ForagingParallelEnv(ParallelEnv[str, Any, int]):  # type: ignore[misc, unused-ignore]
    """Players load food on a grid; food of level l needs adjacent loaders whose levels sum to l or more.

    Everything that happens is decided by ``lbforaging``'s own class, constructed directly (its registered ids stop at 4
    foods). Actions: 0 none, 1 north, 2 south, 3 west, 4 east, 5 load. Observation of a player, float32 [3·foods +
    3·players]: triplets (row, column, level) of the foods it sees, of itself, of the other players it sees; −1, −1, 0
    fills up. An episode's rewards sum to 1 over the team if all food was loaded. Three things differ from the original:

    * `reset` starts from a fresh state: the original lets the last episode's player positions influence where the next
      one starts, so that a seed does not name an episode.
    * At the time limit with food left, truncation is reported and termination is not, as PettingZoo has it (the
      original reports termination for both). Learners here treat both as the episode's end.
    * The observation space of a field that is not square is right (the original swaps the bounds of rows and columns
      and then refuses its own observations).

    Args:
        players: Number of players, 1 or more.
        field_size: Rows and columns, 3 or more each.
        max_num_food: Foods per episode; fewer are placed if no room is found. No two are within two cells in a row or
            column, nor in one 3×3 block.
        sight: How many cells a player sees in each direction, 1 or more; the larger side of the field is full sight.
        max_episode_steps: Steps after which an episode is truncated.
        force_coop: Every food has the largest level.
        min_player_level: Lowest level of a player, or one per player. Uniform, both ends included.
        max_player_level: Highest level of a player, or one per player.
        min_food_level: Lowest level of a food, or one per food.
        max_food_level: Highest level of a food, or one per food; None for the sum of the three lowest player levels.
        penalty: Taken from each loader of a load that fails.

    Raises:
        ValueError: A size out of range, levels of the wrong number, or a lowest level above its highest.
    """

    metadata: ClassVar[dict[str, object]] = {"name": "lbforaging_v3", "render_modes": []}

    def __init__(
        self,
        *,
        players: int,
        field_size: tuple[int, int],
        max_num_food: int,
        sight: int,
        max_episode_steps: int = 50,
        force_coop: bool = False,
        min_player_level: Levels = 1,
        max_player_level: Levels = 2,
        min_food_level: Levels = 1,
        max_food_level: Levels | None = None,
        penalty: float = 0.0,
    ) -> None:
        _check_sizes(players, field_size, max_num_food, sight, max_episode_steps)
        weakest = _check_levels("player", players, min_player_level, max_player_level)
        highest_food = sum(sorted(weakest)[:3]) if max_food_level is None else max_food_level
        _check_levels("food", max_num_food, min_food_level, highest_food)
        self._game = _build(
            players=players,
            field_size=(field_size[0], field_size[1]),
            max_num_food=max_num_food,
            sight=sight,
            max_episode_steps=max_episode_steps,
            force_coop=force_coop,
            min_player_level=min_player_level,
            max_player_level=max_player_level,
            min_food_level=min_food_level,
            max_food_level=max_food_level,
            penalty=penalty,
        )
        self.max_episode_steps = max_episode_steps
        self.possible_agents = [f"player_{i}" for i in range(players)]
        self.agents: list[str] = []
        self.observation_spaces: dict[str, spaces.Box] = dict(
            zip(self.possible_agents, self._game.observation_space, strict=True)
        )
        self.action_spaces = {agent: spaces.Discrete(6) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Box:
        """Return the observation space of `agent`, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Return the action space of `agent`, always the same object."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, object] | None = None) -> tuple[Observations, Infos]:
        """Start an episode. With a seed it depends on the seed alone; without, the generator goes on."""
        for player in self._game.players:
            player.position = None  # else the last episode's cells count as taken
        rows, _ = self._game.reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return dict(zip(self.agents, rows, strict=True)), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, int]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Move and load, all players at once.

        Raises:
            RuntimeError: The episode is over; `reset` first.
        """
        agents = self.agents
        if not agents:
            raise RuntimeError("the episode is over or has not begun: call reset first")
        rows, rewards, over, _, _ = self._game.step([actions[agent] for agent in agents])
        cleared = bool(over) and not self._game.field.any()
        if over:
            self.agents = []
        return (
            dict(zip(agents, rows, strict=True)),
            {agent: float(reward) for agent, reward in zip(agents, rewards, strict=True)},
            dict.fromkeys(agents, cleared),
            dict.fromkeys(agents, bool(over) and not cleared),
            {agent: {} for agent in agents},
        )


def _build(field_size: tuple[int, int], **settings: object) -> "ForagingEnv":
    from lbforaging.foraging.environment import ForagingEnv  # noqa: PLC0415 (registers 1,920 ids, 0.1 s)

    game = ForagingEnv(field_size=field_size, **settings)
    original = game.observation_space[0]
    high = original.high.copy().reshape(-1, 3)
    high[:, 0], high[:, 1] = field_size[0] - 1, field_size[1] - 1
    game.observation_space = spaces.Tuple(
        [spaces.Box(original.low, high.ravel(), dtype=np.float32) for _ in range(game.n_agents)]
    )
    return game


def _check_sizes(players: int, field_size: tuple[int, int], foods: int, sight: int, limit: int) -> None:
    smallest = {
        "players": (players, 1),
        "max_num_food": (foods, 1),
        "sight": (sight, 1),
        "max_episode_steps": (limit, 1),
    }
    smallest |= {f"field_size[{axis}]": (side, 3) for axis, side in enumerate(field_size)}
    for name, (value, least) in smallest.items():
        if value < least:
            raise ValueError(f"{name} is {value}; {least} or more expected")
    if len(field_size) != 2:
        raise ValueError(f"field_size is {field_size}; two numbers, rows and columns, expected")
    if 2 * players > field_size[0] * field_size[1]:
        raise ValueError(f"{players} players on a field of {field_size}; at least two cells per player expected")


def _check_levels(what: str, count: int, lowest: Levels, highest: Levels) -> list[int]:
    """Check that levels start at 1 and are in order; return the lowest ones, one per player or food."""
    bounds = []
    for name, levels in (("min", lowest), ("max", highest)):
        each = [levels] * count if isinstance(levels, int) else list(levels)
        if len(each) != count:
            raise ValueError(f"{name}_{what}_level has {len(each)} levels; one, or {count}, expected")
        bounds.append(each)
    for low, high in zip(*bounds, strict=True):
        if not 1 <= low <= high:
            raise ValueError(f"{what} levels from {low} to {high} found; a range that starts at 1 or more expected")
    return bounds[0]
