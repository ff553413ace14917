"""One directed link: when does this message arrive, whole or in part, or why not.

A link needs no event kernel. It answers from its own state: when its server is free, where its loss chain stands, how
far its streams have been read, and when its latest packet arrives. A message takes the steps of `Link.offer` in order.

Messages of few packets are computed in plain integers, because a numpy call costs more than their arithmetic; longer
ones in numpy. Both read the same drawn values and round alike, so the results are the same.
"""

from collections.abc import Mapping
from itertools import repeat
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from netmodels.links import arrivals as arriving
from netmodels.links import fates as deciding
from netmodels.links.arrivals import Arrivals, Fates
from netmodels.links.availability import Availability
from netmodels.links.delay import Constant, delay_draws
from netmodels.links.loss import Bernoulli, loss_draws
from netmodels.links.queue import Server
from netmodels.links.retransmission import Channel, stop_and_wait
from netmodels.links.spec import LinkSpec, checked_spec
from netmodels.links.transfer import DELIVERED, LOSS, Reason, Transfer
from netmodels.links.transmitter import Emission, Transmitter
from netmodels.streams import Draws, checked_name
from netmodels.units import checked_state

NOTHING_LOST: tuple[Reason | None, tuple[tuple[Reason, int], ...]] = (None, ())


class Link:
    """A directed link with its own state and its own random streams.

    Streams are named ("loss", *name), ("delay", *name), ("corrupt", *name), ("duplicate", *name) and
    ("second delay", *name), so links that differ in name draw independently, and a link draws the same whatever other
    links there are. A link can be pickled, and goes on where it was.

    Attributes:
        spec: its parameters.
        name: its name in the streams, usually (sender, receiver).
        latest_ns: the latest arrival so far, which no later packet of a FIFO link precedes.

    >>> link = Link(LinkSpec(rate="12 Mbit/s", delay="5 ms"))
    >>> link.offer(0, 2944).arrival_ns.tolist()        # two full packets of 1500 bytes: 1 ms each on the wire
    [6000000, 7000000]
    >>> link.offer(500_000, 1472).complete_ns           # waits until the server is free at 2 ms
    8000000
    """

    __slots__ = (
        "_channel",
        "_constant_ns",
        "_delay",
        "_duplicate",
        "_fifo",
        "_plain",
        "_retries",
        "_retry_delay_ns",
        "_second_delay",
        "_transmitter",
        "latest_ns",
        "name",
        "spec",
    )

    def __init__(
        self,
        spec: LinkSpec,
        seed: int = 0,
        name: tuple[int | str, ...] = (0, 1),
        server: Server | None = None,
        availability: Availability | None = None,
    ) -> None:
        """Put a link in place, idle.

        Args:
            spec: its parameters.
            seed: seed of the run.
            name: its name in the streams.
            server: the server that it shares with other links; one of its own if not given.
            availability: when it is down; always up if not given.

        Raises:
            ValueError: for no spec, a seed below 0, or a name that is no tuple of text and whole numbers.
        """
        checked_name(seed, name)
        self.spec = checked_spec(spec, "spec")
        self.name = name
        self.latest_ns = 0
        self._fifo = spec.fifo
        self._retries = spec.retries
        self._retry_delay_ns = 0 if spec.retry_delay is None else round(spec.retry_delay * 1e9)
        self._transmitter = Transmitter(spec, Server() if server is None else server)
        loss = None if spec.loss.loss_rate == 0.0 else loss_draws(spec.loss, seed, "loss", *name)
        self._channel = Channel(loss, _chances(spec.corrupt, seed, "corrupt", *name), availability)
        # Without corruption and down-times a packet's fate is its loss, which is quick to decide.
        self._plain = self._channel.corrupt is None and availability is None
        self._delay = delay_draws(spec.delay, seed, "delay", *name)
        self._constant_ns = self._delay.take(1)[0] if isinstance(spec.delay, Constant) else None
        self._duplicate = _chances(spec.duplicate, seed, "duplicate", *name)
        self._second_delay = delay_draws(spec.delay, seed, "second delay", *name)

    def offer(self, now_ns: int, size_bytes: int) -> Transfer:
        """Hand a message over and learn its fate.

        The message is cut into ⌈size/mtu⌉ packets. Those for which the queue has no room are dropped. The others are
        put on the wire one after the other, leaving at start + round(cumulated bits · 10⁹ / rate), where start is when
        the server is free. Each is lost if the link is down, by the loss model, or by corruption; what is lost by the
        latter two is sent again while there are retries. What is through may be duplicated, and arrives after its
        delay (the shorter one if there are two copies), in order if the link is FIFO.

        Args:
            now_ns: simulated time as a Python int, not before the previous hand-over to the same server.
            size_bytes: payload as a Python int, at least 1.

        Returns:
            What became of it.

        Raises:
            ValueError: for a time or size that is no Python int or out of range, for a time that goes back, and for a
                message that would leave the server after 73 years of simulated time.

        >>> Link(LinkSpec(rate="unlimited", delay="1 ms")).offer(10, 1).complete_ns
        1000010
        """
        if not self._retries:
            return self.receive(self._transmitter.emit(now_ns, size_bytes))
        admission = self._transmitter.admit(now_ns, size_bytes)
        emission, fates, tries = stop_and_wait(
            self._transmitter, admission, self._channel, self._retries, self._retry_delay_ns
        )
        return self._deliver(emission, fates if any(fates) else None, tries)

    def emit(self, now_ns: int, size_bytes: int) -> Emission:
        """Put a message on the wire once, for every link in reach to `receive`: the sending half of a broadcast.

        Args:
            now_ns: as `offer`.
            size_bytes: as `offer`.

        Returns:
            The message as it leaves the server.

        Raises:
            ValueError: as `offer`.

        >>> Link(LinkSpec(rate="12 Mbit/s", delay="5 ms")).emit(0, 1472).ends_ns
        [1000000]
        """
        return self._transmitter.emit(now_ns, size_bytes)

    def receive(self, emission: Emission) -> Transfer:
        """Lose, delay and deliver a message that was put on the wire, without retransmission.

        Args:
            emission: from the `emit` of this link, or of another one of the same sender with the same packet size.

        Returns:
            What became of it on this link.

        >>> link = Link(LinkSpec(rate="12 Mbit/s", delay="5 ms"))
        >>> link.receive(link.emit(0, 1472)).complete_ns
        6000000
        """
        ends = emission.ends_ns
        fates: Fates | None
        if isinstance(ends, list):
            fates = self._few_fates(emission, len(ends))
        else:
            fates = deciding.many(self._channel, emission.start_ns, cast("NDArray[np.int64]", ends))
        return self._deliver(emission, fates, None)

    def _few_fates(self, emission: Emission, sent: int) -> list[int] | None:
        if not self._plain:
            return deciding.few(self._channel, emission.start_ns, cast("list[int]", emission.ends_ns))
        loss = self._channel.loss
        if loss is None:
            return None
        lost = loss.take(sent)
        return [LOSS if gone else DELIVERED for gone in lost] if True in lost else None

    def _deliver(self, emission: Emission, fates: Fates | None, tries: list[int] | None) -> Transfer:
        """Duplicate and delay what got through, put back what the queue dropped, and sum up."""
        now_ns, size_bytes, packets, leading, _, ends, wire_bytes, airtime_ns = emission
        sent = len(ends)
        duplicates = 0
        arrivals: Arrivals
        if isinstance(ends, list):
            arrivals, duplicates = self._arrive_few(ends, cast("list[int] | None", fates))
        else:
            arrivals, duplicates = self._arrive_many(
                cast("NDArray[np.int64]", ends), cast("NDArray[np.int8] | None", fates)
            )
        if sent < packets:
            dropped = packets - sent
            arrivals, fates = arriving.with_dropped(arrivals, fates, leading, dropped)
            if tries is not None:
                tries = [*tries[:leading], *[0] * dropped, *tries[leading:]]
        if fates is None:
            # The latest arrival of a FIFO link is that of the last packet delivered.
            complete_ns = self.latest_ns if self._fifo else int(np.max(arrivals))
            lost_reason, packets_lost = NOTHING_LOST
        else:
            complete_ns = -1
            lost_reason, packets_lost = arriving.losses(fates)
        return Transfer(
            now_ns, size_bytes, packets, complete_ns, lost_reason, packets_lost,
            wire_bytes, airtime_ns, duplicates, arrivals, fates, tries,
        )  # fmt: skip

    def _arrive_few(self, ends: list[int], fates: list[int] | None) -> tuple[list[int], int]:
        sent = len(ends)
        if not sent:
            return [], 0
        constant = self._constant_ns
        delays = self._delay.take(sent) if constant is None else [constant] * sent
        duplicates = 0
        if self._duplicate is not None:
            twice = self._duplicate.take(sent)
            second = self._second_delay.take(sent)
            delays = [min(pair) if copied else pair[0] for *pair, copied in zip(delays, second, twice, strict=True)]
            duplicates = sum(copied and not fate for copied, fate in zip(twice, fates or repeat(0), strict=False))
        if not self._fifo:
            return arriving.few_in_any_order(ends, delays, fates or repeat(DELIVERED)), duplicates
        arrivals = arriving.few_in_order(ends, delays, fates or repeat(DELIVERED), self.latest_ns)
        self.latest_ns = max(self.latest_ns, *arrivals)
        return arrivals, duplicates

    def _arrive_many(self, ends: NDArray[np.int64], fates: NDArray[np.int8] | None) -> tuple[NDArray[np.int64], int]:
        sent = len(ends)
        delays: NDArray[np.int64] | int
        delays = self._delay.take_array(sent) if self._constant_ns is None else self._constant_ns
        duplicates = 0
        if self._duplicate is not None:
            twice = self._duplicate.take_array(sent)
            second = self._second_delay.take_array(sent)
            delays = np.where(twice, np.minimum(delays, second), delays)
            duplicates = int(np.count_nonzero(twice if fates is None else twice & (fates == 0)))
        arrivals = arriving.many(ends, delays, fates, self.latest_ns if self._fifo else None)
        if self._fifo:
            self.latest_ns = max(self.latest_ns, int(arrivals.max()))
        return arrivals, duplicates

    def state(self) -> dict[str, int]:
        """Return how far its streams have been read, and when its latest packet arrives; its server is apart.

        >>> link = Link(LinkSpec(rate="12 Mbit/s", delay={"kind": "uniform", "mean": "5 ms", "jitter": "1 ms"}))
        >>> _ = link.offer(0, 2944)
        >>> link.state()["delay"]
        2
        """
        return {"latest_ns": self.latest_ns} | {name: draws.drawn for name, draws in self._streams().items()}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go on from a state, on a link that has just been put in place.

        Args:
            state: of `state`, of a link with the same parameters.

        Raises:
            ValueError: for a state of another link.

        >>> link, again = Link(LinkSpec(rate="1 Mbit/s", delay="1 ms")), Link(LinkSpec(rate="1 Mbit/s", delay="1 ms"))
        >>> _ = link.offer(0, 1000)
        >>> again.restore(link.state())
        >>> again.state() == link.state()
        True
        """
        streams = self._streams()
        checked_state(state, ("latest_ns", *streams), "link")
        self.latest_ns = state["latest_ns"]
        for name, draws in streams.items():
            draws.advance_to(state[name])

    def _streams(self) -> dict[str, Draws[Any]]:
        every = {
            "loss": self._channel.loss,
            "corrupt": self._channel.corrupt,
            "delay": self._delay,
            "duplicate": self._duplicate,
            "second delay": self._second_delay,
        }
        return {name: draws for name, draws in every.items() if draws is not None}


def _chances(probability: float, seed: int, *name: int | str) -> Draws[np.bool_] | None:
    return None if probability == 0.0 else loss_draws(Bernoulli(probability), seed, *name)
