"""What an exchange leaves behind."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.network.ledger import MessageCounts

NEVER_NS = -1
"""Stands for the time of what did not happen."""


@dataclass(frozen=True, eq=False)
class ExchangeReport:
    """What an exchange left behind.

    An agent that crashed and was not back, or had lost what it held, before the others were done has not finished: it
    closed no round from then on.

    Attributes:
        facts: Who heard whom; all that consensus needs.
        started_at_ns: int64 ``[N]``, when each agent's computation was done; -1 if it never was.
        closed_at_ns: int64 ``[K, N]``, when each agent closed each round; -1 if it never did.
        messages: Fates of the exchange's messages when it ended, acknowledgements left aside.
        wire_bytes: Bytes put on the wire, headers and acknowledgements included.
        began_ns: When the exchange began, computing included.
        ended_ns: When every agent that is up had finished.
        deadlines_ns: int64 ``[K, N]``, how long each agent was ready to wait in each round; None for as long as it
            takes.
        acks: Fates of the acknowledgements; None where there are none.
        acked_at_ns: int64 ``[K, N]``, when each agent closed the acknowledgements of each round; None where there are
            none.
    """

    facts: Facts
    started_at_ns: npt.NDArray[np.int64]
    closed_at_ns: npt.NDArray[np.int64]
    messages: MessageCounts
    wire_bytes: int
    began_ns: int = 0
    ended_ns: int = 0
    deadlines_ns: npt.NDArray[np.int64] | None = None
    acks: MessageCounts | None = None
    acked_at_ns: npt.NDArray[np.int64] | None = None

    @property
    def through_at_ns(self) -> npt.NDArray[np.int64]:
        """When each agent was through with each round, acknowledgements included, int64 ``[K, N]``; -1 for never."""
        return self.closed_at_ns if self.acked_at_ns is None else self.acked_at_ns

    @property
    def finished(self) -> npt.NDArray[np.bool_]:
        """Which agents were through with their last round, and so may update, bool ``[N]``."""
        through: npt.NDArray[np.bool_] = self.through_at_ns[-1] != NEVER_NS
        return through

    @property
    def first_start_ns(self) -> int:
        """When the first agent started; when the exchange began, if none did."""
        started = self.started_at_ns[self.started_at_ns != NEVER_NS]
        return int(started.min()) if started.size else self.began_ns

    @property
    def round_times_ns(self) -> npt.NDArray[np.int64]:
        """How long each agent spent in each round, int64 ``[K, N]``; -1 if it was not through with it."""
        times = np.diff(self.through_at_ns, axis=0, prepend=self.started_at_ns[None])
        return np.where(self.through_at_ns == NEVER_NS, NEVER_NS, times)

    @property
    def deadlines_fired(self) -> int:
        """How often an agent closed a round although a neighbour's message was missing."""
        facts = self.facts
        missing = facts.active & ~facts.held
        short = np.zeros(self.closed_at_ns.shape, bool)
        rounds, edges = np.nonzero(missing)
        short[rounds, facts.edges[edges, 1]] = True
        return int((short & (self.closed_at_ns != NEVER_NS)).sum())

    @property
    def ack_mismatch(self) -> int:
        """How often, over links and rounds, one end knows that both heard each other and the other end does not."""
        return int(self.facts.ack_mismatch.sum())
