"""What players see: foods in row-major order, themselves, and the others, as triplets (row, column, level).

Coordinates are relative to the corner of the window of sight, which is cut at the border of the field. Another player
is seen if its coordinates lie within twice the sight from that corner: near the upper and left border that is further
than foods are seen, as in ``lbforaging``. What is not seen leaves no gap; -1, -1, 0 fills up.

A triplet and its place in the order are packed into one number, so that sorting puts what is seen into its order and
what is not seen behind it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dvdn_sim.envs.lbf.state import HIGHEST_LEVEL, LbfState

LEVEL_BITS = HIGHEST_LEVEL.bit_length()


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
        self._sight, self._levels = sight, levels
        self._whole = sight >= max(size) - 1
        self._side_bits = max(size).bit_length()
        place_bit = 2 * self._side_bits + LEVEL_BITS
        packed = torch.int32 if place_bit + (players + 1).bit_length() < 32 else torch.int64
        self._last = torch.tensor((players + 1) << place_bit, dtype=packed, device=device)
        everyone = torch.arange(players)
        places = torch.where(everyone == everyone[:, None], 0, everyone + 1)  # to each player itself comes first
        self._order = places.argsort(1).to(device)
        self._places = (places << place_bit).to(device, packed)[:, :, None]

    def observe(self, state: LbfState) -> Tensor:
        """Observations of all players, float32 ``[E, N, D]``; a new tensor at each call."""
        planes = self.planes(state)
        players, numbers, rows = planes.shape
        return planes.view(players * numbers, rows).T.contiguous().view(rows, players, numbers)

    def planes(self, state: LbfState) -> Tensor:
        """The same with the batch last, float32 ``[N, D, E]``; the state keeps it."""
        if state.seen is None:
            triplets = self._whole_field(state) if self._whole else self._windows(state)
            if self._levels:
                state.seen = triplets.flatten(1, 2)
            else:
                foods = state.foods.shape[1]
                state.seen = torch.cat([triplets[:, :foods].flatten(1, 2), triplets[:, foods:, :2].flatten(1, 2)], 1)
        return state.seen

    def visible(self, state: LbfState) -> Tensor:
        """Who sees whom, bool ``[E, N, N]``: the first axis sees the second, nobody itself."""
        own = state.players[:2]
        near = self._near(own[:, None], self._origin(own) + self._sight + 1)
        unlike = ~torch.eye(len(near), dtype=torch.bool, device=near.device)
        return near.permute(2, 0, 1) & unlike

    def _whole_field(self, state: LbfState) -> Tensor:
        """Triplets ``[N, F + N, 3, E]`` where everybody sees everything."""
        _, players, rows = state.players.shape
        foods = self._packed(state.foods) - self._packed(torch.full_like(state.foods[:2, :1], -1))
        foods = torch.where(state.foods[2] > 0, foods, self._last)
        triplets = torch.empty(players, len(foods) + players, 3, rows, device=foods.device)
        triplets[:, : len(foods)] = self._unpacked(torch.stack(_ascending(foods.unbind(0)))[None])
        in_order = state.players.index_select(1, self._order.flatten()).view(3, players, players, rows)
        triplets[:, len(foods) :] = in_order.permute(1, 2, 0, 3)
        return triplets

    def _windows(self, state: LbfState) -> Tensor:
        """Triplets ``[N, F + N, 3, E]``, each player's from its own corner."""
        own = state.players[:2]
        origin = self._origin(own)
        offset = self._packed(origin)[:, None]
        near = self._near(state.foods[:2, None], own)
        foods = torch.where(near, self._packed(state.foods) - offset, self._last)
        near = self._near(own[:, None], origin + self._sight + 1)
        players = torch.where(near, self._packed(state.players) - offset + self._places, self._last)
        return self._unpacked(torch.stack([*_ascending(foods.unbind(1)), *_ascending(players.unbind(1))], 1))

    def _origin(self, own: Tensor) -> Tensor:
        """What coordinates count from, one before the upper left corner of the window; int32 ``[2, N, E]``.

        So they start at 1, and the zeros of a number for what is not seen read as -1, -1, 0.
        """
        return (own - (self._sight + 1)).clamp_(min=-1)

    def _near(self, cells: Tensor, centres: Tensor) -> Tensor:
        """Which cells ``[2, 1, M, E]`` are within sight of each of the centres ``[2, N, E]``; bool ``[N, M, E]``."""
        return (cells - centres[:, :, None]).abs_().amax(0) <= self._sight

    def _packed(self, triplets: Tensor) -> Tensor:
        """One number for row, column and, if there is one, level."""
        row, column, *level = triplets.to(self._last.dtype)
        cell = torch.add(column, row, alpha=1 << self._side_bits) * (1 << LEVEL_BITS)
        return cell + level[0] if level else cell

    def _unpacked(self, keys: Tensor) -> Tensor:
        """Triplets ``[N, M, 3, E]``, float32, of numbers ``[N, M, E]``."""
        players, many, rows = keys.shape
        triplets = torch.empty(players, many, 3, rows, device=keys.device)
        side = (1 << self._side_bits) - 1
        torch.sub((keys >> (self._side_bits + LEVEL_BITS)) & side, 1, out=triplets[:, :, 0])
        torch.sub((keys >> LEVEL_BITS) & side, 1, out=triplets[:, :, 1])
        triplets[:, :, 2] = keys & HIGHEST_LEVEL
        return triplets


def _ascending(keys: Sequence[Tensor]) -> list[Tensor]:
    """Sort elementwise across a few tensors of one shape."""
    ordered = list(keys)
    for last in range(len(ordered) - 1, 0, -1):
        for i in range(last):
            low, high = ordered[i : i + 2]
            ordered[i], ordered[i + 1] = torch.minimum(low, high), torch.maximum(low, high)
    return ordered
