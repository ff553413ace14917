"""The original, ``lbforaging`` 2.0.0, with a state put in; and states in which much happens."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging

MOVES = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])  # none, north, south, west, east, load
LOAD = 5


@dataclass(frozen=True)
class Scenes:
    """M states before a step, and what the players do; all arrays start with M."""

    field: np.ndarray
    positions: np.ndarray
    levels: np.ndarray
    food_spawned: np.ndarray
    step: np.ndarray
    actions: np.ndarray

    @classmethod
    def drawn(
        cls,
        rng: np.random.Generator,
        count: int,
        size: tuple[int, int],
        players: int,
        foods: int,
        *,
        limit: int,
        coop: bool,
    ) -> "Scenes":
        """Foods are spaced as the original does it, players stand around one of them and in each other's way.

        Most players are beside the same food, some on one cell; who can load often does, who can run into another
        often does. Some foods have been eaten, and some episodes are at their last step.
        """
        field, cells = _foods(rng, count, size, foods)
        levels = rng.integers(1, 4, (count, players))
        top = np.sort(levels, axis=1)[:, :3].sum(axis=1)[:, None, None]
        field *= top if coop else 1 + (rng.random(field.shape) * top).astype(np.int64)
        positions = _positions(rng, field, cells, players)
        return cls(
            field=field,
            positions=positions,
            levels=levels,
            food_spawned=field.sum(axis=(1, 2)) + rng.integers(0, 5, count) * (rng.random(count) < 0.5),
            step=np.where(rng.random(count) < 0.05, limit - 1, rng.integers(0, limit, count)),
            actions=_actions(rng, field, positions),
        )

    @classmethod
    def of(cls, state: LbfState, actions: np.ndarray) -> "Scenes":
        """What is about to happen in a state of ours."""
        return cls(state.field, state.positions, state.levels, state.food_spawned, state.step, actions)

    def state(self, env: LevelBasedForaging) -> LbfState:
        return env.place(self.field, self.positions, self.levels, food_spawned=self.food_spawned, step=self.step)


def foraging_env(**settings: Any) -> Any:
    """``lbforaging``'s own class, with its usual levels where others are not given."""
    from lbforaging.foraging.environment import ForagingEnv

    defaults = {"min_player_level": 1, "max_player_level": 2, "min_food_level": 1, "max_food_level": None}
    return ForagingEnv(**defaults | {"max_episode_steps": 50, "force_coop": False} | settings)


class Original:
    """The original, one state after the other."""

    def __init__(self, **settings: Any) -> None:
        self.game = foraging_env(**settings)
        # Its check of its own observations is wrong for fields that are not square, and slow.
        anything = SimpleNamespace(shape=self.game.observation_space[0].shape, contains=lambda _: True)
        self.game.observation_space = [anything] * settings["players"]
        self.find_valid_moves = self.game._gen_valid_moves

    def put(self, scenes: Scenes, index: int) -> None:
        """Continue from one of the scenes."""
        game = self.game
        game.field = scenes.field[index].astype(np.int32)
        for player, cell, level in zip(game.players, scenes.positions[index], scenes.levels[index], strict=True):
            player.setup((int(cell[0]), int(cell[1])), int(level), game.field_size)
        game._food_spawned = int(scenes.food_spawned[index])
        game.current_step = int(scenes.step[index])
        game._game_over = False
        self.find_valid_moves()

    def after(self, scenes: Scenes) -> dict[str, np.ndarray]:
        """What each scene becomes: observations, rewards, done, field, positions."""
        found: dict[str, list[Any]] = {name: [] for name in ("observations", "rewards", "done", "field", "positions")}
        self.game._gen_valid_moves = lambda: None  # a step ends with them, and the next scene begins with its own
        for index, actions in enumerate(scenes.actions.tolist()):
            self.put(scenes, index)
            observations, rewards, done, _, _ = self.game.step(actions)
            found["observations"].append(np.stack(observations))
            found["rewards"].append(np.array(rewards, np.float64))
            found["done"].append(bool(done))
            found["field"].append(self.game.field)
            found["positions"].append([player.position for player in self.game.players])
        return {name: np.stack(each) for name, each in found.items()}

    def begin(self, seed: int | None = None) -> None:
        """A reset on a fresh field: the original lets the last episode's cells count as taken."""
        for player in self.game.players:
            player.position = None
        self.game.reset(seed=seed)


def _foods(rng: np.random.Generator, count: int, size: tuple[int, int], foods: int) -> tuple[np.ndarray, np.ndarray]:
    """Ones where foods are, and the cell of the first of them."""
    row, column = (each.ravel() for each in np.indices(size))
    down, right = abs(row[:, None] - row), abs(column[:, None] - column)
    near = (np.maximum(down, right) <= 1) | ((np.minimum(down, right) == 0) & (down + right <= 2))
    fits = np.tile((row > 0) & (row < size[0] - 1) & (column > 0) & (column < size[1] - 1), (count, 1))
    wanted = rng.integers(1, foods + 1, count)
    field = np.zeros((count, row.size), np.int64)
    first = None
    for food in range(foods):
        chosen = (rng.random(fits.shape) * fits).argmax(axis=1)
        there = fits[np.arange(count), chosen] & (food < wanted)
        field[there, chosen[there]] = 1
        fits &= ~near[chosen]
        first = chosen if first is None else first
    return field.reshape(count, *size), np.stack([row[first], column[first]], axis=1)


def _positions(rng: np.random.Generator, field: np.ndarray, food: np.ndarray, players: int) -> np.ndarray:
    count, size = len(field), field.shape[1:]
    rows = np.arange(count)
    cells = np.empty((count, players, 2), np.int64)
    for player in range(players):
        anywhere = rng.integers(0, size, (count, 2))
        beside = food + MOVES[rng.integers(1, 5, count)]
        mate = cells[:, rng.integers(player)] if player else anywhere
        near_mate = mate + MOVES[rng.integers(0, 5, count)]
        kind = rng.random(count)[:, None]
        wish = np.where(kind < 0.55, beside, np.where(kind < 0.8, near_mate, anywhere)).clip(0, np.array(size) - 1)
        while (on_food := field[rows, wish[:, 0], wish[:, 1]] > 0).any():
            wish[on_food] = rng.integers(0, size, (on_food.sum(), 2))
        cells[:, player] = wish
    return cells


def _actions(rng: np.random.Generator, field: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Half of them on purpose: load beside a food, else a step towards some other player."""
    count, players, _ = positions.shape
    padded = np.pad(field, ((0, 0), (1, 1), (1, 1)))
    around = positions[:, :, None] + 1 + MOVES[1:5]
    beside = padded[np.arange(count)[:, None, None], around[..., 0], around[..., 1]].any(axis=2)
    other = np.take_along_axis(positions, rng.integers(0, players, (count, players))[..., None], axis=1)
    down, right = np.moveaxis(other - positions, 2, 0)
    towards = np.where(abs(down) >= abs(right), np.where(down < 0, 1, 2), np.where(right < 0, 3, 4))
    on_purpose = np.where(beside & (rng.random(beside.shape) < 0.7), LOAD, towards)
    return np.where(rng.random(beside.shape) < 0.6, on_purpose, rng.integers(0, 6, beside.shape))
