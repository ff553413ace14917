"""How agents with equal networks share what they learn: gradient tracking, and averaging of parameters.

Equations are for one team, ω, z, g ``[N, P]``, and have a leading axis of R replicas: docs/gradient_tracking.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.optim import Adam, frozen
from dvdn_sim.learners.parameter_exchange import (
    Array,
    Exchange,
    ExchangeSchedule,
    Mixing,
    ParameterBlock,
    columns,
    mix,
    mixings,
)
from dvdn_sim.scenario import DvdnGt, GtAdam, ParameterExchange, QLearning, Tracking, exchanged

TRACKING_FIGURES = ("disagreement", "tracker_imbalance", "tracker_in_flight", "tracked_gradient")


@dataclass(frozen=True)
class Form:
    """An order of exchanging and learning.

    Attributes:
        vectors: How many vectors of P each message carries, for each exchange.
        move: Changes ω of all agents in place, from the tracker, ω, g_new and what the exchanges do.
        tracks: Whether there are trackers.
        in_flight: Whether part of them may be in flight: R·N²·P numbers.
    """

    vectors: tuple[int, ...]
    move: Callable[["Tracker", Tensor, Tensor, list[list[Mixing]]], None]
    tracks: bool = True
    in_flight: bool = False


class Tracker:
    """How agents turn gradients into new parameters together.

    The loop

    1. computes clipped gradients g ``[R, N, P]`` of all agents,
    2. asks `messages` what agents send in this update, and has the network carry it, one exchange after the other,
    3. hands `step` what came of it.

    An agent that does not learn in an update (down, or not through with an exchange) stays exactly as it is: ω, z, g
    and moments. Nothing of its gradient has entered then, so its z and g stay in the sums. Cut it out of the facts
    wherever it has nothing to send: row and column of A are then those of the identity (its row is so in any case).
    Where it sent, was heard and crashed before it was done, that is a loss one way like any other, and in the figures.

    Attributes:
        optimiser: The direction.
        held: Trackers z and last gradients g, ``[R, N, P]``, with Σ_i z_i = Σ_i g_i from the start, where both are 0;
            how often each replica began anew, `epochs` ``[R]``; what is `in_flight` from whom to whom,
            ``[R, N, N, P]``. Of these, what the form has.
    """

    def __init__(self, parameters: Tensor, optimiser: Adam, schedule: ExchangeSchedule, *, form: Form) -> None:
        """Begin with ω ``[R, N, P]``, where there are trackers the same for all agents of a team.

        Raises:
            ValueError: The schedule is for another number of parameters.
        """
        if parameters.shape[-1] != schedule.parameters:
            raise ValueError(f"a schedule for {schedule.parameters} parameters, but there are {parameters.shape[-1]}")
        self.optimiser, self._schedule, self._form = optimiser, schedule, form
        self.held: dict[str, Tensor] = {}
        if form.tracks:
            replicas, n_agents, size = parameters.shape
            self.held = {name: torch.zeros_like(parameters) for name in ("tracker", "gradient")}
            self.held["epochs"] = torch.zeros(replicas, dtype=torch.int64, device=parameters.device)
            if form.in_flight:
                self.held["in_flight"] = parameters.new_zeros(replicas, n_agents, n_agents, size)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves: copy into them to restore."""
        return self.held | {f"optimiser.{name}": tensor for name, tensor in self.optimiser.state.items()}

    def messages(self, update: int) -> tuple[int, ...]:
        """Return the floats in each agent's message, for each exchange of an update (counted from 0); () for none."""
        return self._schedule.messages(update, self._form.vectors)

    def step(
        self,
        parameters: Tensor,
        gradient: Tensor,
        *,
        updates: npt.NDArray[np.int64],
        exchanges: Sequence[Exchange],
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
            ValueError: There are more exchanges than the form has, or in an update that exchanges nothing.
        """
        count = len(self._form.vectors)
        if len(exchanges) > count:
            raise ValueError(f"{len(exchanges)} exchanges in an update that has {count}")
        links = partial(links_of, learning=learning) if self._form.in_flight else None
        made = mixings(self._schedule, updates, exchanges, like=parameters, extra=links)
        made += [[] for _ in range(count - len(made))]
        kept = [self.held[name] for name in ("tracker", "gradient") if name in self.held]
        with frozen(learning, (parameters, *kept, *self.optimiser.state.values())):
            self._form.move(self, parameters, gradient, made)

    def take_in(self, gradient: Tensor) -> Tensor:
        """Take new gradients in: z ← z + g_new - g_old, in place; return z."""
        self.held["tracker"].add_(gradient).sub_(self.held["gradient"])
        self.held["gradient"].copy_(gradient)
        return self.held["tracker"]

    def forget(self, agents: Tensor) -> None:
        """Let agents begin anew that lost their state, bool ``[R, N]``.

        With trackers their replica begins a new epoch: g = 0 for these, then z = g for everyone. What was in flight
        there is dropped: its senders or receivers do not know of it any more.
        """
        self.optimiser.forget(agents)
        if self._form.tracks:
            tracker, gradient, epochs, *in_flight = self.held.values()
            replicas = agents.any(1)
            gradient[agents] = 0.0
            tracker[replicas] = gradient[replicas]
            epochs += replicas
            for pending in in_flight:
                pending[replicas] = 0.0

    def figures(self, parameters: Tensor) -> dict[str, Tensor]:
        """Return how far agents are apart, and whether trackers and gradients balance, ``[R]``, still on the device.

        Those of `TRACKING_FIGURES` that there are, norms over P: ‖Σ_i z_i + what is in flight - Σ_i g_i‖, which
        is 0, rounding apart, unless a form lost a message one way; ‖what is in flight‖; and, to compare them with,
        ‖Σ_i g_i‖.
        """
        figures = [disagreement(parameters)]
        if self._form.tracks:
            tracker, gradient, _, *in_flight = self.held.values()
            off, total = (tracker - gradient).sum(1), gradient.sum(1)
            pending = in_flight[0].sum((1, 2)) if in_flight else torch.zeros_like(total)
            figures += [torch.linalg.vector_norm(each, dim=-1) for each in (off + pending, pending, total)]
        return dict(zip(TRACKING_FIGURES, figures, strict=False))


def averaging(tracker: Tracker, parameters: Tensor, gradient: Tensor, exchanges: list[list[Mixing]]) -> None:
    """Use no trackers, as in networked Q-learning: ω ← A (ω - lr D(g)), P floats per message.

    Every agent learns alone, and now and then the parameters are averaged.

    Source: `ntwql` of the DVDN authors' EPyMARL fork, whose learner averages after its optimiser's step, every 5 or 10
    steps, and leaves the moments alone.

    Keeps: the mean of the parameters in mixing with doubly stochastic A; agreement.
    Loses: as long as agents' gradients differ they do not agree, and with a constant step they end beside the optimum
    of the sum, by O(lr).
    """
    tracker.optimiser.step(parameters, gradient)
    mix(exchanges[0], parameters)


def combine_then_adapt(tracker: Tracker, parameters: Tensor, gradient: Tensor, exchanges: list[list[Mixing]]) -> None:
    """Exchange once, (ω, z) as they were before the update: z ← A z + g_new - g_old;  ω ← A ω - lr D(z).

    What is sent is known before the gradient is, so it can be sent while the next episode is acted.

    Source: DVDN (GT), eq. 4 of the extended abstract (AAMAS 2025), after Qu and Li 2018, read with j inside the sums.

    Keeps: Σ_i z_i = Σ_i g_i for operators with columns that sum to 1, mean ω ← mean ω - lr mean d for doubly stochastic
    ones, agreement for row-stochastic ones.
    Loses: Σ_i z_i = Σ_i g_i for ever, once a message is lost one way (`self`, and `symmetric` where an acknowledgement
    is): from then on agents follow a gradient that is off by that, and end beside the optimum.
    """
    mix(exchanges[0], tracker.held["tracker"])
    mix(exchanges[0], parameters)
    tracker.optimiser.step(parameters, tracker.take_in(gradient))


def adapt_then_combine(tracker: Tracker, parameters: Tensor, gradient: Tensor, exchanges: list[list[Mixing]]) -> None:
    """Exchange P floats twice, one after the other: z ← A₁ (z + g_new - g_old);  ω ← A₂ (ω - lr D(z)).

    On the complete lossless graph z is the mean gradient, and if all begin alike, this is centralised learning. Keeps
    and loses what `combine_then_adapt` does.
    """
    z = tracker.take_in(gradient)
    mix(exchanges[0], z)
    tracker.optimiser.step(parameters, z)
    mix(exchanges[1], parameters)


def running_sum(tracker: Tracker, parameters: Tensor, gradient: Tensor, exchanges: list[list[Mixing]]) -> None:
    """Track gradients so that what a loss, one way or both, takes out of the sum of trackers comes back later.

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
    messages are lost acts later. A crash that loses state loses what it held: `Tracker.forget` begins a new epoch.
    """
    z = tracker.take_in(gradient)
    tracker.optimiser.step(parameters, z)
    for block, (_, _, share, kept, heard, *down) in exchanges[0]:
        own, in_flight = block.of(z), block.of(tracker.held["in_flight"])
        width = columns(share.numel(), own)
        for given, pending in zip(torch.split(own, width, -1), torch.split(in_flight, width, -1), strict=True):
            pending.addcmul_(share, given[:, :, None])
            taken = pending * heard
            pending.sub_(taken)
            for not_through in down:
                pending.addcmul_(not_through, given[:, :, None], value=-1)
            given.mul_(kept).add_(taken.sum(1))
        block.put(z, own)
        block.put(tracker.held["in_flight"], in_flight)
    mix(exchanges[0], parameters)


def links_of(block: ParameterBlock, exchange: Exchange, learning: npt.NDArray[np.bool_]) -> list[Array]:
    """Return what an exchange was for running sums, from the facts of a block's replicas and who is through ``[R, N]``.

    Returns:
        a_i on links of the graph, ``[r, sender, receiver, 1]``; a_i, ``[r, N, 1]``; 1 where the receiver heard the
        sender and is through with the exchange, as the first; and unless all are through, a_i on links of senders
        that are not.

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


TRACKERS: Mapping[str, Callable[[Tensor, Adam, ExchangeSchedule], Tracker]] = {
    name: partial(Tracker, form=form)
    for name, form in {
        "paper": Form((2,), combine_then_adapt),
        "adapt_then_combine": Form((1, 1), adapt_then_combine),
        "running_sum": Form((2,), running_sum, in_flight=True),
        "averaging": Form((1,), averaging, tracks=False),
    }.items()
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
    return TRACKERS[form](parameters, Adam(parameters, spec.lr, options), schedule)


def disagreement(parameters: Tensor) -> Tensor:
    """Return √(mean over agents of ‖ω_i - mean ω‖²), ``[R]``, of parameters ``[R, N, P]``."""
    apart = parameters - parameters[:, :1]  # so that it is 0 where there is none
    return (apart - apart.mean(1, keepdim=True)).square().sum(2).mean(1).sqrt()
