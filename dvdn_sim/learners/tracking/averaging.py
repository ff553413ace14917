"""No trackers: every agent learns alone, and now and then the parameters are averaged, as in networked Q-learning."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.freezing import frozen
from dvdn_sim.learners.tracking.operators import mixings
from dvdn_sim.learners.tracking.schedule import Schedule
from dvdn_sim.learners.tracking.tracker import Exchanges, Optimiser


class ParameterAveraging:
    """ω ← A (ω - lr D(g)): P floats per message.

    Source: `ntwql` of the DVDN authors' EPyMARL fork, whose learner averages after its optimiser's step, every 5 or 10
    steps, and leaves the moments alone.

    Keeps: the mean of the parameters in mixing with doubly stochastic A; agreement.
    Loses: as long as agents' gradients differ they do not agree, and with a constant step they end beside the optimum
    of the sum, by O(lr).
    """

    def __init__(self, parameters: Tensor, optimiser: Optimiser, schedule: Schedule) -> None:
        """Begin.

        Args:
            parameters: ω ``[R, N, P]``.
            optimiser: The direction.
            schedule: Which updates exchange which block.

        Raises:
            ValueError: The schedule is for another number of parameters.
        """
        schedule.check(parameters)
        self._optimiser, self._schedule = optimiser, schedule

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state.items()}

    def messages(self, update: int) -> tuple[int, ...]:
        """(P,) floats, or a block of them; () for no exchange."""
        return self._schedule.messages(update, vectors=(1,))

    def step(
        self,
        parameters: Tensor,
        gradient: Tensor,
        *,
        updates: npt.NDArray[np.int64],
        exchanges: Exchanges,
        learning: npt.NDArray[np.bool_],
    ) -> None:
        """One update, in place; see `Tracker`."""
        (mixing,) = mixings(self._schedule, updates, exchanges, count=1, like=parameters)
        with frozen(learning, (parameters, *self._optimiser.state.values())):
            self._optimiser.step(parameters, gradient)
            mixing.apply(parameters)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Forget the moments of agents that lost their state; there are no books that others share."""
        self._optimiser.forget(torch.from_numpy(agents))

    def figures(self) -> None:
        """There is nothing to balance."""
