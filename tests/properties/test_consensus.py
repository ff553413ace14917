"""Metropolis mixing without loss: symmetric, doubly stochastic, as fast as its second singular value; and figures."""

import numpy as np
from graph_facts import metropolis as metropolis_of_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import any_facts, rounds_of_graphs, values_of

from dvdn_sim.consensus import POLICIES, WEIGHTS, lossless_facts, metropolis, operator_figures

RETURN_TO_SELF = POLICIES["self"](metropolis)
EPSILON = 1e-12


def spread(x: np.ndarray) -> float:
    return float(np.linalg.norm(x - x.mean(0)))


@given(rounds_of_graphs(connected=False))
def test_steps_without_loss_are_symmetric_and_doubly_stochastic(graphs):
    """Invariant 3, first part, for all weights; Metropolis is as published, and lazy half way to it."""
    facts = lossless_facts(graphs)
    every = {name: POLICIES["self"](weights).step(facts) for name, weights in WEIGHTS.items()}
    for steps in every.values():
        np.testing.assert_array_equal(steps, steps.transpose(0, 2, 1))
        assert (steps >= 0).all()
        assert (np.diagonal(steps, axis1=1, axis2=2) >= 1 / facts.n_agents - EPSILON).all()
        np.testing.assert_allclose(steps.sum(1), 1, atol=EPSILON)
    expected = np.array([metropolis_of_graph(graph) for graph in graphs])
    np.testing.assert_allclose(every["metropolis"], expected, atol=EPSILON)
    np.testing.assert_allclose(every["lazy"], (np.eye(facts.n_agents) + expected) / 2, atol=EPSILON)
    assert (np.linalg.eigvalsh(every["lazy"]) >= -EPSILON).all()


@settings(max_examples=150)
@given(data=st.data(), graphs=rounds_of_graphs(max_rounds=12))
def test_without_loss_disagreement_shrinks_by_sigma_2_every_round_and_the_mean_is_kept(data, graphs):
    """After K rounds on one graph at most σ₂^K of the start; on graphs redrawn per round the product of their σ₂."""
    x = data.draw(values_of(graphs[0].n_agents))
    after = RETURN_TO_SELF.apply(lossless_facts(graphs), x)
    sigma_2 = np.array([np.linalg.svd(metropolis_of_graph(graph), compute_uv=False)[1] for graph in graphs])
    assert (sigma_2 < 1).all()
    rounding = 1e-9 * (1 + np.abs(x).max())
    bounds = np.cumprod(sigma_2) * spread(x) + rounding
    assert (np.array([spread(values) for values in after]) <= bounds).all()
    np.testing.assert_allclose(after.mean(1), x.mean(), atol=rounding)


@settings(max_examples=50)
@given(rounds_of_graphs(max_rounds=1))
def test_the_bound_is_met_by_the_second_singular_vector(graphs):
    """A rate, not only a bound: along its slowest direction, disagreement shrinks by exactly σ₂ every round."""
    graph = graphs[0]
    _, sigma, right = np.linalg.svd(metropolis_of_graph(graph))
    after = RETURN_TO_SELF.apply(lossless_facts([graph] * 6), right[1])
    np.testing.assert_allclose([spread(x) for x in after], sigma[1] ** np.arange(1, 7), atol=1e-9)


@given(any_facts())
def test_figures_of_an_operator_are_their_definitions(facts):
    operator, n_agents = RETURN_TO_SELF.operator(facts)[-1], facts.n_agents
    operator.flags.writeable = False
    figures = operator_figures(operator)
    mean = np.full((n_agents, n_agents), 1 / n_agents)
    assert figures.row_sum_error <= EPSILON
    np.testing.assert_allclose(figures.column_sum_error, np.abs(operator.sum(0) - 1).max(), atol=EPSILON)
    np.testing.assert_allclose(figures.disagreement_norm**2, ((operator - mean) ** 2).sum(), atol=EPSILON)
    np.testing.assert_allclose(figures.lambda_min, np.linalg.eigvals((operator + operator.T) / 2).real.min(), atol=1e-9)
    assert figures.isolated_agents == sum(not facts.held[:, facts.edges[:, 1] == i].any() for i in range(n_agents))
    # Every round keeps at least 1/N for oneself; a product of different rounds may fall below it, never below 0.
    least = 0.0 if facts.rounds == 1 else -1 / (n_agents - 1)
    assert least - EPSILON <= figures.a_eff <= 1 + EPSILON
    np.testing.assert_allclose(1 + (n_agents - 1) * figures.a_eff, np.diag(operator).sum(), atol=EPSILON)
