"""Where a batch of fields stands.

Foods are kept as a list, in the order of their cells, rather than as a field: a step then touches a few numbers per
row and not the whole field. A cell is told by its code, row · (columns + 1) + column: with one column more than there
is, cells are beside each other if and only if their codes differ by 1 or by columns + 1.
"""

from functools import cached_property
from typing import Self

import torch
from torch import Tensor

NOWHERE = -(10**9)
"""Code of a food that is not there (any more)."""


class LbfState:
    """A batch of E fields with N players; never changed in place.

    Attributes:
        cells: int64 ``[E, N]``, codes of the players' cells.
        levels: int64 ``[E, N]``, of the players.
        food_cells: int64 ``[E, F]``, codes of the foods' cells in ascending order, `NOWHERE` for those that are eaten.
        food_levels: int64 ``[E, F]``; 0 for those that are eaten.
        food_spawned: int64 ``[E]``, the sum of all foods' levels at the beginning.
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
    """

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
        """Put a batch of fields together by hand. No player may stand on a food or beside two.

        Args:
            field: Levels of foods, 0 where there is none, ``[E, rows, columns]``.
            positions: Rows and columns of players, ``[E, N, 2]``.
            levels: Of players, ``[E, N]``.
            food_spawned: Sum of the foods' levels at the beginning, ``[E]``.
            step: Steps taken, ``[E]``.
            episode: Number of the episode, ``[E]``; 0 if it is not given.

        Raises:
            ValueError: Shapes that do not fit each other.
        """
        copies = len(field)
        shapes = {
            "field": (tuple(field.shape), (copies, *field.shape[1:3])),
            "positions": (tuple(positions.shape), (copies, *positions.shape[1:2], 2)),
            "levels": (tuple(levels.shape), (copies, *positions.shape[1:2])),
            "food_spawned": (tuple(food_spawned.shape), (copies,)),
            "step": (tuple(step.shape), (copies,)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise ValueError(f"{name} of shape {list(found)} found; {list(expected)} expected")
        if field.ndim != 3 or positions.ndim != 3:
            raise ValueError("field [E, rows, columns] and positions [E, N, 2] expected")
        self.size = (field.shape[1], field.shape[2])
        self.cells = positions[..., 0].long() * self._width + positions[..., 1].long()
        self.levels = levels.long()
        self.food_cells, self.food_levels = self._foods_of(field)
        self.food_spawned = food_spawned.long()
        self.step = step.long()
        self.episode = torch.zeros_like(self.step) if episode is None else episode.long()

    @classmethod
    def of_foods(
        cls,
        size: tuple[int, int],
        *,
        cells: Tensor,
        levels: Tensor,
        food_cells: Tensor,
        food_levels: Tensor,
        food_spawned: Tensor,
        step: Tensor,
        episode: Tensor,
    ) -> Self:
        """The same from its parts, for fields of `size` rows and columns."""
        state = cls.__new__(cls)
        state.size, state.cells, state.levels = size, cells, levels
        state.food_cells, state.food_levels, state.food_spawned = food_cells, food_levels, food_spawned
        state.step, state.episode = step, episode
        return state

    @property
    def _width(self) -> int:
        return self.size[1] + 1

    @cached_property
    def positions(self) -> Tensor:
        """Rows and columns of the players, int64 ``[E, N, 2]``."""
        rows = self.cells // self._width
        return torch.stack([rows, self.cells - rows * self._width], -1)

    @cached_property
    def field(self) -> Tensor:
        """Levels of the foods, 0 where there is none, int64 ``[E, rows, columns]``."""
        rows, columns = self.size
        flat = self.levels.new_zeros(len(self.cells), rows * self._width)
        flat.scatter_(1, self.food_cells.clamp(min=0), self.food_levels)
        flat.scatter_add_(1, self.food_cells.clamp(min=0), torch.zeros_like(self.food_levels))
        return flat.view(-1, rows, self._width)[..., :columns]

    def _foods_of(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """The foods of a field in the order of their cells, ``[E, F]``, F the most that a row has."""
        rows, row_of, column_of = field.nonzero(as_tuple=True)
        counts = torch.bincount(rows, minlength=len(field))
        slot = torch.arange(len(rows), device=field.device) - (counts.cumsum(0) - counts)[rows]
        most = int(counts.max()) if len(counts) else 0
        cells = torch.full((len(field), most), NOWHERE, dtype=torch.int64, device=field.device)
        levels = torch.zeros_like(cells)
        cells[rows, slot] = row_of * self._width + column_of
        levels[rows, slot] = field[rows, row_of, column_of].long()
        return cells, levels
