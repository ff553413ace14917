"""Every closed form of a lossy exchange against the enumeration of all that can happen, with the policies."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from enumeration import (
    accumulated_drift,
    connected_graphs,
    drift_variance,
    every_loss,
    facts_of,
    kronecker_step,
    kronecker_trajectory,
    loss_patterns,
    mean_square_factor,
    mean_square_step,
    mean_step,
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
    lossless_facts,
    rounds_to_reach,
    trajectory,
    weight_matrix,
)
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
def test_the_kronecker_map_against_every_pattern_of_symmetric_failures(graph, q):
    policy = POLICIES["self"](WEIGHTS["metropolis"])
    weights = weights_of(graph)
    steps = [(chance, policy.step(facts)[0]) for chance, facts in patterns_of_links(graph, q)]
    np.testing.assert_allclose(mean_step(weights, q), sum(chance * W for chance, W in steps), atol=1e-12)
    np.testing.assert_allclose(mean_square_step(weights, q), sum(chance * W.T @ W for chance, W in steps), atol=1e-12)
    kronecker = sum(chance * np.kron(W, W) for chance, W in steps)
    np.testing.assert_allclose(kronecker_step(weights, q), kronecker, atol=1e-12)
    same = trajectory(PullSteps(weights, Heard.together(q)), 6)
    np.testing.assert_allclose(kronecker_trajectory(weights, q, 6), same.mse, atol=1e-12)
    np.testing.assert_allclose(same.drift, 0.0, atol=1e-12)


def test_the_kronecker_factor_is_met_and_that_of_the_mean_is_optimistic():
    weights = weights_of(SIX_LINKS)
    errors = kronecker_trajectory(weights, 0.5, 120)
    factor = mean_square_factor(weights, 0.5)
    assert errors[-1] / errors[-2] == pytest.approx(factor)
    of_the_mean = np.sort(np.linalg.eigvalsh(mean_step(weights, 0.5)))[-2] ** 2
    assert of_the_mean < factor - 0.004


def test_the_kronecker_trajectory_against_monte_carlo():
    """Links fail, values are drawn, the policy runs: within 4 standard errors in every round."""
    rng = np.random.default_rng(3)
    policy, trials, rounds, q = POLICIES["self"](WEIGHTS["metropolis"]), 1000, 4, 0.6
    whole = lossless_facts([SIX_LINKS] * rounds)
    links, of_link = np.unique(np.sort(whole.edges, 1), axis=0, return_inverse=True)
    errors = np.empty((trials, rounds))
    for trial in range(trials):
        held = (rng.random((rounds, len(links))) < q)[:, of_link.ravel()]
        x = rng.standard_normal(5)
        errors[trial] = ((policy.apply(facts_of(whole, held), x) - x.mean()) ** 2).mean(1)
    expected = kronecker_trajectory(weights_of(SIX_LINKS), q, rounds)
    assert (abs(errors.mean(0) - expected) <= 4 * errors.std(0) / np.sqrt(trials)).all()


def test_drift_of_given_values_against_every_pattern_of_losses():
    x = np.array([3.0, -1.0, 0.5, 2.0])
    policy, rounds, q = POLICIES["self"](WEIGHTS["metropolis"]), 2, 0.7
    squares, means = np.zeros(rounds), np.zeros(rounds)
    for chance, facts in every_loss([STAR_4] * rounds, q):
        moved = policy.apply(facts, x).mean(1) - x.mean()
        squares, means = squares + chance * moved**2, means + chance * moved
    np.testing.assert_allclose(means, 0.0, atol=1e-13)
    found = accumulated_drift(weights_of(STAR_4), q, x, rounds)
    np.testing.assert_allclose(found, squares, atol=1e-13)
    assert drift_variance(weights_of(STAR_4), q, x) == pytest.approx(squares[0])


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
    if policy == "self":
        np.testing.assert_allclose(found.drift, accumulated_drift(weights_of(PATH_3), q, x, rounds), atol=1e-14)


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


@pytest.mark.parametrize(("q", "ack", "repeat"), [(0.9, 0.9, 1), (0.7, 0.95, 2), (0.5, 0.6, 3), (1.0, 0.5, 1)])
def test_ack_probabilities_against_every_loss(q, ack, repeat):
    assert known_at(Heard.confirmed(q, ack, repeat)) == pytest.approx(acks_enumerated(q, ack, repeat))


def known_at(heard):
    """Probabilities that both ends count a link, and that one alone does."""
    both = heard.covariance + heard.mean**2
    return both, 2 * (heard.mean - both)


def test_ack_probabilities_of_the_notes():
    assert known_at(Heard.confirmed(0.8, 0.8)) == pytest.approx((0.8**4, 2 * 0.8**3 * 0.2))


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
