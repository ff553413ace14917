"""Waiting times for Poisson messages on one link, against queueing theory.

With Poisson arrivals of rate λ, mean service time s and ρ = λs: the mean wait is ρs/(1 − ρ) for exponential service
(M/M/1) and half of that for constant service (M/D/1), by Pollaczek and Khinchine.
"""

import numpy as np
import pytest

from netmodels import Link, LinkSpec, Network
from netmodels.streams import stream

MESSAGES = 40_000
SERVICE_NS = 1_000_000
# One-packet messages: 1 byte takes 1 us, so that a mean of 1000 bytes takes 1 ms.
SPEC = LinkSpec(rate="8 Mbit/s", delay=0, mtu=10**9, overhead=0, limit=10**6)


def mm1_mean_wait_ns(utilisation):
    return utilisation * SERVICE_NS / (1 - utilisation)


def test_poisson_messages_of_many_senders_on_one_medium(in_sigmas):
    """Merged Poisson streams are one: the wait on a medium that five agents share is that of M/D/1."""
    network, utilisation = Network(5, SPEC, share="medium"), 0.5
    draws = stream(23, "arrivals")
    times = np.cumsum(np.rint(draws.exponential(SERVICE_NS / utilisation, MESSAGES)).astype(int)).tolist()
    senders = draws.integers(5, size=MESSAGES).tolist()
    sent = [network.offer(now, 1000, sender, (sender + 1) % 5) for now, sender in zip(times, senders, strict=True)]
    waited = [one.complete_ns - one.handed_over_ns - one.airtime_ns for one in sent]
    in_sigmas.batch_means(waited, mm1_mean_wait_ns(utilisation) / 2, sigmas=4)


@pytest.mark.parametrize("utilisation", [0.2, 0.5])
@pytest.mark.parametrize(("service", "factor"), [("constant", 0.5), ("exponential", 1.0)])
def test_waits_in_the_queue_of_one_link(service, factor, utilisation, in_sigmas):
    # Sizes are rounded up to whole bytes: half a byte more on average, 0.05% of the mean, far below the tolerance.
    drawn = np.ceil(stream(22, "sizes").exponential(999.5, MESSAGES)).astype(int).tolist()
    sizes = drawn if service == "exponential" else [1000] * MESSAGES
    gaps = np.rint(stream(21, "arrivals").exponential(SERVICE_NS / utilisation, MESSAGES)).astype(int)
    link = Link(SPEC)
    sent = [link.offer(now, size) for now, size in zip(np.cumsum(gaps).tolist(), sizes, strict=True)]
    waited = [one.complete_ns - one.handed_over_ns - one.airtime_ns for one in sent]
    in_sigmas.batch_means(waited, mm1_mean_wait_ns(utilisation) * factor, sigmas=4)
