"""Robust gradient tracking: trackers by running sums, so that the next message brings what a lost one carried."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.freezing import frozen
from dvdn_sim.learners.tracking.books import Books
from dvdn_sim.learners.tracking.operators import Array, Mixing, blocks_of, columns, operators_of
from dvdn_sim.learners.tracking.schedule import Block, Schedule
from dvdn_sim.learners.tracking.tracker import Exchanged, Exchanges, Optimiser, TrackingFigures
from dvdn_sim.learners.transfer import together


class RunningSumTracking:
    """Gradient tracking that no loss, one way or both, puts off for good.

    z_i ← z_i + g_i^new - g_i^old;  v_i = ω_i - lr D(z_i)
    σ_ij += a_i z_i for each out-neighbour j, a_i = 1/(1 + d_i);  i sends (v_i, σ_ij) to j
    z_j ← a_j z_j + Σ_{i heard} (σ_ij - ρ_ij),  ρ_ij ← σ_ij
    ω ← A v, A any row-stochastic operator of the exchange, such as that of `self`

    Kept is not σ and ρ but σ_ij - ρ_ij, what is in flight from i to j: it grows by a_i z_i when i sends and is taken in
    whole when j hears i. The same books, but nothing grows, so that float32 serves. All links of the round's graph
    count in d_i, whatever arrives, and links may be one-way where A's weights allow it.

    Columns of the trackers' mixing and rows of the parameters' sum to 1. That is enough: where agents agree, only the
    sum of their trackers has to vanish (Push-Pull).

    Source: ASY-SONATA, Tian, Sun and Scutari, arXiv 1803.10359, read for rounds; but for lost parameters their weight
    stays with oneself, where theirs takes the last that were heard: that is slower (docs/gradient_tracking.md).

    Keeps under any loss, and any crash without loss of state: Σ z + Σ in flight = Σ g. An agent that sent and crashed
    before it was done has given what is still in its own books; less than nothing is then in flight from it, and its
    next message that comes through sets that right.
    Loses: P floats of memory for every ordered pair of agents, R·N²·P in all, and a gradient that is in flight while
    messages are lost acts later. A crash that loses state loses what it held: `restart` opens new books.
    """

    def __init__(self, parameters: Tensor, optimiser: Optimiser, schedule: Schedule) -> None:
        """Begin, with z = g = 0 and nothing in flight.

        Args:
            parameters: ω ``[R, N, P]``; all agents of a team must begin with the same.
            optimiser: The direction.
            schedule: Which updates exchange which block.

        Raises:
            ValueError: The schedule is for another number of parameters.
        """
        schedule.check(parameters)
        self._books, self._optimiser, self._schedule = Books(parameters), optimiser, schedule
        replicas, n_agents, size = parameters.shape
        self._in_flight = parameters.new_zeros(replicas, n_agents, n_agents, size)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        optimiser = {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state.items()}
        return self._books.state | optimiser | {"in_flight": self._in_flight}

    def messages(self, update: int) -> tuple[int, ...]:
        """(2P,) floats, or twice a block of them; () for no exchange."""
        return self._schedule.messages(update, vectors=(2,))

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
        (blocks,) = blocks_of(self._schedule, updates, exchanges, count=1)
        books, exchange = self._books, exchanges[0] if exchanges else {}
        operators = [operators_of(block, exchange) for block in blocks]
        links = [links_of(block, exchange, learning) for block in blocks]
        there = together([*operators, *links], like=parameters)
        mixing = Mixing(blocks, there[: len(blocks)])
        with frozen(learning, (parameters, books.tracker, books.gradient, *self._optimiser.state.values())):
            books.take_in(gradient)
            self._optimiser.step(parameters, books.tracker)
            for block, link in zip(blocks, there[len(blocks) :], strict=True):
                self._combine(block, Links(*link))
            mixing.apply(parameters)

    def _combine(self, block: Block, links: "Links") -> None:
        """Running sums of the trackers, ``[replicas, sender, receiver, block]``."""
        tracker, in_flight = block.of(self._books.tracker), block.of(self._in_flight)
        width = columns(links.share.numel(), tracker)
        for z, flying in zip(torch.split(tracker, width, -1), torch.split(in_flight, width, -1), strict=True):
            flying.addcmul_(links.share, z[:, :, None])
            taken = flying * links.heard
            flying.sub_(taken)
            if links.down is not None:
                flying.addcmul_(links.down, z[:, :, None], value=-1)
            z.mul_(links.kept).add_(taken.sum(1))
        block.put(self._books.tracker, tracker)
        block.put(self._in_flight, in_flight)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """A new epoch: g = 0 for those that lost their state, then z = g for everyone in their replica.

        What was in flight there is dropped, for half of the books about it is gone.
        """
        self._in_flight[self._books.reopen(agents)] = 0.0
        self._optimiser.forget(torch.from_numpy(agents))

    def figures(self) -> TrackingFigures:
        """Whether Σ z + Σ in flight = Σ g."""
        return self._books.figures(self._in_flight.sum((1, 2)))


@dataclass(frozen=True, eq=False)
class Links:
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


def links_of(block: Block, exchange: Mapping[int, Exchanged], learning: npt.NDArray[np.bool_]) -> list[Array]:
    """What `Links` is made of, from the facts of the block's replicas and which agents are through, bool ``[R, N]``.

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
