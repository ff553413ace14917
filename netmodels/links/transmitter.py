"""The sending half of a link: cutting into packets, the queue, and putting them on the wire."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netmodels.links.queue import Ends, Server
from netmodels.links.spec import LinkSpec

FEW = 20
"""Messages of up to this many packets are computed in plain integers, longer ones in numpy."""

LATEST_NS = 2**61
"""Times of hand-over and of leaving the server end here (73 years), so that no arrival overflows an int64."""


def refuse_late(end_ns: int, size_bytes: int) -> None:
    """Refuse a message that takes too long.

    Args:
        end_ns: when its last packet would leave.
        size_bytes: its payload.

    Raises:
        ValueError: if that is after `LATEST_NS`.

    >>> refuse_late(2**62, 9)
    Traceback (most recent call last):
    ValueError: size_bytes: expected a message that has left by 2305843009213693952 ns, got one of 9 bytes that has not
    """
    if end_ns > LATEST_NS:
        wanted = f"a message that has left by {LATEST_NS} ns"
        raise ValueError(f"size_bytes: expected {wanted}, got one of {size_bytes} bytes that has not")


class Emission(NamedTuple):
    """One message as it leaves its server.

    Attributes:
        now_ns: when it was handed over.
        size_bytes: payload.
        packets: how many it was cut into.
        leading: how many of them, from the first on, found room in the queue before one did not.
        start_ns: when the first of those admitted starts on the wire.
        ends_ns: when each of those admitted leaves, a list or an int64 array.
        wire_bytes: bytes serialised.
        airtime_ns: time spent on it.
    """

    now_ns: int
    size_bytes: int
    packets: int
    leading: int
    start_ns: int
    ends_ns: Ends
    wire_bytes: int
    airtime_ns: int


class Admission(NamedTuple):
    """What the queue made of one message.

    Attributes:
        now_ns: when it was handed over.
        size_bytes: payload.
        packets: how many it was cut into.
        leading: how many of the first ones, all full, found room.
        last: 1 if the last one did, which may be shorter, else 0.
        last_bytes: its size on the wire.
    """

    now_ns: int
    size_bytes: int
    packets: int
    leading: int
    last: int
    last_bytes: int


class Transmitter:
    """Puts messages on the wire through a server, which it may share.

    Attributes:
        server: the server.
        rate: bits/s.
        full_bytes: wire size of a full packet.

    >>> Transmitter(LinkSpec(rate="12 Mbit/s", delay=0), Server()).emit(0, 2944).ends_ns
    [1000000, 2000000]
    """

    __slots__ = (
        "_burst",
        "_limit",
        "_limit_bytes",
        "_mtu",
        "_offsets",
        "_offsets_array",
        "full_bytes",
        "rate",
        "server",
    )

    def __init__(self, spec: LinkSpec, server: Server) -> None:
        """Take the parameters that concern sending.

        Args:
            spec: of the link.
            server: through which it sends.
        """
        self.server = server
        self.rate = spec.rate
        self._mtu = spec.mtu
        self.full_bytes = self._mtu + spec.overhead
        self._limit = spec.limit
        self._limit_bytes = spec.limit_bytes
        # An idle server takes a burst of this size without a look at the queue; at unlimited rate nothing waits.
        self._burst = spec.limit + 1 if spec.limit_bytes is None else 1
        if math.isinf(self.rate):
            self._burst = 2**62
        self._offsets: list[int] = []
        self._offsets_array: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._tabulate(FEW)

    def admit(self, now_ns: int, size_bytes: int) -> Admission:
        """Cut a message into packets and see which find room in the queue.

        Args:
            now_ns: simulated time as a Python int, not before the previous hand-over to the same server.
            size_bytes: payload as a Python int, at least 1.

        Returns:
            What the queue made of it; nothing is served yet.

        Raises:
            ValueError: for a time or size that is no Python int or out of range, and for a time that goes back.

        >>> Transmitter(LinkSpec(rate="1 Mbit/s", delay=0, limit=0), Server()).admit(0, 3000).last
        0
        """
        server = self.server
        handed = type(now_ns) is int and server.now_ns <= now_ns <= LATEST_NS
        if not handed or type(size_bytes) is not int or size_bytes < 1:
            raise ValueError(self._refusal(now_ns, size_bytes))
        packets = -(-size_bytes // self._mtu)
        last_bytes = size_bytes - packets * self._mtu + self.full_bytes
        server.now_ns = now_ns
        if server.free_ns <= now_ns and packets <= self._burst:
            server.forget()
            return Admission(now_ns, size_bytes, packets, packets - 1, 1, last_bytes)
        leading, last = server.admit(
            now_ns, packets, self.full_bytes, last_bytes, limit=self._limit, limit_bytes=self._limit_bytes
        )
        return Admission(now_ns, size_bytes, packets, leading, int(last), last_bytes)

    def emit(self, now_ns: int, size_bytes: int) -> Emission:
        """Serve a message: every packet that finds room leaves once.

        Args:
            now_ns: as `admit`.
            size_bytes: as `admit`.

        Returns:
            The message as it leaves, the k-th packet at start + round(cumulated bits · 10⁹ / rate), where start is when
            the server is free.

        Raises:
            ValueError: as `admit`, and for a message that would leave after `LATEST_NS`.

        >>> Transmitter(LinkSpec(rate="unlimited", delay=0), Server()).emit(7, 1).ends_ns
        [7]
        """
        _, _, packets, leading, last, last_bytes = self.admit(now_ns, size_bytes)
        sent = leading + last
        wire_bytes = leading * self.full_bytes + last * last_bytes
        airtime_ns = round(8 * wire_bytes * 1e9 / self.rate)
        server = self.server
        start = max(server.free_ns, now_ns)
        refuse_late(start + airtime_ns, size_bytes)
        if not sent:
            return Emission(now_ns, size_bytes, packets, 0, start, [], 0, 0)
        ends: Ends
        if packets == 1:
            ends = [start + airtime_ns]
        elif packets <= FEW:
            ends = [start + offset for offset in self._offsets[1:sent]]
            ends.append(start + airtime_ns)
        else:
            if sent >= len(self._offsets):
                self._tabulate(2 * sent)
            ends = self._offsets_array[1 : sent + 1] + start
            ends[-1] = start + airtime_ns
        server.serve(ends, self.full_bytes, last_bytes if last else self.full_bytes)
        return Emission(now_ns, size_bytes, packets, leading, start, ends, wire_bytes, airtime_ns)

    def _tabulate(self, packets: int) -> None:
        """When each of that many full packets leaves, after the start: round(cumulated bits · 10⁹ / rate)."""
        bits = 8.0 * self.full_bytes * np.arange(packets + 1)
        # What would leave later is refused before its time is looked up.
        self._offsets_array = np.rint(np.minimum(bits * 1e9 / self.rate, 2.0 * LATEST_NS)).astype(np.int64)
        self._offsets = self._offsets_array.tolist()

    def _refusal(self, now_ns: object, size_bytes: object) -> str:
        if type(size_bytes) is not int or size_bytes < 1:
            return f"size_bytes: expected a Python int of at least 1, got {size_bytes!r}"
        latest = self.server.now_ns
        return f"now_ns: expected a Python int from {latest} (the previous hand-over) to {LATEST_NS}, got {now_ns!r}"
