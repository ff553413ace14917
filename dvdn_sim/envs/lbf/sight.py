"""What players see: foods in row-major order, themselves, and the others, as triplets (row, column, level).

Coordinates are relative to the corner of the window of sight, which is cut at the border of the field. Another player
is seen if its coordinates lie within twice the sight from that corner: near the upper and left border that is further
than foods are seen, as in ``lbforaging``. What is not seen leaves no gap; -1, -1, 0 fills up.
"""

import torch
from torch import Tensor

from dvdn_sim.envs.lbf.state import LbfState


class Sight:
    """Observations on a field of given size."""

    def __init__(self, size: tuple[int, int], *, sight: int, players: int, levels: bool, device: torch.device) -> None:
        """Make the tables.

        Args:
            size: Rows and columns.
            sight: Cells seen to each side.
            players: N.
            levels: Whether players see the levels of players.
            device: Where states are.
        """
        self._width, self._sight = size[1] + 1, sight
        self._whole = sight >= max(size) - 1
        everyone = torch.arange(players)
        self._order = torch.stack([torch.cat([each[None], everyone[everyone != each]]) for each in everyone]).to(device)
        self._filler = torch.tensor([-1.0, -1.0, 0.0], device=device)
        self._columns = 3 if levels else 2

    def observe(self, state: LbfState) -> Tensor:
        """Observations of all players, float32 ``[E, N, 3 F + 3 N]``."""
        rows = state.cells // self._width
        columns = state.cells - rows * self._width
        foods = self._foods(state, rows, columns)
        players = self._players(state, rows, columns)[..., : self._columns]
        return torch.cat([foods.flatten(2), players.flatten(2)], 2)

    def _foods(self, state: LbfState, rows: Tensor, columns: Tensor) -> Tensor:
        there = state.food_levels > 0
        food_rows = state.food_cells // self._width
        food_columns = state.food_cells - food_rows * self._width
        if self._whole:
            seen = self._closed_up(there, food_rows, food_columns, state.food_levels)
            return seen[:, None].expand(-1, rows.shape[1], -1, -1)
        up, left = (rows - self._sight).clamp(min=0), (columns - self._sight).clamp(min=0)
        food_rows, food_columns = food_rows[:, None, :], food_columns[:, None, :]
        down, right = food_rows - up[:, :, None], food_columns - left[:, :, None]
        near = (food_rows - rows[:, :, None] <= self._sight) & (food_columns - columns[:, :, None] <= self._sight)
        seen = there[:, None, :] & near & (down >= 0) & (right >= 0)
        return self._closed_up(seen, down, right, state.food_levels[:, None, :].expand_as(seen))

    def _players(self, state: LbfState, rows: Tensor, columns: Tensor) -> Tensor:
        down, right, levels = (each[:, self._order] for each in (rows, columns, state.levels))
        if self._whole:
            return torch.stack([down, right, levels], -1).float()
        down = down - (rows - self._sight).clamp(min=0)[:, :, None]
        right = right - (columns - self._sight).clamp(min=0)[:, :, None]
        far = 2 * self._sight
        seen = (down >= 0) & (right >= 0) & (down <= far) & (right <= far)
        return self._closed_up(seen, down, right, levels)

    def _closed_up(self, seen: Tensor, *values: Tensor) -> Tensor:
        """Triplets ``[..., M, 3]``, those that are seen first and in their order, then fillers."""
        triplets = torch.where(seen[..., None], torch.stack(values, -1).float(), self._filler)
        rank = seen.cumsum(-1)
        place = torch.where(seen, rank - 1, rank[..., -1:] + torch.cumsum(~seen, -1) - 1)
        return torch.empty_like(triplets).scatter_(-2, place[..., None].expand_as(triplets), triplets)
