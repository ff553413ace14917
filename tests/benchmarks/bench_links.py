"""Speed of `Link.offer` on a lossy, jittery, rated link: messages per second on one core.

Run with ``pytest tests/benchmarks/bench_links.py``; each case fails below its floor.
"""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from netmodels import Link, LinkSpec

MESSAGES = 2000


def offer_all(link: Link, size_bytes: int, gaps_ns: tuple[int, int], start_ns: int) -> int:
    """Hand over a run of messages, with two gaps in turn; return when the next run may begin."""
    now_ns = start_ns
    for _ in range(MESSAGES // 2):
        for gap_ns in gaps_ns:
            link.offer(now_ns, size_bytes)
            now_ns += gap_ns
    return now_ns


# The gaps between messages, two in turn, in serialisation times: the last load is twice what the link carries.
@pytest.mark.parametrize("gaps", [(2, 2), (0.5, 2), (0.5, 0.5)], ids=["idle", "queueing", "overloaded"])
@pytest.mark.parametrize(
    ("size_bytes", "packets", "floor"), [(1400, 1, 100_000), (6400, 5, 60_000), (212_000, 145, 20_000)]
)
def test_offers_per_second(
    benchmark: BenchmarkFixture, size_bytes: int, packets: int, floor: int, gaps: tuple[float, float]
) -> None:
    spec = LinkSpec(
        rate="20 Mbit/s",
        delay={"kind": "normal", "mean": "5 ms", "jitter": "2 ms"},
        loss={"kind": "gemodel", "p": "3%", "r": "25%"},
    )
    assert spec.packets(size_bytes) == packets
    serialised_ns = spec.serialisation_ns(spec.wire_bytes(size_bytes))
    gaps_ns = (round(gaps[0] * serialised_ns), round(gaps[1] * serialised_ns))
    link = Link(spec, seed=1)
    next_ns = 0

    def run() -> None:
        nonlocal next_ns
        next_ns = offer_all(link, size_bytes, gaps_ns, next_ns)

    benchmark.pedantic(run, rounds=15, warmup_rounds=1)
    per_second = MESSAGES / benchmark.stats.stats.median
    benchmark.extra_info["offers_per_second"] = round(per_second)
    assert per_second >= floor
