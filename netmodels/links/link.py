"""One directed link: when does this message arrive, whole or in part, or why not.

A link needs no event kernel. It answers from its own state: when its server is free, where its loss chain stands, how
far its streams have been read, and when its latest packet arrives. A message takes the steps of `Link.offer` in order.

Messages of few packets are computed in plain integers, because a numpy call costs more than their arithmetic; longer
ones in numpy. Both read the same drawn values and round alike, so the results are the same.
"""

import math
from collections.abc import Iterable
from itertools import repeat
from typing import cast

import numpy as np

from netmodels.links.arrivals import Arrivals, Fates, few_in_any_order, few_in_order, losses, many, with_dropped
from netmodels.links.delay import Constant, delay_draws
from netmodels.links.loss import loss_draws
from netmodels.links.queue import Server
from netmodels.links.spec import LinkSpec
from netmodels.links.transfer import DELIVERED, LOSS, Reason, Transfer

FEW = 20
"""Messages of up to this many packets are computed in plain integers."""

LATEST_NS = 2**61
"""Hand-over times end here (73 years), so that no arrival overflows an int64."""

NOTHING_LOST: tuple[Reason | None, tuple[tuple[Reason, int], ...]] = (None, ())


class Link:
    """A directed link with its own state and its own random streams.

    Streams are named ("loss", *name) and ("delay", *name), so links that differ in name draw independently, and a
    link draws the same whatever other links there are. A link can be pickled, and goes on where it was.

    Attributes:
        spec: its parameters.
        name: its name in the streams, usually (sender, receiver).

    >>> link = Link(LinkSpec(rate="12 Mbit/s", delay="5 ms"))
    >>> link.offer(0, 2944).arrival_ns.tolist()        # two full packets of 1500 bytes: 1 ms each on the wire
    [6000000, 7000000]
    >>> link.offer(500_000, 1472).complete_ns           # waits until the server is free at 2 ms
    8000000
    """

    __slots__ = (
        "_burst",
        "_constant_ns",
        "_delay",
        "_full_bytes",
        "_latest_ns",
        "_loss",
        "_mtu",
        "_offsets",
        "_offsets_array",
        "_overhead",
        "_rate",
        "_server",
        "name",
        "spec",
    )

    def __init__(
        self, spec: LinkSpec, seed: int = 0, name: tuple[int | str, ...] = (0, 1), server: Server | None = None
    ) -> None:
        """Put a link in place, idle.

        Args:
            spec: its parameters.
            seed: seed of the run.
            name: its name in the streams.
            server: the server that it shares with other links; one of its own if not given.
        """
        self.spec = spec
        self.name = name
        self._server = Server() if server is None else server
        self._rate = float(spec.rate)
        self._mtu = cast("int", spec.mtu)
        self._overhead = cast("int", spec.overhead)
        self._full_bytes = self._mtu + self._overhead
        # An idle server takes a burst of this size without a look at the queue; at unlimited rate nothing waits.
        self._burst = spec.limit + 1 if spec.limit_bytes is None else 1
        if math.isinf(self._rate):
            self._burst = 2**62
        self._loss = None if spec.loss_model.loss_rate == 0.0 else loss_draws(spec.loss_model, seed, "loss", *name)
        self._delay = delay_draws(spec.delay_model, seed, "delay", *name)
        self._constant_ns = self._delay.take(1)[0] if isinstance(spec.delay, Constant) else None
        self._latest_ns = 0
        self._tabulate_offsets(FEW)

    def offer(self, now_ns: int, size_bytes: int) -> Transfer:
        """Hand a message over and learn its fate.

        The message is cut into ⌈size/mtu⌉ packets. Those for which the queue has no room are dropped; the others are
        put on the wire one after the other, leaving at start + round(cumulated bits · 10⁹ / rate), where start is when
        the server is free; each is lost or not, and arrives after its delay, in order if the link is FIFO.

        Args:
            now_ns: simulated time as a Python int, not before the previous hand-over to the same server.
            size_bytes: payload as a Python int, at least 1.

        Returns:
            What became of it.

        Raises:
            ValueError: for a time or size that is no Python int or out of range, and for a time that goes back.

        >>> Link(LinkSpec(rate="unlimited", delay="1 ms")).offer(10, 1).complete_ns
        1000010
        """
        server = self._server
        handed = type(now_ns) is int and server.now_ns <= now_ns <= LATEST_NS
        if not handed or type(size_bytes) is not int or size_bytes < 1:
            raise ValueError(self._refusal(now_ns, size_bytes))
        packets = -(-size_bytes // self._mtu)
        last_bytes = size_bytes - (packets - 1) * self._mtu + self._overhead
        leading, last = self._admit(now_ns, packets, last_bytes)
        sent = leading + last
        wire_bytes = leading * self._full_bytes + last * last_bytes
        airtime_ns = round(8 * wire_bytes * 1e9 / self._rate)
        arrivals: Arrivals = []
        fates: Fates | None = None
        if sent:
            send = self._send_few if packets <= FEW else self._send_many
            arrivals, fates = send(sent, airtime_ns, last_bytes if last else self._full_bytes)
        if sent < packets:
            arrivals, fates = with_dropped(arrivals, fates, leading, packets - sent)
        if fates is None:
            # The latest arrival of a FIFO link is that of the last packet delivered.
            complete_ns = self._latest_ns if self.spec.fifo else int(np.max(arrivals))
            lost_reason, packets_lost = NOTHING_LOST
        else:
            complete_ns = -1
            lost_reason, packets_lost = losses(fates)
        return Transfer(
            now_ns, size_bytes, packets, complete_ns, lost_reason, packets_lost,
            wire_bytes, airtime_ns, 0, arrivals, fates, None,
        )  # fmt: skip

    def _admit(self, now_ns: int, packets: int, last_bytes: int) -> tuple[int, int]:
        """Decide how many of the leading packets, all full, find room, and whether (0 or 1) the last one does."""
        server, spec = self._server, self.spec
        server.now_ns = now_ns
        if server.free_ns <= now_ns and packets <= self._burst:
            return packets - 1, 1
        return server.admit(
            now_ns,
            packets,
            self._full_bytes,
            last_bytes,
            limit=spec.limit,
            limit_bytes=cast("int | None", spec.limit_bytes),
        )

    def _send_few(self, sent: int, airtime_ns: int, final_bytes: int) -> tuple[list[int], list[int] | None]:
        """Serialise, lose and delay in plain integers; all packets are full but the final one."""
        server = self._server
        start = max(server.free_ns, server.now_ns)
        ends = [start + offset for offset in self._offsets[1:sent]]
        ends.append(start + airtime_ns)
        server.serve(ends, self._full_bytes, final_bytes)
        lost = None if self._loss is None else self._loss.take(sent)
        fates = [LOSS if gone else DELIVERED for gone in lost] if lost is not None and True in lost else None
        delays: Iterable[int]
        delays = self._delay.take(sent) if self._constant_ns is None else repeat(self._constant_ns)
        if not self.spec.fifo:
            return few_in_any_order(ends, delays, fates or repeat(DELIVERED)), fates
        arrivals = few_in_order(ends, delays, fates or repeat(DELIVERED), self._latest_ns)
        self._latest_ns = max(self._latest_ns, *arrivals)
        return arrivals, fates

    def _send_many(self, sent: int, airtime_ns: int, final_bytes: int) -> tuple[Arrivals, Fates | None]:
        """The same in numpy."""
        server = self._server
        start = max(server.free_ns, server.now_ns)
        if sent > len(self._offsets):
            self._tabulate_offsets(2 * sent)
        ends = self._offsets_array[1 : sent + 1] + start
        ends[-1] = start + airtime_ns
        server.serve(ends, self._full_bytes, final_bytes)
        lost = None if self._loss is None else self._loss.take_array(sent)
        fates = lost.astype(np.int8) if lost is not None and lost.any() else None
        delays = self._delay.take_array(sent) if self._constant_ns is None else self._constant_ns
        arrivals = many(ends, delays, fates, self._latest_ns if self.spec.fifo else None)
        if self.spec.fifo:
            self._latest_ns = max(self._latest_ns, int(arrivals.max()))
        return arrivals, fates

    def _tabulate_offsets(self, packets: int) -> None:
        """When each of that many full packets leaves, after the start: round(cumulated bits · 10⁹ / rate)."""
        bits = 8.0 * self._full_bytes * np.arange(packets + 1)
        self._offsets_array = np.rint(bits * 1e9 / self._rate).astype(np.int64)
        self._offsets = self._offsets_array.tolist()

    def _refusal(self, now_ns: object, size_bytes: object) -> str:
        if type(size_bytes) is not int or size_bytes < 1:
            return f"size_bytes: expected a Python int of at least 1, got {size_bytes!r}"
        latest = self._server.now_ns
        return f"now_ns: expected a Python int from {latest} (the previous hand-over) to {LATEST_NS}, got {now_ns!r}"
