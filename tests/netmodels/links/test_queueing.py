"""Waiting times for Poisson messages on one link, against queueing theory.

With Poisson arrivals of rate λ, mean service time s and ρ = λs: the mean wait is ρs/(1 − ρ) for exponential service
(M/M/1) and half of that for constant service (M/D/1), by Pollaczek and Khinchine.
"""

import numpy as np
import pytest

from netmodels import Link, LinkSpec, Network
from netmodels.streams import stream

MESSAGES = 100_000
SERVICE_NS = 1_000_000


def mm1_mean_wait_ns(utilisation):
    return utilisation * SERVICE_NS / (1 - utilisation)


def waits(sizes, utilisation):
    """Waits in the queue of one-packet messages; 1 byte takes 1 us, so that a mean of 1000 bytes takes 1 ms."""
    link = Link(LinkSpec(rate="8 Mbit/s", delay=0, mtu=10**9, overhead=0, limit=10**6))
    gaps = np.rint(stream(21, "arrivals").exponential(SERVICE_NS / utilisation, MESSAGES)).astype(int)
    result = []
    for now, size in zip(np.cumsum(gaps).tolist(), sizes, strict=True):
        sent = link.offer(now, size)
        result.append(sent.complete_ns - now - sent.airtime_ns)
    return result


@pytest.mark.parametrize("utilisation", [0.3, 0.5])
def test_poisson_messages_of_many_senders_on_one_medium(utilisation, in_sigmas):
    """Merged Poisson streams are one: the wait on a medium that five agents share is that of M/D/1."""
    spec = LinkSpec(rate="8 Mbit/s", delay=0, mtu=10**9, overhead=0, limit=10**6)
    network = Network(5, spec, share="medium")
    draws = stream(23, "arrivals")
    times = np.cumsum(np.rint(draws.exponential(SERVICE_NS / utilisation, MESSAGES)).astype(int)).tolist()
    senders = draws.integers(5, size=MESSAGES).tolist()
    sent = [network.offer(now, 1000, sender, (sender + 1) % 5) for now, sender in zip(times, senders, strict=True)]
    waited = [one.complete_ns - one.handed_over_ns - one.airtime_ns for one in sent]
    in_sigmas.batch_means(waited, mm1_mean_wait_ns(utilisation) / 2, sigmas=4)


@pytest.mark.parametrize("utilisation", [0.2, 0.5])
def test_constant_service(utilisation, in_sigmas):
    mean = mm1_mean_wait_ns(utilisation) / 2
    in_sigmas.batch_means(waits([1000] * MESSAGES, utilisation), mean, sigmas=4)


@pytest.mark.parametrize("utilisation", [0.2, 0.5])
def test_exponential_service(utilisation, in_sigmas):
    # Sizes are rounded up to whole bytes: half a byte more on average, 0.05% of the mean, far below the tolerance.
    sizes = np.ceil(stream(22, "sizes").exponential(999.5, MESSAGES)).astype(int).tolist()
    in_sigmas.batch_means(waits(sizes, utilisation), mm1_mean_wait_ns(utilisation), sigmas=4)
