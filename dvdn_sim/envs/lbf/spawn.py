"""How an episode begins: players and foods at random, as ``lbforaging`` places them on a fresh field.

Players are placed one after the other, each on any empty cell. Foods follow, each on any cell that is off the border,
empty, and not near another food: not in the eight cells around it, nor two cells away in its row or column. So no
player is ever beside two foods. The original draws cells until one fits, which is the same as drawing among those that
fit, and gives up after 1000 draws in all; here a food is left out only where no cell fits.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.lbf.state import NOWHERE, LbfState


class Spawn:
    """Beginnings of episodes for rows with seeds of their own."""

    def __init__(
        self,
        size: tuple[int, int],
        *,
        player_levels: tuple[Sequence[int], Sequence[int]],
        food_levels: tuple[Sequence[int], Sequence[int] | None],
        force_coop: bool,
        exclusive: bool,
        row_seeds: Sequence[int],
        device: torch.device,
    ) -> None:
        """Make the tables.

        Args:
            size: Rows and columns.
            player_levels: Lowest and highest, one per player.
            food_levels: Lowest and highest, one per food; None for the sum of the three lowest player levels.
            force_coop: Whether every food has its highest level.
            exclusive: Whether the highest level of a food is left out, unless it is the lowest, too.
            row_seeds: E.
            device: Where states are.
        """
        rows, columns = self._size = size
        self._width = columns + 1
        codes = torch.arange(rows * self._width)
        row, column = codes // self._width, codes % self._width
        self._free = (column < columns).to(device)
        inner = (row > 0) & (row < rows - 1) & (column > 0) & (column < columns - 1)
        self._inner = inner.to(device)
        down, right = (row[:, None] - row).abs(), (column[:, None] - column).abs()
        near = ((down <= 1) & (right <= 1)) | ((down == 0) & (right <= 2)) | ((right == 0) & (down <= 2))
        self._near = near.to(device)
        self._player_levels = tuple(torch.tensor(list(each), device=device) for each in player_levels)
        lowest, highest = food_levels
        self._lowest = torch.tensor(list(lowest), device=device)
        self._highest = None if highest is None else torch.tensor(list(highest), device=device)
        self._force_coop, self._exclusive = force_coop, exclusive
        self._keys = torch.tensor([key(seed, "lbf") for seed in row_seeds], device=device)

    def begin(self, rows: Tensor, episode: Tensor) -> LbfState:
        """Begin episodes in some rows.

        Args:
            rows: int64 ``[M]``, which.
            episode: int64 ``[M]``, their numbers.

        Returns:
            A state of M rows.
        """
        keys = self._keys[rows]
        players, foods = len(self._player_levels[0]), len(self._lowest)
        # By row: two draws for each player and food (where, and which level), and one to shuffle bounds.
        which = torch.arange(3, device=keys.device)
        one = torch.arange(players + foods, device=keys.device)[:, None]
        draws = uniform(keys[:, None, None], episode[:, None, None], one, which)
        free = self._free.expand(len(rows), -1)
        cells = []
        for player in range(players):
            cell, _ = _one_of(free, draws[:, player, 0])
            free = free.scatter(1, cell[:, None], False)  # noqa: FBT003  (a value, not a flag)
            cells.append(cell)
        levels = self._levels(draws[:, :players], *self._player_levels)
        food_cells, there = self._food_cells(free & self._inner, draws[:, players:, 0])
        highest = self._highest
        if highest is None:
            highest = levels.sort(1).values[:, :3].sum(1, keepdim=True).expand(-1, foods)
        food_levels = self._food_levels(draws[:, players:], highest.expand(len(rows), -1)) * there
        # The list is in the order of cells; what is nowhere comes first and counts for nothing.
        food_cells, order = food_cells.sort(1)
        food_levels = food_levels.gather(1, order)
        return LbfState.of_foods(
            self._size,
            cells=torch.stack(cells, 1),
            levels=levels,
            food_cells=food_cells,
            food_levels=food_levels,
            food_spawned=food_levels.sum(1),
            step=torch.zeros_like(episode),
            episode=episode,
        )

    def _food_cells(self, fits: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        cells, there = [], []
        for food in range(draws.shape[1]):
            cell, found = _one_of(fits, draws[:, food])
            fits = fits & ~(self._near[cell] & found[:, None])
            cells.append(torch.where(found, cell, NOWHERE))
            there.append(found)
        return torch.stack(cells, 1), torch.stack(there, 1)

    def _food_levels(self, draws: Tensor, highest: Tensor) -> Tensor:
        lowest = highest if self._force_coop else self._lowest.expand_as(highest)
        if self._exclusive:
            highest = torch.maximum(lowest, torch.where(highest > lowest, highest - 1, highest))
        return self._levels(draws, lowest, highest)

    def _levels(self, draws: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
        """Uniform between bounds that are dealt out at random, one pair to each; int64 ``[M, count]``."""
        order = draws[..., 2].argsort(1)
        lowest, highest = (each.expand(len(draws), -1).gather(1, order) for each in (lowest, highest))
        return lowest + (draws[..., 1] * (highest - lowest + 1)).long()


def _one_of(fits: Tensor, draw: Tensor) -> tuple[Tensor, Tensor]:
    """One of the cells that fit, by a uniform draw ``[M]``; and whether there is one."""
    counts = fits.cumsum(1)
    total = counts[:, -1]
    cell = torch.searchsorted(counts, (draw * total).long()[:, None], right=True).squeeze(1)
    return cell.clamp(max=fits.shape[1] - 1), total > 0
