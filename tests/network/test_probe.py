"""Probes are told every message's life, once."""

from collections import Counter

from small_networks import MS, LognormalTime, network_of

from dvdn_sim.network import MessageLife
from netmodels import LinkSpec

LOST = None


def test_the_lives_of_a_small_scene(scripted, pair):
    # Agent 0's round-0 message is 1 ns late; its round-1 message is lost; agent 1's of round 1 comes after the end.
    scene = scripted(5 * MS, deadline_ns=5 * MS, special={(0, 1): [5 * MS + 1, LOST], (1, 0): [5 * MS, 9 * MS]})
    scene.exchange([pair, pair], [0, 0])
    scene.clock.advance_to(20 * MS)
    assert scene.lives == [
        MessageLife("td", 3, 0, 1, 0, 0, 1472, 1, "delivered", "", 5 * MS),
        MessageLife("td", 3, 1, 0, 1, 5 * MS, 1472, 1, "lost", "loss", -1),
        MessageLife("td", 3, 0, 0, 1, 0, 1472, 1, "late", "", 5 * MS + 1),
        MessageLife("td", 3, 1, 1, 0, 5 * MS, 1472, 1, "expired", "", 14 * MS),
    ]


class Lives(list):
    message = list.append


def test_the_lives_of_a_run_are_its_counts():
    lives = Lives()
    network = network_of(
        4, seed=2, share="node", deadline=0.012, compute=LognormalTime(0.01, 0.003), acks=True, ack_repeat=2,
        link=LinkSpec(rate="5 Mbit/s", delay={"kind": "normal", "mean": "5 ms", "jitter": "4 ms"}, loss="5%", limit=6),
        faults=[{"kind": "crash", "node": 2, "at": "1 s", "for": "1 s"}], probe=lives,
    )  # fmt: skip
    for update in range(30):
        network.act(1)
        network.exchange("td", rounds=3, size_bytes=4000, episode=update, update=update)
    network.act(100)
    messages = network.counters.messages
    assert Counter(life.outcome for life in lives) == {
        "delivered": messages.delivered, "late": messages.late, "expired": messages.expired,
        "lost": messages.lost.total(),
    }  # fmt: skip
    assert Counter(life.reason for life in lives if life.outcome == "lost") == messages.lost
    assert messages.in_flight == 0
    assert len(lives) == messages.sent
    assert {life.kind for life in lives} == {"td", "ack"}
    assert all(life.arrived_ns >= life.sent_ns for life in lives if life.outcome != "lost")
    for kind in ("td", "ack"):
        told = Counter((life.sender, life.receiver) for life in lives if life.kind == kind)
        assert set(told) == {(i, j) for what, i, j in network.counters.packets if what == kind}
