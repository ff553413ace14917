"""Gradient tracking with an operator: the paper's order, and the one that centralised learning would have."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.freezing import frozen
from dvdn_sim.learners.tracking.books import Books
from dvdn_sim.learners.tracking.operators import Mixing, mixings
from dvdn_sim.learners.tracking.schedule import Schedule
from dvdn_sim.learners.tracking.tracker import Exchanges, Optimiser, TrackingFigures

Update = Callable[[Tensor, Tensor, Books, list[Mixing], Optimiser], None]


def combine_then_adapt(
    parameters: Tensor, gradient: Tensor, books: Books, exchanged: list[Mixing], optimiser: Optimiser
) -> None:
    """One exchange, of (ω, z) as they were before the update: z ← A z + g_new - g_old;  ω ← A ω - lr D(z).

    What is sent is known before the gradient is, so it can be sent while the next episode is acted.

    Source: DVDN (GT), eq. 4 of the extended abstract (AAMAS 2025), after Qu and Li 2018, read with j inside the sums.
    """
    (mixing,) = exchanged
    mixing.apply(books.tracker)
    mixing.apply(parameters)
    books.take_in(gradient)
    optimiser.step(parameters, books.tracker)


def adapt_then_combine(
    parameters: Tensor, gradient: Tensor, books: Books, exchanged: list[Mixing], optimiser: Optimiser
) -> None:
    """Two exchanges of P floats, one after the other: z ← A₁ (z + g_new - g_old);  ω ← A₂ (ω - lr D(z)).

    On the complete lossless graph z is the mean gradient, and if all begin alike, this is centralised learning.
    """
    of_trackers, of_parameters = exchanged
    books.take_in(gradient)
    of_trackers.apply(books.tracker)
    optimiser.step(parameters, books.tracker)
    of_parameters.apply(parameters)


@dataclass(frozen=True)
class Form:
    """An order of mixing and learning.

    Attributes:
        update: ω and z, in place, from (ω, g_new, books, what was exchanged, direction).
        vectors: How many vectors of P each message carries, for each exchange.
    """

    update: Update
    vectors: tuple[int, ...]


PAPER = Form(combine_then_adapt, vectors=(2,))
ADAPT_THEN_COMBINE = Form(adapt_then_combine, vectors=(1, 1))


class GradientTracking:
    """Trackers mixed by whatever operator an exchange came to.

    Keeps: Σ_i z_i = Σ_i g_i for operators with columns that sum to 1, mean ω ← mean ω - lr mean d for doubly stochastic
    ones, agreement for row-stochastic ones.
    Loses: Σ_i z_i = Σ_i g_i for ever, once a message is lost one way (`self`, and `symmetric` where an acknowledgement
    is): from then on agents follow a gradient that is off by that, and end beside the optimum.
    """

    def __init__(self, parameters: Tensor, optimiser: Optimiser, schedule: Schedule, form: Form) -> None:
        """Begin, with z = g = 0.

        Args:
            parameters: ω ``[R, N, P]``; all agents of a team must begin with the same.
            optimiser: The direction.
            schedule: Which updates exchange which block.
            form: The order.

        Raises:
            ValueError: The schedule is for another number of parameters.
        """
        schedule.check(parameters)
        self._books, self._optimiser, self._schedule, self._form = Books(parameters), optimiser, schedule, form

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return self._books.state | {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state.items()}

    def messages(self, update: int) -> tuple[int, ...]:
        """(2P,) floats in the paper's form, (P, P) in the other, or a block of them; () for no exchange."""
        return self._schedule.messages(update, self._form.vectors)

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
        books = self._books
        exchanged = mixings(self._schedule, updates, exchanges, count=len(self._form.vectors), like=parameters)
        with frozen(learning, (parameters, books.tracker, books.gradient, *self._optimiser.state.values())):
            self._form.update(parameters, gradient, books, exchanged, self._optimiser)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """A new epoch: g = 0 for those that lost their state, then z = g for everyone in their replica."""
        self._books.reopen(agents)
        self._optimiser.forget(torch.from_numpy(agents))

    def figures(self) -> TrackingFigures:
        """Whether Σ_i z_i = Σ_i g_i."""
        return self._books.figures()
