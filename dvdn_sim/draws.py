"""Random numbers as a pure function of (seed, name, counters), for batched tensor code.

There is no generator state to save, and no draw depends on what else is in the batch. The mixing function is
SplitMix64's (Steele, Lea and Flood, OOPSLA 2014), applied once per counter.
"""

import hashlib

from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _signed(word: int) -> int:
    """The int64 with the bits of an unsigned 64-bit word."""
    return word - (1 << 64) if word >= 1 << 63 else word


def _shift_right(words: Tensor, bits: int) -> Tensor:
    """Logical shift; torch's is arithmetic."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


def _mix(words: Tensor) -> Tensor:
    words = (words ^ _shift_right(words, 30)) * _signed(_FIRST)
    words = (words ^ _shift_right(words, 27)) * _signed(_SECOND)
    return words ^ _shift_right(words, 31)


def key(seed: int, name: str) -> int:
    """Return the int64 that names one stream of one seed."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def uniform(keys: Tensor, *counters: Tensor) -> Tensor:
    """Return uniform numbers in [0, 1), one per element of the broadcast of all arguments, float64 with 53 random bits.

    `keys` are made by `key`; the counters tell the draws of one stream apart (episode, step, agent), in a fixed order.

    >>> import torch
    >>> step = torch.arange(3)
    >>> bool((uniform(torch.tensor(key(0, "exploration")), step)[1] == uniform(
    ...     torch.tensor(key(0, "exploration")), step[1])).all())
    True
    """
    words = keys
    for counter in counters:
        words = _mix(words + (counter + 1) * _signed(_GOLDEN))
    return _shift_right(_mix(words), 11).double() * 2.0**-53
