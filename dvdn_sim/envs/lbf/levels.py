"""Levels of players and foods: uniform between bounds that are dealt out at random, one pair to each."""

from collections.abc import Sequence

import torch
from torch import Tensor


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
        """Take the bounds.

        Args:
            players: Lowest and highest, one per player.
            foods: Lowest and highest, one per food; None for the sum of the three lowest player levels.
            force_coop: Whether every food has its highest level.
            exclusive: Whether the highest level of a food is left out, unless it is the lowest, too.
            device: Where levels are.
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
