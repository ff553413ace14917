"""Small scenes whose whole course is worked out by hand, to the nanosecond."""

import pytest
from small_networks import MS, transport_of

from dvdn_sim.errors import DvdnSimError, ExchangeStuckError
from netmodels import LinkSpec
from netmodels.topology import Graph

LOST = None


def latest(report):
    """By edge, the newest round held when each round closed."""
    return dict(zip(map(tuple, report.facts.edges.tolist()), report.facts.latest.T.tolist(), strict=True))


def test_two_agents_and_no_loss(over, pair, outcomes_of):
    # 12 Mbit/s: a full packet of 1500 bytes takes 1 ms on the wire, and 5 ms to travel. Agent 1 starts 2 ms later.
    scene = over(transport_of(2))
    report = scene.exchange([pair], [0, 2 * MS])
    assert report.started_at_ns.tolist() == [0, 2 * MS]
    assert report.closed_at_ns.tolist() == [[8 * MS, 6 * MS]]
    assert report.round_times_ns.tolist() == [[8 * MS, 4 * MS]]
    assert outcomes_of(report.messages) == {"delivered": 2}
    assert (report.wire_bytes, scene.counters.wire_bytes, scene.counters.airtime_ns) == (3000, 3000, 2 * MS)
    assert scene.now_ns == 8 * MS
    assert scene.events == 2 + 2  # starts and messages: nobody can lose one, and nobody sets a deadline


def test_two_rounds_follow_each_other_at_each_agent_for_itself(over, pair):
    # Agent 1 closes round 0 at 6 ms, so that its round-1 message is there at 12; agent 0's leaves at 8, is there at 14.
    scene = over(transport_of(2))
    report = scene.exchange([pair, pair], [0, 2 * MS])
    assert report.closed_at_ns.tolist() == [[8 * MS, 6 * MS], [12 * MS, 14 * MS]]
    assert report.round_times_ns.tolist() == [[8 * MS, 4 * MS], [4 * MS, 8 * MS]]
    assert latest(report) == {(0, 1): [0, 1], (1, 0): [0, 1]}


def test_a_round_whose_message_is_lost_closes_at_the_deadline(scripted, pair, outcomes_of):
    scene = scripted(5 * MS, deadline_ns=20 * MS, special={(0, 1): [LOST]})
    report = scene.exchange([pair, pair], [0, 3 * MS])
    # Agent 1 waits from 3 to 23 ms; agent 0 has agent 1's at 8 ms, and waits for its round-1 message until 28.
    assert report.closed_at_ns.tolist() == [[8 * MS, 23 * MS], [28 * MS, 23 * MS]]
    assert latest(report) == {(0, 1): [-1, 1], (1, 0): [0, 1]}
    assert outcomes_of(report.messages) == {"delivered": 3, "loss": 1}
    # Two starts, three arrivals; deadlines of both in round 0, of agent 0 in round 1 (agent 1 has its message early).
    assert scene.events == 2 + 3 + 3


def test_an_arrival_at_the_deadline_is_in_time(scripted, pair, outcomes_of):
    scene = scripted(5 * MS, deadline_ns=5 * MS)
    report = scene.exchange([pair, pair], [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 5 * MS], [10 * MS, 10 * MS]]
    assert report.facts.held.all()
    assert outcomes_of(report.messages) == {"delivered": 4}


def test_an_arrival_a_nanosecond_after_the_last_deadline_has_expired(scripted, pair, outcomes_of):
    scene = scripted(5 * MS, deadline_ns=5 * MS, special={(0, 1): [5 * MS + 1]})
    report = scene.exchange([pair], [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 5 * MS]]
    assert outcomes_of(report.messages) == {"delivered": 1, "in_flight": 1}
    scene.wait_until(5 * MS + 2)
    assert scene.counts == {"delivered": 1, "expired": 1}
    assert outcomes_of(report.messages) == {"delivered": 1, "in_flight": 1}  # a report is of its instant


def test_an_arrival_a_nanosecond_after_an_earlier_deadline_is_late_and_known_in_the_next_round(
    scripted, pair, outcomes_of
):
    scene = scripted(5 * MS, deadline_ns=5 * MS, special={(0, 1): [5 * MS + 1, LOST]})
    report = scene.exchange([pair, pair], [0, 0])
    assert report.closed_at_ns.tolist() == [[5 * MS, 5 * MS], [10 * MS, 10 * MS]]
    assert latest(report) == {(0, 1): [-1, 0], (1, 0): [0, 1]}
    assert report.facts.held.tolist() == [[False, True], [False, True]]
    assert outcomes_of(report.messages) == {"delivered": 2, "late": 1, "loss": 1}
    assert scene.counters.audit() == "ok"


def test_an_overtaken_message_does_not_replace_a_newer_one(scripted, pair):
    # The round-0 message takes 12 ms, arrives after that of round 1 (at 10 ms), and before round 2 closes (at 15).
    scene = scripted(5 * MS, deadline_ns=5 * MS, special={(0, 1): [12 * MS, 5 * MS, LOST]})
    report = scene.exchange([pair] * 3, [0, 0])
    assert latest(report) == {(0, 1): [-1, 1, 1], (1, 0): [0, 1, 2]}


def test_messages_of_a_faster_neighbour_are_kept(scripted, outcomes_of):
    # Path 0 - 1 - 2. Agent 2 starts at 100 ms. Agent 0 has closed round 0 at 1 ms and sends its round-1 message, which
    # is at agent 1 at 2 ms, long before agent 1 closes round 0, at 101 ms; there it is used without any more waiting.
    path = Graph.undirected(3, [(0, 1), (1, 2)])
    scene = scripted(1 * MS)
    report = scene.exchange([path, path], [0, 0, 100 * MS])
    assert report.closed_at_ns[0].tolist() == [1 * MS, 101 * MS, 100 * MS]
    assert report.closed_at_ns[1].tolist() == [102 * MS, 101 * MS, 102 * MS]
    assert report.facts.held.all()
    assert outcomes_of(report.messages) == {"delivered": 8}
    assert scene.events == 3 + 8


def test_an_early_message_counts_only_from_its_round_on(scripted):
    # Agent 0 has no neighbour in round 0, and is in round 1 at once; agent 1 waits in round 0 until its deadline.
    graphs = [Graph.undirected(3, [(1, 2)]), Graph.undirected(3, [(0, 1)])]
    scene = scripted(1 * MS, deadline_ns=10 * MS, special={(2, 1): [LOST]})
    report = scene.exchange(graphs, [0, 0, 0])
    assert latest(report)[0, 1] == [-1, 1]
    assert report.closed_at_ns[:, 1].tolist() == [10 * MS, 10 * MS]
    assert report.closed_at_ns[:, 0].tolist() == [0, 10 * MS]  # opened at 0, deadline at 10; agent 1's arrives at 11
    assert latest(report)[1, 0] == [-1, -1]


def test_an_isolated_agent_closes_all_rounds_when_it_starts(scripted):
    pair_of_three = Graph.undirected(3, [(0, 1)])
    scene = scripted(1 * MS, deadline_ns=10 * MS)
    report = scene.exchange([pair_of_three] * 2, [0, 0, 7 * MS])
    assert report.closed_at_ns[:, 2].tolist() == [7 * MS, 7 * MS]
    assert report.closed_at_ns[:, 0].tolist() == [1 * MS, 2 * MS]
    assert scene.now_ns == 7 * MS


@pytest.mark.parametrize("n_agents", [1, 3])
def test_without_links_nothing_is_sent(scripted, n_agents, outcomes_of):
    scene = scripted(1 * MS)
    report = scene.exchange([Graph(n_agents, ())] * 2, list(range(n_agents)))
    assert report.closed_at_ns.tolist() == [list(range(n_agents))] * 2
    assert report.facts.edges.shape == (0, 2)
    assert report.facts.latest.shape == report.facts.held.shape == (2, 0)
    assert outcomes_of(report.messages) == {}
    assert scene.events == n_agents


def test_the_deadline_counts_from_the_agents_own_round_start(scripted, pair, outcomes_of):
    scene = scripted(50 * MS, deadline_ns=10 * MS)
    report = scene.exchange([pair] * 3, [0, 4 * MS])
    assert report.closed_at_ns.tolist() == [[10 * MS, 14 * MS], [20 * MS, 24 * MS], [30 * MS, 34 * MS]]
    assert not report.facts.held.any()
    assert outcomes_of(report.messages) == {"in_flight": 6}
    assert scene.events == 2 + 6


def test_what_is_in_flight_when_an_exchange_ends_expires_in_a_later_one_and_is_not_used_there(
    scripted, pair, outcomes_of
):
    # The first message 0 -> 1 takes 15 ms: it arrives while agent 1 waits for that of the second exchange, lost.
    scene = scripted(1 * MS, deadline_ns=10 * MS, special={(0, 1): [15 * MS, LOST]})
    first = scene.exchange([pair], [0, 0])
    assert outcomes_of(first.messages) == {"delivered": 1, "in_flight": 1}
    assert scene.now_ns == 10 * MS
    second = scene.exchange([pair], [10 * MS, 10 * MS])
    assert outcomes_of(second.messages) == {"delivered": 1, "loss": 1}
    assert latest(second) == {(0, 1): [-1], (1, 0): [0]}
    assert second.closed_at_ns.tolist() == [[11 * MS, 20 * MS]]
    assert scene.counts == {"delivered": 2, "expired": 1, "loss": 1}
    assert scene.counters.audit() == "ok"


def test_a_deadline_of_one_exchange_does_not_close_a_round_of_the_next(scripted, pair):
    # The first exchange is over at 1 ms; its deadlines, at 10 ms, fire while the second one waits until 19 ms.
    scene = scripted(1 * MS, deadline_ns=10 * MS, special={(0, 1): [1 * MS, LOST]})
    scene.exchange([pair], [0, 0])
    report = scene.exchange([pair], [9 * MS, 9 * MS])
    assert report.closed_at_ns.tolist() == [[10 * MS, 19 * MS]]


def test_a_directed_link_is_waited_for_at_its_head_only(scripted):
    scene = scripted(1 * MS)
    report = scene.exchange([Graph(2, ((0, 1),))] * 2, [0, 0])
    assert report.closed_at_ns.tolist() == [[0, 1 * MS], [0, 1 * MS]]


STAR = Graph.undirected(4, [(0, 1), (0, 2), (0, 3)])


def arrivals_from_hub(over, share, exchanges, keys=(0, 1, 2, 3)):
    """When each leaf closes round 0, in ms after the start: when the hub's message is there."""
    scene = over(transport_of(keys, seed=3, share=share))
    times = []
    for _ in range(exchanges):
        now_ns = scene.now_ns
        report = scene.exchange([STAR], [now_ns] * 4)
        times.append(((report.closed_at_ns[0, 1:] - now_ns) / MS).tolist())
        assert report.closed_at_ns[0, 0] - now_ns == 6 * MS  # each leaf has one message to send
        scene.wait_until(scene.now_ns + 100 * MS)
    return times


def test_links_of_their_own_send_at_the_same_time(over):
    assert arrivals_from_hub(over, "link", 3) == [[6, 6, 6]] * 3


def test_a_shared_node_sends_one_after_the_other_in_an_order_drawn_anew(over):
    times = arrivals_from_hub(over, "node", 60)
    assert all(sorted(row) == [6, 7, 8] for row in times)
    # Each of the 6 orders has probability 1/6: one of them is missing in 60 draws with probability 6 (5/6)^60 = 1e-4.
    assert len(set(map(tuple, times))) == 6


def test_the_order_of_hand_over_goes_with_the_agents_keys(over):
    # Leaves 1, 2, 3 renamed 3, 1, 2: what befell leaf 1 befalls the leaf that has its key.
    before = arrivals_from_hub(over, "node", 10)
    after = arrivals_from_hub(over, "node", 10, keys=(0, 3, 1, 2))
    assert [[row[2], row[0], row[1]] for row in before] == after


def test_a_shared_node_is_still_busy_with_one_round_when_the_next_begins(over):
    # Hub 0 hands three packets over at 0, on the wire until 3 ms. With no delay, the leaf served first has closed round
    # 0 at 1 ms; the hub has heard all leaves at 1 ms too, and its round-1 packets leave at 4, 5 and 6 ms.
    scene = over(transport_of(4, link=LinkSpec(rate="12 Mbit/s", delay=0), share="node"))
    report = scene.exchange([STAR, STAR], [0] * 4)
    assert sorted(report.closed_at_ns[0].tolist()) == [1 * MS, 1 * MS, 2 * MS, 3 * MS]
    assert report.closed_at_ns[0, 0] == 1 * MS
    assert sorted(report.closed_at_ns[1, 1:].tolist()) == [4 * MS, 5 * MS, 6 * MS]
    assert report.closed_at_ns[1, 0] == 4 * MS  # the leaf served last sends at 3 ms


def test_what_the_queue_has_no_room_for_is_lost(over, pair, outcomes_of):
    # One packet may wait beside the one in service: of a message of three, the last is dropped, and so the message.
    spec = LinkSpec(rate="12 Mbit/s", delay="5 ms", limit=1)
    scene = over(transport_of(2, link=spec), deadline_ns=10 * MS, size_bytes=3 * 1472)
    report = scene.exchange([pair], [0, 0])
    assert outcomes_of(report.messages) == {"queue_full": 2}
    assert report.closed_at_ns.tolist() == [[10 * MS, 10 * MS]]
    counts = scene.counters.packets["td", 0, 1]
    assert (counts.sent, dict(counts.lost)) == (3, {"queue_full": 1, "incomplete": 2})
    assert report.wire_bytes == 2 * 2 * 1500  # what is dropped is not sent
    assert scene.counters.audit() == "ok"


def test_on_a_shared_node_the_message_handed_over_last_overflows_the_queue(over):
    spec = LinkSpec(rate="12 Mbit/s", delay="5 ms", limit=1)
    scene = over(transport_of(4, link=spec, share="node"), deadline_ns=20 * MS)
    report = scene.exchange([STAR], [0] * 4)
    assert dict(report.messages.lost) == {"queue_full": 1}
    assert sorted(report.closed_at_ns[0].tolist()) == [6 * MS, 6 * MS, 7 * MS, 20 * MS]


def test_waiting_for_ever_is_an_error_that_names_who_waits_for_whom(scripted):
    scene = scripted(1 * MS, special={(0, 1): [1 * MS, LOST], (2, 1): [1 * MS, LOST]})
    path = Graph.undirected(4, [(0, 1), (1, 2), (2, 3)])
    with pytest.raises(ExchangeStuckError) as raised:
        scene.exchange([path] * 3, [0] * 4)
    # Agent 1 lacks both round-1 messages, so its neighbours lack its round-2 messages. Agent 3 has got all.
    assert str(raised.value) == (
        "agent 0 waits in round 2 for 1; agent 1 waits in round 1 for 0, 2; agent 2 waits in round 2 for 1:"
        " nothing is in flight, and there is no deadline"
    )
    assert isinstance(raised.value, DvdnSimError)
    assert str(type(raised.value)(*raised.value.args)) == str(raised.value)
    assert scene.counters.audit() == "ok"


def test_with_a_deadline_nobody_waits_for_ever(scripted, pair):
    scene = scripted(LOST, deadline_ns=3 * MS)
    assert scene.exchange([pair] * 2, [0, 0]).closed_at_ns.tolist() == [[3 * MS] * 2, [6 * MS] * 2]


def test_facts_and_times_cannot_be_written_to(scripted, pair):
    report = scripted(1).exchange([pair], [0, 0])
    for array in (report.facts.edges, report.facts.active, report.facts.latest):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
