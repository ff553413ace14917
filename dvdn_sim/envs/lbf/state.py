"""Where a batch of fields stands.

Seen from outside a state is `field`, `positions` and so on, rows of the batch first. Inside, foods are a list rather
than a field, so that a step touches a few numbers per row, and the batch comes last, so that it does so in few long
operations.
"""

from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from dvdn_sim.envs.batch import described

GONE = (-(2**16), -(2**16), 0)
"""Row, column and level of a food that is not there (any more): beside nobody, in nobody's sight."""
HIGHEST_LEVEL = 2**15 - 1
PARTS = ("players", "foods", "food_spawned", "step", "episode")


class LbfState:
    """A batch of E fields with N players; never changed in place.

    Attributes:
        size: Rows and columns.
        players: int32 ``[3, N, E]``: row, column and level of each player.
        foods: int32 ``[3, F, E]``, the same of each food, in row-major order; `GONE` for those that are eaten.
        food_spawned: int64 ``[E]``, the sum of all foods' levels at the beginning.
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
        seen: What its players observe, batch last, once somebody has asked (see `Sight.planes`).
    """

    players: Tensor
    foods: Tensor
    food_spawned: Tensor
    step: Tensor
    episode: Tensor

    def __init__(
        self,
        field: Tensor,
        positions: Tensor,
        levels: Tensor,
        food_spawned: Tensor,
        step: Tensor,
        *,
        episode: Tensor | None = None,
    ) -> None:
        """Put a batch of fields together by hand, from whole numbers of any width.

        Args:
            field: Levels of foods, 0 where there is none, ``[E, rows, columns]``.
            positions: Rows and columns of players, ``[E, N, 2]``.
            levels: Of players, ``[E, N]``.
            food_spawned: Sum of the foods' levels at the beginning, ``[E]``.
            step: Steps taken, ``[E]``.
            episode: Number of the episode, ``[E]``; 0 if it is not given.

        Raises:
            ValueError: Shapes that do not fit each other, numbers that are not whole, a player outside the field or
                beside two foods (foods are never so near each other), a level out of range.
        """
        episode = torch.zeros_like(step) if episode is None else episode
        _check_shapes(field, positions, levels, food_spawned=food_spawned, step=step, episode=episode)
        _check_levels("levels", levels, 1)
        _check_levels("field", field, 0)
        self.size = (field.shape[1], field.shape[2])
        self.seen: Tensor | None = None
        self.players = torch.cat([positions, levels[..., None]], 2).permute(2, 1, 0).int().contiguous()
        self.foods = _foods_of(field)
        self.food_spawned, self.step, self.episode = food_spawned.long(), step.long(), episode.long()
        self._check_players()

    @classmethod
    def of_planes(
        cls,
        size: tuple[int, int],
        *,
        players: Tensor,
        foods: Tensor,
        food_spawned: Tensor,
        step: Tensor,
        episode: Tensor,
    ) -> Self:
        """The same from its parts, unchecked, for fields of `size` rows and columns."""
        state = cls.__new__(cls)
        state.size, state.players, state.foods, state.seen = size, players, foods, None
        state.food_spawned, state.step, state.episode = food_spawned, step, episode
        return state

    @property
    def n_rows(self) -> int:
        """E."""
        return self.players.shape[2]

    @cached_property
    def positions(self) -> Tensor:
        """Rows and columns of the players, int64 ``[E, N, 2]``."""
        return self.players[:2].permute(2, 1, 0).long().contiguous()

    @cached_property
    def levels(self) -> Tensor:
        """Levels of the players, int64 ``[E, N]``."""
        return self.players[2].T.long().contiguous()

    @cached_property
    def field(self) -> Tensor:
        """Levels of the foods, 0 where there is none, int64 ``[E, rows, columns]``."""
        row, column, level = self.foods.transpose(1, 2).long()
        flat: Tensor = level.new_zeros(self.n_rows, self.size[0] * self.size[1])
        flat.scatter_add_(1, (row * self.size[1] + column).clamp(min=0), level)
        return flat.view(-1, *self.size)

    def with_rows(self, rows: Tensor, fresh: "LbfState") -> "LbfState":
        """The same with the states of `fresh` in the given rows, int64 ``[M]``."""
        parts = {name: getattr(self, name).index_copy(-1, rows, getattr(fresh, name)) for name in PARTS}
        return self.of_planes(self.size, **parts)

    def at_rows(self, rows: Tensor) -> "LbfState":
        """The given rows, int64 ``[M]``, alone."""
        return self.of_planes(self.size, **{name: getattr(self, name).index_select(-1, rows) for name in PARTS})

    def with_room_for(self, foods: int) -> "LbfState":
        """The same with so many foods in the list, the last ones gone."""
        gone = self.foods.new_tensor(GONE)[:, None, None]
        more = gone.expand(3, foods - self.foods.shape[1], self.n_rows)
        return self.of_planes(
            self.size,
            players=self.players,
            foods=torch.cat([self.foods, more], 1),
            food_spawned=self.food_spawned,
            step=self.step,
            episode=self.episode,
        )

    def _check_players(self) -> None:
        row, column = self.positions.unbind(-1)
        outside = (row < 0) | (row >= self.size[0]) | (column < 0) | (column >= self.size[1])
        if bool(outside.any()):
            where, player = outside.nonzero()[0].tolist()
            cell = tuple(self.positions[where, player].tolist())
            raise ValueError(f"row {where}, player {player} at {cell} found; a cell of a field of {self.size} expected")
        apart = (self.foods[:2, :, None] - self.players[:2, None]).abs().sum(0)  # [F, N, E]
        torn = (apart == 1).sum(0).T > 1
        if bool(torn.any()):
            where, player = torn.nonzero()[0].tolist()
            raise ValueError(f"row {where}, player {player} beside several foods found; one at most expected")


def _check_shapes(field: Tensor, positions: Tensor, levels: Tensor, **by_row: Tensor) -> None:
    copies, players = len(field), positions.shape[1:2]
    expected = {
        "field": (field, "[E, rows, columns]", (copies, *field.shape[1:3])),
        "positions": (positions, f"[{copies}, N, 2]", (copies, *players, 2)),
        "levels": (levels, f"[{copies}, {players[0] if players else 'N'}]", (copies, *players)),
    }
    expected |= {name: (each, f"[{copies}]", (copies,)) for name, each in by_row.items()}
    for name, (found, words, shape) in expected.items():
        rank = 1 if name in by_row else 3 - (name == "levels")
        whole = not (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool)
        if found.ndim != rank or tuple(found.shape) != shape or not whole:
            raise ValueError(f"{name} {described(found)} found; whole numbers {words} expected")


def _check_levels(name: str, levels: Tensor, lowest: int) -> None:
    low, high = (int(each) for each in torch.aminmax(levels))
    if low < lowest or high > HIGHEST_LEVEL:
        raise ValueError(f"{name} from {low} to {high} found; levels from {lowest} to {HIGHEST_LEVEL} expected")


def _foods_of(field: Tensor) -> Tensor:
    """The foods of a field in row-major order, int32 ``[3, F, E]``, F the most that a row has, or 1."""
    where, row, column = field.nonzero(as_tuple=True)
    counts = torch.bincount(where, minlength=len(field))
    slot = torch.arange(len(where), device=field.device) - (counts.cumsum(0) - counts)[where]
    most = int(counts.max().clamp(min=1))
    foods = torch.tensor(GONE, dtype=torch.int32, device=field.device)[:, None, None].repeat(1, most, len(field))
    foods[:, slot, where] = torch.stack([row, column, field[where, row, column].long()]).int()
    return foods
