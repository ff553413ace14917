import math

import numpy as np
import pytest

from netmodels import Link, LinkSpec
from netmodels.links import (
    Bernoulli,
    DelayTrace,
    Empirical,
    Exponential,
    GilbertElliott,
    Lognormal,
    LossTrace,
    Normal,
    Pareto,
)
from netmodels.links.theory import retry_weights, whole_probability

MESSAGES = 12_000  # five standard errors are 1.5 to 2.5 points of a share
SPACED_NS = 10**10


def messages(spec, size, count=MESSAGES):
    """Messages that each find an idle link and, as far as it matters, a loss process far from the last one."""
    link = Link(spec, seed=4)
    return [(k * SPACED_NS, link.offer(k * SPACED_NS, size)) for k in range(count)]


def test_whole_probability_by_hand():
    assert whole_probability(Bernoulli(0.1), 0.0, 0, 5) == pytest.approx(0.9**5)
    assert whole_probability(Bernoulli(0.1), 0.2, 0, 5) == pytest.approx(0.72**5)
    assert whole_probability(Bernoulli(0.1), 0.2, 2, 5) == pytest.approx((1 - 0.28**3) ** 5)
    # Bursts: start good and stay good for four steps.
    assert whole_probability(GilbertElliott(0.03, 0.25), 0.0, 0, 5) == pytest.approx(0.25 / 0.28 * 0.97**4)
    # A trace from a uniform place: 3 of 8 windows of two hold no loss.
    assert whole_probability(LossTrace(values=(0, 1, 1, 0, 0, 1, 0, 0), offset=0), 0.0, 0, 2) == pytest.approx(3 / 8)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": 0.05},
        {"loss": GilbertElliott("3%", "25%")},
        {"loss": GilbertElliott("3%", "25%", 0.9, 0.01), "corrupt": 0.02},
        {"loss": GilbertElliott("10%", "25%"), "retries": 2, "retry_delay": "1 ms"},
        {"loss": GilbertElliott("20%", "30%", 0.9, 0.1), "corrupt": 0.1, "retries": 3, "retry_delay": 0, "limit": 4},
        {"loss": LossTrace(values=(0, 1, 1, 0, 0, 1, 0)), "duplicate": 0.5},
    ],
    ids=str,
)
def test_delivery_probability_against_the_link(options, in_sigmas):
    spec = LinkSpec(rate="20 Mbit/s", delay=0, **options)
    whole = [sent.complete_ns >= 0 for _, sent in messages(spec, 6400)]
    in_sigmas.batch_means(whole, spec.delivery_probability(6400))


@pytest.mark.parametrize(
    ("options", "copies"),
    [
        ({"loss": 0.3}, 2),
        ({"loss": GilbertElliott("3%", "25%")}, 3),
        ({"loss": GilbertElliott("3%", "25%", 0.9, 0.1), "corrupt": 0.2}, 4),
        ({"loss": GilbertElliott("20%", "30%"), "retries": 2, "retry_delay": "1 ms"}, 2),
        ({"loss": LossTrace(values=(0, 1, 1, 0, 0, 1, 0, 1, 1, 1)), "mtu": 20}, 2),
    ],
    ids=str,
)
def test_silence_probability_against_the_link(options, copies, in_sigmas):
    """A message, and right after it copies of another of one packet, or of two where the last options say so."""
    spec, found = LinkSpec(rate="20 Mbit/s", delay=0, **options), []
    link = Link(spec, seed=4)
    for start_ns in range(0, MESSAGES * SPACED_NS, SPACED_NS):
        arrived, *others = [link.offer(start_ns, size).complete_ns >= 0 for size in (60, *[26] * copies)]
        found.append(arrived and not any(others))
    in_sigmas.batch_means(found, spec.silence_probability(60, 26, copies))


def test_silence_probability_by_hand():
    """Sent once, twice, ten times over a link that loses a tenth; a queue without room for either message."""
    spec = LinkSpec(rate="20 Mbit/s", delay=0, loss=0.1)
    assert [spec.silence_probability(60, 26, n) for n in (1, 2, 10)] == pytest.approx([0.09, 0.009, 0.9e-10])
    small = LinkSpec(rate="20 Mbit/s", delay=0, loss=0.1, mtu=20, limit=2)
    assert small.silence_probability(80, 26, 3) == 0.0
    assert small.silence_probability(26, 80, 3) == small.delivery_probability(26) == pytest.approx(0.81)


@pytest.mark.parametrize(
    "options",
    [
        {"delay": Normal("5 ms", "2 ms")},
        {"delay": Exponential("1 ms"), "fifo": False},
        {"delay": "5 ms", "loss": 0.2, "retries": 4, "retry_delay": "3 ms"},
        {"delay": "5 ms", "loss": GilbertElliott("20%", "40%"), "corrupt": 0.1, "retries": 4, "retry_delay": "3 ms"},
        {"delay": Lognormal("3 ms", "6 ms"), "loss": GilbertElliott("5%", "40%")},
        {"delay": Pareto("3 ms", shape=1.5), "loss": 0.1},
        {"delay": Empirical(values=("1 ms", "2 ms", "9 ms"))},
        {"delay": DelayTrace(values=("1 ms", "9 ms", "2 ms")), "loss": 0.1},
        {"delay": DelayTrace(values=("1 ms",) * 9 + ("9 ms",) * 3), "fifo": False},
    ],
    ids=str,
)
def test_completion_quantiles_against_the_link(options, in_sigmas):
    spec = LinkSpec(rate="20 Mbit/s", **options)
    size = 5 * 1472
    taken = np.array([sent.complete_ns - now for now, sent in messages(spec, size) if sent.complete_ns >= 0]) / 1e9
    assert len(taken) > MESSAGES / 2
    for probability in (0.1, 0.5, 0.9, 0.99):
        in_sigmas.quantile(taken.round(9), probability, round(spec.completion_quantile(size, probability), 9))


@pytest.mark.parametrize(
    "options",
    [
        {"loss": 0.2, "retries": 4, "retry_delay": "3 ms"},
        {"loss": GilbertElliott("20%", "40%"), "retries": 4, "retry_delay": "3 ms", "duplicate": 0.3},
        {"duplicate": 0.9},
    ],
    ids=str,
)
def test_quantile_with_retries_or_duplicates_and_random_delay_is_never_too_early(options):
    spec = LinkSpec(rate="20 Mbit/s", delay=Exponential("1 ms"), **options)
    taken = np.array([sent.complete_ns - now for now, sent in messages(spec, 6400) if sent.complete_ns >= 0]) / 1e9
    for probability in (0.5, 0.9, 0.99):
        share = float(np.mean(taken <= spec.completion_quantile(6400, probability)))
        assert share >= probability - 5 * math.sqrt(probability * (1 - probability) / len(taken))


def test_retry_weights_are_a_negative_binomial():
    weights = retry_weights(Bernoulli(0.3), 0.0, 200, 4)
    assert weights[:5] == pytest.approx([math.comb(k + 3, k) * 0.7**4 * 0.3**k for k in range(5)])
    assert weights.sum() == pytest.approx(1.0)


def test_a_message_larger_than_its_queue_never_arrives():
    spec = LinkSpec(rate="1 Mbit/s", delay=0, limit=4)
    assert spec.delivery_probability(6 * 1472) == 0.0
    assert spec.completion_quantile(6 * 1472, 0.5) == math.inf
    assert "never arrives whole" in spec.describe(6 * 1472)
    assert LinkSpec(rate="unlimited", delay=0, limit=4).delivery_probability(6 * 1472) == 1.0
    assert "never arrives whole" in LinkSpec(rate=1e6, delay=0, loss=1.0).describe(100)


@pytest.mark.parametrize("payload", [0, -5, 1.5, True])
def test_forecasts_refuse_payloads(payload):
    spec = LinkSpec(rate=1e6, delay=0)
    for forecast in (spec.packets, spec.wire_bytes, spec.fits, spec.delivery_probability, spec.describe):
        with pytest.raises(ValueError, match=f"message_bytes.*{payload}"):
            forecast(payload)


@pytest.mark.parametrize("loss", [0.0, 1.0])
def test_forecasts_refuse_probabilities(loss):
    with pytest.raises(ValueError, match=r"probability.*1\.5"):
        LinkSpec(rate=1e6, delay=0, loss=loss).completion_quantile(100, 1.5)


def test_unbounded_delays_have_no_last_moment():
    assert LinkSpec(rate=1e6, delay=Exponential(1.0)).completion_quantile(100, 1.0) == math.inf
