"""Which packets get through: once in plain integers, once in numpy. Every packet draws from each stream."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from netmodels.links.retransmission import Channel
from netmodels.links.transfer import CORRUPTED, LOSS


def few(channel: Channel, start_ns: int, ends_ns: list[int]) -> list[int] | None:
    """Decide the fate of packets that leave one after the other.

    Args:
        channel: what they have to get through.
        start_ns: when the first starts.
        ends_ns: when each leaves.

    Returns:
        Codes in `netmodels.links.REASONS`; ``None`` if all get through.

    >>> few(Channel(None, None, None), 0, [1, 2]) is None
    True
    """
    sent = len(ends_ns)
    fates = [0] * sent
    if channel.corrupt is not None:
        fates = [CORRUPTED if corrupted else 0 for corrupted in channel.corrupt.take(sent)]
    if channel.loss is not None:
        fates = [LOSS if lost else fate for lost, fate in zip(channel.loss.take(sent), fates, strict=True)]
    if channel.availability is not None:
        down = [channel.availability.fate(start, end) for start, end in pairwise([start_ns, *ends_ns])]
        fates = [outage or fate for outage, fate in zip(down, fates, strict=True)]
    return fates if any(fates) else None


def many(channel: Channel, start_ns: int, ends_ns: NDArray[np.int64]) -> NDArray[np.int8] | None:
    """Decide the same in numpy.

    Args:
        channel: what they have to get through.
        start_ns: when the first starts.
        ends_ns: when each leaves, int64 [packets].

    Returns:
        Codes, int8 [packets]; ``None`` if all get through.

    >>> many(Channel(None, None, None), 0, np.array([1, 2])) is None
    True
    """
    sent = len(ends_ns)
    fates = np.zeros(sent, dtype=np.int8)
    if channel.corrupt is not None:
        fates[channel.corrupt.take_array(sent)] = CORRUPTED
    if channel.loss is not None:
        fates[channel.loss.take_array(sent)] = LOSS
    if channel.availability is not None:
        down = channel.availability.fates(np.concatenate([[start_ns], ends_ns[:-1]]), ends_ns)
        fates = np.where(down != 0, down, fates)
    return fates if fates.any() else None
