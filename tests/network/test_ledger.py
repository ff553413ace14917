"""The audit says "ok" when counts add up, and otherwise what does not, even while other messages are under way."""

import pytest

from dvdn_sim.network.ledger import Ledger
from netmodels.topology import Graph

MS = 1_000_000
FIELDS = ["sent", "flying", "held", "late", "expired"]


@pytest.fixture
def midway(scripted):
    """Four messages of one packet: two held, one lost, one still flying."""
    scene = scripted(1 * MS, deadline_ns=2 * MS, special={(0, 1): [None], (2, 1): [30 * MS]})
    scene.exchange([Graph.undirected(3, [(0, 1), (1, 2)])], [0, 0, 0])
    return scene


def test_nothing_sent():
    assert Ledger().audit() == "ok"


def test_midway_and_after_everything_has_landed(midway):
    ledger = midway.ledger
    assert (midway.counts, ledger.flying) == ({"held": 2, "loss": 1, "flying": 1}, 1)
    assert ledger.audit() == "ok"
    midway.clock.advance_to(31 * MS)
    assert (midway.counts, ledger.flying) == ({"held": 2, "loss": 1, "expired": 1}, 0)
    assert ledger.audit() == "ok"


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("landed", [False, True])
def test_a_wrong_count_of_messages_is_named(midway, field, by, landed):
    if landed:
        midway.clock.advance_to(31 * MS)
    counts = midway.ledger.messages
    setattr(counts, field, getattr(counts, field) + by)
    assert midway.ledger.audit() == f"messages: {counts.sent} sent, {counts.settled} settled, {counts.flying} flying"


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("link", [(0, 1), (1, 0), (2, 1)])
def test_a_wrong_count_of_packets_is_named_with_its_link(midway, link, field, by):
    counts = midway.ledger.packets["td", *link]
    setattr(counts, field, getattr(counts, field) + by)
    what = f"{counts.sent} sent, {counts.settled} settled, {counts.flying} flying"
    assert midway.ledger.audit() == f"td packets {link[0]} to {link[1]}: {what}"


def test_a_wrong_count_of_losses_is_named_and_all_findings_are_listed(midway):
    midway.ledger.messages.lost["loss"] += 1
    midway.ledger.packets["td", 1, 0].lost["queue_full"] += 2
    assert midway.ledger.audit() == (
        "messages: 4 sent, 4 settled, 1 flying; td packets 1 to 0: 1 sent, 3 settled, 0 flying"
    )


def test_packets_are_counted_apart_by_kind(scripted, pair):
    scene = scripted(1 * MS)
    scene.exchange([pair], [0, 0], kind="td")
    scene.exchange([pair, pair], [1 * MS, 1 * MS], kind="gt")
    assert {key: count.sent for key, count in scene.ledger.packets.items()} == {
        ("td", 0, 1): 1, ("td", 1, 0): 1, ("gt", 0, 1): 2, ("gt", 1, 0): 2,
    }  # fmt: skip
    assert scene.ledger.messages.sent == 6
