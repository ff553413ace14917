"""What became of one message on one link."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Reason = Literal["loss", "corrupted", "queue_full", "link_down", "node_down"]

REASONS: tuple[Reason | None, ...] = (None, "loss", "corrupted", "queue_full", "link_down", "node_down")
"""What a packet's fate can be, in the order of the codes in `Transfer.fates`; ``None`` is delivered."""
DELIVERED, LOSS, CORRUPTED, QUEUE_FULL, LINK_DOWN, NODE_DOWN = range(6)


class Transfer(NamedTuple):
    """The fate of one message; frozen. Times are integer nanoseconds of the simulated clock.

    Plain numbers are ready; the arrays per packet are properties, made when asked for.

    Attributes:
        handed_over_ns: when the sender handed the message over.
        size_bytes: payload.
        packets: how many it was cut into.
        complete_ns: arrival of the last packet when all arrived, else −1.
        lost_reason: why the first missing packet is missing; ``None`` if none is.
        packets_lost: (reason, packets) for each reason that occurred, in the order of `REASONS`.
        wire_bytes: bytes serialised, headers and every try included; what the queue dropped is not.
        airtime_ns: time spent on serialising them.
        duplicates: how many second copies arrived.
        arrivals: `arrival_ns` before it is made an array.
        fates: code of each packet in `REASONS`; ``None`` if all were delivered.
        attempts: `tries` before it is made an array; ``None`` if every packet was sent once.

    >>> from netmodels.links import Link, LinkSpec
    >>> sent = Link(LinkSpec(rate="12 Mbit/s", delay="5 ms", limit=1)).offer(0, 4416)
    >>> sent.complete_ns, sent.lost_reason, sent.packets_lost
    (-1, 'queue_full', (('queue_full', 1),))
    >>> sent.arrival_ns.tolist(), sent.reason.tolist(), sent.tries.tolist()
    ([6000000, 7000000, -1], [None, None, 'queue_full'], [1, 1, 0])
    """

    handed_over_ns: int
    size_bytes: int
    packets: int
    complete_ns: int
    lost_reason: Reason | None
    packets_lost: tuple[tuple[Reason, int], ...]
    wire_bytes: int
    airtime_ns: int
    duplicates: int
    arrivals: Sequence[int] | NDArray[np.int64]
    fates: Sequence[int] | NDArray[np.int8] | None
    attempts: Sequence[int] | NDArray[np.int64] | None

    @property
    def arrival_ns(self) -> NDArray[np.int64]:
        """First arrival of each packet, −1 where every copy was lost; int64 [packets], read-only."""
        return _read_only(np.array(self.arrivals, dtype=np.int64))

    @property
    def reason(self) -> NDArray[np.object_]:
        """Why each packet is missing, ``None`` where it arrived; text [packets], read-only."""
        reasons = np.full(self.packets, None, dtype=object)
        if self.fates is not None:
            reasons[:] = [REASONS[fate] for fate in self.fates]
        reasons.flags.writeable = False
        return reasons

    @property
    def tries(self) -> NDArray[np.int64]:
        """How often each packet was sent, 0 if the queue dropped it; int64 [packets], read-only."""
        if self.attempts is not None:
            return _read_only(np.array(self.attempts, dtype=np.int64))
        if self.fates is None:
            return _read_only(np.ones(self.packets, dtype=np.int64))
        return _read_only((np.asarray(self.fates) != QUEUE_FULL).astype(np.int64))


def _read_only(array: NDArray[np.int64]) -> NDArray[np.int64]:
    array.flags.writeable = False
    return array
