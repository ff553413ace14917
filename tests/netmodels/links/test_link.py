import numpy as np
import pytest

from netmodels import Link, LinkSpec, Server
from netmodels.links import Normal

# 12 Mbit/s puts a full packet of 1472 + 28 bytes on the wire in exactly 1 ms.
MS = 1_000_000
FULL = 1472


def rated(**options):
    return LinkSpec(**{"rate": "12 Mbit/s", "delay": "5 ms", **options})


def test_idle_link():
    sent = Link(rated()).offer(7, 3 * FULL)
    assert sent.arrival_ns.tolist() == [7 + 6 * MS, 7 + 7 * MS, 7 + 8 * MS]
    assert (sent.complete_ns, sent.packets, sent.lost_reason, sent.packets_lost) == (7 + 8 * MS, 3, None, ())
    assert (sent.wire_bytes, sent.airtime_ns, sent.duplicates) == (4500, 3 * MS, 0)
    assert sent.reason.tolist() == [None] * 3
    assert sent.tries.tolist() == [1, 1, 1]
    assert sent.arrival_ns.dtype == np.int64


def test_paper_message_at_20_mbit():
    # 6400 bytes: 4 packets of 1500 and one of 512 + 28 on the wire; cumulated bits 12000k, then 52320.
    sent = Link(LinkSpec(rate="20 Mbit/s", delay=0)).offer(0, 6400)
    assert sent.arrival_ns.tolist() == [600_000, 1_200_000, 1_800_000, 2_400_000, 2_616_000]


def test_rounding_does_not_accumulate():
    # 8 bits at 3 bit/ns-second: 1 byte takes 8/3 s; the k-th byte leaves at round(8k/3 · 10⁹).
    sent = Link(LinkSpec(rate=3, delay=0, mtu=1, overhead=0)).offer(0, 3)
    assert sent.arrival_ns.tolist() == [2_666_666_667, 5_333_333_333, 8_000_000_000]


def test_back_to_back_messages_queue():
    link = Link(rated())
    link.offer(0, 2 * FULL)
    assert link.offer(MS, FULL).arrival_ns.tolist() == [8 * MS]
    assert link.offer(3 * MS, FULL).arrival_ns.tolist() == [9 * MS]
    assert link.offer(3 * MS, FULL).arrival_ns.tolist() == [10 * MS]
    assert link.offer(9 * MS, 472).arrival_ns.tolist() == [14 * MS + round(500 * 8e9 / 12e6)]


@pytest.mark.parametrize("limit", [0, 1, 3, 30])
def test_exactly_limit_plus_one_of_a_burst_survive(limit):
    sent = Link(rated(limit=limit)).offer(0, 50 * FULL)
    assert sent.packets_lost == (("queue_full", 49 - limit),)
    assert sent.reason.tolist() == [None] * (limit + 1) + ["queue_full"] * (49 - limit)
    assert sent.tries.tolist() == [1] * (limit + 1) + [0] * (49 - limit)
    assert sent.arrival_ns.tolist() == [(6 + k) * MS for k in range(limit + 1)] + [-1] * (49 - limit)
    assert (sent.complete_ns, sent.lost_reason) == (-1, "queue_full")
    assert (sent.wire_bytes, sent.airtime_ns) == ((limit + 1) * 1500, (limit + 1) * MS)


def test_nothing_waits_at_unlimited_rate():
    link = Link(LinkSpec(rate="unlimited", delay="5 ms", limit=0))
    assert link.offer(3, 100 * FULL).arrival_ns.tolist() == [3 + 5 * MS] * 100
    assert link.offer(3, 100 * FULL).complete_ns == 3 + 5 * MS


def test_certain_loss():
    sent = Link(rated(loss=1.0, limit=1)).offer(0, 3 * FULL)
    assert sent.reason.tolist() == ["loss", "loss", "queue_full"]
    assert sent.packets_lost == (("loss", 2), ("queue_full", 1))
    assert sent.lost_reason == "loss"
    assert sent.tries.tolist() == [1, 1, 0]
    assert sent.wire_bytes == 3000


def test_several_senders_on_one_server():
    server = Server()
    first, second = (Link(rated(limit=2), name=(0, receiver), server=server) for receiver in (1, 2))
    assert first.offer(0, 2 * FULL).arrival_ns.tolist() == [6 * MS, 7 * MS]
    assert second.offer(0, 2 * FULL).arrival_ns.tolist() == [8 * MS, -1]
    assert first.offer(2 * MS, FULL).arrival_ns.tolist() == [9 * MS]
    with pytest.raises(ValueError, match="now_ns"):
        second.offer(MS, FULL)


def test_fifo_keeps_order_and_free_order_does_not():
    noisy = {"delay": Normal("5 ms", "4 ms")}
    kept, free = (Link(rated(**noisy, fifo=fifo)).offer(0, 40 * FULL).arrival_ns for fifo in (True, False))
    assert (np.diff(kept) >= 0).all()
    assert (np.diff(free) < 0).any()
    assert kept.tolist() == np.maximum.accumulate(free).tolist()


def test_draws_depend_on_the_name_alone():
    spec = rated(loss=0.3, delay=Normal("5 ms", "2 ms"))

    def run(names):
        links = {name: Link(spec, seed=1, name=name) for name in names}
        return {name: [link.offer(k * 10 * MS, FULL).complete_ns for k in range(50)] for name, link in links.items()}

    alone, together = run([(0, 1)]), run([(2, 0), (1, 0), (0, 1)])
    assert alone[0, 1] == together[0, 1]
    assert together[0, 1] != together[1, 0]
    assert run([(0, 1), (1, 0), (2, 0)]) == together


def test_losses_and_delays_have_their_own_luck():
    """Adding loss leaves the arrival of what is not lost alone."""

    def run(loss):
        link = Link(rated(loss=loss, delay=Normal("5 ms", "2 ms"), fifo=False))
        return [link.offer(k * 10 * MS, FULL).complete_ns for k in range(200)]

    lossless, lossy = run(0.0), run(0.4)
    assert 45 < sum(a == -1 for a in lossy) < 115  # 80 expected, 5 standard errors
    assert all(a in (-1, b) for a, b in zip(lossy, lossless, strict=True))


@pytest.mark.parametrize("now_ns", [-1, 4, 1.0, 5.0, True, np.int64(7), "7", None, 2**62])
def test_refuses_times(now_ns):
    link = Link(rated())
    link.offer(5, 1)
    with pytest.raises(ValueError, match="now_ns"):
        link.offer(now_ns, 1)
    assert link.offer(5, 1).packets == 1


@pytest.mark.parametrize("size_bytes", [0, -1, 1.0, True, np.int64(7), "7 kB", None])
def test_refuses_sizes(size_bytes):
    with pytest.raises(ValueError, match="size_bytes"):
        Link(rated()).offer(0, size_bytes)


@pytest.mark.parametrize("retrying", [{}, {"loss": 0.9, "retries": 100, "retry_delay": 1e9}], ids=["once", "retries"])
@pytest.mark.parametrize("packets", [2, 60])
def test_refuses_messages_that_take_longer_than_the_clock(packets, retrying):
    # A petabyte at 1 bit/s takes 8e15 s; the clock ends at 2.3e9 s.
    link = Link(LinkSpec(rate=1, delay=0, mtu=10**15, **retrying))
    with pytest.raises(ValueError, match=rf"size_bytes.*{packets * 10**15}"):
        link.offer(0, packets * 10**15)


def test_a_message_of_years_is_exact():
    # 1000 packets of 125 kB at 1 bit/s: a million seconds each.
    sent = Link(LinkSpec(rate=1, delay=0, mtu=125_000, overhead=0)).offer(0, 1000 * 125_000)
    assert sent.arrival_ns.tolist() == [(k + 1) * 10**15 for k in range(1000)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed.*-1"),
        ({"seed": 1.5}, r"seed.*1\.5"),
        ({"name": ()}, r"name.*\(\)"),
        ({"name": "ab"}, "name.*'ab'"),
        ({"name": (0, 1.5)}, r"name.*1\.5"),
    ],
)
def test_refuses_seeds_and_names_when_built(options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Link(**{"spec": rated(), **options})
