"""The audit says "ok" when counts add up, and otherwise what does not; a probe is told every message's life once.

That what probes are told adds up to the counts: tests/properties/test_random_scenarios.py.
"""

import pytest
from small_networks import MS

from dvdn_sim.network import MessageLife, NetworkCounters
from netmodels.topology import Graph

LOST = None
FIELDS = ["sent", "in_flight", "delivered", "late", "expired"]


@pytest.fixture
def midway(scripted):
    """Four messages of one packet: two delivered, one lost, one still in flight."""
    scene = scripted(1 * MS, deadline_ns=2 * MS, special={(0, 1): [None], (2, 1): [30 * MS]})
    scene.exchange([Graph.undirected(3, [(0, 1), (1, 2)])], [0, 0, 0])
    return scene


def test_nothing_sent():
    assert NetworkCounters().audit() == "ok"


def test_midway_and_after_everything_has_landed(midway):
    counters = midway.counters
    assert (midway.counts, counters.messages.in_flight) == ({"delivered": 2, "loss": 1, "in_flight": 1}, 1)
    assert counters.audit() == "ok"
    midway.wait_until(31 * MS)
    assert (midway.counts, counters.messages.in_flight) == ({"delivered": 2, "loss": 1, "expired": 1}, 0)
    assert counters.audit() == "ok"


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("landed", [False, True])
def test_a_wrong_count_of_messages_is_named(midway, field, by, landed):
    if landed:
        midway.wait_until(31 * MS)
    counts = midway.counters.messages
    setattr(counts, field, getattr(counts, field) + by)
    assert (
        midway.counters.audit()
        == f"messages: {counts.sent} sent, {counts.settled} settled, {counts.in_flight} in flight"
    )


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("link", [(0, 1), (1, 0), (2, 1)])
def test_a_wrong_count_of_packets_is_named_with_its_link(midway, link, field, by):
    counts = midway.counters.packets["td", *link]
    setattr(counts, field, getattr(counts, field) + by)
    what = f"{counts.sent} sent, {counts.settled} settled, {counts.in_flight} in flight"
    assert midway.counters.audit() == f"td packets {link[0]} to {link[1]}: {what}"


def test_a_wrong_count_of_losses_is_named_and_all_findings_are_listed(midway):
    midway.counters.messages.lost["loss"] += 1
    midway.counters.packets["td", 1, 0].lost["queue_full"] += 2
    assert midway.counters.audit() == (
        "messages: 4 sent, 4 settled, 1 in flight; td packets 1 to 0: 1 sent, 3 settled, 0 in flight"
    )


def test_a_message_that_is_held_and_lost_is_named_though_the_sum_is_right(midway):
    counts = midway.counters.messages
    counts.delivered, counts.in_flight = counts.delivered + 2, counts.in_flight - 2
    assert midway.counters.audit() == "messages: 4 sent, 5 settled, -1 in flight"


def test_packets_are_counted_apart_by_kind(scripted, pair):
    scene = scripted(1 * MS)
    scene.exchange([pair], [0, 0], kind="td")
    scene.exchange([pair, pair], [1 * MS, 1 * MS], kind="gt")
    assert {key: count.sent for key, count in scene.counters.packets.items()} == {
        ("td", 0, 1): 1, ("td", 1, 0): 1, ("gt", 0, 1): 2, ("gt", 1, 0): 2,
    }  # fmt: skip
    assert scene.counters.messages.sent == 6


def test_the_lives_of_a_small_scene(scripted, pair):
    # Agent 0's round-0 message is 1 ns late; its round-1 message is lost; agent 1's of round 1 comes after the end.
    scene = scripted(5 * MS, deadline_ns=5 * MS, special={(0, 1): [5 * MS + 1, LOST], (1, 0): [5 * MS, 9 * MS]})
    scene.exchange([pair, pair], [0, 0])
    scene.wait_until(20 * MS)
    assert scene.lives == [
        MessageLife("td", 3, 0, 1, 0, 0, 1472, 1, "delivered", "", 5 * MS),
        MessageLife("td", 3, 1, 0, 1, 5 * MS, 1472, 1, "lost", "loss", -1),
        MessageLife("td", 3, 0, 0, 1, 0, 1472, 1, "late", "", 5 * MS + 1),
        MessageLife("td", 3, 1, 1, 0, 5 * MS, 1472, 1, "expired", "", 14 * MS),
    ]
