"""For any link and any sequence of offers."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from netmodels import Link, LinkSpec
from netmodels.links import Bernoulli, Constant, GilbertElliott, Normal

probabilities = st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]) | st.floats(0, 1)
times = st.sampled_from([0.0, 1e-9, 1e-3, 2.0]) | st.floats(0, 1e6)
delays = st.builds(Constant, times) | st.builds(Normal, times, times)
losses = st.builds(Bernoulli, probabilities) | st.builds(
    GilbertElliott, probabilities, probabilities, probabilities, probabilities
)
specs = st.builds(
    LinkSpec,
    rate=st.sampled_from(["unlimited", "1 bit/s", "250 kbit/s", "1 Gbit/s"]) | st.floats(1, 1e15),
    delay=delays,
    loss=losses,
    mtu=st.integers(1, 1500),
    overhead=st.integers(0, 60),
    limit=st.integers(0, 30),
    limit_bytes=st.none() | st.integers(0, 20_000),
    fifo=st.booleans(),
)
offers = st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(specs, offers, st.integers(0, 5))
def test_any_link(spec, steps, seed):
    link = Link(spec, seed=seed)
    now_ns, latest_ns, free_ns = 0, 0, 0
    for gap_ns, packets, fill in steps:
        now_ns += gap_ns
        size = (packets - 1) * spec.mtu + 1 + int(fill * (spec.mtu - 1))
        sent = link.offer(now_ns, size)
        arrivals, reasons = sent.arrival_ns.tolist(), sent.reason.tolist()
        assert sent.packets == packets == len(arrivals) == len(reasons) == len(sent.tries)

        lost = Counter(reason for reason in reasons if reason is not None)
        assert dict(sent.packets_lost) == dict(lost)
        assert sum(lost.values()) + sum(arrival >= 0 for arrival in arrivals) == packets
        assert all((arrival == -1) == (reason is not None) for arrival, reason in zip(arrivals, reasons, strict=True))
        assert sent.complete_ns == (-1 if lost else max(arrivals))
        assert sent.lost_reason == next((reason for reason in reasons if reason), None)

        kept = [k for k, reason in enumerate(reasons) if reason != "queue_full"]
        wire = [min(size - k * spec.mtu, spec.mtu) + spec.overhead for k in range(packets)]
        assert sent.wire_bytes == sum(wire[k] for k in kept)
        start, cumulated = max(now_ns, free_ns), 0
        for k in kept:
            cumulated += wire[k]
            leaves = start + spec.serialisation_ns(cumulated)
            assert arrivals[k] == -1 or arrivals[k] >= leaves
            free_ns = leaves
        delivered = [arrival for arrival in arrivals if arrival >= 0]
        if spec.fifo and delivered:
            assert delivered == sorted(delivered)
            assert delivered[0] >= latest_ns
            latest_ns = delivered[-1]
