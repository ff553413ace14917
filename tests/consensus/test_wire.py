"""Messages in float16: what rounding does and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.consensus import (
    POLICIES,
    Facts,
    ZeroFill,
    apply_float16,
    lossless_facts,
    metropolis,
    rounded_to_float16,
)
from netmodels.topology import Graph

MEMORYLESS = (POLICIES["self"], POLICIES["renormalize"], POLICIES["symmetric"], ZeroFill)
PAIR = lossless_facts([Graph.undirected(2, [(0, 1)])])


def some_facts(n_agents, rounds, rng):
    """A ring, with one message in three lost; lost ones are lost in both directions, and both ends know."""
    ring = Graph.undirected(n_agents, [(i, (i + 1) % n_agents) for i in range(n_agents)])
    facts = lossless_facts([ring] * rounds)
    lost = rng.random((rounds, len(facts.edges))) < 0.3
    lost |= lost[:, facts.reverse]
    latest = np.where(lost, -1, np.arange(rounds)[:, None])
    return Facts(n_agents, facts.edges, facts.active, np.maximum.accumulate(latest, axis=0), facts.confirmed & ~lost)


def test_one_round_by_hand():
    """Two agents, w = 1/2: agent 0 sends 0.1 as 0.0999755859375, agent 1 sends 0.3 as 0.300048828125.

    Each moves by half the difference of what was sent, 0.1000366210938, from the value that it has.
    """
    held = apply_float16(POLICIES["self"](metropolis), PAIR, np.array([0.1, 0.3]))[0]
    half = (0.300048828125 - 0.0999755859375) / 2
    assert held.tolist() == [0.1 + half, 0.3 - half]


def test_what_numpy_rounds_to():
    """The nearest float16; beyond the largest one, that."""
    values = np.array([1.0, 1 + 2**-11, 1 + 3 * 2**-11, -7e4, 1e300])
    assert rounded_to_float16(values).tolist() == [1.0, 1.0, 1 + 2**-9, -65504.0, 65504.0]


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 9), st.integers(1, 5), st.floats(-1e4, 1e4), st.sampled_from(MEMORYLESS[:3]), st.integers(0, 99))
def test_agreement_is_a_fixed_point_to_the_last_bit(n_agents, rounds, value, policy, seed):
    """Although no message carries the value as it is."""
    facts = some_facts(n_agents, rounds, np.random.default_rng(seed))
    values = np.full((n_agents, 2), value)
    assert (apply_float16(policy(metropolis), facts, values) == values).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 9), st.integers(1, 8), st.integers(0, 99))
def test_where_links_fail_at_both_ends_the_mean_stays(n_agents, rounds, seed):
    """Rounding moves as much from i to j as from j to i: the mean is kept to double precision, not to half."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_agents, 50))
    for policy in (POLICIES["self"], POLICIES["symmetric"]):
        held = apply_float16(policy(metropolis), some_facts(n_agents, rounds, rng), values)
        np.testing.assert_allclose(held.mean(1), np.broadcast_to(values.mean(0), (rounds, 50)), atol=1e-14)


def test_the_warning_example_does_not_keep_agreement():
    """The property above can fail: zero_fill shrinks."""
    facts = some_facts(6, 3, np.random.default_rng(1))
    assert (apply_float16(ZeroFill(metropolis), facts, np.ones(6)) != 1.0).any()


@pytest.mark.parametrize("policy", MEMORYLESS)
def test_rounding_moves_values_by_what_float16_allows(policy):
    """In each round by at most Σ_j w_ij (|q(x_j) - x_j| + |q(x_i) - x_i|) ≤ 2 · 2⁻¹¹ max|x|, and by something."""
    rng = np.random.default_rng(3)
    facts, values = some_facts(7, 4, rng), rng.normal(size=(7, 100))
    exact, rounded = policy(metropolis).apply(facts, values), apply_float16(policy(metropolis), facts, values)
    off = np.abs(rounded - exact).max((1, 2))
    assert (off <= 2 * 2**-11 * np.arange(1, 5) * np.abs(values).max()).all()
    assert (off > 1e-5).all()


def test_values_that_a_float16_holds_are_exact_in_the_first_round():
    rng = np.random.default_rng(4)
    values = rounded_to_float16(rng.normal(size=(5, 9)))
    facts = some_facts(5, 1, rng)
    for policy in MEMORYLESS:
        exact = policy(metropolis).apply(facts, values)
        np.testing.assert_allclose(apply_float16(policy(metropolis), facts, values), exact, rtol=0, atol=1e-15)


def test_of_round_forgets_what_earlier_rounds_brought():
    """Agent 0 holds round 0 of agent 1 when it closes round 1: in round 1 alone it holds nothing."""
    edges = np.array([[0, 1], [1, 0]])
    facts = Facts(2, edges, np.ones((2, 2), bool), np.array([[0, 0], [1, 0]]))
    assert facts.of_round(1).latest.tolist() == [[0, -1]]
    assert facts.of_round(0).latest.tolist() == [[0, 0]]
