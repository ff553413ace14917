"""Every property that some policy keeps is broken by those documented to break it; by hand where that says most."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from side_by_side import side_by_side

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    Facts,
    PushSum,
    RunningSum,
    Stale,
    lossless_facts,
    metropolis,
    operator_figures,
)
from netmodels.topology import Graph

PATH = Graph.undirected(3, [(0, 1), (1, 2)])
PAIR = Graph.undirected(2, [(0, 1)])
RING = np.array([[(i, (i + 1) % 6) for i in range(6)]])
WITHOUT_MEMORY_OF_LOSS = ("self", "renormalize", "stale", "push_sum", "zero_fill")


def policy(name: str):
    return POLICIES[name](metropolis)


def lossy(graph: Graph, rounds: int, lost: dict[tuple[int, int], set[int]]) -> Facts:
    """Of each edge (sender, receiver), the rounds whose message is lost; the others are in time."""
    whole = lossless_facts([graph] * rounds)
    there = np.ones((rounds, len(whole.edges)), bool)
    for index, edge in enumerate(map(tuple, whole.edges.tolist())):
        there[sorted(lost.get(edge, set())), index] = False
    latest = np.maximum.accumulate(np.where(there, np.arange(rounds)[:, None], -1), axis=0)
    return Facts(whole.n_agents, whole.edges, whole.active, latest)


# Agreement


def test_zero_fill_breaks_agreement():
    """Six agents that agree on 10 shrink to 0 under 10% loss; all others stay at 10 to the last bit."""
    facts = side_by_side(RING, 6, rounds=50, p=0.1, rng=np.random.default_rng(1))
    agreed = np.full(6, 10.0)
    assert policy("zero_fill").apply(facts, agreed)[-1].max() < 1.0
    for name in set(POLICIES) - {"zero_fill"}:
        np.testing.assert_array_equal(policy(name).apply(facts, agreed)[-1], agreed)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_any_lost_message_takes_its_weight_from_a_row_of_zero_fill(weights):
    facts = lossy(PATH, 1, {(0, 1): {0}})
    step = POLICIES["zero_fill"](WEIGHTS[weights]).step(facts)[0]
    lost = WEIGHTS[weights](facts)[0, 0]
    np.testing.assert_allclose(step.sum(1), [1, 1 - lost, 1])
    assert operator_figures(step).row_sum_error == pytest.approx(lost)


# The mean


@pytest.mark.parametrize("name", WITHOUT_MEMORY_OF_LOSS)
def test_one_lost_message_moves_the_mean_for_good(name):
    """Without memory of what was lost nothing brings it back, however many good rounds follow."""
    x = np.array([3.0, 0.0, 0.0])
    after = policy(name).apply(lossy(PATH, 80, {(0, 1): {0}}), x)[-1]
    assert np.ptp(after) < 1e-9
    assert abs(after.mean() - 1.0) > 0.05


def test_running_sums_bring_back_what_was_lost():
    """As do acknowledgements, by losing the other direction too."""
    x = np.array([3.0, 0.0, 0.0])
    facts = lossy(PATH, 80, {(0, 1): {0}})
    np.testing.assert_allclose(policy("running_sum").apply(facts, x)[-1], 1.0, atol=1e-9)
    heard_back = facts.held[:, facts.reverse]
    after = policy("symmetric").apply(replace(facts, confirmed=heard_back), x)
    np.testing.assert_allclose(after.mean(1), 1.0, atol=1e-12)


def test_after_few_rounds_running_sums_have_moved_the_mean_of_the_estimates_too():
    """What is in flight is in no estimate: agent 1 waits for the 3/2 that agent 0 has given to it, and ζ of 1/2."""
    x = np.array([3.0, 0.0])
    facts = lossy(PAIR, 1, {(0, 1): {0}})
    np.testing.assert_allclose(RunningSum().apply(facts, x), [[1.5, 0.0]])
    masses = RunningSum().masses(facts, x)
    np.testing.assert_allclose(masses.held, [[1.5, 0.0]])
    np.testing.assert_allclose(masses.held_zeta, [[1.0, 0.5]])
    np.testing.assert_allclose(masses.in_flight, [[1.5, 0.0]])
    np.testing.assert_allclose(masses.in_flight_zeta, [[0.5, 0.0]])


def test_the_mean_of_self_walks_without_drift():
    """Its variance over teams grows from round to round while they disagree; the mean over teams stays."""
    teams, rounds = 4000, 12
    links = np.broadcast_to(RING, (teams, 6, 2))
    facts = side_by_side(links, 6, rounds, p=0.3, rng=np.random.default_rng(2))
    x = np.tile([3.0, -1.0, 0.0, 2.0, 0.0, -1.0], teams)
    moved = policy("self").apply(facts, x).reshape(rounds, teams, 6).mean(2) - 0.5
    assert (np.abs(moved.mean(1)) <= 4.5 * moved.std(1) / np.sqrt(teams)).all()
    assert (np.diff(moved.var(1)[:4]) > 0).all()
    assert (moved.var(1)[3:] > 0.05).all()
    kept = policy("symmetric").apply(facts, x).reshape(rounds, teams, 6).mean(2)
    np.testing.assert_allclose(kept, 0.5, atol=1e-12)


def mean_column_sums(name: str, graph: Graph, p: float) -> np.ndarray:
    """Expected column sums of a round in which each message is lost with probability p, over all patterns of losses."""
    whole = lossless_facts([graph])
    expected = np.zeros(graph.n_agents)
    for lost in product([False, True], repeat=len(whole.edges)):
        facts = Facts(graph.n_agents, whole.edges, whole.active, np.where([lost], -1, 0))
        probability = p ** sum(lost) * (1 - p) ** (len(lost) - sum(lost))
        expected += probability * policy(name).operator(facts)[0].sum(0)
    return expected


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_renormalize_is_biased_on_irregular_graphs_and_self_is_not(p):
    triangle = Graph.undirected(3, [(0, 1), (1, 2), (0, 2)])
    np.testing.assert_allclose(mean_column_sums("self", PATH, p), 1, atol=1e-12)
    np.testing.assert_allclose(mean_column_sums("renormalize", triangle, p), 1, atol=1e-12)
    # On the path all weights are 1/3. An end, with own weight 2/3, hears the middle (q/3) and keeps the rest; the
    # middle, with own weight 1/3, gives an end 1/3 if it hears both and 1/2 if it hears only that one.
    q = 1 - p
    towards_an_end = (1 - q / 3) + (q * q / 3 + q * p / 2)
    found = mean_column_sums("renormalize", PATH, p)
    np.testing.assert_allclose(found, [towards_an_end, 3 - 2 * towards_an_end, towards_an_end])
    assert towards_an_end - 1 == pytest.approx(p * q / 6)


def test_an_ack_that_is_lost_moves_the_mean_of_symmetric():
    """Agent 0 knows that both heard; agent 1 heard too, but not that it was heard: only agent 0 moves."""
    whole = lossless_facts([PAIR])
    facts = replace(whole, confirmed=np.array([[False, True]]))  # of the edges 0 → 1, 1 → 0
    assert facts.ack_mismatch.tolist() == [1]
    np.testing.assert_allclose(POLICIES["symmetric"](metropolis).apply(facts, np.array([2.0, 0.0])), [[1.0, 0.0]])
    assert operator_figures(POLICIES["symmetric"](metropolis).step(facts)[0]).column_sum_error == pytest.approx(0.5)


def test_symmetric_throws_away_a_link_on_any_one_way_loss():
    facts = lossy(PAIR, 1, {(0, 1): {0}})
    facts = replace(facts, confirmed=facts.held[:, facts.reverse])
    np.testing.assert_array_equal(policy("symmetric").step(facts)[0], np.eye(2))
    np.testing.assert_allclose(policy("self").step(facts)[0], [[0.5, 0.5], [0.0, 1.0]])


def test_without_acknowledgements_symmetric_does_nothing():
    whole = lossless_facts([PATH] * 3)
    unknown = Facts(3, whole.edges, whole.active, whole.latest)
    np.testing.assert_array_equal(policy("symmetric").operator(unknown)[-1], np.eye(3))


# Mass


def test_push_sum_loses_the_mass_of_a_lost_message():
    facts = lossy(PAIR, 1, {(0, 1): {0}})
    np.testing.assert_allclose(PushSum().zeta(facts), [[1.0, 0.5]])
    np.testing.assert_allclose(PushSum().zeta(lossy(PAIR, 1, {})), [[1.0, 1.0]])


def test_push_sum_agrees_on_a_wrong_value_and_running_sums_on_the_mean():
    facts = side_by_side(RING, 6, rounds=400, p=0.3, rng=np.random.default_rng(3))
    x = np.array([3.0, -1.0, 0.0, 2.0, 0.0, -1.0])
    wrong, right = PushSum().apply(facts, x)[-1], RunningSum().apply(facts, x)[-1]
    assert np.ptp(wrong) < 1e-12
    assert abs(wrong[0] - 0.5) > 0.02
    np.testing.assert_allclose(right, 0.5, atol=1e-12)
    assert PushSum().zeta(facts)[-1].sum() < 1e-6
    masses = RunningSum().masses(facts, x)
    assert masses.held_zeta[-1].sum() + masses.in_flight_zeta[-1].sum() == pytest.approx(6)


@pytest.mark.parametrize("name", ["push_sum", "running_sum"])
def test_on_one_way_links_both_find_the_mean_without_loss(name):
    graph = Graph(4, ((0, 1), (0, 2), (1, 2), (2, 3), (3, 0)))
    x = np.array([4.0, 0.0, 1.0, -1.0])
    np.testing.assert_allclose(policy(name).apply(lossless_facts([graph] * 200), x)[-1], 1.0, atol=1e-12)


# Bias of old messages


def delayed(graph: Graph, rounds: int, delays: dict[tuple[int, int], int], *, first_in_time: bool) -> Facts:
    """Constant delays in rounds by (sender, receiver); if the first is in time it stands for a history held at x(0)."""
    whole = lossless_facts([graph] * rounds)
    late = np.array([delays.get((j, i), 0) for j, i in whole.edges.tolist()])
    latest = np.maximum(np.arange(rounds)[:, None] - late, 0 if first_in_time else -1)
    return Facts(whole.n_agents, whole.edges, whole.active, latest)


DELAYS = [
    (PAIR, {(0, 1): 1}),
    (PATH, {(0, 1): 2}),
    (PATH, {(0, 1): 3, (1, 2): 1, (2, 1): 2}),
    (Graph.undirected(4, [(0, 1), (1, 2), (1, 3), (2, 3)]), {(3, 1): 4, (3, 2): 2, (1, 0): 1}),
]


@pytest.mark.parametrize(("graph", "delays"), DELAYS)
@pytest.mark.parametrize("first_in_time", [True, False], ids=["history", "no-history"])
def test_stale_agrees_on_the_delayed_limit_and_not_on_the_mean(graph, delays, first_in_time):
    """docs/method.md (closed forms) where there is a history held at x(0); else each waits, keeping its own weight.

    Then Σ x_i(t) + Σ_ij w_ij Σ_{s=1..τ_ij} x_j(t-s) is conserved only once all have heard of all, and is by then
    Σ x_i(0) + Σ_ij w_ij Σ_{t<τ_ij} x_i(t).
    """
    n_agents, rounds = graph.n_agents, 600
    facts = delayed(graph, rounds, delays, first_in_time=first_in_time)
    x = np.arange(n_agents, 0.0, -1) ** 2
    after = Stale(metropolis).apply(facts, x)
    history = np.concatenate([x[None], after])
    weights = dict(zip(map(tuple, facts.edges.tolist()), metropolis(facts)[0].tolist(), strict=True))
    total, mass = x.sum(), float(n_agents)
    for (j, i), delay in delays.items():
        waiting = delay * x[j] if first_in_time else history[:delay, i].sum()
        total += weights[j, i] * waiting
        mass += weights[j, i] * delay
    np.testing.assert_allclose(after[-1], total / mass, rtol=1e-9)
    assert abs(after[-1].mean() - x.mean()) > 1e-3


def test_stale_is_biased_to_the_slow_sender_with_a_history_and_to_the_one_who_waits_without():
    """One slow link 0 → 1, values 1 and 0: 3/5 where agent 1 has an old message, 2/5 where it waits for a first one."""
    for first_in_time, limit in ((True, 0.6), (False, 0.4)):
        facts = delayed(PAIR, 200, {(0, 1): 1}, first_in_time=first_in_time)
        np.testing.assert_allclose(Stale(metropolis).apply(facts, np.array([1.0, 0.0]))[-1], limit)


def test_an_old_value_may_lie_outside_the_hull_of_the_last_round():
    """The 4 that agent 0 sent in round 0 takes agent 1 to 2 in round 2, when nobody holds more than 1 any more."""
    facts = delayed(PAIR, 3, {(0, 1): 2}, first_in_time=False)
    before, after = Stale(metropolis).apply(facts, np.array([4.0, 0.0]))[1:]
    np.testing.assert_allclose(before, [1.0, 0.0])
    np.testing.assert_allclose(after, [0.5, 2.0])
    assert after.max() > before.max()


# By hand


def test_a_late_total_is_taken_when_it_comes_and_an_old_message_is_not_used_by_push_sum():
    """Round 0 of 0 → 1 is there in round 1, whose own message is lost: agent 1 takes the total of round 0."""
    whole = lossless_facts([PAIR] * 2)
    facts = Facts(2, whole.edges, whole.active, np.array([[-1, 0], [0, 1]]))
    x = np.array([4.0, 0.0])
    # Agent 0 holds (4, 1) → (2, 1/2) + (0, 1/2) → (1, 1/2) + (0, 1/4); it has given (2, 1/2) and (1, 1/2).
    # Agent 1 holds (0, 1) → (0, 1/2) → (0, 1/4) + (2, 1/2).
    np.testing.assert_allclose(RunningSum().apply(facts, x), [[2.0, 0.0], [4 / 3, 8 / 3]])
    masses = RunningSum().masses(facts, x)
    np.testing.assert_allclose(masses.held, [[2, 0], [1, 2]])
    np.testing.assert_allclose(masses.held_zeta, [[1, 0.5], [0.75, 0.75]])
    np.testing.assert_allclose(masses.in_flight, [[2, 0], [1, 0]])
    np.testing.assert_allclose(masses.in_flight_zeta, [[0.5, 0], [0.5, 0]])
    np.testing.assert_allclose(PushSum().apply(facts, x), [[2.0, 0.0], [4 / 3, 0.0]])
    np.testing.assert_allclose(Stale(metropolis).apply(facts, x), [[2.0, 0.0], [1.0, 2.0]])


def test_a_total_that_comes_after_its_link_has_left_the_graph_counts():
    """The graph has 0 - 1 in round 0 only; its message comes when nobody is anybody's neighbour."""
    whole = lossless_facts([PAIR, Graph(2, ())])
    facts = Facts(2, whole.edges, whole.active, np.array([[-1, 0], [0, 0]]))
    x = np.array([4.0, 0.0])
    np.testing.assert_allclose(RunningSum().apply(facts, x), [[2.0, 0.0], [2.0, 2.0]])
    np.testing.assert_allclose(Stale(metropolis).apply(facts, x), [[2.0, 0.0], [2.0, 0.0]])
    assert RunningSum().masses(facts, x).in_flight_zeta[-1].tolist() == [0, 0]


@pytest.mark.parametrize("name", ["push_sum", "running_sum"])
def test_an_agent_that_hears_nothing_for_a_thousand_rounds_keeps_its_estimate(name):
    """Its ζ falls below the smallest number; its estimate must not become 0/0."""
    ring = Graph.undirected(3, [(0, 1), (1, 2), (0, 2)])
    lost = set(range(1000))
    facts = lossy(ring, 1000, {(1, 0): lost, (2, 0): lost})
    x = np.array([5.0, 1.0, 3.0])
    after = policy(name).apply(facts, x)[-1]
    assert after[0] == 5.0
    assert np.isfinite(after).all()
    assert (after[1:] > 1).all()


@pytest.mark.parametrize("name", ["push_sum", "running_sum"])
def test_agents_whose_mass_has_drained_away_keep_their_estimates(name):
    """0 and 1 hear each other alone and give 4/5 of what they have to others, round after round, until ζ is 0."""
    sinks = range(2, 10)
    graph = Graph(10, tuple(sorted([(0, 1), (1, 0), *((i, sink) for i in (0, 1) for sink in sinks)])))
    after = policy(name).apply(lossless_facts([graph] * 600), np.array([4.0, 2.0, *[0.0] * 8]))
    assert RunningSum().masses(lossless_facts([graph] * 600), np.zeros(10)).held_zeta[-1, 0] == 0
    np.testing.assert_allclose(after[:, :2], 3.0)
    assert (after >= 0).all()
    assert (after <= 4).all()
