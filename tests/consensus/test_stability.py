"""λ_min(E[A]): against all that can happen, and against what was seen to ruin learning."""

import numpy as np
import pytest
from enumeration import loss_patterns, pattern_probabilities
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, Heard, least_eigenvalue, least_of, stability
from netmodels.topology import Complete, Edges, Graph, Ring

PATH = Edges([[0, 1], [1, 2]]).graph(3, 0)


def found(policy, graph, rounds, q, *, weights="metropolis", known=None, up=None, seed=0):
    return least_eigenvalue(
        policy, weights, [graph], rounds=rounds, q=q, known=known, up=up, generator=np.random.default_rng(seed)
    )


def enumerated(policy, graph: Graph, rounds, q, *, weights="metropolis", up=None):
    """E[A] over all ways in which the messages of all rounds, over links that are up, can be held or not."""
    edges = np.array(graph.edges)
    patterns = loss_patterns(rounds * len(edges))
    expected = np.zeros((graph.n_agents, graph.n_agents))
    for held, probability in zip(patterns, pattern_probabilities(patterns, q), strict=True):
        over = held.reshape(rounds, -1) & (True if up is None else up)
        latest = np.where(over, np.arange(rounds)[:, None], -1)
        latest = np.maximum.accumulate(latest, axis=0)
        facts = Facts(graph.n_agents, edges.copy(), np.ones(latest.shape, bool), latest)
        expected += probability * POLICIES[policy](WEIGHTS[weights]).operator(facts)[-1]
    return np.linalg.eigvals(expected).real.min()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(set(POLICIES) - {"symmetric"})),
    st.sampled_from([Complete().graph(2, 0), PATH, Complete().graph(3, 0)]),
    st.integers(1, 2),
    st.floats(0.1, 1.0) | st.just(1.0),
    st.lists(st.booleans(), min_size=6, max_size=6) | st.none(),
)
def test_it_is_what_all_that_can_happen_comes_to(policy, graph, rounds, q, up):
    up = up and up[: len(graph.edges)]
    least = found(policy, graph, rounds, q, up=up)
    unseen = (1.0 - q) ** 2 if q > 0.99 else 0.0  # two losses at once are too rare to be in the sample
    assert abs(least.value - enumerated(policy, graph, rounds, q, up=up)) < 5.0 * least.error + 1e-9 + unseen
    if policy == "self" or (policy == "zero_fill" and up is None):
        assert least.error == 0.0


def test_what_is_drawn_has_no_bias_and_the_spread_that_it_says():
    """`self` has a closed form; drawn as if it had none, 40 times: (λ_drawn - λ)/s.e. has mean 0 and spread 1."""
    graph, rng, options = Ring().graph(5, 0), np.random.default_rng(0), {"rounds": 2, "q": 0.7, "copies": 400}
    expected, policy, z = found("self", graph, 2, 0.7).value, POLICIES["self"](WEIGHTS["metropolis"]), []
    for _ in range(40):
        least = least_of(stability._drawn(policy, graph, **options, generator=rng), alike=False)
        z.append((least.value - expected) / least.error)
    assert abs(np.mean(z)) < 4.0 * 1.2 / np.sqrt(40)
    assert 0.6 < np.std(z) < 1.6


@pytest.mark.parametrize(
    ("loss", "rounds", "least"),
    [(0.2, 2, -0.045), (0.2, 3, -0.021), (0.2, 4, -0.003), (0.4, 2, -0.032), (0.4, 3, -0.063), (0.4, 4, -0.031),
     (0.6, 2, 0.089), (0.6, 3, -0.059), (0.6, 4, -0.080), (0.6, 5, -0.055), (0.6, 10, 0.0)],
)  # fmt: skip
def test_running_sums_under_loss(loss, rounds, least):
    """Found on another way, by an outside reader, on the complete graph of three; A1 was one of them."""
    assert found("running_sum", Complete().graph(3, 0), rounds, 1.0 - loss).value == pytest.approx(least, abs=0.006)


def test_other_graphs():
    """A ring of six at 40 % loss; a path of three without any, on which equal shares have the eigenvalue -0.15."""
    assert found("running_sum", Ring().graph(6, 0), 2, 0.6).value == pytest.approx(-0.178, abs=0.006)
    assert found("push_sum", PATH, 1, 1.0).value == pytest.approx(-0.15)
    assert found("self", Ring().graph(4, 0), 1, 1.0).value == pytest.approx(-1 / 3)
    assert found("self", Ring().graph(4, 0), 3, 0.8).value == pytest.approx((1 - 0.8 * 4 / 3) ** 3)
    known = Heard.confirmed(0.9, 0.9)
    assert found("symmetric", Ring().graph(4, 0), 1, 0.9, known=known).value == pytest.approx(1 - known.mean * 4 / 3)


def test_graphs_that_are_drawn_count_together():
    """Half the time a path of three, half the time all three links: a = mean of the traces."""
    graphs = [PATH, Complete().graph(3, 0)]
    least = least_eigenvalue("self", "metropolis", graphs, rounds=1, q=1.0, generator=np.random.default_rng(0))
    assert least.value == pytest.approx(np.mean([(5 / 3 - 1) / 2, 0.0]))
    assert least_of(np.eye(1)[None], alike=True).value == 1.0
