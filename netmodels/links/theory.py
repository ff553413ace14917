"""What a message will experience on an idle link, worked out rather than sampled.

Exact under the stated assumptions; each is also what the tests hold the link against.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from netmodels.links.delay import Constant, DelayModel, DelayTrace
from netmodels.links.loss import LossModel
from netmodels.units import checked_probability

NEGLIGIBLE = 1e-15
PASSAGES = 5000
"""Packets at most until a loss process with retries has settled."""
PASSED = 2 * 10**7
"""States at most in all these passages: what is far apart in a long recording settles on its own."""


def whole_probability(loss: LossModel, corrupt: float, retries: int, packets: int) -> float:
    """Return the probability, exact, that all packets of a message get through, each tried 1 + `retries` times.

    Each transmission, a retry too, is one step of the loss process, which is as messages find it in the long run; what
    it does not lose is corrupted with another probability.

    Source: products of the substochastic matrices of the chain, as for Gilbert 1960.

    >>> from netmodels.links.loss import Bernoulli
    >>> whole_probability(Bernoulli(0.5), 0.0, 1, 2)
    0.5625
    """
    return float(_whole(loss, corrupt, retries, packets).sum())


def _whole(loss: LossModel, corrupt: float, retries: int, packets: int) -> NDArray[np.float64]:
    """Return the state after a message, together with all its packets' getting through."""
    mass = state_found(loss, corrupt, retries)
    for _ in range(packets):
        mass, _lost = _passage(loss, corrupt, retries, mass, NEGLIGIBLE**2)
    return mass


def whole_then_none_probability(
    loss: LossModel, corrupt: float, retries: int, *, packets: int, packets_of_each: int, copies: int
) -> float:
    """Return the probability, exact, that a message gets through, and no copy of another one sent right after it.

    >>> from netmodels.links.loss import GilbertElliott
    >>> bursts = GilbertElliott(0.03, 0.05)    # 5/8 · 0.03 · 0.95²
    >>> round(whole_then_none_probability(bursts, 0.0, 0, packets=1, packets_of_each=1, copies=3), 6)
    0.016922
    """
    mass = _whole(loss, corrupt, retries, packets)
    for _ in range(copies):
        whole, broken = mass, np.zeros_like(mass)
        for _ in range(packets_of_each):
            whole, lost = _passage(loss, corrupt, retries, whole)
            broken = sum(_passage(loss, corrupt, retries, broken), start=lost)
        mass = broken
    return float(mass.sum())


def _passage(
    loss: LossModel, corrupt: float, retries: int, mass: NDArray[np.float64], least: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the state after a packet together with its getting through, and with its being lost at every try."""
    through = np.zeros_like(mass)
    for received, left in _tries(loss, corrupt, retries, mass, least):
        through, mass = through + received, left
    return through, mass


def _tries(
    loss: LossModel, corrupt: float, retries: int, mass: NDArray[np.float64], least: float
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield what gets through at each try, and what is left to try, until that is too little."""
    for _ in range(retries + 1):
        received, lost = loss.transmit(mass)
        mass = lost + corrupt * received
        yield (1.0 - corrupt) * received, mass
        if mass.sum() < least:
            return


def state_found(loss: LossModel, corrupt: float, retries: int) -> NDArray[np.float64]:
    """Return the long-run probability of each state of the loss process when a new packet comes.

    Without retries this is the stationary state. Retries go on until the process lets one through, so that the next
    packet finds it in a better state than a random moment would: the fixed point of one packet's passage, to 10⁻¹⁴, or
    close to it for recordings of thousands of values.

    >>> from netmodels.links.loss import GilbertElliott
    >>> state_found(GilbertElliott(0.25, 0.75), 0.0, 0).tolist()
    [0.75, 0.25]
    """
    mass = loss.stationary()
    for _ in range(min(PASSAGES, PASSED // len(mass)) if retries else 0):
        # Half a step, because a process that alternates would never settle otherwise.
        settled = sum(_passage(loss, corrupt, retries, mass), start=mass) / 2.0
        if float(np.abs(settled - mass).max()) < 1e-14:
            break
        mass = settled
    return mass


def retry_weights(loss: LossModel, corrupt: float, retries: int, packets: int) -> NDArray[np.float64]:
    """Return the probability of each number of retries that a message needs, given that all its packets get through.

    From 0 on, at most packets·retries + 1 of them; cut where less than 10⁻¹² of it is left.

    >>> from netmodels.links.loss import Bernoulli
    >>> [round(weight, 6) for weight in retry_weights(Bernoulli(0.5), 0.0, 1, 1).tolist()]
    [0.666667, 0.333333]
    """
    whole = whole_probability(loss, corrupt, retries, packets)
    found = state_found(loss, corrupt, retries)
    most = packets * retries
    rows = min(most, 64)
    while True:
        mass = np.zeros((rows + 1, len(found)))
        mass[0] = found
        for _ in range(packets):
            through = np.zeros_like(mass)
            tries = _tries(loss, corrupt, retries, mass, NEGLIGIBLE**2)
            for used, (received, _) in zip(range(rows + 1), tries, strict=False):
                through[used:] += received[: rows + 1 - used]
            mass = through
        weights = mass.sum(axis=1)
        if rows == most or whole == 0.0 or weights.sum() > whole * (1.0 - 1e-12):
            return np.asarray(weights / whole) if whole > 0.0 else np.zeros(1)
        rows = min(most, 4 * rows)


def completion_cdf(
    delay: DelayModel, ends_s: Sequence[float], weights: NDArray[np.float64], retry_s: float, time_s: float
) -> float:
    """Return the probability that a message is complete by a time, given that all its packets get through.

    Σ_j P(j retries) · Π_k P(delay ≤ t − end_k − j·retry), where packet k would leave at end_k without retries, and a
    retry holds the server. Exact without retries and duplicates, and with a constant delay and packets of one size;
    else a lower bound, because every retry is counted as if it came before the first packet, and a second copy not at
    all.

    >>> completion_cdf(Constant(1.0), [1.0, 2.0], np.array([0.5, 0.5]), 0.5, 3.0)
    0.5
    """
    total = 0.0
    for used, weight in enumerate(weights.tolist()):
        shifted = time_s - used * retry_s
        if weight < NEGLIGIBLE:
            continue
        if shifted < ends_s[-1]:
            break
        total += weight * _all_arrived(delay, ends_s, shifted)
    return total


def _all_arrived(delay: DelayModel, ends_s: Sequence[float], time_s: float) -> float:
    if isinstance(delay, DelayTrace):
        return delay.all_within([time_s - end for end in ends_s])
    product = 1.0
    for end in reversed(ends_s):
        arrived = delay.cdf(time_s - end)
        # Earlier packets have had more time still.
        if arrived > 1.0 - NEGLIGIBLE or product == 0.0:
            break
        product *= arrived
    return product


def completion_quantile(
    delay: DelayModel, ends_s: Sequence[float], weights: NDArray[np.float64], retry_s: float, probability: float
) -> float:
    """Return by when a message is complete with a probability, given that all its packets get through.

    In seconds after hand-over, to a nanosecond or 15 digits, never too early; infinite if no time is enough.

    >>> completion_quantile(Constant(1.0), [1.0, 2.0], np.array([1.0]), 0.0, 0.999)
    3.0
    """
    checked_probability(probability)
    used = int(np.searchsorted(np.cumsum(weights), probability - NEGLIGIBLE))
    used = min(used, len(weights) - 1)
    if isinstance(delay, Constant):
        return ends_s[-1] + used * retry_s + delay.mean
    if math.isinf(delay.quantile(probability)):
        return math.inf
    low = ends_s[-1] + delay.quantile(0.0)
    high = max(low, 1e-9) * 2.0
    while completion_cdf(delay, ends_s, weights, retry_s, high) < probability - NEGLIGIBLE:
        low, high = high, 2.0 * high
    while high - low > max(1e-10, 1e-15 * high):
        middle = (low + high) / 2.0
        if completion_cdf(delay, ends_s, weights, retry_s, middle) < probability - NEGLIGIBLE:
            low = middle
        else:
            high = middle
    return high
