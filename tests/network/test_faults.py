"""Crashes and cuts in the middle of an exchange, worked out by hand to the nanosecond."""

import numpy as np
import pytest
from small_networks import MS, ConstantTime, faults_of, transport_of
from small_networks import network_of as any_network_of

from dvdn_sim.errors import ExchangeStuckError
from netmodels import LinkSpec
from netmodels.topology import Graph

LOST = None
AWAY = {"kind": "crash", "node": 1, "at": "7 ms"}


def crash(node, at_ms, for_ms=None, state="kept"):
    lasts = {} if for_ms is None else {"for": f"{for_ms} ms"}
    return {"kind": "crash", "node": node, "at": f"{at_ms} ms", "state": state, **lasts}


def held(report, sender, receiver):
    edge = report.facts.edges.tolist().index([sender, receiver])
    return report.facts.held[:, edge].tolist()


def test_who_is_down_neither_receives_nor_closes_and_the_others_finish(scripted, pair, outcomes_of):
    # Both close round 0 at 5 ms. Agent 1 crashes at 7; its round-1 message, sent at 5, is at agent 0 at 10, whose own
    # finds it down. Agent 0 finishes at 10, and nobody who is up is left.
    scene = scripted(5 * MS, deadline_ns=20 * MS).crashing(crash(1, 7, 8), n_agents=2)
    report = scene.exchange([pair] * 2, [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 5 * MS], [10 * MS, -1]]
    assert report.round_times_ns.tolist() == [[5 * MS, 5 * MS], [5 * MS, -1]]
    assert report.finished.tolist() == [True, False]
    assert (report.began_ns, report.ended_ns) == (0, 10 * MS)
    assert outcomes_of(report.messages) == {"delivered": 3, "node_down": 1}
    assert (held(report, 0, 1), held(report, 1, 0)) == ([True, False], [True, True])
    assert scene.counters.audit() == "ok"


def test_who_comes_back_goes_on_where_it_was(scripted, pair, outcomes_of):
    # As above with a third round. Agent 1 is back at 15; agent 0's round-2 message, sent at 10, arrives at that
    # instant. Agent 1 still waits for round 1, until 25, and then has the one of round 2. Its own arrives at agent 0 at
    # 30, which is that one's deadline: in time.
    scene = scripted(5 * MS, deadline_ns=20 * MS).crashing(crash(1, 7, 8), n_agents=2)
    report = scene.exchange([pair] * 3, [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 5 * MS], [10 * MS, 25 * MS], [30 * MS, 25 * MS]]
    assert (held(report, 0, 1), held(report, 1, 0)) == ([True, False, True], [True, True, True])
    assert report.finished.all()
    assert outcomes_of(report.messages) == {"delivered": 5, "node_down": 1}


def test_a_deadline_that_passes_while_its_agent_is_down_closes_when_it_is_back(scripted):
    # The pair as above, agent 1 down from 7 to 40, and agent 2 alone, which starts at 100 and keeps the exchange open.
    pair_of_three = Graph.undirected(3, [(0, 1)])
    scene = scripted(5 * MS, deadline_ns=20 * MS).crashing(crash(1, 7, 33), n_agents=3)
    report = scene.exchange([pair_of_three] * 3, [0, 0, 100 * MS])
    # Agent 0 waits for agent 1's round-2 message from 10 to 30; agent 1's is sent at 40, and has expired.
    assert report.closed_at_ns[:, 0].tolist() == [5 * MS, 10 * MS, 30 * MS]
    # Agent 0's round-2 message found agent 1 down at 15: it waits for it from 40 to 60.
    assert report.closed_at_ns[:, 1].tolist() == [5 * MS, 40 * MS, 60 * MS]
    assert report.finished.all()


def test_who_loses_its_state_is_out_of_the_exchange_and_what_it_held_has_expired(scripted, outcomes_of):
    # Path 0 - 1 - 2, all there at 5 ms but agent 2's message, which takes 9: agent 1 crashes at 7 holding agent 0's.
    path = Graph.undirected(3, [(0, 1), (1, 2)])
    special = {(2, 1): [30 * MS]}
    scene = scripted(5 * MS, deadline_ns=20 * MS, special=special).crashing(crash(1, 7, 1, "lost"), n_agents=3)
    report = scene.exchange([path] * 2, [0, 0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, -1, 5 * MS], [25 * MS, -1, 25 * MS]]
    assert report.finished.tolist() == [True, False, True]
    assert held(report, 0, 1) == held(report, 2, 1) == [False, False]
    # Of round 0, agent 1's two are held, agent 0's was there, and agent 2's comes at 30, after the end. Those that the
    # others send at 5 come at 10: agent 1 is up, and knows nothing of this exchange.
    assert outcomes_of(report.messages) == {"delivered": 2, "expired": 3, "in_flight": 1}
    scene.wait_until(31 * MS)
    assert scene.counts == {"delivered": 2, "expired": 4}
    assert scene.counters.audit() == "ok"
    assert [life.outcome for life in scene.lives].count("expired") == 4


def test_who_is_down_when_it_should_start_starts_when_it_is_back(scripted, pair):
    scene = scripted(5 * MS, deadline_ns=20 * MS).crashing(crash(1, 0, 12), n_agents=2)
    report = scene.exchange([pair], [0, 2 * MS])
    assert report.started_at_ns.tolist() == [0, 12 * MS]
    # Agent 0's message found it down at 5; its own is there at 17.
    assert report.closed_at_ns.tolist() == [[17 * MS, 32 * MS]]
    assert report.ended_ns == 32 * MS


def test_a_message_that_comes_when_its_receiver_crashes_is_lost_and_one_when_it_is_back_is_not(scripted, pair):
    for at_ms, for_ms, heard in ((5, 1, False), (4, 1, True), (4, 2, False), (6, 1, True)):
        scene = scripted(5 * MS, deadline_ns=20 * MS).crashing(crash(1, at_ms, for_ms), n_agents=2)
        assert held(scene.exchange([pair], [0, 0]), 0, 1) == [heard]


def test_all_crash_for_ever_and_the_exchange_is_over(scripted, pair):
    scene = scripted(5 * MS, deadline_ns=20 * MS).crashing(crash(0, 3), crash(1, 4), n_agents=2)
    report = scene.exchange([pair] * 4, [0, 0])
    assert not report.finished.any()
    assert report.ended_ns == 4 * MS
    assert scene.counters.audit() == "ok"


def test_a_crash_while_a_message_is_on_the_wire_cuts_it(over, pair, outcomes_of):
    # 5 packets of 1 ms each; the sender crashes at 2.5 ms: two are out, the third is on the air.
    faults = [{"kind": "crash", "node": 0, "at": "2.5 ms", "for": "1 ms"}]
    scene = over(transport_of(2, faults=faults_of(faults, 2).plan), 30 * MS, 5 * 1472)
    report = scene.crashing(*faults, n_agents=2).exchange([pair], [0, 0])
    assert outcomes_of(report.messages) == {"node_down": 2}  # it does not receive either
    # The third and the fourth would be on the wire from 2 to 4 ms; the fifth starts at 4, when the sender is back.
    assert dict(scene.counters.packets["td", 0, 1].lost) == {"node_down": 2, "incomplete": 3}
    assert report.closed_at_ns.tolist() == [[30 * MS, 30 * MS]]


def network_of(n_agents, *faults, **changes):
    return any_network_of(n_agents, faults=faults, **{"deadline": 0.02, "compute": ConstantTime(0.01)} | changes)


def exchange(network, update=0, rounds=1):
    return network.exchange("td", rounds=rounds, size_bytes=1472, episode=update, update=update)


def test_faults_name_agents_that_there_are():
    with pytest.raises(ValueError, match="expected agents below 2"):
        network_of(2, crash(2, 1))


def test_computing_stops_while_down_and_a_straggler_takes_longer():
    network = network_of(3, crash(1, 4, 3), {"kind": "straggler", "node": 2, "factor": 2.5, "at": 0, "for": "15 ms"})
    report = exchange(network)
    assert report.started_at_ns.tolist() == [10 * MS, 13 * MS, 25 * MS]
    assert report.finished.all()
    assert exchange(network, 1).started_at_ns[2] == report.ended_ns + 10 * MS


def test_a_permanent_one_way_cut_is_reported_and_not_hung_on():
    network = network_of(3, {"kind": "one_way", "edge": [0, 1], "at": "1 s"})
    network.act(20)
    for update in range(5):
        report = exchange(network, update, rounds=3)
        assert held(report, 0, 1) == [False] * 3
        assert held(report, 1, 0) == [True] * 3
        assert dict(report.messages.lost) == {"link_down": 3}
        assert report.finished.all()
        assert max(report.round_times_ns[0]) == 20 * MS
    assert network.cut_for_ever == ["from 1 s: the link from agent 0 to 1 goes down, one way"]
    assert network.counters.audit() == "ok"


def test_a_partition_heals():
    network = network_of(4, {"kind": "partition", "groups": [[0, 1]], "at": 0, "for": "1 s"})
    assert [held(exchange(network), *edge) for edge in ((0, 1), (2, 3), (0, 2), (3, 1))] == [
        [True], [True], [False], [False],
    ]  # fmt: skip
    network.act(10)
    assert exchange(network).facts.held.all()
    assert network.cut_for_ever == []


def test_who_is_down_for_ever_never_finishes_and_nobody_waits_longer_than_the_deadline():
    network = network_of(3, crash(1, 0))
    for update in range(3):
        before_ns = network.now_ns
        report = exchange(network, update, rounds=2)
        assert report.finished.tolist() == [True, False, True]
        assert report.started_at_ns[1] == -1
        assert report.ended_ns == before_ns + 10 * MS + 2 * 20 * MS
        assert report.messages.sent == 8
    assert network.compute().tolist() == [True, False, True]
    assert network.cut_for_ever == ["from 0 ns: agent 1 crashes, its state kept"]


def test_computing_without_an_exchange_does_not_wait_for_who_is_down():
    network = network_of(2, crash(1, 5, 1000))
    assert network.compute().tolist() == [True, False]
    assert network.now_ns == 10 * MS
    network.act(20)
    assert network.compute().tolist() == [True, True]


def test_flaps_and_degradations_come_and_go():
    worse = {"kind": "degrade", "link": {"delay": "9 ms"}, "at": "1 s", "for": "1 s"}
    network = network_of(2, worse, {"kind": "flap", "up": "100 ms", "down": "100 ms", "at": "10 s"})
    assert exchange(network).round_times_ns.tolist() == [[6 * MS] * 2]
    network.act(12)
    assert exchange(network).round_times_ns.tolist() == [[10 * MS] * 2]
    network.act(12)
    assert exchange(network).round_times_ns.tolist() == [[6 * MS] * 2]
    network.act(100)
    heard = np.concatenate([exchange(network, update).facts.held[0] for update in range(200)])
    assert 0.2 < heard.mean() < 0.8


def test_without_faults_and_a_deadlinetuck_is_still_an_error():
    network = network_of(2, deadline=None, link=LinkSpec(rate="12 Mbit/s", delay=0, loss=1.0))
    with pytest.raises(ExchangeStuckError, match="agent 0 waits in round 0 for 1"):
        exchange(network)
    assert network.counters.messages.in_flight == 0
