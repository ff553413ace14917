"""A link whose parameters are other ones for a while."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netmodels.links.availability import Availability
from netmodels.links.link import Link
from netmodels.links.queue import Server
from netmodels.links.spec import LinkSpec
from netmodels.links.transfer import Transfer
from netmodels.links.transmitter import Emission
from netmodels.units import checked_state


@dataclass(frozen=True)
class Degradation:
    """Parameters that hold for a while.

    Attributes:
        start_ns: from then on.
        end_ns: up to, not including, then.
        spec: the parameters.
    """

    start_ns: int
    end_ns: int
    spec: LinkSpec


class DegradedLink:
    """A link with other parameters at some times, as of the hand-over; the last degradation that holds counts.

    It has the same methods as `Link`. Server, availability and the order of arrivals are the same throughout; loss,
    delay and the rest of a degradation come from streams of their own, named after its times, so that another
    degradation changes nothing of it.

    Attributes:
        spec: its parameters when nothing degrades it.
        name: its name in the streams.

    >>> slow = Degradation(10, 20, LinkSpec(rate="unlimited", delay="1 us"))
    >>> link = DegradedLink(LinkSpec(rate="unlimited", delay=0), [slow])
    >>> [link.offer(now, 1).complete_ns for now in (9, 10, 19, 20)]         # FIFO: none overtakes the slow ones
    [9, 1010, 1019, 1019]
    """

    __slots__ = ("_degraded", "_latest_ns", "_plain", "name", "spec")

    def __init__(
        self,
        spec: LinkSpec,
        degradations: Sequence[Degradation],
        seed: int = 0,
        name: tuple[int | str, ...] = (0, 1),
        *,
        server: Server | None = None,
        availability: Availability | None = None,
    ) -> None:
        """Put a link in place, idle.

        Args:
            spec: its parameters when nothing degrades it.
            degradations: other parameters, and when they hold.
            seed: as `Link`.
            name: as `Link`.
            server: as `Link`.
            availability: as `Link`.
        """
        self.spec = spec
        self.name = name
        shared = Server() if server is None else server
        self._plain = Link(spec, seed, name, shared, availability)
        self._degraded = [
            (entry, Link(entry.spec, seed, (*name, "degraded", entry.start_ns, entry.end_ns), shared, availability))
            for entry in degradations
        ]
        self._latest_ns = 0

    def at(self, now_ns: int) -> Link:
        """Return the link as it is at a time.

        Args:
            now_ns: simulated time.

        Returns:
            The plain link, or the one of the last degradation that holds then.

        >>> DegradedLink(LinkSpec(rate="unlimited", delay=0), []).at(0).spec.rate
        inf
        """
        for entry, link in reversed(self._degraded):
            if entry.start_ns <= now_ns < entry.end_ns:
                return link
        return self._plain

    def offer(self, now_ns: int, size_bytes: int) -> Transfer:
        """Hand a message over; see `Link.offer`.

        Args:
            now_ns: as there.
            size_bytes: as there.

        Returns:
            What became of it.

        Raises:
            ValueError: as there.

        >>> DegradedLink(LinkSpec(rate="unlimited", delay=0), []).offer(5, 1).complete_ns
        5
        """
        link = self.at(now_ns) if type(now_ns) is int else self._plain
        link.latest_ns = self._latest_ns
        transfer = link.offer(now_ns, size_bytes)
        self._latest_ns = link.latest_ns
        return transfer

    def emit(self, now_ns: int, size_bytes: int) -> Emission:
        """Put a message on the wire once; see `Link.emit`.

        Args:
            now_ns: as there.
            size_bytes: as there.

        Returns:
            The message as it leaves the server.

        Raises:
            ValueError: as there.

        >>> DegradedLink(LinkSpec(rate="12 Mbit/s", delay=0), []).emit(0, 1472).ends_ns
        [1000000]
        """
        return (self.at(now_ns) if type(now_ns) is int else self._plain).emit(now_ns, size_bytes)

    def receive(self, emission: Emission) -> Transfer:
        """Lose, delay and deliver a message that was put on the wire; see `Link.receive`.

        Args:
            emission: as there.

        Returns:
            What became of it on this link.

        >>> link = DegradedLink(LinkSpec(rate="12 Mbit/s", delay="1 ms"), [])
        >>> link.receive(link.emit(0, 1472)).complete_ns
        2000000
        """
        link = self.at(emission.now_ns)
        link.latest_ns = self._latest_ns
        transfer = link.receive(emission)
        self._latest_ns = link.latest_ns
        return transfer

    def state(self) -> dict[str, Any]:
        """Return where the link stands, as it is otherwise and as every degradation makes it; see `Link.state`.

        >>> DegradedLink(LinkSpec(rate="unlimited", delay=0), []).state()["latest_ns"]
        0
        """
        degraded = [link.state() for _, link in self._degraded]
        return {"latest_ns": self._latest_ns, "plain": self._plain.state(), "degraded": degraded}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, on a link that has just been put in place; see `Link.restore`.

        Args:
            state: of `state`, of a link with the same parameters and degradations.

        Raises:
            ValueError: for a state of another link.

        >>> link = DegradedLink(LinkSpec(rate="unlimited", delay="1 ms"), [])
        >>> link.restore({**link.state(), "latest_ns": 5})
        >>> link.state()["latest_ns"]
        5
        """
        checked_state(state, ("latest_ns", "plain", "degraded"), "link that is degraded at times")
        if len(state["degraded"]) != len(self._degraded):
            raise ValueError(f"degraded: expected {len(self._degraded)} degradations, got {len(state['degraded'])}")
        self._latest_ns = state["latest_ns"]
        self._plain.restore(state["plain"])
        for (_, link), inner in zip(self._degraded, state["degraded"], strict=True):
            link.restore(inner)
