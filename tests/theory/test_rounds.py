"""Exchanges drawn in numpy against the simulator: equal where nothing is left to chance, else in standard errors."""

from functools import lru_cache

import numpy as np
import pytest
from small_networks import MS, Given, LognormalTime, network_of

from dvdn_sim.consensus.theory import can_sample, sample_rounds
from netmodels import LinkSpec
from netmodels.topology import Graph

SQUARE = Graph.undirected(4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
LINE = Graph.undirected(4, [(0, 1), (1, 2), (2, 3)])
SPLIT = Graph.undirected(4, [(0, 1)])


def simulated(link, graphs, *, share="link", deadline_ns, trials, jitter_s=0.004, size_bytes=1000):
    """Reports of fresh networks."""
    for seed in range(trials):
        network = network_of(
            4, seed=seed, topology=Given(graphs), link=link, share=share,
            deadline=None if deadline_ns is None else deadline_ns * 1e-9, compute=LognormalTime(0.01, jitter_s),
        )  # fmt: skip
        yield network.exchange("td", rounds=len(graphs), size_bytes=size_bytes, episode=0, update=0)


@pytest.mark.parametrize("deadline_ns", [None, 30 * MS, 6 * MS])
@pytest.mark.parametrize("graphs", [[SQUARE], [SQUARE] * 4, [LINE, SQUARE, SPLIT, LINE]], ids=["1", "4", "switching"])
def test_equal_to_the_nanosecond_where_nothing_is_left_to_chance(graphs, deadline_ns):
    """Constant delays and no losses, over random starts; with short deadlines many messages are late."""
    link = LinkSpec(rate="20 Mbit/s", delay="5 ms")
    reports = list(simulated(link, graphs, deadline_ns=deadline_ns, trials=40, size_bytes=4000))
    drawn = sample_rounds(
        link, graphs, share="link", size_bytes=4000, deadline_ns=deadline_ns, generator=np.random.default_rng(0),
        starts_ns=np.array([report.started_at_ns for report in reports]),
    )  # fmt: skip
    np.testing.assert_array_equal(drawn.latest, [report.facts.latest for report in reports])
    np.testing.assert_array_equal(drawn.durations_ns, [report.round_times_ns for report in reports])
    sent = drawn.whole.active.sum()
    assert drawn.late.sum((1, 2)).tolist() == [sent - report.messages.delivered for report in reports]
    assert drawn.late.any() == (deadline_ns == 6 * MS)


NORMAL = {"kind": "normal", "mean": "5 ms", "jitter": "3 ms"}
BURSTS = {"kind": "gemodel", "p": "10%", "r": "40%"}
SCENES = {
    "losses": ({"loss": 0.2}, [SQUARE] * 3, "link", 40 * MS, 1000),
    "bursts": ({"loss": BURSTS, "delay": NORMAL}, [SQUARE] * 3, "link", 40 * MS, 1000),
    "packets": ({"loss": 0.05, "delay": NORMAL}, [LINE] * 3, "link", 12 * MS, 4000),
    "node": ({"loss": 0.1, "delay": NORMAL, "rate": "2 Mbit/s"}, [SQUARE] * 3, "node", 20 * MS, 1000),
    "order": ({"fifo": False, "delay": NORMAL, "corrupt": 0.1}, [SQUARE, LINE, SQUARE], "node", 8 * MS, 1000),
    "queue": ({"delay": NORMAL, "rate": "1 Mbit/s", "loss": 0.1}, [SQUARE] * 3, "link", 12 * MS, 1000),
}  # fmt: skip


@lru_cache(maxsize=8)
def both(name, trials=400):
    changes, graphs, share, deadline_ns, size_bytes = SCENES[name]
    link = LinkSpec(**{"rate": "20 Mbit/s", "delay": "5 ms"} | changes)
    options = {"share": share, "deadline_ns": deadline_ns, "size_bytes": size_bytes}
    reports = list(simulated(link, graphs, trials=trials, **options))
    generator = np.random.default_rng(1)
    compute = generator.lognormal(np.log(0.01) - np.log1p(0.16) / 2, np.log1p(0.16) ** 0.5, (5000, 4))
    drawn = sample_rounds(link, graphs, starts_ns=np.rint(compute * 1e9).astype(int), generator=generator, **options)
    return reports, drawn


@pytest.mark.parametrize("name", SCENES)
def test_what_is_held_how_long_it_takes_and_what_is_newest(name):
    """Every edge and round, every agent and round: means over fresh networks, within 4.5 standard errors."""
    reports, drawn = both(name)
    pairs = [
        (drawn.held, [report.facts.held for report in reports]),
        (drawn.latest, [report.facts.latest for report in reports]),
        (drawn.durations_ns * 1e-9, [report.round_times_ns * 1e-9 for report in reports]),
    ]
    for ours, theirs in pairs:
        one, other = np.asarray(ours, float), np.array(theirs, float)
        doubt = np.sqrt(np.maximum(one.var(0), other.var(0)) * (1 / len(one) + 1 / len(other)))
        assert (abs(one.mean(0) - other.mean(0)) <= 4.5 * doubt + 1e-9).all()


@pytest.mark.parametrize("name", SCENES)
def test_messages_depend_on_each_other_in_the_same_way(name):
    """The number held in a whole exchange varies as much."""
    reports, drawn = both(name)
    ours, theirs = drawn.held.sum((1, 2)), np.array([report.messages.delivered for report in reports])
    spread = theirs.var(ddof=1) * np.sqrt(2 / len(theirs)) * 1.5
    assert abs(ours.var() - theirs.var(ddof=1)) <= 4 * spread


def test_an_agent_that_times_out_hands_over_just_in_time():
    """Constant delays: i loses a message, waits 10 ms, and is 4 ms behind; its neighbour closes as it comes."""
    pair = Graph.undirected(2, [(0, 1)])
    link = LinkSpec(rate="unlimited", delay="6 ms", loss=0.5)
    drawn = sample_rounds(
        link, [pair] * 6, share="link", size_bytes=1000, starts_ns=np.zeros((500, 2), int), deadline_ns=10 * MS,
        generator=np.random.default_rng(0),
    )  # fmt: skip
    assert not drawn.late.any()
    assert set(np.unique(drawn.durations_ns)) == {2 * MS, 6 * MS, 10 * MS}


def test_what_is_not_covered_is_refused():
    graphs = [SQUARE]
    plain = {"rate": "1 Mbit/s", "delay": "1 ms"}
    assert can_sample(LinkSpec(**plain), "link", 1000, graphs)
    assert not can_sample(LinkSpec(**plain), "medium", 1000, graphs)
    assert not can_sample(LinkSpec(**plain, retries=1, retry_delay=0), "link", 1000, graphs)
    assert not can_sample(LinkSpec(**plain, duplicate=0.1), "link", 1000, graphs)
    assert not can_sample(LinkSpec(**plain, limit=1), "node", 1000, graphs)
    options = {"size_bytes": 1000, "share": "link", "generator": np.random.default_rng(0)}
    with pytest.raises(ValueError, match="expected no retries"):
        sample_rounds(
            LinkSpec(**plain, duplicate=0.1), graphs, starts_ns=np.zeros((1, 4), int), deadline_ns=MS, **options
        )
    with pytest.raises(ValueError, match="starts_ns"):
        sample_rounds(LinkSpec(**plain), graphs, starts_ns=np.zeros((1, 3), int), deadline_ns=MS, **options)
    with pytest.raises(ValueError, match="deadline_ns"):
        sample_rounds(LinkSpec(**plain, loss=0.9), graphs, starts_ns=np.zeros((9, 4), int), deadline_ns=None, **options)
