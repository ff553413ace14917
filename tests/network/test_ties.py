"""Things that happen at the same instant: what comes of them must not depend on how the agents are numbered.

In each scene the roles are given all numberings. Roles, not numbers, decide.
"""

from itertools import permutations

import pytest
from small_networks import MS, transport_of

from netmodels.streams import stream
from netmodels.topology import Graph


def numbered(number, n_agents, *rounds):
    """The graphs of each round, from pairs of roles."""
    return [Graph.undirected(n_agents, [(number[a], number[b]) for a, b in pairs]) for pairs in rounds]


def held(report, sender, receiver, k):
    edge = report.facts.edges.tolist().index([sender, receiver])
    return bool(report.facts.held[k, edge])


@pytest.mark.parametrize("number", list(permutations(range(3))))
def test_a_deadline_that_sends_at_once_comes_before_the_deadline_that_waits_for_it(scripted, number):
    # In round 0, b waits for c until its deadline at 5 ms; a has no neighbour, goes on, and waits for b's round-1
    # message until its own deadline, at 5 ms as well. b's message takes no time: it arrives at a's deadline, in time.
    a, b, c = number
    scene = scripted(0, deadline_ns=5 * MS)
    starts = [0, 0, 0]
    starts[c] = 100 * MS
    report = scene.exchange(numbered(number, 3, [(1, 2)], [(0, 1)]), starts)
    assert held(report, b, a, 1)
    assert held(report, a, b, 1)
    assert report.closed_at_ns[:, a].tolist() == [0, 5 * MS]
    assert report.closed_at_ns[:, b].tolist() == [5 * MS, 5 * MS]


@pytest.mark.parametrize("number", list(permutations(range(3))))
def test_a_late_message_that_comes_when_a_later_round_closes_is_there_when_it_closes(scripted, number):
    # Everything takes 2 ms. In round 0, a and c wait for each other until their deadlines at 1 ms; b has no neighbour
    # and sends its round-1 message at 0. At 2 ms a gets both b's, which closes its round 1, and c's of round 0, late.
    a, _, c = number
    scene = scripted(2 * MS, deadline_ns=1 * MS)
    report = scene.exchange(numbered(number, 3, [(0, 2)], [(0, 1)]), [0, 0, 0])
    edge = report.facts.edges.tolist().index([c, a])
    assert report.closed_at_ns[:, a].tolist() == [1 * MS, 2 * MS]
    assert report.facts.latest[:, edge].tolist() == [-1, 0]


@pytest.mark.parametrize("number", list(permutations(range(3))))
def test_what_arrives_at_the_instant_the_exchange_ends_has_arrived(scripted, outcomes_of, number):
    # s sends at 4 ms to x, whose deadline was at 3 ms, and to y, the last to close: both messages arrive at 6 ms.
    s, x, y = number
    starts = [0, 0, 0]
    starts[s], starts[y] = 4 * MS, 4 * MS
    scene = scripted(2 * MS, deadline_ns=3 * MS)
    report = scene.exchange(numbered(number, 3, [(0, 1), (0, 2)]), starts)
    assert report.closed_at_ns[0, [s, x, y]].tolist() == [6 * MS, 3 * MS, 6 * MS]
    assert outcomes_of(report.messages) == {"delivered": 3, "expired": 1}


def test_the_order_of_hand_overs_is_drawn_from_one_stream_and_never_anew():
    """Over several of the blocks in which a stream is drawn: the next value of the same stream, each time."""
    transport = transport_of((4, 0, 7), seed=5, share="node")
    drawn = [transport.draw_order(0, 2) for _ in range(3000)]
    assert drawn == stream(5, "hand_over", 4, 7).integers(2**62, size=3000).tolist()
