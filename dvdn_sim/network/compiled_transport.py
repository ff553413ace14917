"""The compiled engine: all links of a team in one array, and exchanges over them in the loops of `kernel`.

Links are put in place when a graph first has them. Where an exchange may have to be run again, because its loops lack
room, do not know when a link is down, or meet a crash, what links were before is kept until it is over.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dvdn_sim.compiled import compile_elsewhere
from dvdn_sim.consensus import RoundLinks
from dvdn_sim.network import kernel
from dvdn_sim.network.accounting import MessageCounts, MessageLife, NetworkCounters, Phase
from dvdn_sim.network.exchange import ExchangeReport, facts_of, held_rounds, links_of, rounds_apart
from dvdn_sim.network.faults import TeamFaults
from dvdn_sim.network.transport import Transport
from dvdn_sim.scenario import Network
from netmodels import LinkSpec
from netmodels.links import FOREVER_NS, Availability
from netmodels.links.delay import Constant, DelayTrace, Empirical, Exponential, Lognormal, Normal, Pareto, Uniform
from netmodels.links.link import refuse_late
from netmodels.links.loss import Bernoulli, GilbertElliott, LossTrace
from netmodels.links.transfer import LINK_DOWN, NODE_DOWN, REASONS
from netmodels.streams import words_of
from netmodels.topology import Graph
from netmodels.units import checked_state, count

Ints = npt.NDArray[np.int64]
Shape = tuple[int, int]
Sizes = tuple[tuple[int, int], ...]
"""How many bytes messages have, and how many copies there are; and acknowledgements."""

REASON_NAMES = (*(reason for reason in REASONS if reason is not None), "incomplete")
PURPOSES = {
    "loss": int(kernel.OF_LOSS),
    "corrupt": int(kernel.OF_CORRUPT),
    "delay": int(kernel.OF_DELAY),
    "duplicate": int(kernel.OF_DUPLICATE),
    "second delay": int(kernel.OF_SECOND),
}
"""Of the streams of a link: their names, and the column of a spec that says which is meant."""
SHARES = {"link": kernel.OF_LINK, "node": kernel.OF_NODE, "medium": kernel.OF_MEDIUM}
MOST_WIRINGS = 16
SEEDED = 2**16
"""Streams at a time: their names are Python's."""


class Memory:
    """One array: a heading, and tables behind each other.

    Attributes:
        whole: All of it, int64.
        tables: By where the heading says that they begin, ``[rows, columns]``; views.
    """

    def __init__(self, heading: int, shapes: Mapping[int, Shape]) -> None:
        """Lay empty tables out behind an empty heading, one behind the other in the order of their names there."""
        self.heading = heading
        self.whole = np.zeros(heading + sum(rows * columns for rows, columns in shapes.values()), np.int64)
        self.tables: dict[int, Ints] = {}
        begins = heading
        for at, (rows, columns) in sorted(shapes.items()):
            self.whole[at] = begins
            self.tables[at] = self.whole[begins : begins + rows * columns].reshape(rows, columns)
            begins += rows * columns

    @property
    def shapes(self) -> dict[int, Shape]:
        """Rows and columns of the tables."""
        return {at: (len(table), table.shape[1]) for at, table in self.tables.items()}

    def with_tables(self, shapes: Mapping[int, Shape]) -> "Memory":
        """Return the same, but for tables that have other shapes: longer ones begin as they did, others are empty."""
        made = Memory(self.heading, self.shapes | dict(shapes))
        scalars = [at for at in range(self.heading) if at not in made.tables]
        made.whole[scalars] = self.whole[scalars]
        for at, table in self.tables.items():
            if table.shape[1] == made.tables[at].shape[1] and len(table) <= len(made.tables[at]):
                made.tables[at][: len(table)] = table
        return made

    def with_rows(self, more: Mapping[int, int]) -> "Memory":
        """Return the same with so many empty rows more."""
        shapes = self.shapes
        return self.with_tables({at: (shapes[at][0] + number, shapes[at][1]) for at, number in more.items()})


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
            whole[kernel.LOSS], factor[kernel.LOSS_P] = kernel.GILBERT, chain.p
            factor[kernel.STAYS_BAD] = 1.0 - chain.to_good
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


class Degradations(NamedTuple):
    """How links are degraded at times.

    Attributes:
        begins: Int64 ``[links]``, where those of each begin in `regimes`.
        numbers: Int64 ``[links]``, and how many there are.
        regimes: Rows of `kernel.REGIMES`.
        names: Of their streams.
    """

    begins: Ints
    numbers: Ints
    regimes: list[tuple[int, ...]]
    names: list[tuple[int | str, ...]]


class Wiring:
    """The links of an exchange's graphs, and the memory of exchanges over them.

    Attributes:
        links: Of the graphs.
        active: Theirs, not to be written: compiled code is made for one type of each array alone.
        rows: Int64 ``[E]``, which links of the team they are.
        by_events: Whether exchanges go event by event.
        memory: Of one exchange.
        kinds: What was sent over it.
    """

    def __init__(self, links: RoundLinks, rows: Ints, stride: int, memory: Memory, *, by_events: bool) -> None:
        """Take memory that is laid out."""
        self.links, self.rows, self.stride, self.by_events = links, rows, stride, by_events
        self.active = links.active.view()
        self.active.flags.writeable = False
        self.kinds: set[str] = set()
        self.lay_out(memory, {})

    def lay_out(self, memory: Memory, shapes: Mapping[int, Shape]) -> None:
        """Give tables other shapes; what they hold must not be needed any more but where they become longer."""
        self.memory = memory = memory.with_tables(shapes) if shapes else memory
        self.run, tables = memory.whole, memory.tables
        for at, table in ((kernel.MOST_FLYING, kernel.FLYING), (kernel.MOST_EVENTS, kernel.EVENTS)):
            self.run[at] = len(tables[table])
        tables[kernel.HEAP][:, 2] = np.arange(len(tables[kernel.HEAP]))  # each has a place for its event
        self.counts, self.opened = tables[kernel.COUNTS], tables[kernel.OPENED_NS][:, 0]
        self.started = tables[kernel.STARTED][:, 0]
        self.patience, self.closed = tables[kernel.PATIENCE], tables[kernel.CLOSED]


class CompiledTransport:
    """The links between the agents of one team, and the exchanges over them.

    In all that can be seen from outside it is equal to `Exchange` over `Transport`: reports, counts and state.
    """

    def __init__(
        self, network: Network, transport: Transport, *, seed: int, keys: Sequence[int], faults: TeamFaults
    ) -> None:
        """Prepare links without putting any in place."""
        # The rest of the program has as much to compile, and is not asked for this before its first exchange.
        compile_elsewhere(kernel.by_rounds, kernel.__name__)
        self._transport, self._faults, self._seed, self._keys = transport, faults, seed, tuple(keys)
        self._share, self._broadcast = network.share, network.broadcast
        self._specs: dict[LinkSpec, int] = {}
        self._purposes: list[list[str]] = []
        self._ends = np.empty((0, 2), np.int64)  # of links, by row
        self._codes, self._row = np.empty((2, 0), np.int64)  # sorted, and which rows they are
        self._order: dict[tuple[int, ...], int] = {}
        self._available: dict[int, Availability] = {}
        # Of links that are down at times, by row: from when until when it is known, and all down-times then.
        self._known: dict[int, tuple[int, int, int, int, list[tuple[int, int]]]] = {}
        self._most_downs = 1
        self._kinds: list[str] = []
        self._books = np.zeros((0, 0, int(kernel.COUNTED)), np.int64)  # by kind of message, link, and what became of it
        self._fresh = np.zeros((0, 0), bool)  # links that an exchange had since the books were read, maybe unused
        self._wirings: dict[tuple[tuple[Graph, ...], Sizes, bool], Wiring] = {}  # the latest one last
        self._real, self._recorded = np.zeros(2 * kernel.MOST_AHEAD), np.empty(0)
        # Of few links much is drawn ahead; of many it would take more memory than all the rest.
        ahead = 1 << min(max((2**17 // len(keys)).bit_length() - 1, 0), 5)
        self._net = Memory(
            kernel.NET,
            {
                kernel.SPECS: (0, kernel.SPEC), kernel.LINKS: (0, kernel.LINK), kernel.REGIMES: (0, kernel.REGIME),
                kernel.OUTAGES: (0, kernel.OUTAGE_ROW), kernel.DOWNS: (0, kernel.DOWN),
                kernel.STREAMS: (0, kernel.STREAM + ahead), kernel.SERVERS: (0, kernel.QUEUE),
                kernel.WAITS: (0, kernel.WAIT),
            },
        )  # fmt: skip
        self._net.whole[[kernel.AHEAD, kernel.PLACES]] = ahead, 4

    # Links are put in place.

    def _place(self, links: Ints) -> Ints:
        """Return which rows links have, ``[E, 2]``; put those in place that are not there yet."""
        codes = links @ np.array((len(self._keys), 1))
        there = np.isin(codes, self._codes) if len(self._codes) else np.zeros(len(codes), bool)
        if not there.all():
            self._put(links[~there])
        rows: Ints = self._row[self._codes.searchsorted(codes)]
        return rows

    def _put(self, links: Ints) -> None:
        """Put links in place that are not there."""
        first, number, share, places = len(self._ends), len(links), self._share, int(self._net.whole[kernel.PLACES])
        specs = np.full(number, self._spec(self._transport.common), np.int64)
        for edge in self._transport.others:
            specs[(links == edge).all(1)] = self._spec(self._transport.spec(*edge))
        streams_of = np.array([len(purposes) for purposes in self._purposes], np.int64)[specs]
        first_stream, first_regime = (len(self._net.tables[at]) for at in (kernel.STREAMS, kernel.REGIMES))
        worse = self._degradations(links, first_stream + int(streams_of.sum()))
        transmitters = {"link": number, "node": 0 if first else len(self._keys), "medium": 0 if first else 1}[share]
        more = {
            kernel.LINKS: number, kernel.REGIMES: len(worse.regimes), kernel.SERVERS: transmitters,
            kernel.STREAMS: int(streams_of.sum()) + len(worse.names), kernel.WAITS: transmitters * places,
        }  # fmt: skip
        self._net = self._net.with_rows(more)
        new = self._net.tables[kernel.LINKS][first:]
        new[:, kernel.OF_SPEC], new[:, kernel.FIRST_STREAM] = specs, first_stream + np.cumsum(streams_of) - streams_of
        new[:, kernel.SERVER] = np.arange(first, first + number) if share == "link" else 0
        if share == "node":
            new[:, kernel.SERVER] = links[:, 0]
        new[:, kernel.FIRST_REGIME], new[:, kernel.REGIMES_OF] = first_regime + worse.begins, worse.numbers
        new[:, kernel.OUTAGE] = -1
        if worse.regimes:
            self._net.tables[kernel.REGIMES][first_regime:] = worse.regimes
        self._open(self._names(links, specs, worse.names), more[kernel.STREAMS])
        self._number(links)
        self._learn_outages(first)

    def _degradations(self, links: Ints, next_stream: int) -> "Degradations":
        """Return how new links are degraded at times, with streams from a row on."""
        found = Degradations(np.zeros(len(links), np.int64), np.zeros(len(links), np.int64), [], [])
        plan = self._faults.plan
        if plan.events:
            for index, edge in enumerate(links.tolist()):
                named, found.begins[index] = (self._keys[edge[0]], self._keys[edge[1]]), len(found.regimes)
                for start_ns, end_ns, spec in plan.degradations(*named, self._transport.spec(*edge)):
                    s = self._spec(spec)
                    found.regimes.append((s, next_stream + len(found.names), start_ns, end_ns))
                    name = (*named, "degraded", start_ns, end_ns)
                    found.names.extend(_own(spec, purpose, name) for purpose in self._purposes[s])
                found.numbers[index] = len(found.regimes) - found.begins[index]
        return found

    def _learn_outages(self, first: int) -> None:
        """Learn which links, from a row on, are down at times, and when."""
        if not self._faults.plan.events:
            return
        for row, edge in enumerate(self._ends[first:].tolist(), first):
            available = self._faults.plan.availability(*(self._keys[agent] for agent in edge))
            if available is not None:
                self._net.tables[kernel.LINKS][row, kernel.OUTAGE] = len(self._available)
                self._available[row] = available
        number = len(self._available)
        self._net = self._net.with_tables(
            {kernel.OUTAGES: (number, kernel.OUTAGE_ROW), kernel.DOWNS: (number * self._most_downs, kernel.DOWN)}
        )
        for row in self._available.keys() - self._known.keys():
            self._look(row, 0, 0)

    def _names(self, links: Ints, specs: Ints, others: Sequence[tuple[int | str, ...]]) -> Iterator[str]:
        """Yield the names of the streams of new links, then others, as Python writes them."""
        keys, by_row = self._keys, {row: spec for spec, row in self._specs.items()}
        # A tuple for each of millions of links would take longer than all the rest.
        forms = {s: [_form(spec, purpose) for purpose in self._purposes[s]] for s, spec in by_row.items()}
        for (sender, receiver), s in zip(links.tolist(), specs.tolist(), strict=True):
            named = f"{keys[sender]}, {keys[receiver]})"
            for begin, own in forms[s]:
                yield begin + named if own else begin
        yield from map(repr, others)

    def _open(self, names: Iterator[str], number: int) -> None:
        """Set the last streams, so many, to their beginnings."""
        length = self._net.tables[kernel.STREAMS].shape[1]
        at = int(self._net.whole[kernel.STREAMS]) + (len(self._net.tables[kernel.STREAMS]) - number) * length
        while some := list(islice(names, SEEDED)):
            kernel.seed(words_of(self._seed, some), self._net.whole, at, length)
            at += len(some) * length

    def _number(self, links: Ints) -> None:
        """Note which rows new links have."""
        self._ends = np.concatenate([self._ends, links]) if len(self._ends) else links
        codes = self._ends @ np.array((len(self._keys), 1))
        self._row = codes.argsort(kind="stable")
        self._codes = codes[self._row]
        self._open_books()

    def _open_books(self) -> None:
        """Let there be books of all kinds of messages and all links."""
        books, fresh, (kinds, links) = self._books, self._fresh, self._fresh.shape
        self._books = np.zeros((len(self._kinds), len(self._ends), int(kernel.COUNTED)), np.int64)
        self._fresh = np.zeros(self._books.shape[:2], bool)
        self._books[:kinds, :links], self._fresh[:kinds, :links] = books, fresh

    def _book(self, kind: str, wiring: Wiring) -> int:
        """Return where the books of a kind of message begin."""
        if kind not in wiring.kinds:
            if kind not in self._kinds:
                self._kinds.append(kind)
                self._open_books()
            wiring.kinds.add(kind)
            self._fresh[self._kinds.index(kind), wiring.rows] = True
        return self._kinds.index(kind) * len(self._ends) * int(kernel.COUNTED)

    def _spec(self, spec: LinkSpec) -> int:
        """Return the row of parameters."""
        found = self._specs.get(spec)
        if found is None:
            found = self._specs[spec] = len(self._specs)
            written = spec_row(spec, len(self._recorded))
            self._purposes.append(written.purposes)
            self._recorded = np.concatenate([self._recorded, *written.recorded])
            self._net = self._net.with_rows({kernel.SPECS: 1})
            self._net.tables[kernel.SPECS][found] = written.whole
            end = 2 * kernel.MOST_AHEAD + found * kernel.FACTOR
            self._real = np.concatenate([self._real[:end], written.factor, self._recorded])
            # Recordings stand behind the factors, which have become more.
            rows = self._net.tables[kernel.SPECS]
            for at in (kernel.LOSS_AT, kernel.DELAY_AT):
                rows[:found, at] += kernel.FACTOR
                rows[found, at] += end + kernel.FACTOR
        return found

    def _look(self, row: int, start_ns: int, end_ns: int) -> None:
        """Learn when a link is down around some time."""
        from_ns, until_ns, down = self._available[row].around(start_ns, end_ns)
        of_node, of_link = down.get(NODE_DOWN, []), down.get(LINK_DOWN, [])
        self._known[row] = from_ns, until_ns, len(of_node), len(of_link), [*of_node, *of_link]
        if len(of_node) + len(of_link) > self._most_downs:
            self._most_downs = 1 << (len(of_node) + len(of_link)).bit_length()
            shape = (len(self._available) * self._most_downs, kernel.DOWN)
            self._net = self._net.with_tables({kernel.DOWNS: shape})
            for known in self._known:
                self._write_down(known)
        self._write_down(row)

    def _write_down(self, row: int) -> None:
        """Lay out when a link is down, as far as it is known."""
        from_ns, until_ns, of_node, of_link, every = self._known[row]
        outage = int(self._net.tables[kernel.LINKS][row, kernel.OUTAGE])
        first = outage * self._most_downs
        self._net.tables[kernel.OUTAGES][outage] = first, of_node, of_link, from_ns, until_ns
        if every:
            self._net.tables[kernel.DOWNS][first : first + len(every)] = every

    def _orders(self, who: Sequence[tuple[int, ...]]) -> Ints:
        """Return the streams that order simultaneous hand-overs."""
        new = [agents for agents in who if agents not in self._order]
        if new:
            first, keys = len(self._net.tables[kernel.STREAMS]), self._keys
            self._net = self._net.with_rows({kernel.STREAMS: len(new)})
            self._open((repr(("hand_over", *(keys[agent] for agent in agents))) for agents in new), len(new))
            self._order |= {agents: first + index for index, agents in enumerate(new)}
        return np.array([self._order[agents] for agents in who], np.int64)

    def _wired(self, phases: Sequence[Phase], *, by_events: bool) -> Wiring:
        """Return the wiring of an exchange, which is kept for a while."""
        stride, kept = rounds_apart(phases), self._wirings
        sizes = tuple([(phase.size_bytes, phase.copies) for phase in phases[:stride]])
        key = tuple([phase.graph for phase in phases[::stride]]), sizes, by_events
        wiring = kept.pop(key, None)
        if wiring is None:
            wiring = self._wiring(key[0], stride, by_events=by_events)
            self._lay_out(wiring, phases)
        kept[key] = wiring
        if len(kept) > MOST_WIRINGS:
            del kept[next(iter(kept))]
        return wiring

    def _wiring(self, graphs: tuple[Graph, ...], stride: int, *, by_events: bool) -> Wiring:
        """Lay out the links of an exchange's graphs."""
        links = links_of(graphs)
        rows, agents, edges, phases = self._place(links.edges), len(self._keys), len(links.edges), stride * len(graphs)
        (senders, receivers), bounds, crowd = links.edges.T, np.arange(agents + 1), self._share == "medium"
        crashed_from, crashes = self._faults.arrays()
        most = int(np.bincount(senders, minlength=1).max())
        shapes = {
            kernel.AGENTS: (agents + 1, kernel.AGENT), kernel.EDGES: (edges, kernel.EDGE),
            kernel.PHASES: (phases, kernel.PHASE_ROW), kernel.STARTED: (agents, 1), kernel.OPENED_NS: (agents, 1),
            kernel.READY: (agents, 1), kernel.PATIENCE: (phases, agents), kernel.CLOSED: (phases, agents),
            kernel.COUNTS: (2, int(kernel.COUNTED)), kernel.CRASHES: (len(crashes), kernel.CRASH),
            kernel.QUEUED: (phases * max(edges, agents) if crowd else most, kernel.WAITER),
            kernel.NEXT: (0, kernel.HANDED), kernel.MESSAGE: (0, kernel.PACKET), kernel.FLYING: (0, kernel.FLIGHT),
            kernel.WAYS: (0, kernel.WAY), kernel.THERE: (0, edges), kernel.HEAP: (0, kernel.KEY),
            kernel.EVENTS: (0, kernel.EVENT),
        }  # fmt: skip
        if by_events:
            shapes |= {at: (1024, shapes[at][1]) for at in (kernel.HEAP, kernel.EVENTS)}
            shapes |= {kernel.WAYS: (edges, kernel.WAY), kernel.THERE: (phases, edges)}
        memory = Memory(kernel.RUN, shapes)
        of_agents, of_edges = memory.tables[kernel.AGENTS], memory.tables[kernel.EDGES]
        of_agents[:, kernel.FIRST_OUT] = np.searchsorted(senders, bounds)
        of_agents[:, kernel.FIRST_CRASH] = crashed_from
        of_edges[:, kernel.ROW], of_edges[:, kernel.RECEIVER] = rows, receivers
        if self._broadcast:  # in the order of their names
            of_edges[:, kernel.ORDER] = np.lexsort((np.array(self._keys)[receivers], senders))
            if crowd:
                of_agents[:agents, kernel.AGENT_ORDER] = self._orders([(agent,) for agent in range(agents)])
        elif self._share != "link":
            of_edges[:, kernel.ORDER] = self._orders(list(map(tuple, links.edges.tolist())))
        memory.tables[kernel.CRASHES][:] = crashes
        if by_events:
            into = np.argsort(receivers, kind="stable")
            of_agents[:, kernel.FIRST_IN] = np.searchsorted(receivers[into], bounds)
            memory.tables[kernel.WAYS][:, kernel.INTO] = into
        heading = memory.whole
        heading[kernel.N_AGENTS], heading[kernel.N_EDGES], heading[kernel.N_PHASES] = agents, edges, phases
        heading[kernel.BROADCAST], heading[kernel.SHARE] = self._broadcast, SHARES[self._share]
        heading[kernel.BY_EVENTS] = by_events
        return Wiring(links, rows, stride, memory, by_events=by_events)

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
        crash_ns = self._faults.next_crash_ns(past_ns)
        by_events = self._share == "medium" or crash_ns <= now_ns or None in starts_ns
        while True:
            wiring = self._wired(phases, by_events=by_events)
            latest = self._begin(wiring, phases, starts_ns, (now_ns, past_ns, crash_ns))
            again = by_events or self._available or crash_ns < FOREVER_NS or phases[0].deadlines_ns is None
            before = (self._net, self._net.whole.copy(), self._books.copy()) if again else None
            status = self._go(wiring, latest)
            if status == kernel.DONE:
                return self._end(counters, phases, wiring, latest, began_ns=now_ns, update=update)
            if before is not None:
                self._net, self._net.whole[:], self._books = before
            if status == kernel.CRASHED:
                by_events = True
            elif status == kernel.FULL:
                self._make_room(wiring)
            elif status == kernel.UNKNOWN:
                # From its beginning on, or what it meets first would be forgotten for what it meets last.
                self._look(int(wiring.run[kernel.ASKED_LINK]), now_ns, int(wiring.run[kernel.ASKED_UNTIL]))
            elif before is None:
                refuse_late(kernel.FOREVER_NS, phases[0].size_bytes)
            else:
                return None

    def _begin(
        self, wiring: Wiring, phases: Sequence[Phase], starts_ns: Sequence[int | None], times_ns: tuple[int, int, int]
    ) -> npt.NDArray[np.signedinteger]:
        """Say what an exchange that is about to begin is like; return where it is to say what was held."""
        books = [self._book(phase.kind, wiring) for phase in phases[: wiring.stride]]
        wiring.run[: kernel.ACK_BOOK + 1] = *times_ns, 0, books[0], books[-1]
        starts: Any = [-1 if at_ns is None else at_ns for at_ns in starts_ns] if wiring.by_events else starts_ns
        waits: Any = -1 if phases[0].deadlines_ns is None else [phase.deadlines_ns for phase in phases]
        wiring.opened[:], wiring.patience[:] = starts, waits
        return np.empty((len(phases), len(wiring.rows)), held_rounds(len(phases)))

    def _lay_out(self, wiring: Wiring, phases: Sequence[Phase]) -> None:
        """Make room for messages of some sizes, and all their copies."""
        mtu, edges = int(self._net.tables[kernel.SPECS][:, kernel.MTU].min(initial=2**40)), len(wiring.rows)
        degrees, copies = np.bincount(wiring.links.edges[:, 0], minlength=1), max(phase.copies for phase in phases)
        degree = 1 if self._broadcast else int(degrees.max())
        crowd = int(np.count_nonzero(degrees)) if self._broadcast else edges
        # Messages of a phase that come to one transmitter.
        together = {"link": 1, "node": degree, "medium": crowd}[self._share]
        packets = [1 + (phase.size_bytes - 1) // mtu for phase in phases]
        most = [number * phase.copies * together for number, phase in zip(packets, phases, strict=True)]
        shapes = {
            kernel.NEXT: (1 + copies * (crowd if self._share == "medium" else degree), kernel.HANDED),
            kernel.MESSAGE: (max(packets), kernel.PACKET),
            kernel.FLYING: (0 if wiring.by_events else edges * copies * 5 // 4, kernel.FLIGHT),
        }
        wiring.lay_out(wiring.memory, shapes)
        rows = wiring.memory.tables[kernel.PHASES]
        rows[:, : kernel.MOST_PACKETS] = [(each.size_bytes, each.copies, each.round, each.acks) for each in phases]
        rows[:, kernel.MOST_PACKETS] = sum(most) if wiring.by_events else most

    def _go(self, wiring: Wiring, latest: npt.NDArray[np.signedinteger]) -> int:
        """Let it happen, and make room while it can go on; return how it ended."""
        complete = kernel.by_events if wiring.by_events else kernel.by_rounds
        while True:
            status: int = complete(
                self._net.whole, self._real, wiring.run, self._books.reshape(-1), wiring.active, latest
            )
            if status != kernel.FULL or wiring.by_events:
                return status
            self._make_room(wiring)

    def _make_room(self, wiring: Wiring) -> None:
        """Let more wait, be on its way, and happen."""
        shapes, room = wiring.memory.shapes, int(wiring.run[kernel.ROOM])
        if room > int(self._net.whole[kernel.PLACES]):
            self._make_places(1 << (room - 1).bit_length())
            return
        more = (kernel.HEAP, kernel.EVENTS) if wiring.by_events else (kernel.FLYING,)
        wiring.lay_out(wiring.memory, {at: (2 * shapes[at][0], shapes[at][1]) for at in more})

    def _make_places(self, places: int) -> None:
        """Let so many packets wait before each transmitter."""
        tables, before = self._net.tables, int(self._net.whole[kernel.PLACES])
        waits, servers = tables[kernel.WAITS], tables[kernel.SERVERS]
        shape = (len(servers) * places, kernel.WAIT)
        self._net = self._net.with_tables({kernel.WAITS: shape})
        self._net.whole[kernel.PLACES] = places
        self._net.tables[kernel.WAITS][:] = 0
        self._net.tables[kernel.SERVERS][:, kernel.HEAD] = 0
        numbers = servers[:, kernel.PACKETS]
        owners = np.repeat(np.arange(len(servers)), numbers)
        place = np.arange(len(owners)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        self._net.tables[kernel.WAITS][owners * places + place] = waits[
            owners * before + (servers[owners, kernel.HEAD] + place) % before
        ]

    def _end(
        self, counters: NetworkCounters, phases: Sequence[Phase], wiring: Wiring,
        latest: npt.NDArray[np.signedinteger], *, began_ns: int, update: int,
    ) -> ExchangeReport:  # fmt: skip
        """Count what became of all messages, and say it."""
        stride, run = wiring.stride, wiring.run
        ended_ns, wire_bytes = int(run[kernel.NOW]), int(run[kernel.WIRE_BYTES])
        for phase, counted in zip(phases[:stride], wiring.counts.tolist(), strict=False):
            count_into(phase.counts, counted)
            counters.messages.add(phase.counts)
        counters.wire_bytes += wire_bytes
        counters.airtime_ns += int(run[kernel.AIRTIME_NS])
        if wiring.by_events:
            np.maximum.accumulate(latest[::stride], axis=0, out=latest[::stride])
        flights = self._flights(phases, wiring, update)
        if flights or counters.flights:
            counters.leave(flights, ended_ns, None)
        closed_ns = wiring.closed.copy()
        return ExchangeReport(
            facts=facts_of(wiring.links, latest, stride),
            started_at_ns=wiring.started.copy(),
            closed_at_ns=closed_ns[::stride],
            messages=phases[0].counts,
            wire_bytes=wire_bytes,
            began_ns=began_ns,
            ended_ns=ended_ns,
            deadlines_ns=None if phases[0].deadlines_ns is None else wiring.patience[::stride].copy(),
            acks=phases[1].counts if stride == 2 else None,
            acked_at_ns=closed_ns[1::2] if stride == 2 else None,
        )

    def _flights(self, phases: Sequence[Phase], wiring: Wiring, update: int) -> list[MessageLife]:
        """Return the messages that are on their way."""
        run, tables, ends = wiring.run, wiring.memory.tables, wiring.links.edges
        if not run[kernel.N_EVENTS if wiring.by_events else kernel.N_FLYING]:
            return []
        found = list[tuple[int, int, int, int, int]]()
        if wiring.by_events:
            heap = tables[kernel.HEAP][: run[kernel.N_EVENTS]]
            events = tables[kernel.EVENTS][heap[:, 2]]
            for (at_ns, *_), (kind, edge, p, sent_ns) in zip(heap.tolist(), events.tolist(), strict=True):
                if kind == kernel.ARRIVAL:
                    found.append(
                        (edge, p, at_ns, int(tables[kernel.WAYS][edge, kernel.SIZE + phases[p].acks]), sent_ns)
                    )
        else:
            opened_ns = np.concatenate([wiring.started[None], wiring.closed])
            for edge, p, at_ns, packets in tables[kernel.FLYING][: run[kernel.N_FLYING]].tolist():
                found.append((edge, p, at_ns, packets, int(opened_ns[p, ends[edge, 0]])))
        flights = []
        for edge, p, at_ns, packets, sent_ns in found:
            phase, (sender, receiver) = phases[p], ends[edge].tolist()
            about = phase.kind, update, phase.round, sender, receiver, sent_ns, phase.size_bytes
            flights.append(MessageLife(*about, packets, "expired", "", at_ns))
        return flights

    def fold(self, packets: dict[tuple[str, int, int], MessageCounts], *, doubtful: bool = False) -> None:
        """Add what was counted of packets since the last time.

        With `doubtful`, only of links that are among them, or whose counts do not add up by themselves.
        """
        for kind, books, fresh in zip(self._kinds, self._books, self._fresh, strict=True):
            wanted = fresh | (books[:, kernel.SENT] > 0)
            if doubtful:
                outcomes = books[:, kernel.HELD : kernel.DUPLICATES].sum(1) + books[:, kernel.OF_REASON :].sum(1)
                under_way = books[:, kernel.IN_FLIGHT]
                wanted = (books[:, kernel.SENT] - outcomes != under_way) | (under_way < 0)
                known = [edge for of_kind, *edge in packets if of_kind == kind]
                wanted[self._place(np.array(known, np.int64).reshape(-1, 2))] = True
            for row in np.flatnonzero(wanted).tolist():
                sender, receiver = self._ends[row].tolist()
                count_into(packets.setdefault((kind, sender, receiver), MessageCounts()), books[row].tolist())
                books[row], fresh[row] = 0, False

    # From one engine to the other.

    def state(self) -> dict[str, Any]:
        """Return what `Transport.state` returns."""
        tables, keys, places = self._net.tables, self._keys, int(self._net.whole[kernel.PLACES])
        links = [
            [keys[sender], keys[receiver], self._state_of_link(row)]
            for row, (sender, receiver) in enumerate(self._ends.tolist())
        ]
        servers = []
        for owner, server in sorted(self._owners().items(), key=lambda item: str(item[0])):
            free_ns, now_ns, head, number, _ = tables[kernel.SERVERS][server].tolist()
            waits = tables[kernel.WAITS][server * places + (head + np.arange(number)) % places].tolist()
            packets = [packet for packet in waits if packet[0] > now_ns]
            named = list(owner) if isinstance(owner, tuple) else owner
            servers.append([named, {"free_ns": free_ns, "now_ns": now_ns, "packets": packets}])
        drawn = tables[kernel.STREAMS][:, kernel.DRAWN].tolist()
        orders = sorted([list(agents), drawn[row]] for agents, row in self._order.items() if drawn[row])
        return {"network": {"servers": servers, "links": sorted(links, key=lambda link: link[:2])}, "orders": orders}

    def _owners(self) -> dict[Any, int]:
        """Which transmitter is whose, of those that there are."""
        keys, servers = self._keys, self._net.tables[kernel.LINKS][:, kernel.SERVER].tolist()
        by_edge = zip(self._ends.tolist(), servers, strict=True)
        if self._share == "link":
            return {(keys[sender], keys[receiver]): server for (sender, receiver), server in by_edge}
        return {keys[sender] if self._share == "node" else "medium": server for (sender, _), server in by_edge}

    def _state_of_link(self, row: int) -> dict[str, Any]:
        plain, *degraded = map(self._drawn, self._regimes(row))
        latest_ns = int(self._net.tables[kernel.LINKS][row, kernel.LATEST_NS])
        return {"latest_ns": latest_ns} | plain | ({"degraded": degraded} if degraded else {})

    def _regimes(self, row: int) -> list[Ints]:
        """Return parameters and first stream of a link, then of its degradations."""
        link = self._net.tables[kernel.LINKS][row]
        first, number = link[kernel.FIRST_REGIME : kernel.REGIMES_OF + 1].tolist()
        return [link, *self._net.tables[kernel.REGIMES][first : first + number]]

    def _streams(self, regime: Ints) -> tuple[int, dict[str, int]]:
        """Return the parameters of a regime, and its streams by what they are for."""
        s, first = regime[: kernel.FIRST_STREAM + 1].tolist()
        return s, {purpose: first + index for index, purpose in enumerate(self._purposes[s])}

    def _drawn(self, regime: Ints) -> dict[str, int]:
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
        if named:
            rows = self._place(np.array([(index[sender], index[receiver]) for sender, receiver in named]))
            for row, (_, _, of_link) in zip(rows.tolist(), state["network"]["links"], strict=True):
                self._restore_link(row, of_link)
        self._restore_servers(state["network"]["servers"])
        orders = self._orders([tuple(agents) for agents, _ in state["orders"]]).tolist()
        for row, (_, drawn) in zip(orders, state["orders"], strict=True):
            self._read_on(row, 0, kernel.OF_ORDER, drawn)

    def _restore_servers(self, states: Sequence[tuple[Any, Mapping[str, Any]]]) -> None:
        servers, owners = (
            {tuple(owner) if isinstance(owner, list) else owner: each for owner, each in states},
            self._owners(),
        )
        if servers.keys() != owners.keys():
            raise ValueError(f"servers: expected those of {list(owners)}, got those of {list(servers)}")
        for each in servers.values():
            checked_state(each, ("free_ns", "now_ns", "packets"), "server")
        most = max((len(each["packets"]) for each in servers.values()), default=0)
        if most > int(self._net.whole[kernel.PLACES]):
            self._make_places(1 << (most - 1).bit_length())
        self._net.whole[kernel.MOST_WAITING] = max(most, int(self._net.whole[kernel.MOST_WAITING]))
        for owner, each in servers.items():
            server, waits = owners[owner], np.array(each["packets"], np.int64).reshape(-1, kernel.WAIT)
            self._net.tables[kernel.SERVERS][server] = (
                each["free_ns"], each["now_ns"], 0, len(waits), waits[:, 1].sum(),
            )  # fmt: skip
            first = server * int(self._net.whole[kernel.PLACES])
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


def _own(spec: LinkSpec, purpose: str, name: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the name of a stream: the link's, or nobody's where all links play the same in lockstep."""
    played = {"loss": spec.loss, "delay": spec.delay, "second delay": spec.delay}.get(purpose)
    return (purpose,) if getattr(played, "lockstep", False) else (purpose, *name)


def _form(spec: LinkSpec, purpose: str) -> tuple[str, bool]:
    """Return how the name of a stream begins as Python writes it, and whether the link's follows."""
    own = len(_own(spec, purpose, (0,))) > 1
    return repr((purpose,))[:-1] + " " if own else repr((purpose,)), own


def count_into(counts: MessageCounts, counted: list[int]) -> None:
    """Count what the columns of `kernel` say."""
    counts.sent += counted[kernel.SENT]
    counts.in_flight += counted[kernel.IN_FLIGHT]
    counts.delivered += counted[kernel.HELD]
    counts.late += counted[kernel.LATE]
    counts.expired += counted[kernel.EXPIRED]
    counts.duplicates += counted[kernel.DUPLICATES]
    for reason, number in zip(REASON_NAMES, counted[kernel.OF_REASON + 1 :], strict=True):
        if number:
            counts.lost[reason] += number
