import math

import pytest

from netmodels import Link, LinkSpec
from netmodels.links import Availability, LossTrace

# 12 Mbit/s puts a full packet of 1472 + 28 bytes on the wire in exactly 1 ms.
MS = 1_000_000
FULL = 1472


def retrying(pattern, **options):
    plain = {"rate": "12 Mbit/s", "delay": "5 ms", "retries": 2, "retry_delay": "0.25 ms"}
    return Link(LinkSpec(loss=LossTrace(values=pattern, offset=0), **{**plain, **options}))


def test_tries_hold_the_server():
    # Packet 1: lost, through. Packet 2: through. Packet 3: lost, lost, through.
    link = retrying((1, 0, 0, 1, 1, 0))
    sent = link.offer(0, 3 * FULL)
    ends = [2 * MS + MS // 4, 3 * MS + MS // 4, 6 * MS + 3 * MS // 4]
    assert sent.arrival_ns.tolist() == [end + 5 * MS for end in ends]
    assert sent.tries.tolist() == [2, 1, 3]
    assert (sent.wire_bytes, sent.airtime_ns, sent.complete_ns) == (9000, 6 * MS, ends[-1] + 5 * MS)
    # The pattern starts again: the next message waits for the server and needs two tries.
    assert link.offer(MS, FULL).complete_ns == ends[-1] + 2 * MS + MS // 4 + 5 * MS


def test_corruption_is_retried_too():
    sent = Link(LinkSpec(rate="12 Mbit/s", delay=0, corrupt=1.0, retries=1, retry_delay=0)).offer(0, FULL)
    assert (sent.reason.tolist(), sent.tries.tolist(), sent.airtime_ns) == (["corrupted"], [2], 2 * MS)


def test_down_times_are_final():
    spec = LinkSpec(rate="12 Mbit/s", delay=0, loss=LossTrace(values=(1, 0), offset=0), retries=5, retry_delay="1 ms")
    sent = Link(spec, availability=Availability(link_down=[(2 * MS, 3 * MS)])).offer(0, FULL)
    assert (sent.reason.tolist(), sent.tries.tolist()) == (["link_down"], [2])


def test_corrupted_and_duplicated():
    sure = {"rate": "12 Mbit/s", "delay": "5 ms"}
    corrupted = Link(LinkSpec(**sure, corrupt=1.0)).offer(0, 30 * FULL)
    assert corrupted.packets_lost == (("corrupted", 30),)
    both = Link(LinkSpec(**sure, corrupt=1.0, loss=1.0)).offer(0, FULL)
    assert both.lost_reason == "loss"
    for packets in (3, 30):
        twice = Link(LinkSpec(**sure, duplicate=1.0)).offer(0, packets * FULL)
        assert twice.duplicates == packets
        assert twice.arrival_ns.tolist() == [(6 + k) * MS for k in range(packets)]
        assert twice.wire_bytes == packets * 1500  # no server time
    lost = Link(LinkSpec(**sure, duplicate=1.0, loss=1.0)).offer(0, 3 * FULL)
    assert lost.duplicates == 0


@pytest.mark.parametrize("packets", [10, 40])
def test_first_copy_counts(packets, in_sigmas):
    # The earlier of two exponential delays is exponential with half the mean.
    spec = LinkSpec(
        rate="unlimited", delay={"kind": "exponential", "mean": "10 ms"}, duplicate=1.0, fifo=False, mtu=1472
    )
    link = Link(spec)
    arrivals = [t for _ in range(100_000 // packets) for t in link.offer(0, packets * FULL).arrival_ns.tolist()]
    in_sigmas.mean(arrivals, 5 * MS)


@pytest.mark.parametrize("kind", ["corrupt", "duplicate"])
def test_rates(kind, in_sigmas):
    link = Link(LinkSpec(rate="unlimited", delay=0, **{kind: 0.2}))
    transfers = [link.offer(0, 100 * FULL) for _ in range(1000)]
    hits = [
        sent.duplicates / 100 if kind == "duplicate" else dict(sent.packets_lost).get("corrupted", 0) / 100
        for sent in transfers
    ]
    in_sigmas.mean(hits, 0.2)


def test_mean_number_of_tries(in_sigmas):
    # Truncated geometric: (1 − p^(n+1)) / (1 − p) tries with n retries.
    link = Link(LinkSpec(rate="unlimited", delay=0, loss=0.4, retries=3, retry_delay=0))
    tries = [t for _ in range(1000) for t in link.offer(0, 100 * FULL).tries.tolist()]
    in_sigmas.mean(tries, (1 - 0.4**4) / 0.6)
    assert math.isclose(link.spec.delivery_probability(FULL), 1 - 0.4**4)
