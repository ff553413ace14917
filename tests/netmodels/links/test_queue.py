import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmodels import Link, LinkSpec
from netmodels.links import Server


def test_first_packet_is_served_at_once_and_the_rest_wait():
    server = Server()
    assert server.admit(0, 5, 100, 100, limit=2, limit_bytes=None) == (3, False)
    server.serve([10, 20, 30], 100, 100)
    # A queue of 3 beside the one in service has room for what does not wait.
    rooms = [server.admit(now, 9, 100, 100, limit=3, limit_bytes=None)[0] for now in (0, 9, 10, 19, 20, 30)]
    assert rooms == [1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize(("now_ns", "room"), [(0, 0), (9, 0), (10, 1), (20, 2), (25, 2), (30, 3), (99, 3)])
def test_later_message_finds_the_queue_drained(now_ns, room):
    server = Server()
    server.serve([10, 20, 30], 100, 100)
    leading, last = server.admit(now_ns, 9, 100, 100, limit=2, limit_bytes=None)
    assert (leading, last) == (room, False)


@pytest.mark.parametrize(
    ("now_ns", "limit_bytes", "expected"),
    [
        # In the system at 0: 100 in service, 100 and 40 waiting.
        (0, 140, (0, False)),
        (0, 169, (0, False)),
        (0, 170, (0, True)),  # a last packet of 30 fits where a full one does not
        (0, 240, (1, False)),
        (0, 270, (1, True)),
        (10, 140, (1, False)),  # 100 in service, 40 waiting
        (20, 0, (0, False)),  # 40 in service, nothing waiting
        (20, 200, (2, False)),
        (30, 0, (1, False)),  # idle: one goes straight into service
        (30, 30, (1, True)),
    ],
)
def test_limit_in_bytes(now_ns, limit_bytes, expected):
    server = Server()
    server.serve([10, 20, 30], 100, 40)
    assert server.admit(now_ns, 3, 100, 30, limit=1000, limit_bytes=limit_bytes) == expected


def test_single_packet_goes_straight_into_service():
    assert Server().admit(0, 1, 100, 40, limit=0, limit_bytes=0) == (0, True)


def test_nothing_is_remembered_of_what_has_left():
    link = Link(LinkSpec(rate="12 Mbit/s", delay=0))
    for k in range(1000):
        link.offer(k * 10_000_000, 3 * 1472)
    assert len(link._server._batches) == 1
    for k in range(1000):
        link.offer(10**10 + k * 900_000, 1472)
    assert len(link._server._batches) <= 102


@pytest.mark.parametrize(("limit", "limit_bytes"), [(0, None), (2, None), (9, 0), (9, 250)])
@pytest.mark.parametrize("packets", [1, 30])
def test_more_may_wait_on_a_shared_server_than_this_link_would_let_wait(limit, limit_bytes, packets):
    """Three packets of 100 bytes wait already, by the limits of another link."""
    server = Server()
    server.serve([10, 20, 30, 40], 100, 100)
    assert server.admit(5, packets, 100, 100, limit=limit, limit_bytes=limit_bytes) == (0, False)


@pytest.mark.parametrize("packets", [1, 21])
def test_links_with_different_limits_on_one_server(packets):
    # 12 Mbit/s: 1 ms a packet. Four of the first link are there, one in service; the second one lets one wait.
    ms, full, server = 1_000_000, 1472, Server()
    patient, hasty = (
        Link(LinkSpec(rate="12 Mbit/s", delay=0, limit=limit), name=(0, limit), server=server) for limit in (9, 1)
    )
    patient.offer(0, 4 * full)
    sent = hasty.offer(0, packets * full)
    assert sent.reason.tolist() == ["queue_full"] * packets
    assert (sent.wire_bytes, sent.airtime_ns, server.free_ns) == (0, 0, 4 * ms)
    # At 3 ms the last of them enters service, nothing waits: one packet finds room and leaves at 5 ms.
    later = hasty.offer(3 * ms, packets * full)
    assert later.arrival_ns.tolist() == [5 * ms] + [-1] * (packets - 1)
    assert patient.offer(3 * ms, full).complete_ns == 6 * ms


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 30), st.integers(1, 99), st.integers(0, 9), st.integers(0, 999)),
        max_size=12,
    )
)
def test_a_server_that_is_put_back_decides_alike(bursts):
    """Before every burst: from what JSON says of it, with nothing of what has left."""
    server, again, now = Server(), Server(), 0
    for wait, packets, last_bytes, limit, limit_bytes in bursts:
        now += wait
        state = json.loads(json.dumps(again.state()))
        assert state == server.state()
        assert all(end_ns > again.now_ns for end_ns, _ in state["packets"])
        again = Server()
        again.restore(state)
        admitted = []
        for each in (server, again):
            each.now_ns = now
            leading, last = each.admit(now, packets, 100, last_bytes, limit=limit, limit_bytes=limit_bytes)
            admitted.append((leading, last))
            if sent := leading + last:
                start = max(now, each.free_ns)
                ends = [start + 10 * (k + 1) for k in range(sent)]
                each.serve(ends, 100, last_bytes if last else 100)
        assert admitted[0] == admitted[1]
