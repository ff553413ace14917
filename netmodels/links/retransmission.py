"""Link-layer retransmission: stop and wait."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np

from netmodels.links.availability import Availability
from netmodels.links.transfer import CORRUPTED, DELIVERED, LOSS
from netmodels.links.transmitter import Admission, Emission, Transmitter, refuse_late
from netmodels.streams import Draws


class Channel(NamedTuple):
    """What a transmission has to get through.

    Attributes:
        loss: draws of whether it is lost; ``None`` if none ever is.
        corrupt: draws of whether it is corrupted; ``None`` if none ever is.
        availability: when the link is down; ``None`` if it never is.
    """

    loss: Draws[np.bool_] | None
    corrupt: Draws[np.bool_] | None
    availability: Availability | None

    def tries(self, n: int) -> list[int]:
        """Draw what becomes of the next tries if nothing is down.

        Args:
            n: how many.

        Returns:
            Codes in `netmodels.links.REASONS`.

        >>> Channel(None, None, None).tries(2)
        [0, 0]
        """
        codes = [DELIVERED] * n
        if self.corrupt is not None:
            codes = [CORRUPTED if corrupted else DELIVERED for corrupted in self.corrupt.take(n)]
        if self.loss is not None:
            codes = [LOSS if lost else code for lost, code in zip(self.loss.take(n), codes, strict=True)]
        return codes


def stop_and_wait(
    transmitter: Transmitter, admission: Admission, channel: Channel, retries: int, retry_delay_ns: int
) -> tuple[Emission, list[int], list[int]]:
    """Send each packet until it is through or its tries are used up; the server is held meanwhile.

    The end of a try is start + round(cumulated bits of all tries · 10⁹ / rate) + the retry delays so far. A packet that
    is lost because the link or a node is down is not sent again: what is retried is loss and corruption.

    Args:
        transmitter: of the link.
        admission: the packets that found room.
        channel: what each try has to get through.
        retries: tries after the first.
        retry_delay_ns: wait before each of them.

    Returns:
        The message as it left, the fate of each packet sent, and how often each was sent.

    >>> from netmodels.links import LinkSpec, Server
    >>> transmitter = Transmitter(LinkSpec(rate="12 Mbit/s", delay=0), Server())
    >>> lost = Channel(Draws(lambda: lambda n: np.arange(n) == 0), None, None)
    >>> emission, fates, tries = stop_and_wait(transmitter, transmitter.admit(0, 1472), lost, 1, 500)
    >>> emission.ends_ns, fates, tries
    ([2000500], [0], [2])
    """
    server = transmitter.server
    start = max(server.free_ns, admission.now_ns)
    sizes = [transmitter.full_bytes] * admission.leading + [admission.last_bytes] * admission.last
    if channel.availability is None:
        fates, tries = _always_up(channel, len(sizes), retries)
    else:
        clock = _Clock(start, transmitter.rate, retry_delay_ns)
        fates, tries = _up_and_down(channel, channel.availability, sizes, retries, clock)
    wire_bytes = list(accumulate(size * attempts for size, attempts in zip(sizes, tries, strict=True)))
    waits = accumulate((attempts - 1) * retry_delay_ns for attempts in tries)
    ends = [
        start + round(8 * sent * 1e9 / transmitter.rate) + waited
        for sent, waited in zip(wire_bytes, waits, strict=True)
    ]
    total = wire_bytes[-1] if wire_bytes else 0
    if ends:
        refuse_late(ends[-1], admission.size_bytes)
        server.serve(ends, transmitter.full_bytes, sizes[-1])
    airtime_ns = round(8 * total * 1e9 / transmitter.rate)
    now_ns, size_bytes, packets, leading, _, _ = admission
    return Emission(now_ns, size_bytes, packets, leading, start, ends, total, airtime_ns), fates, tries


def _always_up(channel: Channel, packets: int, retries: int) -> tuple[list[int], list[int]]:
    """Fates and tries from losses alone; every draw taken is used, because each packet left needs at least one."""
    fates: list[int] = []
    tries: list[int] = []
    attempts = 0
    while len(fates) < packets:
        for code in channel.tries(packets - len(fates)):
            attempts += 1
            if code == DELIVERED or attempts > retries:
                fates.append(code)
                tries.append(attempts)
                attempts = 0
    return fates, tries


class _Clock(NamedTuple):
    """When tries begin and end, from what has been sent before."""

    start_ns: int
    rate: float
    retry_delay_ns: int

    def at(self, wire_bytes: int, waits: int) -> int:
        return self.start_ns + round(8 * wire_bytes * 1e9 / self.rate) + waits * self.retry_delay_ns


def _up_and_down(
    channel: Channel, availability: Availability, sizes: list[int], retries: int, clock: _Clock
) -> tuple[list[int], list[int]]:
    """The same, try by try, where being down is final for a packet."""
    fates: list[int] = []
    tries: list[int] = []
    wire_bytes, waits = 0, 0
    for size in sizes:
        fate, attempts = LOSS, 0
        while fate in (LOSS, CORRUPTED) and attempts <= retries:
            waits += attempts > 0
            attempts += 1
            begin = clock.at(wire_bytes, waits)
            wire_bytes += size
            [drawn] = channel.tries(1)
            fate = availability.fate(begin, clock.at(wire_bytes, waits)) or drawn
        fates.append(fate)
        tries.append(attempts)
    return fates, tries
