"""What every exchange keeps, over any graphs and any pattern of losses and delays."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import any_facts, permuted, rounds_of_graphs, values, values_of

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, ReturnToSelf, lossless_facts, metropolis, operator_figures
from netmodels.topology import metropolis as metropolis_of_graph

RETURN_TO_SELF = ReturnToSelf(metropolis)
EPSILON = 1e-12
EVERY_POLICY = pytest.mark.parametrize(
    "policy",
    [
        pytest.param(policy(weights), id=f"{name}-{of}")
        for name, policy in POLICIES.items()
        for of, weights in WEIGHTS.items()
    ],
)


def reaches(facts: Facts) -> np.ndarray:
    """Bool [N, N]: whether what j held at first can have come to i through held messages, one per round at most.

    Worked out as paths through time: agent a before round k is the node (k, a).
    """
    through_time = nx.DiGraph()
    through_time.add_edges_from(
        ((k, agent), (k + 1, agent)) for k in range(facts.rounds) for agent in range(facts.n_agents)
    )
    for k, edge in np.argwhere(facts.held).tolist():
        sender, receiver = facts.edges[edge].tolist()
        through_time.add_edge((k, sender), (k + 1, receiver))
    reached = np.zeros((facts.n_agents, facts.n_agents), bool)
    for sender in range(facts.n_agents):
        for k, receiver in nx.descendants(through_time, (0, sender)):
            if k == facts.rounds:
                reached[receiver, sender] = True
    return reached


def spread(x: np.ndarray) -> float:
    return float(np.linalg.norm(x - x.mean(0)))


@settings(deadline=None)
@given(rounds_of_graphs(connected=False))
def test_metropolis_steps_without_loss_are_symmetric_and_doubly_stochastic(graphs):
    """Invariant 3, first part; and they are the matrices that netmodels works out."""
    for step, graph in zip(RETURN_TO_SELF.step(lossless_facts(graphs)), graphs, strict=True):
        np.testing.assert_array_equal(step, step.T)
        assert (step >= 0).all()
        assert (np.diag(step) >= 1 / graph.n_agents - EPSILON).all()
        np.testing.assert_allclose(step.sum(0), 1, atol=EPSILON)
        np.testing.assert_allclose(step.sum(1), 1, atol=EPSILON)
        np.testing.assert_allclose(step, metropolis_of_graph(graph), atol=EPSILON)


@settings(deadline=None)
@given(any_facts())
def test_steps_of_rounds_that_lose_both_directions_or_none_stay_symmetric_and_doubly_stochastic(facts):
    both = facts.held.copy()
    number = {edge: index for index, edge in enumerate(map(tuple, facts.edges.tolist()))}
    for (sender, receiver), index in number.items():
        both[:, index] &= facts.held[:, number[receiver, sender]]
    rounds = np.where(both, np.arange(facts.rounds)[:, None], -1)
    symmetric = Facts(facts.n_agents, facts.edges, facts.active, rounds)
    for step in RETURN_TO_SELF.step(symmetric):
        np.testing.assert_array_equal(step, step.T)
        np.testing.assert_allclose(step.sum(0), 1, atol=EPSILON)


@EVERY_POLICY
@settings(deadline=None)
@given(facts=any_facts())
def test_operators_are_row_stochastic_whatever_is_lost(policy, facts):
    operators = policy.operator(facts)
    assert operators.shape == (facts.rounds, facts.n_agents, facts.n_agents)
    assert (operators >= -EPSILON).all()
    np.testing.assert_allclose(operators.sum(2), 1, atol=EPSILON)


@EVERY_POLICY
@settings(deadline=None)
@given(facts=any_facts(), value=values)
def test_agreement_is_a_fixed_point_whatever_is_lost(policy, facts, value):
    agreed = np.full(facts.n_agents, value)
    np.testing.assert_allclose(policy.operator(facts) @ agreed, np.tile(agreed, (facts.rounds, 1)), rtol=EPSILON)
    np.testing.assert_array_equal(policy.apply(facts, agreed), np.tile(agreed, (facts.rounds, 1)))  # to the last bit


def test_zero_fill_breaks_agreement():
    """What the policies above avoid: without the weight of a lost message, six agents that agree on 10 shrink to 0."""

    def zero_fill(facts):
        step = RETURN_TO_SELF.step(lossless_facts_of(facts))
        senders, receivers = facts.edges.T
        step[:, receivers, senders] *= facts.held
        return step

    def lossless_facts_of(facts):
        return Facts(
            facts.n_agents, facts.edges, facts.active, np.where(facts.active, np.arange(facts.rounds)[:, None], -1)
        )

    n_agents, rounds = 6, 50
    edges = np.array(sorted({(i, (i + by) % n_agents) for i in range(n_agents) for by in (1, n_agents - 1)}))
    lost = np.random.default_rng(1).random((rounds, len(edges))) < 0.1
    facts = Facts(n_agents, edges, np.ones_like(lost), np.where(lost, -1, np.arange(rounds)[:, None]))
    shrunk = kept = np.full(n_agents, 10.0)
    for zero_filled, returned in zip(zero_fill(facts), RETURN_TO_SELF.step(facts), strict=True):
        shrunk, kept = zero_filled @ shrunk, returned @ kept
    assert shrunk.max() < 1.0
    np.testing.assert_allclose(kept, 10.0)


@EVERY_POLICY
@settings(deadline=None)
@given(data=st.data(), facts=any_facts())
def test_values_stay_in_the_convex_hull_round_by_round(policy, data, facts):
    held = data.draw(values_of(facts.n_agents))
    scale = EPSILON * (1 + np.abs(held).max())
    for after in policy.apply(facts, held):
        assert after.min() >= held.min() - scale
        assert after.max() <= held.max() + scale
        held = after


@EVERY_POLICY
@settings(deadline=None)
@given(data=st.data(), facts=any_facts(), shape=st.sampled_from([(), (3,), (2, 2), (0,)]))
def test_applying_is_multiplying_by_the_operator(policy, data, facts, shape):
    before = data.draw(values_of(facts.n_agents, *shape))
    kept = before.copy()
    after = policy.apply(facts, before)
    assert after.shape == (facts.rounds, *before.shape)
    np.testing.assert_allclose(
        after,
        np.einsum("kij,j...->ki...", policy.operator(facts), before),
        atol=1e-9 * (1 + np.abs(before).max(initial=0)),
    )
    np.testing.assert_array_equal(before, kept)


@settings(deadline=None)
@given(any_facts())
def test_the_operator_is_the_product_of_the_steps(facts):
    product = np.eye(facts.n_agents)
    for step, cumulative in zip(RETURN_TO_SELF.step(facts), RETURN_TO_SELF.operator(facts), strict=True):
        product = step @ product
        np.testing.assert_allclose(cumulative, product, atol=EPSILON)


@settings(deadline=None)
@given(any_facts())
def test_a_step_is_its_definition(facts):
    """x_i + Σ_{j heard} w_ij (x_j - x_i), agent by agent, with degrees counted here."""
    degrees = np.zeros((facts.rounds, facts.n_agents))
    for k, edge in np.argwhere(facts.active):
        degrees[k, facts.edges[edge, 0]] += 1
    expected = np.tile(np.eye(facts.n_agents), (facts.rounds, 1, 1))
    for k, edge in np.argwhere(facts.latest == np.arange(facts.rounds)[:, None]):
        j, i = facts.edges[edge]
        weight = 1 / (1 + max(degrees[k, i], degrees[k, j]))
        expected[k, i, j] += weight
        expected[k, i, i] -= weight
    np.testing.assert_allclose(RETURN_TO_SELF.step(facts), expected, atol=EPSILON)


@settings(deadline=None, max_examples=150)
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


@settings(deadline=None, max_examples=50)
@given(rounds_of_graphs(max_rounds=1))
def test_the_bound_is_met_by_the_second_singular_vector(graphs):
    """A rate, not only a bound: along its slowest direction, disagreement shrinks by exactly σ₂ every round."""
    graph = graphs[0]
    _, sigma, right = np.linalg.svd(metropolis_of_graph(graph))
    after = RETURN_TO_SELF.apply(lossless_facts([graph] * 6), right[1])
    np.testing.assert_allclose([spread(x) for x in after], sigma[1] ** np.arange(1, 7), atol=1e-9)


@EVERY_POLICY
@settings(deadline=None, max_examples=200)
@given(facts=any_facts())
def test_an_agent_that_nobody_could_hear_has_no_weight(policy, facts):
    """Invariant 10; and what could be heard has weight, so that the test is not about nothing."""
    operator, reached = policy.operator(facts)[-1], reaches(facts)
    assert (operator[~reached] == 0).all()
    if isinstance(policy, ReturnToSelf):
        assert (operator[reached] > 0).all()


@EVERY_POLICY
@settings(deadline=None, max_examples=200)
@given(data=st.data(), facts=any_facts(), other=st.sampled_from([1e300, -7.0, np.nan, np.inf]))
def test_what_an_unheard_agent_holds_changes_nothing_for_others(policy, data, facts, other):
    """To the last bit, and even if it is not a number."""
    reached = reaches(facts)
    unheard = [agent for agent in range(facts.n_agents) if reached[:, agent].sum() == 1]
    assume(unheard)
    agent = data.draw(st.sampled_from(unheard))
    x = data.draw(values_of(facts.n_agents))
    changed = x.copy()
    changed[agent] = other
    rest = np.arange(facts.n_agents) != agent
    with np.errstate(invalid="ignore", over="ignore"):  # what happens to the agent itself
        after = policy.apply(facts, changed)
    np.testing.assert_array_equal(after[:, rest], policy.apply(facts, x)[:, rest])


@EVERY_POLICY
@settings(deadline=None)
@given(data=st.data(), facts=any_facts())
def test_relabelling_agents_permutes_the_operator(policy, data, facts):
    """Invariant 9."""
    number = data.draw(st.permutations(range(facts.n_agents)))
    edges = np.array(number)[facts.edges]
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    moved = Facts(facts.n_agents, edges[order], facts.active[:, order], facts.latest[:, order])
    np.testing.assert_allclose(policy.operator(moved)[:, number][:, :, number], policy.operator(facts), atol=EPSILON)
    x = data.draw(values_of(facts.n_agents))
    np.testing.assert_allclose(
        policy.apply(moved, np.array(permuted(x, number)))[:, number], policy.apply(facts, x), rtol=EPSILON, atol=1e-6
    )


@settings(deadline=None)
@given(any_facts())
def test_figures_of_an_operator_are_their_definitions(facts):
    operator, n_agents = RETURN_TO_SELF.operator(facts)[-1], facts.n_agents
    figures = operator_figures(operator.copy())
    mean = np.full((n_agents, n_agents), 1 / n_agents)
    assert figures.row_sum_error <= EPSILON
    np.testing.assert_allclose(figures.column_sum_error, np.abs(operator.sum(0) - 1).max(), atol=EPSILON)
    np.testing.assert_allclose(figures.disagreement_norm**2, ((operator - mean) ** 2).sum(), atol=EPSILON)
    np.testing.assert_allclose(figures.lambda_min, np.linalg.eigvals((operator + operator.T) / 2).real.min(), atol=1e-9)
    assert figures.isolated_agents == sum(reaches(facts).sum(1) == 1)
    # Every round keeps at least 1/N for oneself; a product of different rounds may fall below it, never below 0.
    least = 0.0 if facts.rounds == 1 else -1 / (n_agents - 1)
    assert least - EPSILON <= figures.a_eff <= 1 + EPSILON
    np.testing.assert_allclose(1 + (n_agents - 1) * figures.a_eff, np.diag(operator).sum(), atol=EPSILON)
