"""From the packets that left the server to what arrived when: once in plain integers, once in numpy.

Both forms give the same numbers. A packet that is lost arrives at −1.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from netmodels.links.transfer import QUEUE_FULL, REASONS, Reason

Arrivals = list[int] | NDArray[np.int64]
Fates = list[int] | NDArray[np.int8]


def few_in_order(ends_ns: Sequence[int], delays_ns: Iterable[int], fates: Iterable[int], latest_ns: int) -> list[int]:
    """Arrivals on a FIFO link: no packet overtakes one before it.

    Args:
        ends_ns: when each packet leaves the server.
        delays_ns: its delay.
        fates: its code in `REASONS`; 0 is delivered.
        latest_ns: the latest arrival on this link so far.

    Returns:
        Running maximum of ends + delays over what is delivered, −1 for the rest.

    >>> few_in_order([1, 2, 3], [9, 5, 8], [0, 0, 1], 0)
    [10, 10, -1]
    """
    arrivals = []
    for end, delay, fate in zip(ends_ns, delays_ns, fates, strict=False):
        if fate:
            arrivals.append(-1)
            continue
        arrival = end + delay
        if arrival < latest_ns:
            arrival = latest_ns
        else:
            latest_ns = arrival
        arrivals.append(arrival)
    return arrivals


def few_in_any_order(ends_ns: Sequence[int], delays_ns: Iterable[int], fates: Iterable[int]) -> list[int]:
    """Arrivals where packets may overtake each other.

    Args:
        ends_ns: when each packet leaves the server.
        delays_ns: its delay.
        fates: its code in `REASONS`; 0 is delivered.

    Returns:
        ends + delays, −1 for what is not delivered.

    >>> few_in_any_order([1, 2, 3], [9, 5, 8], [0, 0, 1])
    [10, 7, -1]
    """
    return [-1 if fate else end + delay for end, delay, fate in zip(ends_ns, delays_ns, fates, strict=False)]


def many(
    ends_ns: NDArray[np.int64],
    delays_ns: NDArray[np.int64] | int,
    fates: NDArray[np.int8] | None,
    latest_ns: int | None,
) -> NDArray[np.int64]:
    """Arrivals of many packets.

    Args:
        ends_ns: when each packet leaves the server, int64 [packets].
        delays_ns: its delay, int64 [packets], or one for all.
        fates: its code in `REASONS`, [packets]; ``None`` if all are delivered.
        latest_ns: the latest arrival on this link so far; ``None`` where packets may overtake each other.

    Returns:
        int64 [packets]: ends + delays, as a running maximum unless packets may overtake; −1 for what is not delivered.

    >>> many(np.array([1, 2, 3]), np.array([9, 5, 8]), np.array([0, 0, 1], dtype=np.int8), 0).tolist()
    [10, 10, -1]
    """
    arrivals = ends_ns + delays_ns
    if latest_ns is not None:
        counted = arrivals if fates is None else np.where(fates == 0, arrivals, latest_ns)
        arrivals = np.maximum.accumulate(np.maximum(counted, latest_ns))
    if fates is not None:
        arrivals[fates != 0] = -1
    return arrivals


def with_dropped(arrivals: Arrivals, fates: Fates | None, leading: int, dropped: int) -> tuple[Arrivals, Fates]:
    """Put back the packets that the queue dropped, which stand behind the leading ones.

    Args:
        arrivals: of the packets sent.
        fates: their codes; ``None`` if all are delivered.
        leading: how many packets stand before those dropped.
        dropped: how many were dropped.

    Returns:
        Arrivals and fates of all packets.

    >>> with_dropped([5, 6, 7], None, 2, 2)
    ([5, 6, -1, -1, 7], [0, 0, 3, 3, 0])
    """
    if isinstance(arrivals, list):
        codes = [0] * len(arrivals) if fates is None else list(fates)
        return (
            [*arrivals[:leading], *[-1] * dropped, *arrivals[leading:]],
            [*codes[:leading], *[QUEUE_FULL] * dropped, *codes[leading:]],
        )
    marks = np.zeros(len(arrivals), dtype=np.int8) if fates is None else np.asarray(fates)
    return (
        np.concatenate([arrivals[:leading], np.full(dropped, -1), arrivals[leading:]]),
        np.concatenate([marks[:leading], np.full(dropped, QUEUE_FULL, dtype=np.int8), marks[leading:]]),
    )


def losses(fates: Fates) -> tuple[Reason | None, tuple[tuple[Reason, int], ...]]:
    """Sum up why packets are missing.

    Args:
        fates: code of each packet.

    Returns:
        The reason of the first missing packet (``None`` if none is), and (reason, packets) for each that occurs.

    >>> losses([0, 3, 1, 3])
    ('queue_full', (('loss', 1), ('queue_full', 2)))
    """
    if isinstance(fates, list):
        first = next(filter(None, fates), 0)
        numbers = [fates.count(code) for code in range(len(REASONS))]
    else:
        first = int(fates[np.argmax(fates != 0)])
        numbers = np.bincount(fates, minlength=len(REASONS)).tolist()
    counted = tuple((reason, numbers[code]) for code, reason in enumerate(REASONS) if reason and numbers[code])
    return REASONS[first], counted
