"""Messages between agents that act: what is there when an agent decides, and what becomes of the rest."""

import numpy as np
import pytest
from small_networks import MS, spec_of

from dvdn_sim.network import Mailboxes
from netmodels import LinkSpec
from netmodels.faults import Crash

EVERYBODY = np.ones(2, bool)


def mailboxes(delay, **changes):
    options = {"link": LinkSpec(rate="unlimited", delay=delay), "control_period": 0.01, "deadline": 0.004}
    return Mailboxes(spec_of(**options | changes), n_agents=2, seed=0)


def counted(boxes):
    counts = boxes.counts
    return (counts.delivered, counts.late, counts.expired, counts.in_flight, counts.lost.total())


@pytest.mark.parametrize(("delay", "held"), [("3 ms", True), ("4 ms", True), ("5 ms", False)])
def test_what_comes_after_the_decision_is_late_and_known_at_the_next_one(delay, held):
    boxes = mailboxes(delay)
    graph = boxes.graph(0, episode=0, step=0)
    boxes.send(0, 0, graph, 100, EVERYBODY)
    boxes.take_up(4 * MS, 0)
    assert counted(boxes) == ((2, 0, 0, 0, 0) if held else (0, 0, 0, 2, 0))
    assert boxes.newest[0, 1] == boxes.newest[1, 0] == (0 if held else -1)
    boxes.take_up(14 * MS, 1)
    assert counted(boxes) == ((2, 0, 0, 0, 0) if held else (0, 2, 0, 0, 0))
    assert boxes.newest[0, 1] == boxes.newest[1, 0] == 0


def test_an_overtaken_message_does_not_replace_a_newer_one_and_the_end_of_an_episode_forgets():
    boxes = mailboxes("5 ms")
    graph = boxes.graph(0, episode=0, step=0)
    boxes.send(0, 1, graph, 100, EVERYBODY)
    boxes.send(0, 0, graph, 100, np.array([True, False]))
    boxes.take_up(9 * MS, 1)
    assert boxes.newest.tolist() == [[-1, 1], [1, -1]]
    boxes.send(10 * MS, 2, graph, 100, EVERYBODY)
    boxes.begin_episode()
    assert (boxes.newest == -1).all()
    assert counted(boxes) == (2, 1, 2, 0, 0)


def test_what_is_lost_is_counted_and_nobody_waits_longer_than_a_step():
    boxes = mailboxes("5 ms", link=LinkSpec(rate="unlimited", delay="5 ms", loss=1.0))
    graph = boxes.graph(0, episode=0, step=0)
    boxes.send(0, 0, graph, 100, EVERYBODY)
    boxes.take_up(9 * MS, 0)
    assert counted(boxes) == (0, 0, 0, 0, 2)
    assert boxes.wait_ns(graph, 100) == 4 * MS
    assert mailboxes("30 ms", deadline="auto").wait_ns(graph, 100) == 10 * MS


@pytest.mark.parametrize(("down_ms", "remembered"), [((6, 8), False), ((13, 18), False), ((24, 26), True)])
def test_who_loses_its_state_between_two_decisions_has_forgotten(down_ms, remembered):
    """Decisions at 4, 14, 24 ms, delay 3 ms: what came at 3 is forgotten by a crash at 6; what comes at 13 is not."""
    first, last = (at * 1e-3 for at in down_ms)
    boxes = mailboxes("3 ms", faults=(Crash(node=0, at=first, for_=last - first, state="lost"),))
    graph = boxes.graph(0, episode=0, step=0)
    boxes.send(0, 0, graph, 100, EVERYBODY)
    boxes.take_up(4 * MS, 0)
    assert boxes.newest.tolist() == [[-1, 0], [0, -1]]
    boxes.take_up(14 * MS, 1)
    assert boxes.newest[0, 1] == (0 if remembered else -1)
    boxes.send(20 * MS, 2, graph, 100, np.array([False, True]))
    boxes.take_up(24 * MS, 2)
    assert boxes.newest[0, 1] == (-1 if remembered else 2)  # in the last case the crash begins as agents decide
    assert boxes.newest[1, 0] == 0
