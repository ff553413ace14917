"""Acknowledgements: who knows that it was heard."""

import numpy as np
import pytest
from small_networks import MS, network_of

from netmodels import LinkSpec
from netmodels.topology import Graph

LOST = None


def confirmed(report):
    """By edge, whether its receiver knows in each round that its own message was heard by the sender."""
    return dict(zip(map(tuple, report.facts.edges.tolist()), report.facts.confirmed.T.tolist(), strict=True))


def test_after_each_round_everybody_says_whom_it_heard(scripted, pair, outcomes_of):
    scene = scripted(5 * MS, deadline_ns=20 * MS).acknowledging(20 * MS)
    report = scene.exchange([pair] * 2, [0, 3 * MS])
    # Agent 1 starts at 3: its message is at agent 0 at 8, agent 0's was at agent 1 at 5. Acknowledgements go out when
    # a round is closed, and are there at 13 and 10; the same once more, agent 0 from 10 on and agent 1 from 13 on.
    assert report.closed_at_ns.tolist() == [[8 * MS, 5 * MS], [18 * MS, 15 * MS]]
    assert report.acked_at_ns.tolist() == [[10 * MS, 13 * MS], [20 * MS, 23 * MS]]
    assert report.round_times_ns.tolist() == [[10 * MS, 10 * MS], [10 * MS, 10 * MS]]
    assert report.facts.confirmed.all()
    assert outcomes_of(report.messages) == outcomes_of(report.acks) == {"delivered": 4}
    assert report.ack_mismatch == 0
    assert report.wire_bytes == 4 * 1472 + 4 * 24
    assert scene.counters.messages.sent == 8
    assert set(scene.counters.packets) == {(kind, *edge) for kind in ("td", "ack") for edge in ((0, 1), (1, 0))}


def test_the_last_acknowledgement_is_lost_and_one_end_only_counts_the_edge(scripted, pair, outcomes_of):
    scene = scripted(5 * MS, deadline_ns=20 * MS, special={(0, 1): [5 * MS, LOST]}).acknowledging(15 * MS)
    report = scene.exchange([pair], [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 5 * MS]]
    assert report.acked_at_ns.tolist() == [[10 * MS, 20 * MS]]
    assert report.facts.held.all()
    assert confirmed(report) == {(0, 1): [False], (1, 0): [True]}
    assert report.ack_mismatch == 1
    assert outcomes_of(report.acks) == {"delivered": 1, "loss": 1}


def test_an_acknowledgement_says_that_nothing_was_heard(scripted, pair):
    # Agent 1 misses agent 0's message, closes at its deadline at 20, and says so; it is at agent 0 at 25, which is the
    # deadline of its acknowledgements, counted from 5. Agent 0's, early, says that agent 1 was heard.
    scene = scripted(5 * MS, deadline_ns=20 * MS, special={(0, 1): [LOST]}).acknowledging(20 * MS)
    report = scene.exchange([pair], [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 20 * MS]]
    assert report.acked_at_ns.tolist() == [[25 * MS, 20 * MS]]
    assert confirmed(report) == {(0, 1): [True], (1, 0): [False]}
    assert report.ack_mismatch == 0  # agent 1 knows that it was heard, and has heard nothing


def test_one_copy_of_an_acknowledgement_is_enough(scripted, pair, outcomes_of):
    special = {(0, 1): [5 * MS, LOST, 6 * MS], (1, 0): [5 * MS, 5 * MS, 5 * MS]}
    scene = scripted(5 * MS, deadline_ns=20 * MS, special=special).acknowledging(20 * MS, repeat=2)
    report = scene.exchange([pair], [0, 0])
    assert report.acked_at_ns.tolist() == [[10 * MS, 11 * MS]]
    assert report.facts.confirmed.all()
    # Agent 0 has both copies at 10 ms, when its phase closes.
    assert outcomes_of(report.acks) == {"delivered": 3, "loss": 1}
    assert scene.counters.audit() == "ok"


def test_nobody_acknowledges_on_a_one_way_link(scripted):
    scene = scripted(1 * MS, deadline_ns=20 * MS).acknowledging(20 * MS)
    report = scene.exchange([Graph(2, ((0, 1),))], [0, 0])
    assert report.facts.held.all()
    assert not report.facts.confirmed.any()


def test_a_late_acknowledgement_confirms_nothing(scripted, pair, outcomes_of):
    scene = scripted(5 * MS, deadline_ns=20 * MS, special={(0, 1): [5 * MS, 9 * MS]}).acknowledging(8 * MS)
    report = scene.exchange([pair] * 2, [0, 0])
    assert confirmed(report)[0, 1] == [False, True]
    assert outcomes_of(report.acks) == {"delivered": 3, "late": 1}
    assert report.facts.latest.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("repeat", [1, 2])
def test_how_often_both_ends_and_one_end_only_count_an_edge(repeat):
    """Both: (1 - a)² q² with a, the chance that all copies of an ack are lost; one only: 2 q² a (1 - a)."""
    q, exchanges = 0.7, 2000
    link = LinkSpec(rate="unlimited", delay="1 ms", loss=1 - q)
    network = network_of(2, seed=5, link=link, deadline=0.002, acks=True, ack_repeat=repeat, ack_deadline=0.01)
    both = one = 0
    for update in range(exchanges):
        report = network.exchange("td", rounds=1, size_bytes=100, episode=0, update=update)
        both += (report.facts.held & report.facts.confirmed).all()
        one += report.ack_mismatch
    acked = 1 - (1 - q) ** repeat
    for seen, chance in ((both, q**2 * acked**2), (one, 2 * q**2 * acked * (1 - acked))):
        assert abs(seen - exchanges * chance) < 4.5 * np.sqrt(exchanges * chance * (1 - chance))
    assert network.counters.audit() == "ok"


@pytest.mark.parametrize(("n_agents", "bitmap_bytes"), [(2, 1), (8, 1), (9, 2), (17, 3)])
def test_an_acknowledgement_has_a_bit_for_every_agent(n_agents, bitmap_bytes):
    network = network_of(n_agents, link=LinkSpec(rate="unlimited", delay=0, overhead=0), deadline=0.01, acks=True)
    report = network.exchange("td", rounds=1, size_bytes=100, episode=0, update=0)
    assert report.wire_bytes == n_agents * (n_agents - 1) * (100 + 24 + bitmap_bytes)
