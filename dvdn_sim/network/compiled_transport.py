"""The compiled engine: all links of a team in one array, and exchanges over them in the loops of `kernel`.

Links are put in place when a graph first has them. What they were before an exchange is kept until it is over: should
the loops lack room, or not know when a link is down, it is run again from there.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dvdn_sim.compiled import compile_elsewhere
from dvdn_sim.network import kernel
from dvdn_sim.network.accounting import MessageCounts, MessageLife, NetworkCounters, Phase
from dvdn_sim.network.exchange import ExchangeReport, Numbering, facts_of, numbered, rounds_apart
from dvdn_sim.network.faults import TeamFaults
from dvdn_sim.network.transport import Transport
from dvdn_sim.scenario import Network
from netmodels import LinkSpec
from netmodels.links import Availability
from netmodels.links.delay import Constant, DelayTrace, Empirical, Exponential, Lognormal, Normal, Pareto, Uniform
from netmodels.links.loss import Bernoulli, GilbertElliott, LossTrace
from netmodels.links.transfer import LINK_DOWN, NODE_DOWN, REASONS
from netmodels.streams import seed_words
from netmodels.units import checked_state, count

Ints = npt.NDArray[np.int64]

REASON_NAMES = (*(reason for reason in REASONS if reason is not None), "incomplete")
PURPOSES = {
    "loss": kernel.OF_LOSS,
    "corrupt": kernel.OF_CORRUPT,
    "delay": kernel.OF_DELAY,
    "duplicate": kernel.OF_DUPLICATE,
    "second delay": kernel.OF_SECOND,
}
"""Of the streams of a link: their names, and the column of a spec that says which is meant."""
SHARES = {"link": kernel.OF_LINK, "node": kernel.OF_NODE, "medium": kernel.OF_MEDIUM}
MANY_BOOKS = 64
"""Kept at a time: of graphs that are drawn again and again, each has its own."""
TABLES = {
    kernel.SPECS: kernel.SPEC, kernel.REGIMES: kernel.REGIME, kernel.LINKS: kernel.LINK, kernel.DOWNS: kernel.DOWN,
    kernel.STREAMS: kernel.STREAM, kernel.SERVERS: kernel.QUEUE, kernel.WAITS: kernel.WAIT,
}  # fmt: skip
"""Those of `net`, and how long their rows are."""


class Memory:
    """One array: a heading, and tables behind each other.

    Attributes:
        whole: All of it, int64.
        tables: By where the heading says that they begin, ``[rows, columns]``; views.
    """

    def __init__(self, heading: int, tables: Mapping[int, Ints]) -> None:
        """Lay tables out, with their content, behind an empty heading."""
        self.whole, self.tables = np.zeros(heading + sum(table.size for table in tables.values()), np.int64), {}
        begins = heading
        for at, table in tables.items():
            self.whole[at] = begins
            self.tables[at] = self.whole[begins : begins + table.size].reshape(table.shape)
            self.tables[at][:] = table
            begins += table.size


class SpecRow(NamedTuple):
    """Parameters of a link as the loops take them.

    Attributes:
        whole: A row of `kernel.SPECS`.
        factor: Its numbers that are none, as long as `kernel.FACTOR`.
        recorded: What it plays: losses, then delays.
        purposes: Of its streams, in their order.
    """

    whole: list[int]
    factor: list[float]
    recorded: list[npt.NDArray[np.float64]]
    purposes: list[str]


def spec_row(spec: LinkSpec, recorded_at: int) -> SpecRow:
    """Write parameters down, with recordings from a place on."""
    row = SpecRow([-1] * kernel.SPEC, [0.0] * kernel.FACTOR, [], [])
    whole, factor = row.whole, row.factor
    whole[kernel.MTU], whole[kernel.FULL_BYTES], whole[kernel.LIMIT] = spec.mtu, spec.full_bytes, spec.limit
    whole[kernel.LIMIT_BYTES] = -1 if spec.limit_bytes is None else spec.limit_bytes
    whole[kernel.BURST] = 2**62 if math.isinf(spec.rate) else spec.limit + 1 if spec.limit_bytes is None else 1
    whole[kernel.RETRIES], whole[kernel.RETRY_NS] = spec.retries, round((spec.retry_delay or 0.0) * 1e9)
    whole[kernel.FIFO] = spec.fifo
    factor[kernel.RATE], factor[kernel.CORRUPT], factor[kernel.DUPLICATE] = spec.rate, spec.corrupt, spec.duplicate
    _write_loss(spec, row, recorded_at)
    _write_delay(spec, row, recorded_at + sum(map(len, row.recorded)))
    used = {
        "loss": spec.loss.loss_rate > 0.0,
        "corrupt": spec.corrupt > 0.0,
        "delay": not isinstance(spec.delay, Constant),
        "duplicate": spec.duplicate > 0.0,
        "second delay": spec.duplicate > 0.0,
    }
    row.purposes.extend(purpose for purpose in PURPOSES if used[purpose])
    for index, purpose in enumerate(row.purposes):
        whole[PURPOSES[purpose]] = index
    return row


def _write_loss(spec: LinkSpec, row: SpecRow, recorded_at: int) -> None:
    whole, factor = row.whole, row.factor
    match spec.loss:
        case Bernoulli(p=p):
            whole[kernel.LOSS], factor[kernel.LOSS_P] = kernel.BERNOULLI, p
        case GilbertElliott() as chain:
            whole[kernel.LOSS], factor[kernel.LOSS_P], factor[kernel.LOSS_R] = kernel.GILBERT, chain.p, chain.to_good
            factor[kernel.LOSS_GOOD], factor[kernel.LOSS_BAD] = chain.one_minus_k, chain.one_minus_h
            factor[kernel.BAD_FRACTION] = chain.bad_fraction
        case LossTrace() as played:
            values = np.asarray(played.array, float)
            whole[kernel.LOSS], whole[kernel.LOSS_PLACES] = kernel.PLAYED_LOSS, played.wanders
            whole[kernel.LOSS_AT], whole[kernel.LOSS_LENGTH] = recorded_at, len(values)
            whole[kernel.LOSS_OFFSET] = (played.offset or 0) % len(values)
            row.recorded.append(values)


def _write_delay(spec: LinkSpec, row: SpecRow, recorded_at: int) -> None:
    whole, model = row.whole, spec.delay
    kind, mean, spread = kernel.CONSTANT, 0.0, 0.0
    match model:
        case Uniform(mean=mean, jitter=spread):
            kind = kernel.UNIFORM
        case Normal(location=mean, jitter=spread):
            kind = kernel.NORMAL
        case Lognormal() if model.logarithm.stdev > 0.0:
            kind, mean, spread = kernel.LOGNORMAL, model.logarithm.mean, model.logarithm.stdev
        case Pareto():
            kind, mean, spread = kernel.PARETO, model.least, model.alpha
        case Exponential(mean=mean):
            kind = kernel.EXPONENTIAL
        case Constant(mean=mean) | Lognormal(mean=mean):
            whole[kernel.CONSTANT_NS] = int(np.rint(min(mean, kernel.MAX_DRAWN_S) * 1e9))
        case Empirical() | DelayTrace():
            kind = kernel.PLAYED_DELAY if isinstance(model, DelayTrace) else kernel.EMPIRICAL
            whole[kernel.DELAY_AT], whole[kernel.DELAY_LENGTH] = recorded_at, len(model.array)
            whole[kernel.DELAY_PLACES] = getattr(model, "wanders", False)
            whole[kernel.DELAY_OFFSET] = (getattr(model, "offset", None) or 0) % len(model.array)
            row.recorded.append(np.asarray(model.array, float))
    whole[kernel.DELAY], row.factor[kernel.DELAY_MEAN], row.factor[kernel.DELAY_SPREAD] = kind, mean, spread


class Wiring(NamedTuple):
    """The links of an exchange's graphs.

    Attributes:
        rows: int64 ``[E]``, which links they are.
        ends: int64 ``[E, 2]``, their senders and receivers.
        memory: One exchange over them, before it begins; what is to happen comes behind.
        books: By kind of message, what became of packets, int64 ``[E, COUNTED]``.
    """

    rows: Ints
    ends: Ints
    memory: Memory
    books: dict[str, Ints]


class CompiledTransport:
    """The links between the agents of one team, and the exchanges over them.

    In all that can be seen from outside it is equal to `Exchange` over `Transport`: reports, counts and state.
    """

    def __init__(
        self, network: Network, transport: Transport, *, seed: int, keys: Sequence[int], faults: TeamFaults
    ) -> None:
        """Prepare links without putting any in place."""
        # The rest of the program has as much to compile, and is not asked for this before its first exchange.
        compile_elsewhere(kernel.complete, kernel.__name__)
        self._transport, self._faults, self._seed, self._keys = transport, faults, seed, tuple(keys)
        self._share, self._broadcast = network.share, network.broadcast
        self._specs: dict[LinkSpec, int] = {}
        self._purposes: list[list[str]] = []
        self._row: dict[tuple[int, int], int] = {}
        self._server: dict[Any, int] = {}
        self._order: dict[tuple[int, ...], int] = {}
        self._available: dict[int, Availability] = {}
        self._known: dict[int, tuple[list[tuple[int, int]], ...]] = {}
        self._books: list[tuple[str, Wiring]] = []
        self._wirings = lru_cache(maxsize=16)(self._wiring)
        self._events, self._places, self._heap = 1024, 8, _empty_heap(1024)
        self._real = np.empty(0)
        self._recorded = np.empty(0)
        self._net = Memory(kernel.NET, {at: np.empty((0, width), np.int64) for at, width in TABLES.items()})

    # Links are put in place.

    def _extend(self, rows: Mapping[int, Sequence[Sequence[int]] | Ints]) -> None:
        """Put further rows into tables."""
        tables = dict(self._net.tables)
        for at, more in rows.items():
            tables[at] = np.concatenate([tables[at], np.array(more, np.int64).reshape(-1, TABLES[at])])
        self._lay_out(tables)

    def _lay_out(self, tables: Mapping[int, Ints]) -> None:
        self._net = Memory(kernel.NET, tables)
        self._net.whole[kernel.PLACES] = self._places

    def _place(self, edges: Sequence[tuple[int, int]]) -> None:
        """Put links in place that are not there yet."""
        new = [edge for edge in edges if edge not in self._row]
        if not new:
            return
        plan, keys, before = self._faults.plan, self._keys, len(self._server)
        links, regimes, names = list[list[int]](), list[list[int]](), list[tuple[int | str, ...]]()
        first_stream, first_regime = len(self._net.tables[kernel.STREAMS]), len(self._net.tables[kernel.REGIMES])
        for edge in new:
            named, spec = (keys[edge[0]], keys[edge[1]]), self._transport.spec(*edge)
            row = self._row[edge] = len(self._row)
            owner = {"link": named, "node": named[0], "medium": "medium"}[self._share]
            each: list[tuple[int, int, LinkSpec, tuple[int | str, ...]]] = [(0, kernel.FOREVER_NS, spec, named)]
            each += [
                (start_ns, end_ns, other, (*named, "degraded", start_ns, end_ns))
                for start_ns, end_ns, other in plan.degradations(*named, spec)
            ]
            server = self._server.setdefault(owner, len(self._server))
            links.append([server, 0, first_regime + len(regimes), len(each), -1, 0, 0, 0, 0])
            for start_ns, end_ns, other, name in each:
                s = self._spec(other)
                regimes.append([start_ns, end_ns, s, first_stream + len(names)])
                names += [(purpose, *_own(other, purpose, name)) for purpose in self._purposes[s]]
            available = plan.availability(*named)
            if available is not None:
                self._available[row] = available
        more = len(self._server) - before
        self._extend(
            {
                kernel.LINKS: links,
                kernel.REGIMES: regimes,
                kernel.STREAMS: self._opened(names),
                kernel.SERVERS: np.zeros((more, kernel.QUEUE), np.int64),
                kernel.WAITS: np.zeros((more * self._places, kernel.WAIT), np.int64),
            }
        )
        unknown = self._available.keys() - self._known.keys()
        for row in unknown:
            self._look(row, 0, 0)
        if unknown:
            self._write_down()

    def _spec(self, spec: LinkSpec) -> int:
        """Return the row of parameters."""
        found = self._specs.get(spec)
        if found is None:
            found = self._specs[spec] = len(self._specs)
            written = spec_row(spec, len(self._recorded))
            self._purposes.append(written.purposes)
            self._recorded = np.concatenate([self._recorded, *written.recorded])
            self._extend({kernel.SPECS: [written.whole]})
            factors = [*self._real[: found * kernel.FACTOR], *written.factor]
            self._real = np.concatenate([factors, self._recorded])
            # Recordings stand behind the factors, which have become more.
            rows = self._net.tables[kernel.SPECS]
            for at in (kernel.LOSS_AT, kernel.DELAY_AT):
                rows[:found, at] += kernel.FACTOR
                rows[found, at] += len(factors)
        return found

    def _opened(self, names: Sequence[tuple[int | str, ...]]) -> Ints:
        """Return streams at their beginnings, as rows."""
        streams = np.zeros((len(names), kernel.STREAM), np.int64)
        kernel.seed(seed_words(self._seed, names), streams.reshape(-1))
        return streams

    def _look(self, row: int, start_ns: int, end_ns: int) -> None:
        """Learn when a link is down around some time."""
        from_ns, until_ns, down = self._available[row].around(start_ns, end_ns)
        self._known[row] = (down.get(NODE_DOWN, []), down.get(LINK_DOWN, []))
        link = self._net.tables[kernel.LINKS][row]
        link[kernel.KNOWN_FROM_NS], link[kernel.KNOWN_UNTIL_NS] = from_ns, until_ns

    def _write_down(self) -> None:
        """Lay out when links are down."""
        every = list[tuple[int, int]]()
        for of_row, (of_node, of_link) in self._known.items():
            self._net.tables[kernel.LINKS][of_row, kernel.FIRST_DOWN : kernel.LINK_DOWNS + 1] = (
                len(every), len(of_node), len(of_link),
            )  # fmt: skip
            every += [*of_node, *of_link]
        self._lay_out(self._net.tables | {kernel.DOWNS: np.array(every, np.int64).reshape(-1, kernel.DOWN)})

    def _orders(self, who: Sequence[tuple[int, ...]]) -> Ints:
        """Return the streams that order simultaneous hand-overs."""
        new = [agents for agents in who if agents not in self._order]
        if new:
            first = len(self._net.tables[kernel.STREAMS])
            names: list[tuple[int | str, ...]] = [
                ("hand_over", *(self._keys[agent] for agent in agents)) for agents in new
            ]
            self._extend({kernel.STREAMS: self._opened(names)})
            self._order |= {agents: first + index for index, agents in enumerate(new)}
        return np.array([self._order[agents] for agents in who], np.int64)

    def _wiring(self, numbers: Numbering, stride: int, copies: int) -> Wiring:
        """Lay out the links of an exchange's graphs."""
        self._place(numbers.edges)
        agents, edges, ends = len(self._keys), len(numbers.edges), numbers.links.edges
        active = np.repeat(numbers.links.active, stride, axis=0)
        (senders, receivers), keys, bounds = ends.T, np.array(self._keys), np.arange(agents + 1)
        rows = np.array([self._row[edge] for edge in numbers.edges], np.int64)
        into = np.argsort(receivers, kind="stable")
        crashed_from, crashes = self._faults.arrays()
        of_agents = np.zeros((agents + 1, kernel.AGENT), np.int64)
        of_agents[:, [kernel.PHASE, kernel.STARTED_NS, kernel.START_NS]] = -1
        of_agents[:, kernel.FIRST_OUT] = np.searchsorted(senders, bounds)
        of_agents[:, kernel.FIRST_IN] = np.searchsorted(receivers[into], bounds)
        of_agents[:, kernel.FIRST_CRASH] = crashed_from
        of_edges = np.zeros((edges, kernel.EDGE), np.int64)
        of_edges[:, kernel.ROW], of_edges[:, kernel.RECEIVER], of_edges[:, kernel.INTO] = rows, receivers, into
        of_edges[:, kernel.IN_TURN] = np.lexsort((keys[receivers], senders))
        of_edges[:, kernel.NEWEST] = -1
        if self._share == "medium" and self._broadcast:
            of_agents[:agents, kernel.AGENT_ORDER] = self._orders([(agent,) for agent in range(agents)])
        elif self._share != "link" and not self._broadcast:
            of_edges[:, kernel.EDGE_ORDER] = self._orders(numbers.edges)
        cells = np.full((active.size, kernel.CELL), -1)
        cells[:, kernel.ACTIVE], cells[:, kernel.THERE] = active.reshape(-1), 0
        waiting = len(active) * max(edges, agents) if self._share == "medium" else edges
        memory = Memory(
            kernel.RUN,
            {
                kernel.AGENTS: of_agents,
                kernel.EDGES: of_edges,
                kernel.PHASES: np.zeros((len(active), kernel.PHASE_ROW), np.int64),
                kernel.CELLS: cells,
                kernel.TURNS: np.full((len(active) * agents, kernel.TURN), kernel.NEVER),
                kernel.COUNTS: np.zeros((2, kernel.COUNTED), np.int64),
                kernel.CRASHES: crashes,
                kernel.QUEUED: np.zeros((waiting, kernel.WAITER), np.int64),
                kernel.NEXT: np.zeros((waiting * copies, kernel.HANDED), np.int64),
            },
        )
        heading = memory.whole
        heading[kernel.N_AGENTS], heading[kernel.N_EDGES], heading[kernel.N_PHASES] = agents, edges, len(active)
        heading[kernel.OPEN] = agents
        heading[kernel.BROADCAST], heading[kernel.SHARE] = self._broadcast, SHARES[self._share]
        return Wiring(rows, ends, memory, {})

    # Exchanges.

    def exchange(
        self, counters: NetworkCounters, phases: Sequence[Phase], starts_ns: Sequence[int | None],
        *, now_ns: int, past_ns: int, update: int,
    ) -> ExchangeReport | None:  # fmt: skip
        """Let all agents go through all rounds; None, and nothing has happened, if `Exchange` is to say why not.

        Args:
            counters: Where every message is counted.
            phases: See `Exchange`.
            starts_ns: See `Exchange.run`.
            now_ns: When it begins.
            past_ns: Crashes and recoveries before it have happened.
            update: Its index.
        """
        numbers, stride = numbered(phases), rounds_apart(phases)
        wiring = self._wirings(numbers, stride, max(phase.copies for phase in phases[:stride]))
        while True:
            before, run = self._net.whole.copy(), self._begun(wiring, phases, starts_ns, now_ns)
            status = kernel.complete(self._net.whole, self._real, run, past_ns)
            if status == kernel.DONE:
                return self._end(counters, phases, numbers, wiring, run, began_ns=now_ns, update=update)
            self._net.whole[:] = before
            if status == kernel.FULL:
                self._make_room()
            elif status == kernel.UNKNOWN:
                # From its beginning on, or what it meets first would be forgotten for what it meets last.
                self._look(int(run[kernel.ASKED_LINK]), now_ns, int(run[kernel.ASKED_UNTIL]))
                self._write_down()
            else:
                return None

    def _begun(self, wiring: Wiring, phases: Sequence[Phase], starts_ns: Sequence[int | None], now_ns: int) -> Ints:
        """Return an exchange that is about to begin."""
        known, mtu = wiring.memory.whole, int(self._net.tables[kernel.SPECS][:, kernel.MTU].min(initial=2**40))
        packets = 1 + max(phase.size_bytes for phase in phases) // mtu
        message, heap = len(known), len(known) + packets * kernel.PACKET
        run = np.empty(heap + self._events * (kernel.KEY + kernel.EVENT), np.int64)
        run[:message] = known
        run[kernel.NOW], run[kernel.MOST_EVENTS] = now_ns, self._events
        run[kernel.MESSAGE], run[kernel.HEAP] = message, heap
        run[kernel.EVENTS] = heap + self._events * kernel.KEY
        run[heap : run[kernel.EVENTS]] = self._heap
        agents = run[run[kernel.AGENTS] : run[kernel.EDGES]].reshape(-1, kernel.AGENT)
        agents[:-1, kernel.START_NS] = [-1 if at_ns is None else at_ns for at_ns in starts_ns]
        rows = [(phase.size_bytes, phase.copies, phase.round, phase.acks) for phase in phases]
        run[run[kernel.PHASES] : run[kernel.CELLS]] = np.array(rows, np.int64).reshape(-1)
        if phases[0].deadlines_ns is not None:
            turns = run[run[kernel.TURNS] : run[kernel.COUNTS]].reshape(-1, kernel.TURN)
            turns[:, kernel.WAIT_NS] = np.array([phase.deadlines_ns for phase in phases]).reshape(-1)
        return run

    def _make_room(self) -> None:
        """Let twice as much wait, and happen."""
        tables, before = self._net.tables, self._places
        self._events, self._places, self._heap = 2 * self._events, 2 * before, _empty_heap(2 * self._events)
        waits = np.zeros((len(tables[kernel.SERVERS]), self._places, kernel.WAIT), np.int64)
        for server, (head, number) in enumerate(tables[kernel.SERVERS][:, [kernel.HEAD, kernel.PACKETS]].tolist()):
            waits[server, :number] = tables[kernel.WAITS][server * before + (head + np.arange(number)) % before]
        tables[kernel.SERVERS][:, kernel.HEAD] = 0
        self._lay_out(tables | {kernel.WAITS: waits.reshape(-1, kernel.WAIT)})

    def _end(
        self, counters: NetworkCounters, phases: Sequence[Phase], numbers: Numbering, wiring: Wiring, run: Ints,
        *, began_ns: int, update: int,
    ) -> ExchangeReport:  # fmt: skip
        """Count what became of all messages, and say it."""
        stride, ended_ns, wire_bytes = rounds_apart(phases), int(run[kernel.NOW]), int(run[kernel.WIRE_BYTES])
        edges = run[run[kernel.EDGES] : run[kernel.PHASES]].reshape(-1, kernel.EDGE)
        of_kinds = edges[:, kernel.PACKETS_OF :].reshape(-1, 2, kernel.COUNTED)
        counts = run[run[kernel.COUNTS] : run[kernel.CRASHES]].reshape(2, kernel.COUNTED).tolist()
        for index, phase in enumerate(phases[:stride]):
            found = message_counts(counts[index])
            phase.counts.add(found)
            counters.messages.add(found)
            if phase.kind in wiring.books:
                wiring.books[phase.kind] += of_kinds[:, index]
            else:
                wiring.books[phase.kind] = of_kinds[:, index].copy()
                self._books.append((phase.kind, wiring))
        if len(self._books) >= MANY_BOOKS:
            counters.packets  # noqa: B018  (it folds them in)
        counters.wire_bytes += wire_bytes
        counters.airtime_ns += int(run[kernel.AIRTIME_NS])
        counters.leave(self._flights(phases, wiring, run, edges, update), ended_ns, None)
        deadlines = [phase.deadlines_ns for phase in phases[::stride]]
        cells = run[run[kernel.CELLS] : run[kernel.TURNS]].reshape(len(phases), -1, kernel.CELL)
        turns = run[run[kernel.TURNS] : run[kernel.COUNTS]].reshape(len(phases), -1, kernel.TURN)
        agents = run[run[kernel.AGENTS] : run[kernel.EDGES]].reshape(-1, kernel.AGENT)
        closed_ns = turns[:, :, kernel.CLOSED_NS].copy()
        return ExchangeReport(
            facts=facts_of(numbers.links, cells[:, :, kernel.LATEST], stride),
            started_at_ns=agents[:-1, kernel.STARTED_NS].copy(),
            closed_at_ns=closed_ns[::stride],
            messages=phases[0].counts,
            wire_bytes=wire_bytes,
            began_ns=began_ns,
            ended_ns=ended_ns,
            deadlines_ns=None if None in deadlines else np.array(deadlines, np.int64),
            acks=phases[1].counts if stride == 2 else None,
            acked_at_ns=closed_ns[1::2] if stride == 2 else None,
        )

    def _flights(
        self, phases: Sequence[Phase], wiring: Wiring, run: Ints, edges: Ints, update: int
    ) -> list[MessageLife]:
        """Return the messages that are on their way, in the order in which they would arrive."""
        heap = run[run[kernel.HEAP] : run[kernel.EVENTS]].reshape(-1, kernel.KEY)[: run[kernel.N_EVENTS]]
        events = run[run[kernel.EVENTS] :].reshape(-1, kernel.EVENT)[heap[:, 2]]
        arrivals = np.flatnonzero(events[:, kernel.KIND] == kernel.ARRIVAL)
        arrivals = arrivals[np.lexsort((heap[arrivals, 1], heap[arrivals, 0]))]
        flights = []
        for at_ns, (_, edge, p, sent_ns) in zip(heap[arrivals, 0].tolist(), events[arrivals].tolist(), strict=True):
            phase, (sender, receiver) = phases[p], wiring.ends[edge].tolist()
            about = phase.kind, update, phase.round, sender, receiver, sent_ns, phase.size_bytes
            flights.append(MessageLife(*about, int(edges[edge, kernel.SIZE + phase.acks]), "expired", "", at_ns))
        return flights

    def fold(self, packets: dict[tuple[str, int, int], MessageCounts]) -> None:
        """Add what was counted of packets since the last time."""
        for kind, wiring in self._books:
            for edge, counted in zip(wiring.ends.tolist(), wiring.books.pop(kind).tolist(), strict=True):
                packets.setdefault((kind, *edge), MessageCounts()).add(message_counts(counted))
        self._books.clear()

    # From one engine to the other.

    def state(self) -> dict[str, Any]:
        """Return what `Transport.state` returns."""
        tables, keys = self._net.tables, self._keys
        links = [
            [keys[sender], keys[receiver], self._state_of_link(row)] for (sender, receiver), row in self._row.items()
        ]
        servers = []
        for owner, server in sorted(self._server.items(), key=lambda item: str(item[0])):
            free_ns, now_ns, head, number, _ = tables[kernel.SERVERS][server].tolist()
            waits = tables[kernel.WAITS][server * self._places + (head + np.arange(number)) % self._places].tolist()
            packets = [packet for packet in waits if packet[0] > now_ns]
            named = list(owner) if isinstance(owner, tuple) else owner
            servers.append([named, {"free_ns": free_ns, "now_ns": now_ns, "packets": packets}])
        drawn = tables[kernel.STREAMS][:, kernel.DRAWN].tolist()
        orders = sorted([list(agents), drawn[row]] for agents, row in self._order.items() if drawn[row])
        return {"network": {"servers": servers, "links": sorted(links, key=lambda link: link[:2])}, "orders": orders}

    def _state_of_link(self, row: int) -> dict[str, Any]:
        plain, *degraded = map(self._drawn, self._regimes(row))
        latest_ns = int(self._net.tables[kernel.LINKS][row, kernel.LATEST_NS])
        return {"latest_ns": latest_ns} | plain | ({"degraded": degraded} if degraded else {})

    def _regimes(self, row: int) -> range:
        first, number = self._net.tables[kernel.LINKS][row, kernel.FIRST_REGIME : kernel.REGIMES_OF + 1].tolist()
        return range(first, first + number)

    def _streams(self, regime: int) -> tuple[int, dict[str, int]]:
        """Return the parameters of a regime, and its streams by what they are for."""
        s, first = self._net.tables[kernel.REGIMES][regime, kernel.OF_SPEC :].tolist()
        return s, {purpose: first + index for index, purpose in enumerate(self._purposes[s])}

    def _drawn(self, regime: int) -> dict[str, int]:
        """Return how far the streams of a regime have been read; those of a `Link` begin with a constant delay."""
        _, streams = self._streams(regime)
        drawn = {"delay": 1, "second delay": 0}
        drawn |= {purpose: int(self._net.tables[kernel.STREAMS][row, kernel.DRAWN]) for purpose, row in streams.items()}
        return {purpose: drawn[purpose] for purpose in PURPOSES if purpose in drawn}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, with links that have just been put in place.

        Raises:
            ValueError: for the state of other links.
        """
        checked_state(state, ("network", "orders"), "transport")
        checked_state(state["network"], ("servers", "links"), "network")
        index = {key: agent for agent, key in enumerate(self._keys)}
        named = [(sender, receiver) for sender, receiver, _ in state["network"]["links"]]
        for sender, receiver in named:
            if sender == receiver or not {sender, receiver} <= index.keys():
                raise ValueError(f"link: expected two different agents of {self._keys}, got {(sender, receiver)!r}")
        edges = [(index[sender], index[receiver]) for sender, receiver in named]
        self._place(edges)
        for edge, (_, _, of_link) in zip(edges, state["network"]["links"], strict=True):
            self._restore_link(self._row[edge], of_link)
        self._restore_servers(state["network"]["servers"])
        rows = self._orders([tuple(agents) for agents, _ in state["orders"]]).tolist()
        for row, (_, drawn) in zip(rows, state["orders"], strict=True):
            self._read_on(row, 0, kernel.OF_CORRUPT, drawn)

    def _restore_servers(self, states: Sequence[tuple[Any, Mapping[str, Any]]]) -> None:
        servers = {tuple(owner) if isinstance(owner, list) else owner: each for owner, each in states}
        if servers.keys() != self._server.keys():
            raise ValueError(f"servers: expected those of {list(self._server)}, got those of {list(servers)}")
        for each in servers.values():
            checked_state(each, ("free_ns", "now_ns", "packets"), "server")
        while max((len(each["packets"]) for each in servers.values()), default=0) > self._places:
            self._make_room()
        for owner, each in servers.items():
            server, waits = self._server[owner], np.array(each["packets"], np.int64).reshape(-1, kernel.WAIT)
            self._net.tables[kernel.SERVERS][server] = (
                each["free_ns"], each["now_ns"], 0, len(waits), waits[:, 1].sum(),
            )  # fmt: skip
            first = server * self._places
            self._net.tables[kernel.WAITS][first : first + len(waits)] = waits

    def _restore_link(self, row: int, state: Mapping[str, Any]) -> None:
        checked_state(state, self._state_of_link(row).keys(), "link")
        plain, *others = self._regimes(row)
        degraded = state.get("degraded", ())
        if len(degraded) != len(others):
            raise ValueError(f"degraded: expected {len(others)} degradations, got {len(degraded)}")
        for regime, drawn in zip(others, degraded, strict=True):
            checked_state(drawn, self._drawn(regime).keys(), "degraded link")
        self._net.tables[kernel.LINKS][row, kernel.LATEST_NS] = state["latest_ns"]
        for regime, drawn in zip([plain, *others], [state, *degraded], strict=True):
            s, streams = self._streams(regime)
            for purpose, stream in streams.items():
                self._read_on(stream, s, PURPOSES[purpose], drawn[purpose])

    def _read_on(self, stream: int, s: int, purpose: int, drawn: int) -> None:
        before = int(self._net.tables[kernel.STREAMS][stream, kernel.DRAWN])
        kernel.skip(self._net.whole, self._real, stream, s, purpose, count(drawn, "drawn", minimum=before))


def _empty_heap(events: int) -> Ints:
    """Return the heap of so many events, none of which is to happen: each has a place for itself."""
    heap = np.zeros((events, kernel.KEY), np.int64)
    heap[:, 2] = np.arange(events)
    return heap.reshape(-1)


def _own(spec: LinkSpec, purpose: str, name: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return whose a stream is: the link's, or nobody's where all links play the same in lockstep."""
    played = {"loss": spec.loss, "delay": spec.delay, "second delay": spec.delay}.get(purpose)
    return () if getattr(played, "lockstep", False) else name


def message_counts(counted: Any) -> MessageCounts:
    """Return counts from the columns of `kernel`."""
    found = MessageCounts(
        sent=counted[kernel.SENT],
        in_flight=counted[kernel.IN_FLIGHT],
        delivered=counted[kernel.HELD],
        late=counted[kernel.LATE],
        expired=counted[kernel.EXPIRED],
        duplicates=counted[kernel.DUPLICATES],
    )
    lost = counted[kernel.OF_REASON + 1 : kernel.COUNTED]
    found.lost.update({reason: number for reason, number in zip(REASON_NAMES, lost, strict=True) if number})
    return found
