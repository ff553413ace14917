import pytest

from netmodels import Link, LinkSpec
from netmodels.links.queue import Server


def test_first_packet_is_served_at_once_and_the_rest_wait():
    server = Server()
    assert server.admit(0, 5, 100, 100, limit=2, limit_bytes=None) == (3, False)
    server.serve([10, 20, 30], 100, 100)
    assert [server.waiting(now) for now in (0, 9, 10, 19, 20, 30)] == [2, 2, 1, 1, 0, 0]


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
    assert len(link._transmitter.server._batches) == 1
    for k in range(1000):
        link.offer(10**10 + k * 900_000, 1472)
    assert len(link._transmitter.server._batches) <= 102
