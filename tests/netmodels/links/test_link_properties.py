"""Forecasts of any link; and links as extreme as may be, which the reference simulation leaves out."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from link_strategies import any_spec, probabilities

from netmodels import Link, LinkSpec

specs = any_spec(rate=st.sampled_from(["unlimited", "1 bit/s", "250 kbit/s", "1 Gbit/s"]) | st.floats(1, 1e15))


@settings(max_examples=60, deadline=None)
@given(specs, st.integers(1, 1_000_000))
def test_any_forecast(spec, size):
    size = min(size, 40 * spec.mtu)
    assert 0.0 <= spec.delivery_probability(size) <= 1.0 + 1e-9
    quantiles = [spec.completion_quantile(size, probability) for probability in (0.0, 0.5, 0.999)]
    assert quantiles == sorted(quantiles)
    assert spec.describe(size)


def check_counts(sent, packets):
    arrivals, reasons, tries = sent.arrival_ns.tolist(), sent.reason.tolist(), sent.tries.tolist()
    assert sent.packets == packets == len(arrivals) == len(reasons) == len(tries)
    lost = Counter(reason for reason in reasons if reason is not None)
    assert dict(sent.packets_lost) == dict(lost)
    assert sum(lost.values()) + sum(arrival >= 0 for arrival in arrivals) == packets
    assert all((arrival == -1) == (reason is not None) for arrival, reason in zip(arrivals, reasons, strict=True))
    assert all((attempts == 0) == (why == "queue_full") for attempts, why in zip(tries, reasons, strict=True))
    assert sent.complete_ns == (-1 if lost else max(arrivals))
    assert sent.lost_reason == next((reason for reason in reasons if reason), None)
    assert 0 <= sent.duplicates <= packets - sum(lost.values())


extreme = st.sampled_from([0.0, 1e-9, 1.0, 1e9])
extremes = st.builds(
    LinkSpec,
    rate=st.sampled_from([1, 3, 1e6, 1e308, "unlimited"]),
    delay=extreme,
    loss=probabilities,
    retries=st.sampled_from([0, 1, 300]),
    retry_delay=extreme,
    mtu=st.sampled_from([1, 1472, 10**9, 10**15]),
    overhead=st.sampled_from([0, 28, 10**15]),
    limit=st.sampled_from([0, 1, 10**9]),
    limit_bytes=st.none() | st.sampled_from([0, 1, 10**15]),
    fifo=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(extremes, st.lists(st.tuples(st.sampled_from([0, 1, 10**9, 10**18]), st.integers(1, 45)), max_size=4))
def test_extremes_are_served_or_refused_by_name(spec, steps):
    link, now_ns = Link(spec), 0
    for gap_ns, packets in steps:
        now_ns = min(now_ns + gap_ns, 2**61)
        try:
            sent = link.offer(now_ns, packets * spec.mtu)
        except ValueError as refused:
            assert str(refused).startswith("size_bytes: expected a message that has left by")  # noqa: PT017
            return
        check_counts(sent, packets)
        assert all(arrival == -1 or arrival >= now_ns for arrival in sent.arrival_ns.tolist())
