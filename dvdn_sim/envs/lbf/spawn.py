"""How an episode begins: where players and foods are, and of which levels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.lbf.rules import GONE, LbfState


class Levels:
    """Draws the levels of one team and its foods, for many episodes at once."""

    def __init__(
        self,
        *,
        players: tuple[Sequence[int], Sequence[int]],
        foods: tuple[Sequence[int], Sequence[int] | None],
        force_coop: bool,
        exclusive: bool,
        device: torch.device,
    ) -> None:
        """Take lowest and highest levels, one per player and food; None for the sum of the three lowest player levels.

        With `force_coop` every food has its highest level; `exclusive` leaves that out, unless it is the lowest, too.
        """
        self._players = [torch.tensor(list(each), device=device) for each in players]
        self._lowest = torch.tensor(list(foods[0]), device=device)
        self._highest = None if foods[1] is None else torch.tensor(list(foods[1]), device=device)
        self._force_coop, self._exclusive = force_coop, exclusive
        self._players_alike, self._foods_alike = _alike(*players), _alike(*foods)

    def of_players(self, draws: Tensor, shuffle: Tensor) -> Tensor:
        """Levels of players, int64 ``[M, N]``, from two uniform numbers ``[M, N]`` each."""
        lowest, highest = self._players
        return _between(lowest, highest, draws, None if self._players_alike else shuffle)

    def of_foods(self, draws: Tensor, shuffle: Tensor, players: Tensor) -> Tensor:
        """The same of foods, ``[M, F]``, for teams of given levels."""
        highest = self._highest
        if highest is None:
            highest = players.sort(1).values[:, :3].sum(1, keepdim=True)
        lowest = highest if self._force_coop else self._lowest
        if self._exclusive:
            highest = torch.maximum(lowest, highest - 1)
        return _between(lowest, highest, draws, None if self._foods_alike else shuffle)


def _alike(*bounds: Sequence[int] | None) -> bool:
    return all(each is None or len(set(each)) == 1 for each in bounds)


def _between(lowest: Tensor, highest: Tensor, draws: Tensor, shuffle: Tensor | None) -> Tensor:
    """Whole numbers between bounds, both included; the bounds change places if there is a shuffle."""
    lowest, highest = lowest.expand(draws.shape), highest.expand(draws.shape)
    if shuffle is not None:
        order = shuffle.argsort(1)
        lowest, highest = lowest.gather(1, order), highest.gather(1, order)
    return lowest + (draws * (highest - lowest + 1)).long()


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
        """Make the tables."""
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
        """Begin episodes of given numbers, int64 ``[M]``, in some rows, int64 ``[M]``: a state of M rows."""
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
