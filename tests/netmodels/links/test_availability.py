import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmodels import Link, LinkSpec
from netmodels.links import REASONS, Availability
from netmodels.on_off import Window

MS = 1_000_000
S = 10**9
FULL = 1472
intervals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda pair: (pair[0], sum(pair))), max_size=5
)
times = st.tuples(st.integers(0, 100), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair)))


def by_definition(downs, start, end):
    return any(down <= start < up or start < down < end for down, up in downs)


@settings(deadline=None)
@given(intervals, intervals, st.lists(times, min_size=1, max_size=10))
def test_fates_by_definition(link_down, node_down, transmissions):
    availability = Availability(link_down, node_down)
    expected = [
        "node_down" if by_definition(node_down, *pair) else "link_down" if by_definition(link_down, *pair) else None
        for pair in transmissions
    ]
    assert [REASONS[availability.fate(*pair)] for pair in transmissions] == expected


def test_link_that_goes_down_in_the_middle_of_a_message():
    # 12 Mbit/s: a full packet takes 1 ms. Down from 1.5 to 3 ms: the second is on the air, the third starts at 2 ms.
    spec = LinkSpec(rate="12 Mbit/s", delay="5 ms")
    sent = Link(spec, availability=Availability(link_down=[(3 * MS // 2, 3 * MS)])).offer(0, 5 * FULL)
    assert sent.reason.tolist() == [None, "link_down", "link_down", None, None]
    assert sent.arrival_ns.tolist() == [6 * MS, -1, -1, 9 * MS, 10 * MS]
    assert sent.lost_reason == "link_down"
    assert sent.tries.tolist() == [1] * 5


@pytest.mark.parametrize(("down", "lost"), [((MS, 2 * MS), [0, 1, 0]), ((0, 1), [1, 0, 0]), ((MS - 1, MS), [1, 0, 0])])
def test_edges_of_an_interval(down, lost):
    sent = Link(LinkSpec(rate="12 Mbit/s", delay=0), availability=Availability(node_down=[down])).offer(0, 3 * FULL)
    assert [int(reason == "node_down") for reason in sent.reason] == lost


def test_at_unlimited_rate_what_counts_is_the_hand_over():
    link = Link(LinkSpec(rate="unlimited", delay="1 s"), availability=Availability(link_down=[(10, 20)]))
    assert [link.offer(now, 1).lost_reason for now in (9, 10, 19, 20)] == [None, "link_down", "link_down", None]


def test_down_times_leave_the_luck_of_later_messages_alone():
    spec = LinkSpec(rate="12 Mbit/s", delay={"kind": "normal", "mean": "5 ms", "jitter": "2 ms"}, loss=0.3, fifo=False)

    def run(availability):
        link = Link(spec, availability=availability)
        return [link.offer(k * 10 * MS, 2 * FULL).complete_ns for k in range(50)]

    always, sometimes = run(None), run(Availability(link_down=[(100 * MS, 150 * MS)]))
    assert always[:10] == sometimes[:10]
    assert sometimes[10:15] == [-1] * 5
    assert always[15:] == sometimes[15:]


def test_schedules_without_end_are_looked_at_where_it_matters():
    looks = []

    def every_second(start_ns, end_ns):
        looks.append((start_ns, end_ns))
        first, last = start_ns // S, end_ns // S + 1
        return Window(first * S, last * S, [(k * S, k * S + 1000) for k in range(first, last)])

    availability = Availability(link_down=every_second)
    late = 10_000 * S
    assert (availability.fate(late, late + 1), availability.fate(late + 1000, late + 2000)) == (4, 0)
    assert looks == [(0, 0), (late, late + 1)]
    # Out of order, and over several windows.
    assert availability.fate(5, 6) == 4
    assert availability.fate(S + 5000, 3 * S) == 4
    assert looks[2:] == [(5, 6), (S + 5000, 3 * S)]


@pytest.mark.parametrize("interval", [(5, 5), (5, 4), (-1, 4)])
def test_refuses(interval):
    with pytest.raises(ValueError, match="down"):
        Availability(link_down=[interval])
