"""Chaos, then healing: whatever went wrong in the middle of an exchange, from then on values mix as on the whole graph.

Everything that fails is over at an instant; the links themselves lose nothing. Then every round in which all have
caught up is one step of W, so that disagreement falls by σ₂(W) or more each round; and running sums, which find again
what was lost, fall to the mean that there was before anything failed.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_scenarios import faults
from small_networks import Given, network_of
from strategies import MS, connected_graphs

from dvdn_sim.consensus import POLICIES, RunningSum, lossless_facts, metropolis
from netmodels import LinkSpec
from netmodels.topology import Graph

HEALED_MS, DEADLINE_MS, ROUNDS, ENOUGH = 40, 4, 150, 20
LINK = LinkSpec(rate="unlimited", delay="1 ms")


def storms(n_agents):
    """Faults of all kinds that cut, slow or lose; each is over when it has healed."""
    half = HEALED_MS // 2
    return st.lists(faults(n_agents, latest_ms=half, longest_ms=half, heals=True), min_size=1, max_size=6)


@st.composite
def days(draw, *, failing=storms):
    """A graph of 2 to 12 agents, what fails, whether there are acknowledgements, and values to agree on."""
    n_agents = draw(st.integers(2, 12))
    graph, seed, acks = draw(connected_graphs(n_agents)), draw(st.integers(0, 999)), draw(st.booleans())
    network = network_of(
        n_agents, seed=seed, topology=Given([graph]), link=LINK, deadline=DEADLINE_MS * 1e-3,
        faults=draw(failing(n_agents)), acks=acks,
    )  # fmt: skip
    return network, graph, acks, np.random.default_rng(seed).normal(size=(n_agents, 3))


def exchanged(network, rounds=ROUNDS):
    report = network.exchange("td", rounds=rounds, size_bytes=100, episode=0, update=0)
    assert network.counters.audit() == "ok"
    return report


def first_whole_round(facts):
    """The round from which on everybody holds everything in time, and knows it if anybody can."""
    broken = np.flatnonzero(~facts.held.all(axis=1))
    return int(broken[-1]) + 1 if broken.size else 0


def on_the_whole_graph(graph):
    """W, and the size of its second eigenvalue."""
    step = POLICIES["self"](metropolis).step(lossless_facts([graph]))[0]
    sizes = np.sort(np.abs(np.linalg.eigvalsh(step)))
    return step, sizes[-2]


@settings(max_examples=60, deadline=None)
@given(days())
def test_after_healing_every_round_is_one_step_of_the_whole_graph_and_sums_fall_to_the_mean_before(day):
    network, graph, acks, values = day
    report = exchanged(network)
    facts, whole = report.facts, first_whole_round(report.facts)
    # Who was down has missed what was sent to it: it waits it out, round by round, and then has caught up.
    assert report.finished.all()
    assert ROUNDS - whole >= ENOUGH
    assert report.through_at_ns[whole - 1 if whole else 0].max() <= 4 * HEALED_MS * MS * (2 if acks else 1)
    check_running_sums(graph, facts, whole, values)
    step, rate = on_the_whole_graph(graph)
    for name in ["self", "renormalize", *(["symmetric"] if acks else [])]:
        held = POLICIES[name](metropolis).apply(facts, values)
        if name == "symmetric":
            knows = np.flatnonzero(~(facts.held & facts.confirmed).all(axis=1))
            whole = max(whole, int(knows[-1]) + 1 if knows.size else 0)
        start = held[whole - 1] if whole else values
        for k in range(whole, ROUNDS):
            np.testing.assert_allclose(held[k], step @ (held[k - 1] if k else values), rtol=0, atol=1e-12)
        away = np.linalg.norm(held[whole:] - start.mean(0), axis=(1, 2))
        bound = rate ** np.arange(1, ROUNDS - whole + 1) * np.linalg.norm(start - start.mean(0))
        assert (away <= bound + 1e-12).all()


def check_running_sums(graph, facts, whole, values):
    """z = y - mean·ζ of what agents hold: z ← P z with P = (adjacency + 1) C, which C^½ makes symmetric."""
    masses = RunningSum().masses(facts, values)
    np.testing.assert_allclose(masses.in_flight[whole:], 0.0, atol=1e-12)
    np.testing.assert_allclose(masses.held[whole:].sum(1), np.tile(values.sum(0), (ROUNDS - whole, 1)), atol=1e-10)
    kept = 1.0 / (1.0 + np.array([len(graph.neighbours(agent)) for agent in range(graph.n_agents)]))
    adjacency = np.eye(graph.n_agents) + graph.adjacency()
    root = np.sqrt(kept)[:, None]
    sizes = np.sort(np.abs(np.linalg.eigvalsh(root * adjacency * root.T)))
    away = masses.held - masses.held_zeta[..., None] * values.mean(0)
    lengths = np.linalg.norm(root * away[whole:], axis=(1, 2))
    bound = sizes[-2] ** np.arange(len(lengths)) * lengths[0]
    assert (lengths <= bound + 1e-10).all()


def worse_for_ever(n_agents):
    return st.just([{"kind": "degrade", "link": {"loss": 0.3}, "at": "0 ms"}])


def test_links_that_go_on_losing_do_not_fall_at_that_rate():
    """The properties above can fail: where nothing heals, rounds are not steps of W."""
    broken = []

    @settings(max_examples=20, deadline=None, database=None)
    @given(days(failing=worse_for_ever))
    def search(day):
        network, graph, _, values = day
        facts = exchanged(network).facts
        held, (step, _) = POLICIES["self"](metropolis).apply(facts, values), on_the_whole_graph(graph)
        broken.append(not np.allclose(held[-ENOUGH:], step @ held[-ENOUGH - 1 : -1], rtol=0, atol=1e-12))

    search()
    assert any(broken)


@pytest.mark.parametrize("policy", ["self", "running_sum"])
def test_a_one_way_partition_that_stays_is_told_and_waited_for_no_longer_than_the_deadline(policy):
    """0 and 1 can be heard by 2 and 3 but hear nothing of them: they agree among themselves, and drag the others."""
    cut = [{"kind": "one_way", "edge": [sender, receiver], "at": "0 ms"} for sender in (2, 3) for receiver in (0, 1)]
    graph = Graph.undirected(4, [(a, b) for a in range(4) for b in range(a)])
    network = network_of(4, seed=0, topology=Given([graph]), link=LINK, deadline=DEADLINE_MS * 1e-3, faults=cut)
    report = exchanged(network, rounds=60)
    assert report.ended_ns <= 60 * DEADLINE_MS * MS
    assert network.cut_for_ever == [
        f"from 0 ns: the link from agent {sender} to {receiver} goes down, one way"
        for sender in (2, 3)
        for receiver in (0, 1)
    ]
    assert report.messages.lost == {"link_down": 4 * 60}
    values = np.array([1.0, 3.0, 50.0, -20.0])
    final = POLICIES[policy](metropolis).apply(report.facts, values)[-1]
    np.testing.assert_allclose(final[:2], 2.0, atol=1e-6)
    if policy == "self":
        np.testing.assert_allclose(final, 2.0, atol=1e-3)
