"""Every closed form of a lossy exchange against the enumeration of all that can happen, with the policies."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from enumeration import (
    connected_graphs,
    every_loss,
    facts_of,
    kronecker_step,
    loss_patterns,
    pattern_probabilities,
    ratio_steps,
)

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    DrawnSteps,
    Heard,
    PullSteps,
    ZeroFillSteps,
    expected_round_time,
    lossless_facts,
    rounds_to_reach,
    trajectory,
    weight_matrix,
)
from netmodels import LinkSpec
from netmodels.topology import Graph

PATH_3 = Graph.undirected(3, [(0, 1), (1, 2)])
TRIANGLE = Graph.undirected(3, [(0, 1), (1, 2), (0, 2)])
STAR_4 = Graph.undirected(4, [(0, 1), (0, 2), (0, 3)])
PAIR = Graph.undirected(2, [(0, 1)])
SIX_LINKS = Graph.undirected(5, [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3), (3, 4)])
QS = [1.0, 0.7, 0.2, 0.0]


def weights_of(graph, name="metropolis"):
    return weight_matrix(WEIGHTS[name], graph)


def enumerated(policy, graphs, q):
    """(mse, disagreement, drift, a_eff) after every round, by going through every pattern of losses."""
    n_agents = graphs[0].n_agents
    centre = np.eye(n_agents) - 1 / n_agents
    total = np.zeros((4, len(graphs)))
    for chance, facts in every_loss(graphs, q):
        operators = policy.operator(facts)
        total += chance * np.array(
            [
                ((operators - 1 / n_agents) ** 2).sum((1, 2)) / n_agents,
                ((centre @ operators) ** 2).sum((1, 2)) / n_agents,
                ((operators.mean(1) - 1 / n_agents) ** 2).sum(1),
                (np.trace(operators, axis1=1, axis2=2) - 1) / (n_agents - 1),
            ]
        )
    return total


STEPS = {
    "self": lambda weights, q: PullSteps(weights, Heard.one_way(q)),
    "symmetric": lambda weights, q: PullSteps(weights, Heard.together(q * q)),
    "zero_fill": ZeroFillSteps,
    "renormalize": lambda weights, q: ratio_steps(
        weights + (1 - weights.sum(-1))[..., None] * np.eye(weights.shape[-1]), q
    ),
}


@pytest.mark.parametrize(
    ("graph", "rounds", "weights"),
    [(PAIR, 3, "lazy"), (PATH_3, 2, "metropolis"), (TRIANGLE, 1, "metropolis")],
    ids=["pair", "path", "triangle"],
)
@pytest.mark.parametrize("policy", STEPS)
def test_trajectories_against_every_pattern_of_losses(policy, weights, graph, rounds):
    for q in QS:
        steps = STEPS[policy](weights_of(graph, weights), q)
        expected = enumerated(POLICIES[policy](WEIGHTS[weights]), [graph] * rounds, q)
        np.testing.assert_allclose(np.array(trajectory(steps, rounds)), expected, atol=1e-12)


@pytest.mark.parametrize("policy", ["running_sum", "push_sum"])
@pytest.mark.parametrize("graph", [PAIR, PATH_3, STAR_4], ids=["pair", "path", "star"])
def test_the_first_round_of_ratio_consensus_is_a_weighted_mean(policy, graph):
    shares = (weights_of(graph) > 0) + np.eye(graph.n_agents)
    for q in QS:
        steps = ratio_steps(shares / (1 + np.array(graph.degrees)), q)
        expected = enumerated(POLICIES[policy](WEIGHTS["metropolis"]), [graph], q)
        np.testing.assert_allclose(np.array(trajectory(steps, 1)), expected, atol=1e-12)


@pytest.mark.parametrize("policy", STEPS)
def test_rounds_with_different_graphs(policy):
    graphs = [PATH_3, TRIANGLE]
    steps = [STEPS[policy](weights_of(graph), 0.7) for graph in graphs]
    expected = enumerated(POLICIES[policy](WEIGHTS["metropolis"]), graphs, 0.7)
    np.testing.assert_allclose(np.array(trajectory(steps, 2)), expected, atol=1e-12)


@pytest.mark.parametrize("policy", STEPS)
def test_graphs_drawn_anew_each_round(policy):
    """Against every sequence of graphs and every pattern of losses."""
    graphs = connected_graphs(3, 2)
    steps = STEPS[policy](np.array([weights_of(graph) for graph in graphs]), 0.8)
    drawn = DrawnSteps(steps)
    expected = sum(
        enumerated(POLICIES[policy](WEIGHTS["metropolis"]), pair, 0.8) / 9 for pair in product(graphs, repeat=2)
    )
    np.testing.assert_allclose(np.array(trajectory(drawn, 2)), expected, atol=1e-12)


@pytest.mark.parametrize("policy", STEPS)
def test_leading_axes_are_graphs(policy):
    graphs = connected_graphs(4, 3)
    weights = np.array([weights_of(graph) for graph in graphs])
    together = trajectory(STEPS[policy](weights, 0.7), 3)
    for index in (0, 7):
        alone = trajectory(STEPS[policy](weights[index], 0.7), 3)
        np.testing.assert_allclose(np.array(together)[:, index], np.array(alone), atol=1e-14)


def patterns_of_links(graph, q):
    """Every pattern of undirected links that work."""
    whole = lossless_facts([graph])
    links = [tuple(edge) for edge in whole.edges.tolist() if edge[0] < edge[1]]
    patterns = loss_patterns(len(links))
    for chance, pattern in zip(pattern_probabilities(patterns, q), patterns, strict=True):
        up = {link for link, works in zip(links, pattern, strict=True) if works}
        held = np.array([[tuple(sorted(edge)) in up for edge in whole.edges.tolist()]])
        yield chance, facts_of(whole, held)


@pytest.mark.parametrize("graph", [PATH_3, TRIANGLE, STAR_4, SIX_LINKS], ids=["path", "triangle", "star", "six"])
@pytest.mark.parametrize("q", QS)
def test_links_that_fail_both_ways_against_every_pattern_of_failures(graph, q):
    """Second moments follow E[W⊗W], and the mean stays; for it docs/method.md (closed forms) has a formula."""
    policy, weights, n_agents = POLICIES["self"](WEIGHTS["metropolis"]), weights_of(graph), graph.n_agents
    steps = [(chance, policy.step(facts)[0]) for chance, facts in patterns_of_links(graph, q)]
    kronecker = sum(chance * np.kron(W, W) for chance, W in steps)
    np.testing.assert_allclose(kronecker_step(weights, q), kronecker, atol=1e-12)
    second, errors = (np.eye(n_agents) - 1 / n_agents).ravel(), []
    for _ in range(6):
        second = kronecker @ second
        errors.append(np.trace(second.reshape(n_agents, n_agents)) / n_agents)
    found = trajectory(PullSteps(weights, Heard.together(q)), 6)
    np.testing.assert_allclose(found.mse, errors, atol=1e-12)
    np.testing.assert_allclose(found.drift, 0.0, atol=1e-12)


@pytest.mark.parametrize("policy", STEPS)
def test_given_values_against_every_pattern_of_losses(policy):
    """What becomes of these values, by letting the policy loose on them; a_eff has nothing to do with them."""
    x, rounds, q = np.array([3.0, -1.0, 0.5]), 2, 0.7
    applied, total = POLICIES[policy](WEIGHTS["metropolis"]), np.zeros((3, rounds))
    for chance, facts in every_loss([PATH_3] * rounds, q):
        if policy == "symmetric":
            facts = replace(facts, confirmed=facts.held[:, facts.reverse])  # noqa: PLW2901
        held = applied.apply(facts, x)
        means = held.mean(1)
        total += chance * np.array([
            ((held - x.mean()) ** 2).mean(1), ((held - means[:, None]) ** 2).mean(1), (means - x.mean()) ** 2,
        ])  # fmt: skip
    steps = STEPS[policy](weights_of(PATH_3), q)
    found = trajectory(steps, rounds, x)
    np.testing.assert_allclose(np.array(found)[:3], total, atol=1e-12)
    np.testing.assert_array_equal(found.a_eff, trajectory(steps, rounds).a_eff)


def test_random_values_are_the_sum_over_a_basis():
    """Figures are quadratic in the values: over independent ones of variance 1, each basis vector counts once."""
    for steps in (PullSteps(weights_of(SIX_LINKS), Heard.one_way(0.8)), ZeroFillSteps(weights_of(SIX_LINKS), 0.8)):
        by_basis = sum(np.array(trajectory(steps, 3, unit))[:3] for unit in np.eye(5))
        np.testing.assert_allclose(by_basis, np.array(trajectory(steps, 3))[:3], atol=1e-13)


def acks_enumerated(q, ack, repeat):
    """What the two ends know, by going through every loss of the two messages and of all acks."""
    both = one = 0.0
    for a_heard, b_heard, *acks in product([True, False], repeat=2 + 2 * repeat):
        chance = np.prod([q if up else 1 - q for up in (a_heard, b_heard)])
        chance *= np.prod([ack if up else 1 - ack for up in acks])
        whole = a_heard and b_heard
        a_knows, b_knows = whole and any(acks[:repeat]), whole and any(acks[repeat:])
        both += chance * (a_knows and b_knows)
        one += chance * (a_knows != b_knows)
    return both, one


@pytest.mark.parametrize(
    ("q", "ack", "repeat"), [(0.9, 0.9, 1), (0.7, 0.95, 2), (0.5, 0.6, 3), (1.0, 0.5, 1), (0.8, 0.8, 1)]
)
def test_ack_probabilities_against_every_loss(q, ack, repeat):
    assert known_at(Heard.confirmed(q, ack, repeat)) == pytest.approx(acks_enumerated(q, ack, repeat))


def known_at(heard):
    """Probabilities that both ends count a link, and that one alone does."""
    both = heard.covariance + heard.mean**2
    return both, 2 * (heard.mean - both)


def test_symmetric_with_acks_that_are_lost():
    """One round of a pair, by hand: both ends count, one does, or none."""
    heard = Heard.confirmed(0.8, 0.8)
    both, one_end = known_at(heard)
    path = trajectory(PullSteps(weights_of(PAIR), heard), 1)
    # values x, y: both → the mean; one end → it moves to the mean alone; E (x - y)² = 2.
    assert path.mse[0] == pytest.approx(one_end * 0.25 + (1 - both - one_end) * 0.5)
    assert path.drift[0] == pytest.approx(one_end * 2 / 16)


def test_rounds_for_a_target_error():
    weights = np.array([weights_of(graph) for graph in connected_graphs(5, 6)])
    steps = PullSteps(weights, Heard.together(0.81))
    rounds = rounds_to_reach(steps, 1e-4)
    errors = trajectory(steps, rounds).mse.mean(0)
    assert errors[-1] <= 1e-4 < errors[-2]
    assert rounds_to_reach(PullSteps(weights, Heard.one_way(0.9)), 1e-4) is None
    assert rounds_to_reach(PullSteps(weights, Heard.one_way(0.0)), 1e-4) is None


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.zeros(2)])
def test_shapes_are_checked(bad):
    for make in (
        lambda: PullSteps(bad, Heard.one_way(0.5)),
        lambda: ZeroFillSteps(bad, 0.5),
    ):
        with pytest.raises(ValueError, match="expected"):
            make()
    with pytest.raises(ValueError, match="expected one for each of 2 rounds"):
        trajectory([PullSteps(weights_of(PAIR), Heard.one_way(0.5))], 2)
    with pytest.raises(ValueError, match=r"values: expected \[2\], got \(3,\)"):
        trajectory(PullSteps(weights_of(PAIR), Heard.one_way(0.5)), 1, np.zeros(3))


# How long a round takes


@pytest.mark.parametrize("delay", ["5 ms", {"kind": "normal", "mean": "5 ms", "jitter": "2 ms"},
                                   {"kind": "lognormal", "mean": "5 ms", "jitter": "5 ms"}])  # fmt: skip
@pytest.mark.parametrize(("p", "degree", "deadline"), [(0.1, 1, 0.05), (0.3, 4, 0.012), (0.0, 3, math.inf)])
def test_expected_round_time_against_drawn_ones(delay, p, degree, deadline):
    link = LinkSpec(rate="20 Mbit/s", delay=delay, loss=p)
    expected = expected_round_time(lambda u: link.completion_quantile(1000, u), 1 - p, degree, deadline)
    rng, n = np.random.default_rng(1), 100_000
    arrivals = link.serialisation_ns(1028) / 1e9 + link.delay.sampler(rng)(n * degree).reshape(n, degree)
    arrivals[rng.random((n, degree)) < p] = math.inf
    times = np.minimum(arrivals.max(1), deadline)
    assert abs(times.mean() - expected) <= 4 * times.std() / math.sqrt(n) + 2e-7


def test_a_round_without_neighbours_takes_no_time_and_loss_needs_a_deadline():
    assert expected_round_time(lambda _: 1.0, 0.5, 0, 1.0) == 0.0
    with pytest.raises(ValueError, match="deadline_s"):
        expected_round_time(lambda _: 1.0, 0.5, 1, math.inf)


def test_every_loss_is_a_distribution_over_facts():
    held = np.zeros((1, 6))
    total = 0.0
    for chance, facts in every_loss([TRIANGLE], 0.3):
        total, held = total + chance, held + chance * facts.held
    assert total == pytest.approx(1.0)
    np.testing.assert_allclose(held, 0.3)
