"""Random numbers as a pure function of (seed, name, counters), in compiled loops and for whole arrays alike.

There is no generator state to save, and no draw depends on what else is in the batch. The mixing function is
SplitMix64's (Steele, Lea and Flood, OOPSLA 2014), applied once per counter.
"""

import hashlib
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvdn_sim.compiled import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE, _11, _27, _30, _31 = (np.uint64(number) for number in (1, 11, 27, 30, 31))
Words = TypeVar("Words", np.uint64, NDArray[np.uint64])


def key(seed: int, name: str) -> np.uint64:
    """Return the number that names one stream of one seed."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def keys(seeds: Iterable[int], name: str) -> NDArray[np.uint64]:
    """Return the `key` of one stream of each seed, uint64 ``[seeds]``."""
    return np.array([key(seed, name) for seed in seeds], np.uint64)


def _splitmix(word: Words) -> Words:
    word = (word ^ (word >> _30)) * _FIRST
    word = (word ^ (word >> _27)) * _SECOND
    return word ^ (word >> _31)


_mix = compiled(_splitmix)


@compiled
def mixed(word: np.uint64, counter: int) -> np.uint64:
    """Return a key, or what this has returned, with one more counter."""
    return _mix(word + (np.uint64(counter) + _ONE) * _GOLDEN)


@compiled
def unit(word: np.uint64) -> float:
    """Return the uniform number in [0, 1), with 53 random bits, that belongs to a key with its counters."""
    return float(_mix(word) >> _11) * 2.0**-53


def uniform(word: ArrayLike, *counters: ArrayLike) -> NDArray[np.float64]:
    """Return uniform numbers in [0, 1), one per element of the broadcast of all arguments.

    The first are made by `key`; the counters tell the draws of one stream apart (episode, step, agent), in a fixed
    order.

    >>> bool(uniform(key(0, "exploration"), [0, 1, 2])[1] == uniform(key(0, "exploration"), 1))
    True
    """
    words = np.asarray(word, np.uint64)
    with np.errstate(over="ignore"):  # it wraps around, as it does in compiled code
        for counter in counters:
            words = _splitmix(words + (np.asarray(counter, np.int64).astype(np.uint64) + _ONE) * _GOLDEN)
        return (_splitmix(words) >> _11).astype(np.float64) * 2.0**-53
