"""One medium for all, and one copy for all neighbours. 12 Mbit/s: a full packet takes 1 ms on the wire."""

from collections import Counter

import pytest
from small_networks import MS, network_of, transport_of

from netmodels import LinkSpec
from netmodels.topology import Graph

ALL = Graph.undirected(3, [(0, 1), (0, 2), (1, 2)])


def scene_over(over, **changes):
    return over(transport_of(3, **{"share": "medium"} | changes))


def test_on_a_medium_messages_come_one_after_the_other(over):
    scene = scene_over(over)
    report = scene.exchange([ALL], [0, 0, 0])
    assert sorted(life.arrived_ns for life in scene.lives) == [ms * MS for ms in range(6, 12)]
    assert (report.wire_bytes, scene.counters.airtime_ns) == (6 * 1500, 6 * MS)
    assert scene.events == 3 + 1 + 6  # starts, one hand-over of all that wait at that instant, messages


def test_a_broadcast_is_sent_once_and_heard_by_all(over):
    scene = scene_over(over, broadcast=True)
    report = scene.exchange([ALL], [0, 0, 0])
    assert Counter(life.arrived_ns for life in scene.lives) == {6 * MS: 2, 7 * MS: 2, 8 * MS: 2}
    assert sorted(report.closed_at_ns[0].tolist()) == [7 * MS, 8 * MS, 8 * MS]
    assert (report.wire_bytes, scene.counters.airtime_ns) == (3 * 1500, 3 * MS)
    assert report.messages.sent == report.messages.delivered == 6


def test_a_broadcast_of_a_node_waits_for_its_own_transmitter_only(over):
    scene = scene_over(over, share="node", broadcast=True)
    report = scene.exchange([ALL, ALL], [0, 0, 0])
    assert report.closed_at_ns.tolist() == [[6 * MS] * 3, [12 * MS] * 3]


def test_a_broadcast_is_lost_on_each_link_for_itself(over):
    lossy = LinkSpec(rate="12 Mbit/s", delay="5 ms", loss=0.5)
    scene = over(transport_of(3, link=lossy, share="node", broadcast=True), 20 * MS)
    heard = Counter()
    for _ in range(200):
        now_ns = scene.now_ns
        facts = scene.exchange([ALL], [now_ns] * 3).facts
        heard[tuple(facts.held[0, facts.edges[:, 0] == 0].tolist())] += 1
    assert all(30 < heard[outcome] < 70 for outcome in ((False, False), (False, True), (True, False), (True, True)))


def test_who_hands_over_first_at_an_instant_is_drawn(over):
    firsts = Counter()
    scene = scene_over(over)
    for _ in range(60):
        now_ns = scene.now_ns
        scene.lives.clear()
        scene.exchange([ALL], [now_ns] * 3)
        first = min(scene.lives, key=lambda life: life.arrived_ns)
        firsts[first.sender, first.receiver] += 1
    assert len(firsts) == 6


def test_earlier_hand_overs_come_first_on_the_medium(over):
    scene = scene_over(over)
    scene.exchange([ALL], [2, 1, 0])
    order = [life.sender for life in sorted(scene.lives, key=lambda life: life.arrived_ns)]
    assert order == [2, 2, 1, 1, 0, 0]


def test_broadcasting_needs_a_transmitter_and_links_of_one_cut():
    with pytest.raises(ValueError, match="broadcast: expected share node or medium"):
        transport_of(2, broadcast=True)


def test_links_that_differ_are_those_of_their_agents_however_they_are_numbered():
    for keys in ((0, 1, 2), (7, 3, 5)):
        network = network_of(3, seed=0, agent_keys=keys, other_links={(0, 2): {"delay": "9 ms"}})
        report = network.exchange("td", rounds=1, size_bytes=1472, episode=0, update=0)
        assert report.closed_at_ns.tolist() == [[6 * MS, 6 * MS, 10 * MS]]
