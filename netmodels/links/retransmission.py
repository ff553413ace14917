"""Link-layer retransmission: stop and wait."""

from typing import NamedTuple

import numpy as np

from netmodels.links.availability import Availability
from netmodels.links.transfer import CORRUPTED, DELIVERED, LOSS
from netmodels.links.transmitter import Admission, Emission, Transmitter
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

    def fate(self, start_ns: int, end_ns: int) -> int:
        """Try once; every try draws from each stream, whatever became of it.

        Args:
            start_ns: when the transmission starts.
            end_ns: when it ends.

        Returns:
            Code in `netmodels.links.REASONS`.

        >>> Channel(None, None, None).fate(0, 1)
        0
        """
        lost = self.loss is not None and self.loss.take(1)[0]
        corrupted = self.corrupt is not None and self.corrupt.take(1)[0]
        down = 0 if self.availability is None else self.availability.fate(start_ns, end_ns)
        if down:
            return down
        if lost:
            return LOSS
        return CORRUPTED if corrupted else DELIVERED


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
    server, rate = transmitter.server, transmitter.rate
    start = max(server.free_ns, admission.now_ns)
    wire_sizes = [transmitter.full_bytes] * admission.leading + [admission.last_bytes] * admission.last
    ends: list[int] = []
    fates: list[int] = []
    tries: list[int] = []
    wire_bytes, waited_ns, end = 0, 0, start
    for size in wire_sizes:
        fate, attempts = LOSS, 0
        while fate in (LOSS, CORRUPTED) and attempts <= retries:
            if attempts:
                waited_ns += retry_delay_ns
                end += retry_delay_ns
            attempts += 1
            wire_bytes += size
            begin, end = end, start + round(8 * wire_bytes * 1e9 / rate) + waited_ns
            fate = channel.fate(begin, end)
        ends.append(end)
        fates.append(fate)
        tries.append(attempts)
    if ends:
        server.serve(ends, transmitter.full_bytes, wire_sizes[-1])
    airtime_ns = round(8 * wire_bytes * 1e9 / rate)
    now_ns, size_bytes, packets, leading, _, _ = admission
    return Emission(now_ns, size_bytes, packets, leading, start, ends, wire_bytes, airtime_ns), fates, tries
