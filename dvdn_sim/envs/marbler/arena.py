"""The arena that the scenarios share: where actions lead, where robots begin, whom they see first.

"Up" is towards smaller y, as in MARBLER.
"""

import math
from typing import Final

import torch
from torch import Tensor

from dvdn_sim.draws import uniform

LEFT, RIGHT, UP, DOWN = -1.4, 1.4, -0.9, 0.9
"""Metres: goals lie within."""
EDGE: Final = 1.5
"""Metres: zones at the left and right are measured from here."""
MOVES: Final = 5
"""Actions of a robot that only moves: left, right, up, down, stay."""
STAY: Final = 4

_SHIFT = ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.0, 0.0))
# A robot beyond a limit is called back by every move, except by the one that leads back anyway.
_LOW = ((LEFT, UP), (-math.inf, UP), (LEFT, UP), (LEFT, -math.inf), (LEFT, UP))
_HIGH = ((math.inf, DOWN), (RIGHT, DOWN), (RIGHT, math.inf), (RIGHT, DOWN), (RIGHT, DOWN))


class Goals:
    """Where actions lead: the robot's centre, moved by its step distance along one axis and held in the limits."""

    def __init__(self, device: torch.device) -> None:
        """Make the tables."""
        self._shift, self._low, self._high = (
            torch.tensor(table, dtype=torch.float64, device=device) for table in (_SHIFT, _LOW, _HIGH)
        )

    def of(self, poses: Tensor, moves: Tensor, distance: Tensor) -> Tensor:
        """Goals, float64 ``[E, N, 2]``.

        Args:
            poses: float64 ``[E, N, 3]``.
            moves: int64 ``[E, N]``: 0 left, 1 right, 2 up, 3 down, 4 stay.
            distance: Metres, ``[N]`` or ``[E, N]``.
        """
        goal = poses[..., :2] + self._shift[moves] * distance[..., None]
        return torch.minimum(torch.maximum(goal, self._low[moves]), self._high[moves])


class Grid:
    """Places to begin at: cells of a grid, distinct ones, as the Robotarium's helper deals them out.

    The helper numbers the cells of a grid column by column and draws numbers from 1 to their count, not from 0: its
    first cell is never used, and the last number stands for a place one column further right, in the first row.

    Args:
        left: x of the first column, metres; the first row is at y = -0.9.
        width: Of the area, metres.
        spacing: Between neighbouring places, metres.
        count: How many are dealt out.

    Raises:
        ValueError: More than there are.
    """

    def __init__(self, left: float, width: float, spacing: float, count: int) -> None:
        if not spacing > 0.0:
            raise ValueError(f"places {spacing} m apart found; more than 0 expected")
        # 1e-9: what is a whole number of spacings must not be lost to rounding.
        columns, rows = (math.floor(extent / spacing + 1e-9) for extent in (width, DOWN - UP))
        if not 1 <= count <= columns * rows:
            found = f"{count} places, {spacing} m apart in {width:.3g} m by {DOWN - UP} m,"
            raise ValueError(f"{found} found; 1 to {columns * rows} expected")
        self._left, self._spacing, self._rows, self._count = left, spacing, rows, count
        self._cells = columns * rows
        self.right = left + columns * spacing
        """The largest x of a place, metres."""

    def places(self, keys: Tensor, *counters: Tensor) -> Tensor:
        """Positions, float64 ``[M, count, 2]``.

        Args:
            keys: int64 ``[M]``, as for `uniform`.
            *counters: int64 ``[M]`` each.
        """
        cells = torch.arange(self._cells, device=keys.device)
        draws = uniform(keys[:, None], *(counter[:, None] for counter in counters), cells)
        number = draws.argsort(1)[:, : self._count] + 1
        column = torch.div(number, self._rows, rounding_mode="floor")
        row = number - column * self._rows
        return torch.stack([column.double() * self._spacing + self._left, row.double() * self._spacing + UP], -1)


def beside(blocks: Tensor, positions: Tensor, neighbours: int) -> Tensor:
    """Every robot's own block, followed by those of others.

    Args:
        blocks: What each robot knows, ``[E, N, B]``.
        positions: float64 ``[E, N, 2]``.
        neighbours: k. If that is everybody else, they follow by number; otherwise the k nearest, the nearest first
            (MARBLER leaves their order open).

    Returns:
        ``[E, N, (k + 1) B]``.
    """
    robots = blocks.shape[1]
    numbers = torch.arange(robots, device=blocks.device)
    others = numbers != numbers[:, None]
    if neighbours == robots - 1:
        order = (others * (numbers + 1)).argsort(1)
        return blocks[:, order].flatten(2)
    apart = positions[:, :, None] - positions[:, None]
    squared = apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]
    order = torch.where(others, squared, -1.0).argsort(stable=True, dim=2)[..., : neighbours + 1]
    index = order.flatten(1)[..., None].expand(-1, -1, blocks.shape[2])
    return blocks.gather(1, index).view(*order.shape[:2], -1)
