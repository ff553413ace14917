"""What a step does: who moves, who loads, who is rewarded.

As in ``lbforaging``: whether an action can be taken is judged before anybody moves, and one that cannot is none. Every
player claims a cell, its own if it does not move; it moves if nobody else claims the same. So two players may swap
places, and one may walk onto another whose own move fails. A food is loaded if the levels of all its loaders add up to
its own, and each gets level · food / (sum of levels · food spawned), in one division of whole numbers.
"""

import torch
from torch import Tensor

from dvdn_sim.envs.lbf.state import GONE, LbfState

LOAD = 5


class Rules:
    """Steps on a field of given size."""

    def __init__(
        self, size: tuple[int, int], *, limit: int, penalty: float, normalise: bool, device: torch.device
    ) -> None:
        """Make the tables.

        Args:
            size: Rows and columns.
            limit: Steps after which an episode ends.
            penalty: Taken from each loader of a load that fails.
            normalise: Whether rewards are divided by what the team could load in all.
            device: Where states are.
        """
        self._size, self._limit, self._penalty, self._normalise = size, limit, penalty, normalise
        # By action: none, north, south, west, east, load.
        self._down = torch.tensor([0, -1, 1, 0, 0, 0], dtype=torch.int32, device=device)
        self._right = torch.tensor([0, 0, 0, -1, 1, 0], dtype=torch.int32, device=device)
        self._gone = torch.tensor(GONE, dtype=torch.int32, device=device)[:, None, None]
        # With one column more than there is, cells are beside each other iff their codes are 1 or `_width` apart.
        self._width = size[1] + 1

    def step(self, state: LbfState, actions: Tensor) -> tuple[LbfState, Tensor, Tensor]:
        """Take one step in every row that is not done.

        Args:
            state: Of E rows, with F foods, 1 or more.
            actions: int64 ``[E, N]``: 0 none, 1 north, 2 south, 3 west, 4 east, 5 load.

        Returns:
            The new state; rewards, float64 ``[E, N]``; and which rows are done, bool ``[E]``.
        """
        going = ~self.done(state)
        actions = (actions * going[:, None]).T.contiguous()  # a row that is done stands still
        cells, food_cells = self._cells(state.players), self._cells(state.foods)[:, None]
        players = self._moved(state.players, actions, cells, food_cells)
        apart = (food_cells - cells).abs()
        loads = (((apart == 1) | (apart == self._width)) & (actions == LOAD)).int()  # [F, N, E]
        together = (loads * state.players[2]).sum(1, dtype=torch.int32)
        loaded = together >= state.foods[2]  # as are, again, those that are gone
        after = LbfState.of_planes(
            state.size,
            players=players,
            foods=torch.where(loaded, self._gone, state.foods),
            food_spawned=state.food_spawned,
            step=state.step + going,
            episode=state.episode,
        )
        return after, self._rewards(state, loads, together), self.done(after)

    def done(self, state: LbfState) -> Tensor:
        """Which rows have ended: no food is left, or the time is up; bool ``[E]``."""
        return (state.step >= self._limit) | self.cleared(state)

    def cleared(self, state: LbfState) -> Tensor:
        """Where no food is left, bool ``[E]``."""
        return state.foods[2].amax(0) == 0

    def _cells(self, triplets: Tensor) -> Tensor:
        """Codes of the cells of players or foods, one number each."""
        return torch.add(triplets[1], triplets[0], alpha=self._width)

    def _moved(self, players: Tensor, actions: Tensor, cells: Tensor, food_cells: Tensor) -> Tensor:
        row, column, level = players
        row = (row + self._down.index_select(0, actions.flatten()).view_as(row)).clamp_(0, self._size[0] - 1)
        column = (column + self._right.index_select(0, actions.flatten()).view_as(row)).clamp_(0, self._size[1] - 1)
        target = torch.stack([row, column, level])
        claim = self._cells(target)
        free = (food_cells - claim).abs().amin(0) > 0
        claim = torch.where(free, claim, cells)
        alone = (claim[:, None] == claim).sum(0, dtype=torch.int32) == 1
        return torch.where(free & alone, target, players)

    def _rewards(self, state: LbfState, loads: Tensor, together: Tensor) -> Tensor:
        # Of the food that a player loads (nobody is beside two): its level, and the sum of its loaders' levels.
        food = (loads * state.foods[2][:, None]).sum(0, dtype=torch.int32)
        loaders = (loads * together[:, None]).sum(0, dtype=torch.int32)
        gained = (state.players[2] * food).double()
        if self._normalise:
            # Where nobody loads 0 is divided; 1 keeps the quotient finite.
            gained = gained / (loaders * state.food_spawned.double()).clamp(min=1.0)
        return torch.where(loaders >= food, gained, 0.0 - self._penalty).T.contiguous()
