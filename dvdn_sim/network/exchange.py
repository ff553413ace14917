"""One exchange: K rounds in which every agent sends to its neighbours, waits, and closes.

Agents are not in step. Each starts when its own computation is done, hands its round-k message to every neighbour, and
closes round k when all its neighbours' round-k messages are there or its own deadline fires; then it goes on to round
k + 1. What a faster neighbour sends for a later round is kept. Nothing of one exchange is used in another. A round is
one phase, or two: with acknowledgements a second one of the same form, in which an agent tells each neighbour whom it
heard.

Events at one time happen by priority: crashes and recoveries, then starts, then phase by phase the hand-overs, the
arrivals and the deadlines. So a message that arrives when a round closes is in time, even if a deadline at that time
made its sender send it. Of what is left, the order makes no difference, or is drawn: numbering the agents otherwise
changes nothing.

An agent that crashes neither sends, receives nor closes. If it comes back, with what it held, before the others are
done, it goes on where it was; its deadline may have passed meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import Facts, RoundLinks, numbers_of, union_of
from dvdn_sim.errors import ExchangeStuckError
from dvdn_sim.network.accounting import NEVER, ExchangeCounters, MessageCounts, NetworkCounters, Phase, Probe
from dvdn_sim.network.clock import FIRST_PRIORITY, Clock, ClockEvent
from dvdn_sim.network.faults import Downtime, TeamFaults
from dvdn_sim.network.transport import Transport
from netmodels import Transfer
from netmodels.links import FOREVER_NS
from netmodels.topology import Graph

CRASHES, STARTS = FIRST_PRIORITY, FIRST_PRIORITY + 1
HAND_OVERS, ARRIVALS, DEADLINES = range(3)


def priority(phase: int, step: int) -> int:
    """Return the priority of a phase's hand-overs, arrivals or deadlines."""
    return STARTS + 1 + 3 * phase + step


class Arrival(ClockEvent):
    """The arrival of a message of the exchange."""

    edge: int
    phase: int
    sent_ns: int


@dataclass(frozen=True, eq=False)
class ExchangeReport:
    """What an exchange left behind.

    An agent that crashed and was not back, or had lost what it held, before the others were done has not finished: it
    closed no round from then on.

    Attributes:
        facts: Who heard whom; all that consensus needs.
        started_at_ns: int64 ``[N]``, when each agent's computation was done; -1 if it never was.
        closed_at_ns: int64 ``[K, N]``, when each agent closed each round; -1 if it never did.
        messages: Outcomes of the exchange's messages when it ended, acknowledgements left aside.
        wire_bytes: Bytes put on the wire, headers and acknowledgements included.
        began_ns: When the exchange began, computing included.
        ended_ns: When every agent that is up had finished.
        deadlines_ns: int64 ``[K, N]``, how long each agent was ready to wait in each round; None for as long as it
            takes.
        acks: Outcomes of the acknowledgements; None where there are none.
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
        through: npt.NDArray[np.bool_] = self.through_at_ns[-1] != NEVER
        return through

    @property
    def first_start_ns(self) -> int:
        """When the first agent started; when the exchange began, if none did."""
        return min((at_ns for at_ns in self.started_at_ns.tolist() if at_ns != NEVER), default=self.began_ns)

    @property
    def round_times_ns(self) -> npt.NDArray[np.int64]:
        """How long each agent spent in each round, int64 ``[K, N]``; -1 if it was not through with it."""
        through = self.through_at_ns
        before = np.concatenate([self.started_at_ns[None], through[:-1]])
        return np.where(through == NEVER, NEVER, through - before)

    @property
    def deadlines_fired(self) -> int:
        """How often an agent closed a round although a neighbour's message was missing."""
        facts, short = self.facts, 0
        receivers = facts.edges[:, 1].tolist()
        # Plain lists: of a few messages these take a fraction of numpy's time.
        of_rounds = zip(facts.active.tolist(), facts.latest.tolist(), self.closed_at_ns.tolist(), strict=True)
        for k, (active, latest, closed_ns) in enumerate(of_rounds):
            links = zip(active, latest, receivers, strict=True)
            missed = {receiver for there, newest, receiver in links if there and newest != k}
            short += sum(closed_ns[receiver] != NEVER for receiver in missed)
        return short

    @property
    def ack_mismatch(self) -> int:
        """How often, over links and rounds, one end knows that both heard each other and the other end does not."""
        return int(self.facts.ack_mismatch.sum())


@dataclass(frozen=True, eq=False)
class Numbering:
    """The links of an exchange, numbered: the same for all exchanges over the same graphs.

    Attributes:
        edges: (sender, receiver) by number, sorted.
        number: By edge.
        into: By receiver, the numbers of its links.
        incoming: By round and receiver, the numbers of those in the round's graph.
        links: The same for consensus.
    """

    edges: list[tuple[int, int]]
    number: dict[tuple[int, int], int]
    into: list[list[int]]
    incoming: list[list[list[int]]]
    links: RoundLinks

    @classmethod
    def of(cls, graphs: Sequence[Graph]) -> "Numbering":
        """Number the links of each round's graph."""
        whole = union_of(graphs)
        number = {edge: index for index, edge in enumerate(whole.edges)}
        into = _into(whole, whole)
        incoming = {graph: into if graph is whole else _into(graph, whole) for graph in dict.fromkeys(graphs)}
        return cls(list(number), number, into, [incoming[graph] for graph in graphs], RoundLinks.of(graphs, whole))


def _into(graph: Graph, whole: Graph) -> list[list[int]]:
    """Return which links of the whole a graph's are, by receiver."""
    by_receiver = (graph.into if graph is whole else numbers_of(graph, whole)[graph.into]).tolist()
    return [by_receiver[begin:end] for begin, end in pairwise(graph.into_starts.tolist())]


# Graphs that are fixed, or few, come again and again. Large ones are not kept: they take memory, and their messages
# longer than to number them.
_numbering = lru_cache(maxsize=16)(Numbering.of)
_links_of = lru_cache(maxsize=16)(lambda graphs: RoundLinks.of(graphs, union_of(graphs)))
SMALL = 1024
"""Agents times rounds up to which graphs are kept."""
MANY_PHASES = 2**15


def numbered(phases: Sequence[Phase]) -> Numbering:
    """Number the links of an exchange's rounds."""
    graphs = tuple(phase.graph for phase in phases[:: rounds_apart(phases)])
    return (_numbering if _few(graphs) else Numbering.of)(graphs)


def links_of(graphs: tuple[Graph, ...]) -> RoundLinks:
    """Return the links of an exchange's rounds."""
    return _links_of(graphs) if _few(graphs) else RoundLinks.of(graphs, union_of(graphs))


def _few(graphs: Sequence[Graph]) -> bool:
    return graphs[0].n_agents * len(graphs) <= SMALL


def rounds_apart(phases: Sequence[Phase]) -> int:
    """Return how many phases a round has."""
    return 2 if phases[-1].acks else 1


def held_rounds(phases: int) -> type[np.signedinteger]:
    """Return the type of the numbers of rounds that are held, in so many phases."""
    return np.int16 if phases < MANY_PHASES else np.int64


def facts_of(links: RoundLinks, latest: npt.NDArray[np.signedinteger], stride: int) -> Facts:
    """Return who heard whom, from the newest round held by each link's receiver as it closed a phase, ``[phases, E]``.

    Of acknowledgements, those that were held are at least 0.
    """
    acks, latest = latest[1::stride], latest[::stride]
    if stride == 1:
        return Facts(links.n_agents, links.edges, links.active, latest, links=links)
    back, held = links.reverse, links.active & (latest == np.arange(len(latest))[:, None])
    return Facts(
        links.n_agents, links.edges, links.active, latest, (acks >= 0) & held[:, back] & (back >= 0), links
    )  # fmt: skip


class Exchange:
    """An exchange under way. `run` brings it to its end; the network's counters keep what is still in flight then."""

    def __init__(
        self,
        clock: Clock,
        transport: Transport,
        counters: NetworkCounters,
        phases: Sequence[Phase],
        *,
        faults: TeamFaults,
        probe: Probe | None = None,
        update: int = 0,
    ) -> None:
        """Prepare an exchange.

        Args:
            clock: Stands where the exchange begins, with nothing to happen.
            transport: The links.
            counters: Where every message is counted.
            phases: Of K ≥ 1 rounds, whose graphs all agents know: in each a phase of messages, then, in all or in none,
                one of acknowledgements.
            faults: Who crashes when.
            probe: Is told every message's life, with the index of the `update`.
            update: See `probe`.
        """
        self._clock, self._transport, self._faults = clock, transport, faults
        self._phases, self._last, self._agents = phases, len(phases), phases[0].graph.n_agents
        self._stride = rounds_apart(phases)
        numbers = numbered(phases)
        self._edges, self._number, self._into = numbers.edges, numbers.number, numbers.into
        self._incoming = [of_round for of_round in numbers.incoming for _ in range(self._stride)]
        self._round_links = numbers.links
        self._links = [transport.link(*edge) for edge in self._edges]
        self._counters = ExchangeCounters(counters, phases, self._edges, probe, update)
        self._waiting: list[list[tuple[int, int, tuple[int, ...]]]] = [[] for _ in phases]

        self._phase = [-1] * self._agents
        self._missing = [0] * self._agents
        self._there = [0] * len(self._edges)  # bit p: the message of phase p, not closed yet, is there
        self._newest = [-1] * len(self._edges)
        self._downtimes: list[list[Downtime]] = []
        self._crashes = False
        self._suspended = [False] * self._agents
        self._gone = [False] * self._agents
        self._interrupted = [False] * self._agents  # a start or a deadline passed while the agent was down
        self._open = self._agents
        # By phase: of messages the newest round held by each link's receiver; of acknowledgements 0 for those held.
        self._latest = [[-1] * len(self._edges) for _ in phases]
        self._closed_at_ns = [[NEVER] * self._agents for _ in phases]
        self._started_at_ns = [NEVER] * self._agents

    def run(self, starts_ns: Sequence[int | None], past_ns: int | None = None) -> ExchangeReport:
        """Let all agents go through all rounds.

        Args:
            starts_ns: When each agent starts, not in the past; None for one that never does.
            past_ns: Crashes and recoveries before it have happened; by default, when the exchange begins.

        Raises:
            ExchangeStuckError: No agent can go on and none has a deadline; names who waits for whom.
        """
        began_ns = self._clock.now_ns
        for agent, at_ns in enumerate(starts_ns):
            if at_ns is not None:
                self._clock.schedule(ClockEvent(self._clock, self._on_start, agent), at_ns, STARTS)
        past_ns = began_ns if past_ns is None else past_ns
        self._downtimes = [self._faults.downtimes(agent, past_ns) for agent in range(self._agents)]
        self._crashes = any(self._downtimes)
        for agent, downtimes in enumerate(self._downtimes):
            down = bool(downtimes) and downtimes[0].start_ns < past_ns
            if down:
                self._suspend(agent)
            self._schedule_transition(agent, 0, up=down)
        self._let_things_happen()
        return self._end(began_ns)

    def _let_things_happen(self) -> None:
        step = self._clock.step
        while self._open:
            while self._open:
                if not step():
                    error = ExchangeStuckError(self._who_waits())
                    self._give_up_all()
                    raise error
            self._clock.finish_instant()
        self._give_up_all()

    def _end(self, began_ns: int) -> ExchangeReport:
        arrivals = [(at_ns, event) for at_ns, event in self._clock.pending() if isinstance(event, Arrival)]
        self._clock.forget()
        flights = [(event.edge, event.phase, event.sent_ns, at_ns) for at_ns, event in arrivals]
        self._counters.leave(flights, self._clock.now_ns)
        stride, latest = self._stride, np.array(self._latest, held_rounds(len(self._phases)))
        # What an agent held stays with it in rounds that it does not close.
        np.maximum.accumulate(latest[::stride], axis=0, out=latest[::stride])
        deadlines = [phase.deadlines_ns for phase in self._phases[::stride]]
        closed_at_ns = np.array(self._closed_at_ns, np.int64)
        return ExchangeReport(
            facts=facts_of(self._round_links, latest, stride),
            started_at_ns=np.array(self._started_at_ns, np.int64),
            closed_at_ns=closed_at_ns[::stride],
            messages=self._phases[0].counts,
            wire_bytes=self._counters.wire_bytes,
            began_ns=began_ns,
            ended_ns=self._clock.now_ns,
            deadlines_ns=None if self._phases[0].deadlines_ns is None else np.array(deadlines, np.int64),
            acks=self._phases[1].counts if stride == 2 else None,
            acked_at_ns=closed_at_ns[1::2] if stride == 2 else None,
        )

    # An agent's way through its phases.

    def _on_start(self, start: ClockEvent) -> None:
        (agent,) = start.about
        if self._suspended[agent]:
            self._interrupted[agent] = True
        else:
            self._begin(agent)

    def _begin(self, agent: int) -> None:
        self._started_at_ns[agent] = self._clock.now_ns
        self._go_on(agent)

    def _go_on(self, agent: int) -> None:
        """Open the next phase, and every further one that can be closed at once."""
        while True:
            p = self._phase[agent] = self._phase[agent] + 1
            if p == self._last:
                self._open -= 1
                return
            phase = self._phases[p]
            self._send(agent, p)
            missing = 0
            for edge in self._incoming[p][agent]:
                if not self._there[edge] >> p & 1:
                    missing += 1
            self._missing[agent] = missing
            if missing:
                if phase.deadlines_ns is not None:
                    self._set_deadline(agent, p, self._clock.now_ns + int(phase.deadlines_ns[agent]))
                return
            self._close(agent, p)

    def _set_deadline(self, agent: int, p: int, at_ns: int) -> None:
        self._clock.schedule(ClockEvent(self._clock, self._on_deadline, agent, p), at_ns, priority(p, DEADLINES))

    def _on_deadline(self, deadline: ClockEvent) -> None:
        agent, p = deadline.about
        if self._phase[agent] != p:
            return
        if self._suspended[agent]:
            self._interrupted[agent] = True
            return
        self._close(agent, p)
        self._go_on(agent)

    def _close(self, agent: int, p: int) -> None:
        phase = self._phases[p]
        there, k, latest = self._there, phase.round, self._latest[p]
        self._closed_at_ns[p][agent] = self._clock.now_ns
        held = [edge for edge in self._incoming[p][agent] if there[edge] >> p & 1]
        self._counters.deliver(held, p)
        if phase.acks:
            for edge in held:
                latest[edge] = k
            return
        newest = self._newest
        for edge in held:
            newest[edge] = k
        for edge in self._into[agent]:
            latest[edge] = newest[edge]

    # Messages.

    def _send(self, agent: int, p: int) -> None:
        transport, receivers = self._transport, self._phases[p].graph.neighbours(agent)
        if not receivers:
            return
        if transport.share != "medium":
            order = receivers if transport.broadcast else transport.hand_over_order(agent, receivers)
            self._hand_over(agent, p, order)
            return
        # Whoever hands over at this time comes to the medium in an order that is drawn.
        waiting = self._waiting[p]
        if not waiting:
            event = ClockEvent(self._clock, self._on_hand_over, p)
            self._clock.schedule(event, self._clock.now_ns, priority(p, HAND_OVERS))
        if transport.broadcast:
            waiting.append((transport.draw_order(agent), agent, receivers))
        else:
            waiting.extend((transport.draw_order(agent, receiver), agent, (receiver,)) for receiver in receivers)

    def _on_hand_over(self, event: ClockEvent) -> None:
        (p,) = event.about
        waiting, self._waiting[p] = sorted(self._waiting[p]), []
        for _, agent, receivers in waiting:
            self._hand_over(agent, p, receivers)

    def _hand_over(self, sender: int, p: int, receivers: Sequence[int]) -> None:
        phase, counters, number, links = self._phases[p], self._counters, self._number, self._links
        now_ns, size_bytes = self._clock.now_ns, phase.size_bytes
        for _ in range(phase.copies):
            if self._transport.broadcast:
                sent = self._transport.send_to_all(now_ns, size_bytes, sender, receivers)
                counters.put_on_wire(sent.wire_bytes, sent.airtime_ns)
                for receiver, transfer in sent.transfers.items():
                    self._follow(number[sender, receiver], p, transfer)
                continue
            for receiver in receivers:
                edge = number[sender, receiver]
                transfer = links[edge].offer(now_ns, size_bytes)
                counters.put_on_wire(transfer.wire_bytes, transfer.airtime_ns)
                self._follow(edge, p, transfer)

    def _follow(self, edge: int, p: int, transfer: Transfer) -> None:
        """Let a message that was handed over arrive, if it does."""
        missed = 0
        if self._crashes and transfer.lost_reason is None:
            missed = self._faults.missed(self._edges[edge][1], transfer)
        if self._counters.hand_over(edge, p, transfer, missed):
            arrival = Arrival(self._clock, self._on_arrival)
            arrival.edge, arrival.phase, arrival.sent_ns = edge, p, transfer.handed_over_ns
            self._clock.schedule(arrival, transfer.complete_ns, priority(p, ARRIVALS))

    def _on_arrival(self, arrival: Arrival) -> None:
        edge, p = arrival.edge, arrival.phase
        receiver = self._edges[edge][1]
        current, now_ns = self._phase[receiver], self._clock.now_ns
        if self._there[edge] >> p & 1 and self._closed_at_ns[p][receiver] in (NEVER, now_ns):
            self._counters.settle("delivered", edge, p, arrival.sent_ns, now_ns)  # a further copy
        elif current == self._last or self._gone[receiver]:
            self._counters.settle("expired", edge, p, arrival.sent_ns, now_ns)
        elif p < current:
            self._counters.settle("late", edge, p, arrival.sent_ns, now_ns)
            phase = self._phases[p]
            if not phase.acks:
                self._newest[edge] = max(self._newest[edge], phase.round)
        else:
            # It is held once the receiver closes this phase; nothing but a crash can keep it from that.
            self._there[edge] |= 1 << p
            self._counters.is_there(edge, p, arrival.sent_ns, now_ns)
            if p == current:
                self._missing[receiver] -= 1
                if not self._missing[receiver]:
                    self._close(receiver, p)
                    self._go_on(receiver)

    # Crashes.

    def _schedule_transition(self, agent: int, index: int, *, up: bool) -> None:
        """One thing at a time: nothing is on the clock for ever."""
        if index < len(self._downtimes[agent]):
            downtime = self._downtimes[agent][index]
            at_ns = downtime.end_ns if up else downtime.start_ns
            if at_ns < FOREVER_NS:
                self._clock.schedule(ClockEvent(self._clock, self._on_transition, agent, index, up), at_ns, CRASHES)

    def _on_transition(self, transition: ClockEvent) -> None:
        agent, index, up = transition.about
        self._schedule_transition(agent, index + up, up=not up)
        if up:
            self._resume(agent)
            return
        self._suspend(agent)
        if self._downtimes[agent][index].state_lost and self._phase[agent] < self._last:
            self._give_up(agent)

    def _suspend(self, agent: int) -> None:
        if self._phase[agent] < self._last and not self._suspended[agent]:
            self._suspended[agent] = True
            self._open -= 1

    def _resume(self, agent: int) -> None:
        if not self._suspended[agent] or self._gone[agent]:
            return
        self._suspended[agent] = False
        self._open += 1
        if self._interrupted[agent]:
            self._interrupted[agent] = False
            if self._phase[agent] < 0:
                self._begin(agent)
            else:
                self._set_deadline(agent, self._phase[agent], self._clock.now_ns)

    def _give_up(self, agent: int) -> None:
        """Nothing of this exchange will be used by the agent any more: what was there has expired."""
        self._gone[agent] = True
        for edge in self._into[agent]:
            for p in range(max(self._phase[agent], 0), self._last):
                if self._there[edge] >> p & 1:
                    self._there[edge] &= ~(1 << p)
                    self._counters.expire(edge, p)

    def _give_up_all(self) -> None:
        for agent in range(self._agents):
            if self._phase[agent] < self._last:
                self._give_up(agent)

    def _who_waits(self) -> str:
        waiting = []
        for agent, p in enumerate(self._phase):
            if 0 <= p < self._last and not self._suspended[agent]:
                absent = [self._edges[edge][0] for edge in self._incoming[p][agent] if not self._there[edge] >> p & 1]
                k = self._phases[p].round
                waiting.append(f"agent {agent} waits in round {k} for {', '.join(map(str, absent))}")
        return "; ".join(waiting) + ": nothing is in flight, and there is no deadline"
