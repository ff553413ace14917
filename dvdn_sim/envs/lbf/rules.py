"""What a step does: who moves, who loads, who is rewarded.

As in ``lbforaging``: whether an action can be taken is judged before anybody moves, and one that cannot is none. Every
player claims a cell, its own if it does not move; it moves if nobody else claims the same. So two players may swap
places, and one may walk onto another whose own move fails. A food is loaded if the levels of all its loaders add up to
its own, and each gets level · food / (sum of levels · food spawned), in one division of whole numbers.
"""

import torch
from torch import Tensor

from dvdn_sim.envs.lbf.state import NOWHERE, LbfState

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
        rows, columns = size
        self._limit, self._penalty, self._normalise = limit, penalty, normalise
        self._width = columns + 1
        moves = torch.tensor([0, -self._width, self._width, -1, 1, 0])
        row, column = torch.arange(rows * self._width) // self._width, torch.arange(rows * self._width) % self._width
        inside = torch.ones(rows * self._width, 6, dtype=torch.bool)
        inside[:, 1], inside[:, 2] = row > 0, row < rows - 1
        inside[:, 3], inside[:, 4] = column > 0, column < columns - 1
        self._moves = (moves * inside).flatten().to(device)  # by code and action: how far it would go

    def step(self, state: LbfState, actions: Tensor) -> tuple[LbfState, Tensor, Tensor]:
        """Take one step in every row that is not done.

        Args:
            state: Of E rows.
            actions: int64 ``[E, N]``: 0 none, 1 north, 2 south, 3 west, 4 east, 5 load.

        Returns:
            The new state; rewards, float64 ``[E, N]``; and which rows are done, bool ``[E]``.
        """
        going = ~self.done(state)
        actions = actions * going[:, None]  # a row that is done stands still
        foods = state.food_cells[:, None, :]
        target = state.cells + self._moves[state.cells * 6 + actions]
        target = torch.where((target[:, :, None] == foods).any(-1), state.cells, target)
        alone = (target[:, :, None] == target[:, None, :]).sum(-1) == 1
        cells = torch.where(alone, target, state.cells)

        apart = (state.cells[:, :, None] - foods).abs()
        loads = ((apart == 1) | (apart == self._width)) & (actions == LOAD)[:, :, None]
        together = (loads * state.levels[:, :, None]).sum(1)
        loaded = (together >= state.food_levels) & (together > 0)
        rewards = self._rewards(state, loads, together, loaded)
        left = torch.where(loaded, 0, state.food_levels)
        after = LbfState.of_foods(
            state.size,
            cells=cells,
            levels=state.levels,
            food_cells=torch.where(loaded, NOWHERE, state.food_cells),
            food_levels=left,
            food_spawned=state.food_spawned,
            step=state.step + going,
            episode=state.episode,
        )
        return after, rewards, self.done(after)

    def done(self, state: LbfState) -> Tensor:
        """Which rows have ended: no food is left, or the time is up; bool ``[E]``."""
        return (state.step >= self._limit) | (state.food_levels.sum(1) == 0)

    def _rewards(self, state: LbfState, loads: Tensor, together: Tensor, loaded: Tensor) -> Tensor:
        gained = (state.levels[:, :, None] * state.food_levels[:, None, :]).double()
        if self._normalise:
            # Where nobody loads the quotient is not used; 1 keeps it finite.
            gained = gained / (together * state.food_spawned[:, None]).clamp(min=1)[:, None, :]
        gained = torch.where(loaded[:, None, :], gained, -self._penalty)
        return (gained * loads).sum(-1)
