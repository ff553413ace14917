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
from dvdn_sim.envs.lbf.levels import Levels
from dvdn_sim.envs.lbf.state import GONE, LbfState


class Spawn:
    """Beginnings of episodes for rows with seeds of their own."""

    def __init__(
        self,
        size: tuple[int, int],
        levels: Levels,
        *,
        players: int,
        foods: int,
        row_seeds: Sequence[int],
        device: torch.device,
    ) -> None:
        """Make the tables.

        Args:
            size: Rows and columns.
            levels: Of players and foods.
            players: N.
            foods: F.
            row_seeds: E.
            device: Where states are.
        """
        rows, columns = self._size = size
        inner = torch.zeros(rows, columns, dtype=torch.bool)
        inner[1:-1, 1:-1] = True
        self._inner = inner.flatten().to(device)
        # Where no other food may be: what is off the field on one side is on the border of the other, where none is.
        beside = [(0, 0), (0, 1), (0, 2), (1, -1), (1, 0), (1, 1), (2, 0)]
        steps = [down * columns + right for down, right in beside]
        self._near = torch.tensor(sorted({*steps, *(-step for step in steps)}), device=device)
        self._levels, self._players = levels, players
        self._which = torch.arange(3 * (players + foods), device=device)
        self._keys = torch.tensor([key(seed, "lbf") for seed in row_seeds], device=device)
        self._gone = torch.tensor(GONE, device=device)[:, None, None]
        self._ahead: LbfState | None = None

    def first(self) -> LbfState:
        """The first episode of every row."""
        every = torch.arange(len(self._keys), device=self._keys.device)
        return self.begin(every, torch.zeros_like(every))

    def coming(self, episode: Tensor, rows: Tensor) -> LbfState:
        """The beginnings of given episodes, int64 ``[E]``, right at least in the given rows, int64 ``[M]``.

        They take long for a few rows and not much longer for all, so those that come next are made ahead.
        """
        if self._ahead is None:
            self._ahead = self.first()
        stale = self._ahead.episode != episode
        if bool(stale[rows].any()):
            every = stale.nonzero().squeeze(1)
            self._ahead = self._ahead.with_rows(every, self.begin(every, episode[every]))
        return self._ahead

    def begin(self, rows: Tensor, episode: Tensor) -> LbfState:
        """Begin episodes in some rows.

        Args:
            rows: int64 ``[M]``, which.
            episode: int64 ``[M]``, their numbers.

        Returns:
            A state of M rows.
        """
        players = self._players
        draws = uniform(self._keys[rows, None], episode[:, None], self._which)
        where, level, shuffle = draws.view(len(rows), 3, -1).unbind(1)
        levels = self._levels.of_players(level[:, :players], shuffle[:, :players])
        food_levels = self._levels.of_foods(level[:, players:], shuffle[:, players:], levels)
        cells = self._player_cells(where[:, :players])
        food_cells = self._food_cells(cells, where[:, players:])
        food_cells, order = food_cells.sort(1)
        foods = self._planes(food_cells, food_levels.gather(1, order))
        foods = torch.where((food_cells < len(self._inner)).T, foods, self._gone)
        return LbfState.of_planes(
            self._size,
            players=self._planes(cells, levels).int().contiguous(),
            foods=foods.int().contiguous(),
            food_spawned=foods[2].sum(0),
            step=torch.zeros_like(episode),
            episode=episode,
        )

    def _player_cells(self, draws: Tensor) -> Tensor:
        """Cells for players, one after the other among those left; int64 ``[M, N]``."""
        cells: list[Tensor] = []
        taken: list[Tensor] = []  # in ascending order
        for player, draw in enumerate(draws.unbind(1)):
            cell = (draw * (len(self._inner) - player)).long()  # counting empty cells only
            for other in taken:
                cell = cell + (cell >= other)
            cells.append(cell)
            for i, other in enumerate(taken):
                taken[i], cell = torch.minimum(other, cell), torch.maximum(other, cell)
            taken.append(cell)
        return torch.stack(cells, 1)

    def _food_cells(self, player_cells: Tensor, draws: Tensor) -> Tensor:
        """Cells for foods, int64 ``[M, F]``; one more than the last where none fits."""
        fits = self._inner.expand(len(draws), -1).scatter(1, player_cells, False)  # noqa: FBT003  (a value, no flag)
        cells = []
        for draw in draws.unbind(1):
            counts = fits.cumsum(1)
            cell = torch.searchsorted(counts, (draw * counts[:, -1]).long()[:, None], right=True)
            cells.append(cell)
            fits = fits.scatter(1, (cell + self._near) % fits.shape[1], False)  # noqa: FBT003
        return torch.cat(cells, 1)

    def _planes(self, cells: Tensor, levels: Tensor) -> Tensor:
        row = cells // self._size[1]
        return torch.stack([row, cells - row * self._size[1], levels]).transpose(1, 2)
