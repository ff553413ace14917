"""One directed link: when does this message arrive, whole or in part, or why not.

A link needs no event kernel. It answers from its own state: when its server is free, where its loss chain stands, how
far its streams have been read, and when its latest packet arrives. A message takes the steps of `Link.offer` in order,
packet by packet in plain integers.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, repeat
from typing import Any, NamedTuple

import numpy as np

from netmodels.links.availability import Availability
from netmodels.links.delay import Constant, delay_draws
from netmodels.links.loss import Bernoulli, loss_draws
from netmodels.links.queue import Server
from netmodels.links.spec import LinkSpec
from netmodels.links.transfer import CORRUPTED, DELIVERED, LOSS, QUEUE_FULL, REASONS, Reason, Transfer
from netmodels.streams import Draws, checked_name
from netmodels.units import checked_state

LATEST_NS = 2**61
"""Times of hand-over and of leaving the server end here (73 years), so that no arrival overflows an int64."""
Missing = tuple[Reason | None, tuple[tuple[Reason, int], ...]]
NOTHING: Missing = (None, ())


class Degradation(NamedTuple):
    """Other parameters of a link for a while, for messages handed over from its start up to, not including, its end."""

    start_ns: int
    end_ns: int
    spec: LinkSpec


class Emission(NamedTuple):
    """One message as it leaves its server.

    Attributes:
        now_ns: when it was handed over.
        size_bytes: payload.
        packets: how many it was cut into.
        leading: how many of them, from the first on, found room in the queue before one did not.
        start_ns: when the first of those admitted starts on the wire.
        ends_ns: when each of those admitted leaves.
        wire_bytes: bytes serialised.
        airtime_ns: time spent on it.
    """

    now_ns: int
    size_bytes: int
    packets: int
    leading: int
    start_ns: int
    ends_ns: list[int]
    wire_bytes: int
    airtime_ns: int


class Regime:
    """The parameters of a link while they hold, with the streams that are theirs, under this name.

    Attributes:
        burst: packets that an idle server takes without a look at the queue; at unlimited rate nothing waits.
        offsets: when each of some full packets leaves after the start; a table that grows.
    """

    __slots__ = (
        "burst",
        "constant_ns",
        "corrupt",
        "delay",
        "duplicate",
        "full_bytes",
        "loss",
        "name",
        "offsets",
        "retry_delay_ns",
        "second_delay",
        "spec",
    )

    def __init__(self, spec: LinkSpec, seed: int, name: tuple[int | str, ...]) -> None:
        self.spec, self.name, self.full_bytes = spec, name, spec.full_bytes
        self.burst = 2**62 if math.isinf(spec.rate) else spec.limit + 1 if spec.limit_bytes is None else 1
        self.retry_delay_ns = round((spec.retry_delay or 0.0) * 1e9)
        self.loss = None if spec.loss.loss_rate == 0.0 else loss_draws(spec.loss, seed, "loss", *name)
        self.corrupt = _chances(spec.corrupt, seed, "corrupt", *name)
        self.delay = delay_draws(spec.delay, seed, "delay", *name)
        self.constant_ns = self.delay.take(1)[0] if isinstance(spec.delay, Constant) else None
        self.duplicate = _chances(spec.duplicate, seed, "duplicate", *name)
        self.second_delay = delay_draws(spec.delay, seed, "second delay", *name)
        self.offsets = [0]

    def after(self, wire_bytes: int) -> int:
        """Return when bytes have left, in nanoseconds after the start: round(bits · 10⁹ / rate)."""
        return round(8 * wire_bytes * 1e9 / self.spec.rate)

    def leave(self, sent: int) -> list[int]:
        """Return when each of the full packets before the last of so many has left, after the start."""
        known = len(self.offsets)
        if sent > known:
            self.offsets += [self.after(self.full_bytes * k) for k in range(known, 2 * sent)]
        return self.offsets[1:sent]

    def fates(self, n: int) -> list[int] | None:
        """Draw what becomes of the next n tries if nothing is down; ``None`` if all get through."""
        fates = None
        if self.corrupt is not None:
            corrupted = self.corrupt.take(n)
            fates = [CORRUPTED if bad else DELIVERED for bad in corrupted] if True in corrupted else None
        if self.loss is not None:
            lost = self.loss.take(n)
            if True in lost and fates is None:
                fates = [LOSS if gone else DELIVERED for gone in lost]
            elif fates is not None:
                fates = [LOSS if gone else fate for gone, fate in zip(lost, fates, strict=True)]
        return fates

    def streams(self) -> dict[str, Draws[Any]]:
        """Return the streams that are drawn from, by what for."""
        every = {
            "loss": self.loss,
            "corrupt": self.corrupt,
            "delay": self.delay,
            "duplicate": self.duplicate,
            "second delay": self.second_delay,
        }
        return {name: draws for name, draws in every.items() if draws is not None}


def _chances(probability: float, seed: int, purpose: str, *name: int | str) -> Draws[np.bool_] | None:
    return None if probability == 0.0 else loss_draws(Bernoulli(probability), seed, purpose, *name)


class Link:
    """A directed link with its own state and its own random streams.

    Streams are named ("loss", *name), ("delay", *name), ("corrupt", *name), ("duplicate", *name) and
    ("second delay", *name), so links that differ in name draw independently, and a link draws the same whatever other
    links there are. While it is degraded it draws from streams named after the times of the degradation besides, so
    that another one changes nothing.

    Attributes:
        spec: its parameters when nothing degrades it.
        name: its name in the streams, usually (sender, receiver).
        latest_ns: the latest arrival so far, which no later packet of a FIFO link precedes.

    >>> link = Link(LinkSpec(rate="12 Mbit/s", delay="5 ms"))
    >>> link.offer(0, 2944).arrival_ns.tolist()        # two full packets of 1500 bytes: 1 ms each on the wire
    [6000000, 7000000]
    >>> link.offer(500_000, 1472).complete_ns           # waits until the server is free at 2 ms
    8000000
    >>> slow = Degradation(10, 20, LinkSpec(rate="unlimited", delay="1 us"))
    >>> link = Link(LinkSpec(rate="unlimited", delay=0), degradations=[slow])
    >>> [link.offer(now, 1).complete_ns for now in (9, 10, 19, 20)]         # FIFO: none overtakes the slow ones
    [9, 1010, 1019, 1019]
    """

    __slots__ = ("_availability", "_degraded", "_plain", "_server", "latest_ns", "name", "spec")

    def __init__(
        self,
        spec: LinkSpec,
        seed: int = 0,
        name: tuple[int | str, ...] = (0, 1),
        server: Server | None = None,
        availability: Availability | None = None,
        *,
        degradations: Sequence[Degradation] = (),
    ) -> None:
        """Put a link in place, idle; without a server that it shares, with one of its own.

        Of degradations that hold at the same time the last one counts.

        Raises:
            ValueError: for a seed below 0, or a name that is no tuple of text and whole numbers.
        """
        checked_name(seed, name)
        self.spec = spec
        self.name = name
        self.latest_ns = 0
        self._server = Server() if server is None else server
        self._availability = availability
        self._plain = Regime(spec, seed, name)
        self._degraded = [
            (entry, Regime(entry.spec, seed, (*name, "degraded", entry.start_ns, entry.end_ns)))
            for entry in degradations
        ]

    def rate_at(self, now_ns: int) -> float:
        """Return its rate for what is handed over at a time, in bit/s."""
        return self._at(now_ns).spec.rate

    def _at(self, now_ns: int) -> Regime:
        for entry, regime in reversed(self._degraded):
            if type(now_ns) is int and entry.start_ns <= now_ns < entry.end_ns:
                return regime
        return self._plain

    def offer(self, now_ns: int, size_bytes: int) -> Transfer:
        """Hand a message over and learn its fate.

        The message is cut into ⌈size/mtu⌉ packets. Those for which the queue has no room are dropped. The others are
        put on the wire one after the other, leaving at start + round(cumulated bits · 10⁹ / rate), where start is when
        the server is free. Each is lost if the link is down, by the loss model, or by corruption; what is lost by the
        latter two is sent again while there are retries. What is through may be duplicated, and arrives after its
        delay (the shorter one if there are two copies), in order if the link is FIFO.

        Raises:
            ValueError: for a time or size that is no Python int or out of range, for a time before the previous
                hand-over to the same server, and for a message that would leave it after 73 years of simulated time.
        """
        regime = self._at(now_ns) if self._degraded else self._plain
        if not regime.spec.retries:
            emission = self._emit(regime, now_ns, size_bytes)
            return self._deliver(regime, emission, self._fates(regime, emission), None)
        return self._deliver(regime, *self._stop_and_wait(regime, now_ns, size_bytes))

    def emit(self, now_ns: int, size_bytes: int) -> Emission:
        """Put a message on the wire once, for every link in reach to `receive`: the sending half of a broadcast.

        Errors are those of `offer`.
        """
        return self._emit(self._at(now_ns), now_ns, size_bytes)

    def receive(self, emission: Emission) -> Transfer:
        """Lose, delay and deliver a message without retransmission.

        It comes from the `emit` of this link, or of another one of the same sender with the same packet size.

        >>> link = Link(LinkSpec(rate="12 Mbit/s", delay="5 ms"))
        >>> link.receive(link.emit(0, 1472)).complete_ns
        6000000
        """
        regime = self._at(emission.now_ns)
        return self._deliver(regime, emission, self._fates(regime, emission), None)

    def _admit(self, regime: Regime, now_ns: int, size_bytes: int) -> tuple[int, int, int, int]:
        """Cut a message into packets: how many, how many full ones find room, and the last one, and its size."""
        server, spec = self._server, regime.spec
        handed = type(now_ns) is int and server.now_ns <= now_ns <= LATEST_NS
        if not handed or type(size_bytes) is not int or size_bytes < 1:
            raise ValueError(self._refusal(now_ns, size_bytes))
        packets = -(-size_bytes // spec.mtu)
        last_bytes = size_bytes - packets * spec.mtu + regime.full_bytes
        server.now_ns = now_ns
        if server.free_ns <= now_ns and packets <= regime.burst:
            server.forget()
            return packets, packets - 1, 1, last_bytes
        leading, last = server.admit(
            now_ns, packets, regime.full_bytes, last_bytes, limit=spec.limit, limit_bytes=spec.limit_bytes
        )
        return packets, leading, int(last), last_bytes

    def _refusal(self, now_ns: object, size_bytes: object) -> str:
        if type(size_bytes) is not int or size_bytes < 1:
            return f"size_bytes: expected a Python int of at least 1, got {size_bytes!r}"
        latest = self._server.now_ns
        return f"now_ns: expected a Python int from {latest} (the previous hand-over) to {LATEST_NS}, got {now_ns!r}"

    def _emit(self, regime: Regime, now_ns: int, size_bytes: int) -> Emission:
        packets, leading, last, last_bytes = self._admit(regime, now_ns, size_bytes)
        sent = leading + last
        wire_bytes = leading * regime.full_bytes + last * last_bytes
        airtime_ns = regime.after(wire_bytes)
        server = self._server
        start = max(server.free_ns, now_ns)
        end = start + airtime_ns
        refuse_late(end, size_bytes)
        if not sent:
            return Emission(now_ns, size_bytes, packets, 0, start, [], 0, 0)
        ends = [start + offset for offset in regime.leave(sent)] if sent > 1 else []
        ends.append(end)
        server.serve(ends, regime.full_bytes, last_bytes if last else regime.full_bytes)
        return Emission(now_ns, size_bytes, packets, leading, start, ends, wire_bytes, airtime_ns)

    def _fates(self, regime: Regime, emission: Emission) -> list[int] | None:
        """Return the code of each packet sent, ``None`` if all get through; every packet draws from each stream."""
        ends, availability = emission.ends_ns, self._availability
        fates = regime.fates(len(ends))
        # A look at the whole message first: hardly any meets a down-time. One that begins as the last leaves counts.
        if availability is None or not ends or not availability.fate(emission.start_ns, ends[-1] + 1):
            return fates
        down = map(availability.fate, [emission.start_ns, *ends[:-1]], ends)
        both = [outage or fate for outage, fate in zip(down, fates or repeat(DELIVERED), strict=False)]
        return both if any(both) else None

    def _stop_and_wait(
        self, regime: Regime, now_ns: int, size_bytes: int
    ) -> tuple[Emission, list[int] | None, list[int]]:
        """Send each packet until it is through or its tries are used up; the server is held meanwhile.

        The end of a try is start + round(cumulated bits of all tries · 10⁹ / rate) + the retry delays so far. A packet
        that is lost because the link or a node is down is not sent again: what is retried is loss and corruption.
        Returns the message as it left, the fate of each packet sent, and how often each was sent.
        """
        packets, leading, last, last_bytes = self._admit(regime, now_ns, size_bytes)
        server, wait_ns = self._server, regime.retry_delay_ns
        start = max(server.free_ns, now_ns)
        sizes = [regime.full_bytes] * leading + [last_bytes] * last
        if self._availability is None:
            fates, tries = _tried(regime, len(sizes))
        else:
            fates, tries = _tried_at(regime, sizes, start, self._availability)
        wire_bytes = list(accumulate(size * attempts for size, attempts in zip(sizes, tries, strict=True)))
        waits = accumulate((attempts - 1) * wait_ns for attempts in tries)
        ends = [start + regime.after(sent) + waited for sent, waited in zip(wire_bytes, waits, strict=True)]
        total = wire_bytes[-1] if wire_bytes else 0
        if ends:
            refuse_late(ends[-1], size_bytes)
            server.serve(ends, regime.full_bytes, sizes[-1])
        emission = Emission(now_ns, size_bytes, packets, leading, start, ends, total, regime.after(total))
        return emission, fates if any(fates) else None, tries

    def _deliver(
        self, regime: Regime, emission: Emission, fates: list[int] | None, tries: list[int] | None
    ) -> Transfer:
        """Duplicate and delay what got through, put back what the queue dropped, and sum up."""
        now_ns, size_bytes, packets, leading, _, ends, wire_bytes, airtime_ns = emission
        sent = len(ends)
        constant = regime.constant_ns
        delays = regime.delay.take(sent) if constant is None else [constant] * sent
        duplicates = 0
        if regime.duplicate is not None:
            twice, second = regime.duplicate.take(sent), regime.second_delay.take(sent)
            delays = [min(one, other) if both else one for one, other, both in zip(delays, second, twice, strict=True)]
            duplicates = sum(both and not fate for both, fate in zip(twice, fates or repeat(0), strict=False))
        arrivals = self._arrivals(ends, delays, fates, fifo=regime.spec.fifo)
        if sent < packets:
            dropped = packets - sent
            arrivals[leading:leading] = [-1] * dropped
            fates = [0] * sent if fates is None else fates
            fates[leading:leading] = [QUEUE_FULL] * dropped
            if tries is not None:
                tries[leading:leading] = [0] * dropped
        if fates is None:
            # The latest arrival of a FIFO link is that of the last packet delivered.
            complete_ns, (lost_reason, packets_lost) = self.latest_ns if regime.spec.fifo else max(arrivals), NOTHING
        else:
            complete_ns, (lost_reason, packets_lost) = -1, _missing(fates)
        return Transfer(
            now_ns, size_bytes, packets, complete_ns, lost_reason, packets_lost,
            wire_bytes, airtime_ns, duplicates, arrivals, fates, tries,
        )  # fmt: skip

    def _arrivals(self, ends: list[int], delays: list[int], fates: list[int] | None, *, fifo: bool) -> list[int]:
        """Return when packets arrive: −1 what does not, and on a FIFO link none before one that was sent earlier."""
        every = zip(ends, delays, fates or repeat(DELIVERED), strict=False)
        if not fifo:
            return [-1 if fate else end + delay for end, delay, fate in every]
        # A plain loop: of 145 packets it takes half the time of accumulating and masking.
        arrivals, latest = [], self.latest_ns
        for end, delay, fate in every:
            if fate:
                arrivals.append(-1)
                continue
            arrival = end + delay
            if arrival < latest:
                arrival = latest
            else:
                latest = arrival
            arrivals.append(arrival)
        self.latest_ns = latest
        return arrivals

    def state(self) -> dict[str, Any]:
        """Return how far its streams have been read, and when its latest packet arrives; its server is apart."""
        plain, *degraded = [
            {name: draws.drawn for name, draws in regime.streams().items()} for regime in self._regimes()
        ]
        return {"latest_ns": self.latest_ns} | plain | ({"degraded": degraded} if degraded else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, on a link that has just been put in place with the same parameters.

        Raises:
            ValueError: for a state of another link.

        >>> link, again = Link(LinkSpec(rate="1 Mbit/s", delay="1 ms")), Link(LinkSpec(rate="1 Mbit/s", delay="1 ms"))
        >>> _ = link.offer(0, 1000)
        >>> again.restore(link.state())
        >>> again.state() == link.state()
        True
        """
        checked_state(state, self.state().keys(), "link")
        degraded = state.get("degraded", ())
        if len(degraded) != len(self._degraded):
            raise ValueError(f"degraded: expected {len(self._degraded)} degradations, got {len(degraded)}")
        for (_, regime), drawn in zip(self._degraded, degraded, strict=True):
            checked_state(drawn, regime.streams().keys(), "degraded link")
        self.latest_ns = state["latest_ns"]
        for regime, drawn in zip(self._regimes(), [state, *degraded], strict=True):
            for name, draws in regime.streams().items():
                draws.advance_to(drawn[name])

    def _regimes(self) -> list[Regime]:
        return [self._plain, *(regime for _, regime in self._degraded)]


def refuse_late(end_ns: int, size_bytes: int) -> None:
    """Refuse a message whose last packet would leave after `LATEST_NS`."""
    if end_ns > LATEST_NS:
        wanted = f"a message that has left by {LATEST_NS} ns"
        raise ValueError(f"size_bytes: expected {wanted}, got one of {size_bytes} bytes that has not")


def _tried(regime: Regime, packets: int) -> tuple[list[int], list[int]]:
    """Return fates and tries from losses alone; every draw taken is used: each packet left needs at least one."""
    fates: list[int] = []
    tries: list[int] = []
    attempts = 0
    while len(fates) < packets:
        left = packets - len(fates)
        for fate in regime.fates(left) or [DELIVERED] * left:
            attempts += 1
            if fate == DELIVERED or attempts > regime.spec.retries:
                fates.append(fate)
                tries.append(attempts)
                attempts = 0
    return fates, tries


def _tried_at(
    regime: Regime, sizes: list[int], start_ns: int, availability: Availability
) -> tuple[list[int], list[int]]:
    """Return the same, try by try, where being down is final for a packet."""
    fates: list[int] = []
    tries: list[int] = []
    wire_bytes, waited_ns = 0, 0
    for size in sizes:
        fate, attempts = LOSS, 0
        while fate in (LOSS, CORRUPTED) and attempts <= regime.spec.retries:
            waited_ns += regime.retry_delay_ns if attempts else 0
            attempts += 1
            begin = start_ns + regime.after(wire_bytes) + waited_ns
            wire_bytes += size
            [drawn] = regime.fates(1) or [DELIVERED]
            fate = availability.fate(begin, start_ns + regime.after(wire_bytes) + waited_ns) or drawn
        fates.append(fate)
        tries.append(attempts)
    return fates, tries


def _missing(fates: list[int]) -> Missing:
    """Return the reason of the first missing packet, and (reason, packets) for each reason that occurs.

    >>> _missing([0, 3, 1, 3])
    ('queue_full', (('loss', 1), ('queue_full', 2)))
    """
    occurring = [(REASONS[code], fates.count(code)) for code in sorted(set(fates))]
    return REASONS[next(filter(None, fates), 0)], tuple((reason, n) for reason, n in occurring if reason)
