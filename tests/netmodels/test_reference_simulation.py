"""`Link.offer` against a second simulation, event by event and packet by packet, from the specification of the link.

It shares nothing with the library but the names of the random streams and the samplers on them, from which it draws one
value at a time. Time is exact: bits over rate are rationals.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from link_strategies import any_spec, delays, probabilities

from netmodels import FaultPlan, Link, LinkSpec, Network, Server
from netmodels.faults import Degrade
from netmodels.links import REASONS, Availability, Bernoulli, Constant, DelayTrace, Empirical, LossTrace
from netmodels.streams import stream

S = 10**9


@dataclass
class Message:
    now: int
    packets: list  # wire bytes of each
    fate: list  # None while it waits, "" delivered, else the reason
    tries: list
    arrival: list
    sent_bits: int = 0
    waited: int = 0
    start: int | None = None
    twice: int = 0


class Machine:
    """One server and its queue: packets in order, one in service."""

    def __init__(self):
        self.queue = deque()  # (message, index, link) in service first
        self.in_service_until = None
        self.free = 0

    def waiting(self):
        entries = list(self.queue)[1:]
        return len(entries), sum(message.packets[index] for message, index, _ in entries)

    def run_until(self, now):
        """Let go what leaves by now, the instant included."""
        while self.queue and self.in_service_until <= now:
            self.queue.popleft()
            if self.queue:
                self.serve()

    def put(self, message, index, link):
        self.queue.append((message, index, link))
        if len(self.queue) == 1:
            self.serve()

    def serve(self):
        message, index, link = self.queue[0]
        if message.start is None:
            message.start = max(self.free, message.now)
        self.in_service_until = self.free = link.transmit(message, index)


def nanoseconds(bits, rate):
    return 0 if rate == float("inf") else round(Fraction(bits * S) / Fraction(rate))


@dataclass
class Reference:
    """A link, one draw at a time."""

    spec: LinkSpec
    seed: int
    name: tuple
    machine: Machine
    downs: tuple = ((), ())  # of the link, of a node
    latest: list = field(default_factory=lambda: [0])

    def __post_init__(self):
        spec = self.spec
        self.loss = self.open(spec.loss, "loss")
        self.corrupt = self.open(Bernoulli(spec.corrupt), "corrupt")
        self.twice = self.open(Bernoulli(spec.duplicate), "duplicate")
        self.delay = self.open(spec.delay, "delay")
        self.second = self.open(spec.delay, "second delay")

    def open(self, model, purpose):
        sample = model.sampler(stream(self.seed, purpose, *self.name))
        return lambda: sample(1)[0]

    def outage(self, begin, end):
        for reason, intervals in zip(("node_down", "link_down"), self.downs[::-1], strict=True):
            if any(down <= begin < up or begin < down < end for down, up in intervals):
                return reason
        return ""

    def attempt(self, message, index, *, first=True):
        """One transmission: when it ends, and what became of it."""
        if not first:
            message.waited += round(self.spec.retry_delay * S)
        begin = message.start + nanoseconds(message.sent_bits, self.spec.rate) + message.waited
        message.sent_bits += 8 * message.packets[index]
        message.tries[index] += 1
        end = message.start + nanoseconds(message.sent_bits, self.spec.rate) + message.waited
        return end, self.luck(begin, end)

    def luck(self, begin, end):
        lost, corrupted = self.loss(), self.corrupt()
        return self.outage(begin, end) or ("loss" if lost else "corrupted" if corrupted else "")

    def transmit(self, message, index):
        end, fate = self.attempt(message, index)
        while fate in ("loss", "corrupted") and message.tries[index] <= self.spec.retries:
            end, fate = self.attempt(message, index, first=False)
        self.deliver(message, index, end, fate)
        return end

    def deliver(self, message, index, end, fate):
        message.fate[index] = fate
        delay, twice, second = self.ns(self.delay()), self.twice(), self.ns(self.second())
        if fate:
            return
        message.twice += bool(twice)
        arrival = end + (min(delay, second) if twice else delay)
        if self.spec.fifo:
            self.latest[0] = arrival = max(arrival, self.latest[0])
        message.arrival[index] = arrival

    @staticmethod
    def ns(seconds):
        return round(min(float(seconds), 4e9) * 1e9)

    def hand_over(self, now, size):
        spec, machine = self.spec, self.machine
        machine.run_until(now)
        lengths = [min(spec.mtu, size - at) + spec.overhead for at in range(0, size, spec.mtu)]
        n = len(lengths)
        message = Message(now, lengths, [None] * n, [0] * n, [-1] * n)
        busy = bool(machine.queue)
        unlimited = spec.rate == float("inf") and not busy
        admitted = []
        for index in range(n):
            packets, waiting_bytes = machine.waiting()
            packets += len(admitted) - (bool(admitted) and not busy)
            waiting_bytes += sum(lengths[k] for k in admitted[not busy :])
            room = packets < spec.limit and (
                spec.limit_bytes is None or waiting_bytes + lengths[index] <= spec.limit_bytes
            )
            if unlimited or room or not (busy or admitted):
                admitted.append(index)
            else:
                message.fate[index] = "queue_full"
        for index in admitted:
            machine.put(message, index, self)
        return message


def outcome(message, spec):
    """As the attributes of a `Transfer`; only once everything has been served."""
    reasons = [fate or None for fate in message.fate]
    return {
        "arrival_ns": message.arrival,
        "reason": reasons,
        "tries": message.tries,
        "duplicates": message.twice,
        "complete_ns": -1 if any(reasons) else max(message.arrival),
        "lost_reason": next(filter(None, reasons), None),
        "packets_lost": tuple((why, reasons.count(why)) for why in REASONS[1:] if why in reasons),
        "wire_bytes": message.sent_bits // 8,
        "airtime_ns": nanoseconds(message.sent_bits, spec.rate),
        "packets": len(message.packets),
    }


def seen(sent, keys):
    values = {key: getattr(sent, key) for key in keys}
    return {key: value.tolist() if hasattr(value, "tolist") else value for key, value in values.items()}


gaps = st.sampled_from([0, 1, 1000, 10**6]) | st.integers(0, 10**9)
offers = st.lists(st.tuples(gaps, st.integers(1, 45), st.floats(0, 1)), min_size=1, max_size=10)
downs = st.lists(
    st.tuples(st.integers(0, 3 * 10**9), st.integers(1, 10**9)).map(lambda pair: (pair[0], sum(pair))), max_size=3
)


def decidable(spec):
    """Where the spec says what happens: what waits at unlimited rate while the first packet is retried it does not."""
    return not (spec.rate == float("inf") and spec.retries and spec.retry_delay)


@settings(max_examples=300, deadline=None)
@given(any_spec().filter(decidable), downs, downs, offers, st.integers(0, 5))
def test_one_link(spec, link_down, node_down, steps, seed):
    link = Link(spec, seed, (0, 1), availability=Availability(link_down, node_down) if link_down + node_down else None)
    reference = Reference(spec, seed, (0, 1), Machine(), (link_down, node_down))
    compare(spec, steps, link.offer, reference.hand_over, reference.machine)


def compare(spec, steps, offer, hand_over, machine):
    now, got, expected = 0, [], []
    for gap, packets, fill in steps:
        now += gap
        size = (packets - 1) * spec.mtu + 1 + int(fill * (spec.mtu - 1))
        got.append(offer(now, size))
        expected.append(hand_over(now, size))
    machine.run_until(10**30)
    for sent, message in zip(got, expected, strict=True):
        wanted = outcome(message, spec)
        assert seen(sent, wanted) == wanted


half_ms = st.integers(0, 60).map(lambda k: k * 500_000)
coinciding = st.builds(
    LinkSpec,
    rate=st.just("12 Mbit/s"),  # 1 ms a packet, so that things happen at once
    delay=st.sampled_from([Constant(0.0), Empirical(values=(0.0, 0.005, 0.04)), DelayTrace(values=(0.04, 0.0))]),
    loss=st.sampled_from([0.0, 0.3, 0.9, LossTrace(values=(0, 0, 1))]),
    retries=st.sampled_from([0, 0, 2]),
    retry_delay=st.sampled_from([0.0, 0.0005]),
    limit=st.sampled_from([0, 1, 3, 25, 100]),
    limit_bytes=st.sampled_from([None, 0, 3000, 10_000]),
    fifo=st.sampled_from([True, True, False]),
)
outages = st.lists(st.tuples(half_ms, st.sampled_from([500_000, 2_000_000])).map(lambda d: (d[0], sum(d))), max_size=4)


@settings(max_examples=400, deadline=None)
@given(coinciding, outages, outages,
       st.lists(st.tuples(half_ms, st.sampled_from([1, 2, 21, 25]), st.just(1.0)), min_size=2, max_size=8))  # fmt: skip
def test_things_that_happen_at_the_same_instant(spec, link_down, node_down, steps):
    """Hand-over as a packet leaves, outages that begin or end as one starts or ends, arrivals at once."""
    link = Link(spec, 2, availability=Availability(link_down, node_down) if link_down + node_down else None)
    reference = Reference(spec, 2, (0, 1), Machine(), (link_down, node_down))
    compare(spec, steps, link.offer, reference.hand_over, reference.machine)


shared_steps = st.lists(
    st.tuples(st.integers(0, 10**8), st.integers(1, 30), st.integers(0, 2), st.integers(1, 2)), min_size=1, max_size=12
)
rated = st.sampled_from([3, "250 kbit/s", "20 Mbit/s"])


@settings(max_examples=200, deadline=None)
@given(any_spec(rate=rated), any_spec(rate=rated), st.sampled_from(["link", "node", "medium"]), shared_steps)
def test_servers_of_link_node_and_medium(spec, other, share, steps):
    network = Network(3, spec, seed=4, share=share, overrides={(0, 1): other})
    machines, links = {}, {}

    def reference(sender, receiver):
        edge = (sender, receiver)
        machine = machines.setdefault({"link": edge, "node": sender, "medium": 0}[share], Machine())
        used = other if edge == (0, 1) else spec
        return links.setdefault(edge, Reference(used, 4, edge, machine))

    now, pairs = 0, []
    for gap, packets, sender, ahead in steps:
        now += gap
        receiver = (sender + ahead) % 3
        link = reference(sender, receiver)
        size = packets * link.spec.mtu
        pairs.append((network.offer(now, size, sender, receiver), link.hand_over(now, size), link.spec))
    for machine in machines.values():
        machine.run_until(10**30)
    for sent, message, used in pairs:
        wanted = outcome(message, used)
        assert seen(sent, wanted) == wanted


class Everyone:
    """One transmission for several receivers, each with luck of its own."""

    def __init__(self, links, spec):
        self.links, self.spec, self.copies = links, spec, {}

    def transmit(self, message, index):
        begin = message.start + nanoseconds(message.sent_bits, self.spec.rate)
        message.sent_bits += 8 * message.packets[index]
        end = message.start + nanoseconds(message.sent_bits, self.spec.rate)
        for receiver, link in self.links.items():
            copy = self.copies[receiver]
            copy.tries[index] = 1
            link.deliver(copy, index, end, link.luck(begin, end))
        return end


@settings(max_examples=150, deadline=None)
@given(any_spec(rate=rated), rated, st.sampled_from(["node", "medium"]), shared_steps)
def test_broadcast(spec, slow, share, steps):
    """Broadcast and unicast in turn on one server."""
    from dataclasses import replace

    other = replace(spec, rate=slow)
    network = Network(3, spec, seed=4, share=share, overrides={(0, 2): other})
    machines = {}
    links = {
        (i, j): Reference(
            other if (i, j) == (0, 2) else spec, 4, (i, j), machines.setdefault(i if share == "node" else 0, Machine())
        )
        for i in range(3)
        for j in range(3)
        if i != j
    }
    now, pairs = 0, []
    for gap, packets, sender, ahead in steps:
        now += gap
        size = packets * spec.mtu - min(5, spec.mtu - 1)
        receivers = [receiver for receiver in range(3) if receiver != sender]
        if ahead == 1:
            to = receivers[0]
            link = links[sender, to]
            pairs.append((network.offer(now, size, sender, to), link.hand_over(now, size), None, link.spec))
            continue
        sent = network.broadcast(now, size, sender, receivers)
        slowest = min((links[sender, to].spec for to in receivers), key=lambda used: used.rate)
        everyone = Everyone({to: links[sender, to] for to in receivers}, slowest)
        emitted = broadcast(everyone, machines[sender if share == "node" else 0], now, size)
        pairs += [(sent.transfers[to], everyone.copies[to], emitted, slowest) for to in receivers]
        assert sent.wire_bytes == sent.transfers[receivers[0]].wire_bytes
    for machine in machines.values():
        machine.run_until(10**30)
    for got, message, emitted, used in pairs:
        if emitted is not None:
            message.sent_bits = emitted.sent_bits
            message.fate = [fate or why for fate, why in zip(message.fate, emitted.fate, strict=True)]
        wanted = outcome(message, used)
        assert seen(got, wanted) == wanted


def broadcast(everyone, machine, now, size):
    """Queue it as one of its links would, with a transmission that all hear."""

    class Sender(Reference):
        def transmit(self, message, index):
            everyone.copies = everyone.copies or {
                to: Message(now, message.packets, [None] * len(message.packets), [0] * len(message.packets),
                            [-1] * len(message.packets)) for to in everyone.links
            }  # fmt: skip
            return everyone.transmit(message, index)

    message = Sender(everyone.spec, 0, ("nobody",), machine).hand_over(now, size)
    if not everyone.copies:  # it waits behind others, or was dropped whole
        n = len(message.packets)
        everyone.copies = {to: Message(now, message.packets, [None] * n, [0] * n, [-1] * n) for to in everyone.links}
    return message


@settings(max_examples=100, deadline=None)
@given(any_spec(rate=rated), st.fixed_dictionaries({}, optional={"loss": probabilities, "delay": delays,
       "duplicate": probabilities, "fifo": st.booleans(), "rate": rated}).filter(bool), offers)  # fmt: skip
def test_degraded_for_a_while(spec, change, steps):
    fault = Degrade(link=change, at="0.5 s", for_="1 s")
    network = Network(2, spec, seed=4, faults=FaultPlan([fault], n_agents=2, seed=4))
    machine, latest = Machine(), [0]
    plain = Reference(spec, 4, (0, 1), machine, latest=latest)
    [degraded] = network.link(0, 1)._degraded
    worse = Reference(fault.changed(spec), 4, degraded[1].name, machine, latest=latest)
    now, pairs = 0, []
    for gap, packets, _ in steps:
        now += gap
        link = worse if S // 2 <= now < 3 * S // 2 else plain
        pairs.append((network.offer(now, packets * spec.mtu, 0, 1), link.hand_over(now, packets * spec.mtu), link.spec))
    machine.run_until(10**30)
    for sent, message, used in pairs:
        wanted = outcome(message, used)
        assert seen(sent, wanted) == wanted


def test_the_reference_itself_on_a_case_by_hand():
    """12 Mbit/s, 1 ms a packet: the second packet is lost once, the third finds no room, all within 5 ms of delay."""
    spec = LinkSpec(
        rate="12 Mbit/s",
        delay="5 ms",
        loss=LossTrace(values=(0, 1, 0), offset=0),
        limit=1,
        retries=1,
        retry_delay=0.001,
    )
    reference = Reference(spec, 0, (0, 1), Machine())
    message = reference.hand_over(7, 3 * 1472)
    reference.machine.run_until(10**30)
    assert message.arrival == [6_000_007, 9_000_007, -1]
    assert (message.fate, message.tries) == (["", "", "queue_full"], [1, 2, 0])
    assert Server().free_ns == 0
