"""The server that puts packets on the wire one after the other, and the queue before it."""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from netmodels.units import checked_state

Ends = Sequence[int]


class Server:
    """First in, first out, by message; one packet in service, the others wait beside it.

    A link has one of its own. Links that are given the same one share it: a radio or uplink of one node, or one
    medium. The limits are those of the link that offers, counted against all that waits here.

    Attributes:
        free_ns: when everything admitted so far will have been served.
        now_ns: the latest hand-over, which the next must not precede.

    >>> server = Server()
    >>> server.admit(0, 3, 1500, 1500, limit=1, limit_bytes=None)
    (2, False)
    >>> server.serve([1000, 2000], 1500, 1500)
    >>> server.admit(999, 3, 1500, 1500, limit=1, limit_bytes=None), server.free_ns
    ((0, False), 2000)
    """

    __slots__ = ("_batches", "_bytes", "_packets", "free_ns", "now_ns")

    def __init__(self) -> None:
        self.free_ns = 0
        self.now_ns = 0
        # (when each packet leaves, wire bytes of a packet, wire bytes of the last one), oldest first
        self._batches: deque[tuple[Ends, int, int]] = deque()
        self._packets = 0
        self._bytes = 0

    def admit(
        self, now_ns: int, packets: int, full_bytes: int, last_bytes: int, *, limit: int, limit_bytes: int | None
    ) -> tuple[int, bool]:
        """Decide which packets of a burst find room, one after the other.

        All but the last have `full_bytes`; the limits are of packets and wire bytes that wait beside the one in
        service. Returns how many of the full packets (the first ones) and whether the last one.

        >>> Server().admit(0, 3, 1500, 100, limit=1000, limit_bytes=1400)
        (1, True)
        """
        present, waiting_bytes = self._backlog(now_ns)
        # More may wait here than this link would let wait: other links have other limits.
        space = max(0, limit + 1 - present)
        leading = min(packets - 1, space)
        if limit_bytes is None:
            return leading, leading < space
        room = max(0, limit_bytes - waiting_bytes)
        served_at_once = 0 if present else 1
        leading = min(leading, served_at_once + room // full_bytes)
        if leading == 0 and served_at_once:
            return 0, True
        room -= full_bytes * (leading - served_at_once)
        return leading, leading < space and last_bytes <= room

    def serve(self, ends_ns: Ends, full_bytes: int, last_bytes: int) -> None:
        """Put admitted packets, of this size but for the last, behind those that are there, by when each leaves."""
        self._batches.append((ends_ns, full_bytes, last_bytes))
        self._packets += len(ends_ns)
        self._bytes += (len(ends_ns) - 1) * full_bytes + last_bytes
        self.free_ns = ends_ns[-1]

    def forget(self) -> None:
        """Drop what is known of packets that have all left; a server that is idle remembers nothing."""
        self._batches.clear()
        self._packets = 0
        self._bytes = 0

    def state(self) -> dict[str, Any]:
        """Return what is here and on its way out, as JSON can say it: when each packet leaves, and its wire bytes."""
        packets = [
            [end, full if place < len(ends) else last]
            for ends, full, last in self._batches
            for place, end in enumerate(ends, 1)
            if end > self.now_ns
        ]
        return {"free_ns": self.free_ns, "now_ns": self.now_ns, "packets": packets}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        >>> server = Server()
        >>> server.restore({"free_ns": 20, "now_ns": 0, "packets": [[10, 1500], [20, 100]]})
        >>> server.admit(15, 1, 1500, 1500, limit=0, limit_bytes=None)
        (0, False)
        """
        checked_state(state, ("free_ns", "now_ns", "packets"), "server")
        self.forget()
        for end_ns, packet_bytes in state["packets"]:
            self.serve([end_ns], packet_bytes, packet_bytes)
        self.free_ns, self.now_ns = state["free_ns"], state["now_ns"]

    def _backlog(self, now_ns: int) -> tuple[int, int]:
        """Packets present (the one in service included) and wire bytes waiting beside it; forgets what has left."""
        batches = self._batches
        while batches and batches[0][0][-1] <= now_ns:
            ends, full, last = batches.popleft()
            self._packets -= len(ends)
            self._bytes -= (len(ends) - 1) * full + last
        if not batches:
            return 0, 0
        ends, full, last = batches[0]
        gone = bisect_right(ends, now_ns)
        in_service = full if gone < len(ends) - 1 else last
        return self._packets - gone, self._bytes - gone * full - in_service
