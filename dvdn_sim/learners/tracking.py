"""How agents with equal networks share what they learn: gradient tracking, and averaging of parameters.

Equations are for one team, ω, z, g ``[N, P]``, and have a leading axis of R replicas: docs/gradient_tracking.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.optim import TrackedAdam, frozen
from dvdn_sim.learners.parameter_exchange import (
    Array,
    Exchanged,
    Exchanges,
    ExchangeSchedule,
    OperatorMixing,
    ParameterBlock,
    columns,
    mixings,
)
from dvdn_sim.scenario import DvdnGt, GtAdam, ParameterExchange, QLearning, Tracking, exchanged


class Optimiser(Protocol):
    """A direction, and the memory behind it: ω ← ω - lr · d(z), agent by agent."""

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves, ``[..., N, ...]``."""
        ...

    def step(self, parameters: Tensor, tracker: Tensor) -> None:
        """Move parameters ``[..., N, P]`` by trackers of the same shape, in place."""
        ...

    def forget(self, agents: Tensor) -> None:
        """Begin anew for some agents, bool ``[..., N]``."""
        ...


@dataclass(frozen=True)
class TrackingFigures:
    """Whether trackers and gradients balance, per replica ``[R]``, still on the device; Euclidean norms over P.

    Attributes:
        imbalance: ‖Σ_i z_i + what is in flight - Σ_i g_i‖; rounding apart, 0 unless a form lost a message one way.
        in_flight: ‖what is in flight‖; 0 where a form has no such thing.
        gradient: ‖Σ_i g_i‖, to compare them with.
    """

    imbalance: Tensor
    in_flight: Tensor
    gradient: Tensor


class Tracker(Protocol):
    """How agents turn gradients into new parameters together.

    The loop

    1. computes clipped gradients g ``[R, N, P]`` of all agents,
    2. asks `messages` what agents send in this update, and has the network carry it, one exchange after the other,
    3. hands `step` what came of it.

    An agent that does not learn in an update (down, or not through with an exchange) stays exactly as it is: ω, z, g
    and moments. Nothing of its gradient has entered then, so its z and g stay in the sums. Cut it out of the facts
    wherever it has nothing to send: row and column of A are then those of the identity (its row is so in any case).
    Where it sent, was heard and crashed before it was done, that is a loss one way like any other, and in the figures.
    """

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves: copy into them to restore."""
        ...

    def messages(self, update: int) -> tuple[int, ...]:
        """Return the floats in each agent's message, for each exchange of an update (counted from 0); () for none."""
        ...

    def step(
        self,
        parameters: Tensor,
        gradient: Tensor,
        *,
        updates: npt.NDArray[np.int64],
        exchanges: Exchanges,
        learning: npt.NDArray[np.bool_],
    ) -> None:
        """Move the parameters, in place.

        Args:
            parameters: ω ``[R, N, P]``.
            gradient: g ``[R, N, P]``, at these parameters; rows of agents that do not learn mean nothing.
            updates: Number of the update that each replica makes, ``[R]``.
            exchanges: What came of the exchanges; A = I in replicas, or whole exchanges, that are not there.
            learning: Which agents learn, bool ``[R, N]``; all others stay exactly as they are.

        Raises:
            ValueError: A replica exchanged something in an update that exchanges nothing.
        """
        ...

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Let agents begin anew that lost their state, bool ``[R, N]``, and with them the trackers of their replica."""
        ...

    def figures(self) -> TrackingFigures | None:
        """Return whether trackers and gradients balance; None where there are no trackers."""
        ...


class ParameterAveraging:
    """No trackers, as in networked Q-learning: ω ← A (ω - lr D(g)), P floats per message.

    Every agent learns alone, and now and then the parameters are averaged.

    Source: `ntwql` of the DVDN authors' EPyMARL fork, whose learner averages after its optimiser's step, every 5 or 10
    steps, and leaves the moments alone.

    Keeps: the mean of the parameters in mixing with doubly stochastic A; agreement.
    Loses: as long as agents' gradients differ they do not agree, and with a constant step they end beside the optimum
    of the sum, by O(lr).

    The others do as this one does, and hold trackers besides.
    """

    vectors: tuple[int, ...] = (1,)
    """How many vectors of P each message carries, for each exchange."""

    def __init__(self, parameters: Tensor, optimiser: Optimiser, schedule: ExchangeSchedule) -> None:
        """Begin with ω ``[R, N, P]``, where there are trackers the same for all agents of a team.

        Raises:
            ValueError: The schedule is for another number of parameters.
        """
        if parameters.shape[-1] != schedule.parameters:
            raise ValueError(f"a schedule for {schedule.parameters} parameters, but there are {parameters.shape[-1]}")
        self._optimiser, self._schedule = optimiser, schedule

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state.items()}

    def messages(self, update: int) -> tuple[int, ...]:
        """Return the floats in the messages of an update."""
        return self._schedule.messages(update, self.vectors)

    def _blocks(self, updates: npt.NDArray[np.int64], exchanges: Exchanges) -> list[list[ParameterBlock]]:
        """Return what is exchanged in each exchange of an update: nothing in those that were not made.

        Raises:
            ValueError: There are more exchanges, or in an update that exchanges nothing.
        """
        count = len(self.vectors)
        if len(exchanges) > count:
            raise ValueError(f"{len(exchanges)} exchanges in an update that has {count}")
        made = [*exchanges, *[{}] * (count - len(exchanges))]
        return [self._schedule.split(updates, exchange) for exchange in made]

    def step(
        self,
        parameters: Tensor,
        gradient: Tensor,
        *,
        updates: npt.NDArray[np.int64],
        exchanges: Exchanges,
        learning: npt.NDArray[np.bool_],
    ) -> None:
        """Take one update, in place; see `Tracker`."""
        mixed = mixings(
            self._blocks(updates, exchanges),
            exchanges,
            like=parameters,
            extra=lambda block, exchange: self._links_of(block, exchange, learning),
        )
        with frozen(learning, (parameters, *self._held, *self._optimiser.state.values())):
            self._move(parameters, gradient, mixed)

    @property
    def _held(self) -> tuple[Tensor, ...]:
        """What agents hold beside parameters and moments, ``[R, N, P]`` each."""
        return ()

    def _links_of(
        self, block: ParameterBlock, exchange: Mapping[int, Exchanged], learning: npt.NDArray[np.bool_]
    ) -> Sequence[Array]:
        """Return what is needed of an exchange beside its operator."""
        return ()

    def _move(self, parameters: Tensor, gradient: Tensor, mixed: list[OperatorMixing]) -> None:
        """Move the parameters of all agents, as if all learnt."""
        self._optimiser.step(parameters, gradient)
        mixed[0].apply(parameters)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Forget the moments of agents that lost their state."""
        self._optimiser.forget(torch.from_numpy(agents))

    def figures(self) -> TrackingFigures | None:
        """Return None: there is nothing to balance."""
        return None


class TrackerState:
    """Trackers z and the last gradients g. Σ_i z_i = Σ_i g_i from the start, where both are 0.

    Attributes:
        tracker: z ``[R, N, P]``.
        gradient: g ``[R, N, P]``.
        epochs: How often each replica began anew, int64 ``[R]``.
    """

    def __init__(self, parameters: Tensor) -> None:
        self.tracker = torch.zeros_like(parameters)
        self.gradient = torch.zeros_like(parameters)
        self.epochs = torch.zeros(len(parameters), dtype=torch.int64, device=parameters.device)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {"tracker": self.tracker, "gradient": self.gradient, "epochs": self.epochs}

    def take_in(self, gradient: Tensor) -> None:
        """Take new gradients in: z ← z + g_new - g_old, in place."""
        self.tracker.add_(gradient).sub_(self.gradient)
        self.gradient.copy_(gradient)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Begin a new epoch where agents lost their state: g = 0 for these, z = g for all in their replica."""
        lost = torch.from_numpy(agents).to(self.tracker.device)
        replicas = lost.any(1)
        self.gradient[lost] = 0.0
        self.tracker[replicas] = self.gradient[replicas]
        self.epochs += replicas

    def figures(self, in_flight: Tensor | None = None) -> TrackingFigures:
        """Return whether trackers and gradients balance, with what is in no tracker but will be, ``[R, P]``."""
        off = (self.tracker - self.gradient).sum(1)
        gradient = _norm(self.gradient.sum(1))
        if in_flight is None:
            return TrackingFigures(_norm(off), torch.zeros_like(gradient), gradient)
        return TrackingFigures(_norm(off + in_flight), _norm(in_flight), gradient)


Form = Callable[[Tensor, Tensor, TrackerState, list[OperatorMixing], Optimiser], None]
"""An order of mixing and learning: changes ω and z in place, from (ω, g_new, trackers, exchanges, direction)."""


def combine_then_adapt(
    parameters: Tensor, gradient: Tensor, trackers: TrackerState, exchanged: list[OperatorMixing], optimiser: Optimiser
) -> None:
    """One exchange, of (ω, z) as they were before the update: z ← A z + g_new - g_old;  ω ← A ω - lr D(z).

    What is sent is known before the gradient is, so it can be sent while the next episode is acted.

    Source: DVDN (GT), eq. 4 of the extended abstract (AAMAS 2025), after Qu and Li 2018, read with j inside the sums.
    """
    (mixing,) = exchanged
    mixing.apply(trackers.tracker)
    mixing.apply(parameters)
    trackers.take_in(gradient)
    optimiser.step(parameters, trackers.tracker)


def adapt_then_combine(
    parameters: Tensor, gradient: Tensor, trackers: TrackerState, exchanged: list[OperatorMixing], optimiser: Optimiser
) -> None:
    """Two exchanges of P floats, one after the other: z ← A₁ (z + g_new - g_old);  ω ← A₂ (ω - lr D(z)).

    On the complete lossless graph z is the mean gradient, and if all begin alike, this is centralised learning.
    """
    of_trackers, of_parameters = exchanged
    trackers.take_in(gradient)
    of_trackers.apply(trackers.tracker)
    optimiser.step(parameters, trackers.tracker)
    of_parameters.apply(parameters)


class GradientTracking(ParameterAveraging):
    """Trackers mixed by whatever operator an exchange came to.

    Keeps: Σ_i z_i = Σ_i g_i for operators with columns that sum to 1, mean ω ← mean ω - lr mean d for doubly stochastic
    ones, agreement for row-stochastic ones.
    Loses: Σ_i z_i = Σ_i g_i for ever, once a message is lost one way (`self`, and `symmetric` where an acknowledgement
    is): from then on agents follow a gradient that is off by that, and end beside the optimum.
    """

    def __init__(
        self,
        parameters: Tensor,
        optimiser: Optimiser,
        schedule: ExchangeSchedule,
        form: Form = combine_then_adapt,
        vectors: tuple[int, ...] = (2,),
    ) -> None:
        """Begin, with z = g = 0, in some order of mixing and learning."""
        super().__init__(parameters, optimiser, schedule)
        self._trackers, self._form, self.vectors = TrackerState(parameters), form, vectors

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return self._trackers.tensors | super().state

    @property
    def _held(self) -> tuple[Tensor, ...]:
        return self._trackers.tracker, self._trackers.gradient

    def _move(self, parameters: Tensor, gradient: Tensor, mixed: list[OperatorMixing]) -> None:
        self._form(parameters, gradient, self._trackers, mixed, self._optimiser)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Begin a new epoch: g = 0 for those that lost their state, then z = g for everyone in their replica."""
        self._trackers.restart(agents)
        super().restart(agents)

    def figures(self) -> TrackingFigures | None:
        """Return whether Σ_i z_i = Σ_i g_i."""
        return self._trackers.figures()


class RunningSumTracking(GradientTracking):
    """Gradient tracking that no loss, one way or both, puts off for good.

    z_i ← z_i + g_i^new - g_i^old;  v_i = ω_i - lr D(z_i)
    σ_ij += a_i z_i for each out-neighbour j, a_i = 1/(1 + d_i);  i sends (v_i, σ_ij) to j
    z_j ← a_j z_j + Σ_{i heard} (σ_ij - ρ_ij),  ρ_ij ← σ_ij
    ω ← A v, A any row-stochastic operator of the exchange, such as that of `self`

    Kept is not σ and ρ but σ_ij - ρ_ij, what is in flight from i to j: it grows by a_i z_i when i sends and is taken in
    whole when j hears i. The same sums, but nothing grows, so that float32 serves. All links of the round's graph
    count in d_i, whatever arrives, and links may be one-way where A's weights allow it.

    Columns of the trackers' mixing and rows of the parameters' sum to 1. That is enough: where agents agree, only the
    sum of their trackers has to vanish (Push-Pull).

    Source: ASY-SONATA, Tian, Sun and Scutari, arXiv 1803.10359, read for rounds; but for lost parameters their weight
    stays with oneself, where theirs takes the last that were heard: that is slower (docs/gradient_tracking.md).

    Keeps under any loss, and any crash without loss of state: Σ z + Σ in flight = Σ g. An agent that sent and crashed
    before it was done has given what is still in its own tracker; less than nothing is then in flight from it, and its
    next message that comes through sets that right.
    Loses: P floats of memory for every ordered pair of agents, R·N²·P in all, and a gradient that is in flight while
    messages are lost acts later. A crash that loses state loses what it held: `restart` begins a new epoch.
    """

    def __init__(self, parameters: Tensor, optimiser: Optimiser, schedule: ExchangeSchedule) -> None:
        """Begin, with z = g = 0 and nothing in flight."""
        super().__init__(parameters, optimiser, schedule)
        replicas, n_agents, size = parameters.shape
        self._in_flight = parameters.new_zeros(replicas, n_agents, n_agents, size)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return super().state | {"in_flight": self._in_flight}

    def _links_of(
        self, block: ParameterBlock, exchange: Mapping[int, Exchanged], learning: npt.NDArray[np.bool_]
    ) -> Sequence[Array]:
        return links_of(block, exchange, learning)

    def _move(self, parameters: Tensor, gradient: Tensor, mixed: list[OperatorMixing]) -> None:
        (mixing,) = mixed
        self._trackers.take_in(gradient)
        self._optimiser.step(parameters, self._trackers.tracker)
        for block, (_, _, *links) in zip(mixing.blocks, mixing.tensors, strict=True):
            self._combine(block, TrackerLinks(*links))
        mixing.apply(parameters)

    def _combine(self, block: ParameterBlock, links: "TrackerLinks") -> None:
        """Running sums of the trackers, ``[replicas, sender, receiver, block]``."""
        tracker, in_flight = block.of(self._trackers.tracker), block.of(self._in_flight)
        width = columns(links.share.numel(), tracker)
        for z, pending in zip(torch.split(tracker, width, -1), torch.split(in_flight, width, -1), strict=True):
            pending.addcmul_(links.share, z[:, :, None])
            taken = pending * links.heard
            pending.sub_(taken)
            if links.down is not None:
                pending.addcmul_(links.down, z[:, :, None], value=-1)
            z.mul_(links.kept).add_(taken.sum(1))
        block.put(self._trackers.tracker, tracker)
        block.put(self._in_flight, in_flight)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Begin a new epoch: g = 0 for those that lost their state, then z = g for everyone in their replica.

        What was in flight there is dropped: its senders or receivers do not know of it any more.
        """
        self._in_flight[torch.from_numpy(agents.any(1))] = 0.0
        super().restart(agents)

    def figures(self) -> TrackingFigures | None:
        """Return whether Σ z + Σ in flight = Σ g."""
        return self._trackers.figures(self._in_flight.sum((1, 2)))


@dataclass(frozen=True, eq=False)
class TrackerLinks:
    """What an exchange was for the trackers, sender by receiver, in r replicas.

    Attributes:
        share: a_i on links of the graph, ``[r, N, N, 1]``.
        kept: a_i, ``[r, N, 1]``.
        heard: 1 where the receiver heard the sender and is through with the exchange, ``[r, N, N, 1]``.
        down: a_i on links of senders that are not through with the exchange, ``[r, N, N, 1]``; None if all are.
    """

    share: Tensor
    kept: Tensor
    heard: Tensor
    down: Tensor | None = None


def links_of(block: ParameterBlock, exchange: Mapping[int, Exchanged], learning: npt.NDArray[np.bool_]) -> list[Array]:
    """Return what `TrackerLinks` is made of, from the facts of the block's replicas and who is through ``[R, N]``.

    Raises:
        ValueError: An exchange had several rounds.
    """
    through = learning[block.replicas]
    shape = (*through.shape, through.shape[1], 1)
    share, heard, kept = np.zeros(shape), np.zeros(shape), np.empty((*through.shape, 1))
    for row, replica in enumerate(block.replicas):
        facts = exchange[replica].facts
        if facts.rounds != 1:
            raise ValueError(f"running sums of trackers take one round per exchange, not {facts.rounds}")
        senders, receivers = facts.edges.T
        kept[row, :, 0] = 1.0 / (1.0 + facts.degrees[0])
        share[row, senders, receivers, 0] = facts.active[0] * kept[row, senders, 0]
        heard[row, senders, receivers, 0] = facts.held[0] & through[row, receivers]
    down = [] if through.all() else [share * ~through[:, :, None, None]]
    return [share, kept, heard, *down]


TRACKERS: Mapping[str, Callable[[Tensor, Optimiser, ExchangeSchedule], Tracker]] = {
    "paper": GradientTracking,
    "adapt_then_combine": partial(GradientTracking, form=adapt_then_combine, vectors=(1, 1)),
    "running_sum": RunningSumTracking,
    "averaging": ParameterAveraging,
}
"""By the name that scenarios use; from parameters ``[R, N, P]``, a direction and a schedule."""


def parameter_exchange_of(spec: QLearning) -> ParameterExchange | None:
    """Return how an algorithm exchanges parameters; None where it does not."""
    return next((block for block in exchanged(spec).values() if isinstance(block, ParameterExchange)), None)


def tracker_of(spec: QLearning, parameters: Tensor) -> Tracker | None:
    """Return what turns gradients into parameters ``[R, N, P]`` where agents exchange those; else None."""
    asked = parameter_exchange_of(spec)
    if asked is None:
        return None
    form = asked.form if isinstance(asked, Tracking) else "averaging"
    options = spec.optimiser if isinstance(spec, DvdnGt) else GtAdam(bias_correction=True)
    schedule = ExchangeSchedule(parameters.shape[-1], asked)
    return TRACKERS[form](parameters, TrackedAdam(parameters, spec.lr, options), schedule)


def disagreement(parameters: Tensor) -> Tensor:
    """Return √(mean over agents of ‖ω_i - mean ω‖²), ``[R]``, of parameters ``[R, N, P]``."""
    apart = parameters - parameters[:, :1]  # so that it is 0 where there is none
    return (apart - apart.mean(1, keepdim=True)).square().sum(2).mean(1).sqrt()


def _norm(values: Tensor) -> Tensor:
    """Return the Euclidean norm over the last axis."""
    length: Tensor = torch.linalg.vector_norm(values, dim=-1)
    return length
