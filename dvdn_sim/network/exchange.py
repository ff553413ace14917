"""One exchange: K rounds in which every agent sends to its neighbours, waits, and closes.

Agents are not in step. Each starts when its own computation is done, hands its round-k message to every neighbour, and
closes round k when all its neighbours' round-k messages are there or its own deadline fires; then it goes on to round
k + 1. What a faster neighbour sends for a later round is kept. Nothing of one exchange is used in another.

What happens at one instant happens round by round, in each the arrivals before the deadlines. So a message that arrives
when a round closes is in time, even if a deadline at that instant made its sender send it. Of what is left, the order
makes no difference: numbering the agents otherwise changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts, union_of_edges
from dvdn_sim.errors import DvdnSimError
from dvdn_sim.network.clock import FIRST_TURN, Clock, Occurrence
from dvdn_sim.network.ledger import Ledger, MessageCounts
from dvdn_sim.network.transport import Transport
from netmodels.topology import Graph


class ExchangeStuckError(DvdnSimError):
    """An exchange in which an agent waits for a message that cannot come any more, and has no deadline."""


@dataclass(frozen=True, eq=False)
class ExchangeReport:
    """What an exchange left behind.

    Attributes:
        facts: Who heard whom; all that consensus needs.
        started_at_ns: int64 ``[N]``, when each agent's computation was done.
        closed_at_ns: int64 ``[K, N]``, when each agent closed each round.
        messages: Fates of the exchange's messages when its last agent closed its last round.
        wire_bytes: Bytes put on the wire, headers included.
    """

    facts: Facts
    started_at_ns: npt.NDArray[np.int64]
    closed_at_ns: npt.NDArray[np.int64]
    messages: MessageCounts
    wire_bytes: int

    @property
    def round_times_ns(self) -> npt.NDArray[np.int64]:
        """How long each agent spent in each round, int64 ``[K, N]``."""
        return np.diff(self.closed_at_ns, axis=0, prepend=self.started_at_ns[None])


def _arrivals_turn(k: int) -> int:
    return FIRST_TURN + 1 + 2 * k  # starts have the first turn


def _deadlines_turn(k: int) -> int:
    return FIRST_TURN + 2 + 2 * k


class _Start(Occurrence):
    agent: int


class _Arrival(Occurrence):
    edge: int
    round: int
    packets: int


class _Deadline(Occurrence):
    agent: int
    round: int


class Exchange:
    """An exchange under way. `run` brings it to its end; messages still in flight then find it again later."""

    def __init__(
        self,
        clock: Clock,
        transport: Transport,
        ledger: Ledger,
        *,
        kind: str,
        graphs: Sequence[Graph],
        size_bytes: int,
        deadline_ns: int | None,
    ) -> None:
        """Lay out the rounds.

        Args:
            clock: Simulated time.
            transport: The links.
            ledger: Where every message is counted.
            kind: What the messages carry, such as `td`.
            graphs: Of each round, K ≥ 1, known to all agents.
            size_bytes: Payload of every message.
            deadline_ns: How long an agent waits in a round; None for as long as it takes.
        """
        self._clock, self._transport, self._ledger = clock, transport, ledger
        self._size_bytes, self._deadline_ns = size_bytes, deadline_ns
        self._rounds, self._agents = len(graphs), graphs[0].n_agents
        self._edges = union_of_edges(graphs)
        number = {edge: index for index, edge in enumerate(self._edges)}
        self._graphs = graphs
        self._number = number
        self._incoming = [[number[j, i] for j in graph.senders(i)] for graph in graphs for i in range(self._agents)]
        self._into: list[list[int]] = [[] for _ in range(self._agents)]
        for index, (_, receiver) in enumerate(self._edges):
            self._into[receiver].append(index)
        self._links = [transport.link(*edge) for edge in self._edges]
        self._packets = [ledger.of_link(kind, *edge) for edge in self._edges]

        self._round = [-1] * self._agents
        self._missing = [0] * self._agents
        self._newest = [-1] * len(self._edges)
        self._early = [0] * len(self._edges)  # bit k: the message of a round k yet to be opened is there
        self._open = self._agents
        self._latest = [[-1] * len(self._edges) for _ in graphs]
        self._closed_at_ns = [[0] * self._agents for _ in graphs]
        self._counts = MessageCounts()
        self._wire_bytes = 0

    def run(self, starts_ns: Sequence[int]) -> ExchangeReport:
        """Let all agents go through all rounds.

        Args:
            starts_ns: When each agent starts, not in the past.

        Raises:
            ExchangeStuckError: No agent can go on and none has a deadline; names who waits for whom.
        """
        for agent, at_ns in enumerate(starts_ns):
            start = _Start(self._clock, self._on_start)
            start.agent = agent
            self._clock.schedule(start, at_ns)
        step = self._clock.step
        while self._open:
            if not step():
                raise ExchangeStuckError(self._who_waits())
        self._clock.finish_instant()
        counts = MessageCounts(**{name: getattr(self._counts, name) for name in MessageCounts.__slots__})
        counts.lost = counts.lost.copy()
        return ExchangeReport(
            facts=self._facts(),
            started_at_ns=np.array(starts_ns, np.int64),
            closed_at_ns=np.array(self._closed_at_ns, np.int64),
            messages=counts,
            wire_bytes=self._wire_bytes,
        )

    def _facts(self) -> Facts:
        present = [set(graph.edges) for graph in self._graphs]
        shape = (self._rounds, len(self._edges))
        return Facts(
            n_agents=self._agents,
            edges=np.array(self._edges, np.int64).reshape(-1, 2),
            active=np.array([[edge in links for edge in self._edges] for links in present], bool).reshape(shape),
            latest=np.array(self._latest, np.int64).reshape(shape),
        )

    def _on_start(self, start: _Start) -> None:
        self._go_on(start.agent)

    def _go_on(self, agent: int) -> None:
        """Open the next round, and every further one that can be closed at once."""
        while True:
            k = self._round[agent] = self._round[agent] + 1
            if k == self._rounds:
                self._open -= 1
                return
            self._send(agent, k)
            missing = 0
            for edge in self._incoming[k * self._agents + agent]:
                if self._early[edge] >> k & 1:
                    self._newest[edge] = k
                else:
                    missing += 1
            self._missing[agent] = missing
            if missing:
                if self._deadline_ns is not None:
                    deadline = _Deadline(self._clock, self._on_deadline)
                    deadline.agent, deadline.round = agent, k
                    self._clock.schedule(deadline, self._clock.now_ns + self._deadline_ns, _deadlines_turn(k))
                return
            self._close(agent, k)

    def _send(self, agent: int, k: int) -> None:
        clock, counts, ledger = self._clock, self._counts, self._ledger
        now_ns = clock.now_ns
        for receiver in self._transport.hand_over_order(agent, self._graphs[k].neighbours(agent)):
            edge = self._number[agent, receiver]
            transfer = self._links[edge].offer(now_ns, self._size_bytes)
            packets = self._packets[edge]
            counts.sent += 1
            ledger.messages.sent += 1
            packets.sent += transfer.packets
            self._wire_bytes += transfer.wire_bytes
            ledger.wire_bytes += transfer.wire_bytes
            ledger.airtime_ns += transfer.airtime_ns
            if transfer.duplicates:
                for count in (counts, ledger.messages, packets):
                    count.duplicates += transfer.duplicates
            if transfer.lost_reason is not None:
                counts.lost[transfer.lost_reason] += 1
                ledger.messages.lost[transfer.lost_reason] += 1
                arrived = transfer.packets
                for reason, lost in transfer.packets_lost:
                    packets.lost[reason] += lost
                    arrived -= lost
                if arrived:
                    packets.lost["incomplete"] += arrived
                continue
            counts.flying += 1
            ledger.messages.flying += 1
            packets.flying += transfer.packets
            arrival = _Arrival(clock, self._on_arrival)
            arrival.edge, arrival.round, arrival.packets = edge, k, transfer.packets
            clock.schedule(arrival, transfer.complete_ns, _arrivals_turn(k))

    def _on_arrival(self, arrival: _Arrival) -> None:
        edge, k = arrival.edge, arrival.round
        receiver = self._edges[edge][1]
        current = self._round[receiver]
        if current == self._rounds:
            self._settle("expired", edge, arrival.packets)
        elif k < current:
            self._settle("late", edge, arrival.packets)
            self._newest[edge] = max(self._newest[edge], k)
        else:
            # Held: nothing can take it away before the receiver closes round k.
            self._settle("held", edge, arrival.packets)
            if k > current:
                self._early[edge] |= 1 << k
                return
            self._newest[edge] = k
            self._missing[receiver] -= 1
            if not self._missing[receiver]:
                self._close(receiver, k)
                self._go_on(receiver)

    def _settle(self, fate: str, edge: int, packets: int) -> None:
        messages, own, of_link = self._ledger.messages, self._counts, self._packets[edge]
        messages.flying -= 1
        own.flying -= 1
        of_link.flying -= packets
        setattr(messages, fate, getattr(messages, fate) + 1)
        setattr(own, fate, getattr(own, fate) + 1)
        setattr(of_link, fate, getattr(of_link, fate) + packets)

    def _on_deadline(self, deadline: _Deadline) -> None:
        if self._round[deadline.agent] == deadline.round:
            self._close(deadline.agent, deadline.round)
            self._go_on(deadline.agent)

    def _close(self, agent: int, k: int) -> None:
        self._closed_at_ns[k][agent] = self._clock.now_ns
        latest = self._latest[k]
        for edge in self._into[agent]:
            latest[edge] = self._newest[edge]

    def _who_waits(self) -> str:
        waiting = []
        for agent, k in enumerate(self._round):
            if 0 <= k < self._rounds:
                absent = [
                    self._edges[edge][0] for edge in self._incoming[k * self._agents + agent] if self._newest[edge] != k
                ]
                waiting.append(f"agent {agent} waits in round {k} for {', '.join(map(str, absent))}")
        return "; ".join(waiting) + ": nothing is in flight, and there is no deadline"
