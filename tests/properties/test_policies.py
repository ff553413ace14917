"""What each policy keeps, over any graphs, fixed or redrawn per round, and any pattern of losses and delays.

Invariants 3, 9 and 10 of docs/design.md. That policies break what they are documented to break is in
tests/consensus/test_what_breaks.py.
"""

from dataclasses import replace
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_policies import rounds_of
from strategies import any_facts, heard_at_the_other_end, permuted, policies_and_facts, values, values_of

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    Facts,
)

EPSILON = 1e-12
EVERY_POLICY = pytest.mark.parametrize("name", POLICIES)


def used(name: str, facts: Facts) -> list[tuple[int, int, int]]:
    """(round of the message, edge, round in which it is used)."""
    if name == "stale":
        return [(int(facts.latest[k, e]), e, k) for k, e in np.argwhere(facts.active & (facts.latest >= 0)).tolist()]
    if name != "running_sum":
        counts = facts.held & facts.confirmed if name == "symmetric" else facts.held
        return [(k, e, k) for k, e in np.argwhere(counts).tolist()]
    # The total of round r has in it what was given in all rounds up to r.
    return [
        (given, e, k)
        for k, e in np.argwhere(facts.latest >= 0).tolist()
        for given in range(facts.latest[k, e] + 1)
        if facts.active[given, e]
    ]


def reaches(name: str, facts: Facts) -> np.ndarray:
    """Bool [N, N]: whether what j held at first can have come to i, through others as well.

    Worked out as paths through time: agent a before round k is the node (k, a).
    """
    through_time = nx.DiGraph()
    through_time.add_edges_from(
        ((k, agent), (k + 1, agent)) for k in range(facts.rounds) for agent in range(facts.n_agents)
    )
    for sent, edge, k in used(name, facts):
        sender, receiver = facts.edges[edge].tolist()
        through_time.add_edge((sent, sender), (k + 1, receiver))
    reached = np.zeros((facts.n_agents, facts.n_agents), bool)
    for sender in range(facts.n_agents):
        for k, receiver in nx.descendants(through_time, (0, sender)):
            if k == facts.rounds:
                reached[receiver, sender] = True
    return reached


@EVERY_POLICY
@settings(max_examples=50)
@given(data=st.data())
def test_a_policy_is_its_definition(name, data):
    """docs/method.md (policies), agent by agent, in fractions."""
    weights = data.draw(st.sampled_from(list(WEIGHTS)))
    facts = data.draw(policies_and_facts(name))[1]
    x = data.draw(st.lists(st.integers(-100, 100), min_size=facts.n_agents, max_size=facts.n_agents))
    expected = rounds_of(name, facts, weights, [Fraction(value) for value in x])
    found = POLICIES[name](WEIGHTS[weights]).apply(facts, np.array(x, float))
    np.testing.assert_allclose(found, np.array(expected, float), atol=1e-11, rtol=0)


@EVERY_POLICY
@settings(max_examples=40)
@given(data=st.data(), shape=st.sampled_from([(), (3,), (2, 2), (0,)]))
def test_applying_is_multiplying_by_the_operator(name, data, shape):
    """And without memory, the operator is the product of the steps."""
    policy, facts = data.draw(policies_and_facts(name))
    before, operators = data.draw(values_of(facts.n_agents, *shape)), policy.operator(facts)
    kept = before.copy()
    after = policy.apply(facts, before)
    assert operators.shape == (facts.rounds, facts.n_agents, facts.n_agents)
    assert after.shape == (facts.rounds, *before.shape)
    np.testing.assert_allclose(operators, policy.apply(facts, np.eye(facts.n_agents)), atol=EPSILON)
    np.testing.assert_allclose(
        after, np.einsum("kij,j...->ki...", operators, before), atol=1e-9 * (1 + np.abs(before).max(initial=0))
    )
    np.testing.assert_array_equal(before, kept)
    assert hasattr(policy, "step") == POLICIES[name].memoryless
    if POLICIES[name].memoryless:
        product = np.eye(facts.n_agents)
        for step, operator in zip(policy.step(facts), operators, strict=True):
            product = step @ product
            np.testing.assert_allclose(operator, product, atol=EPSILON)


@pytest.mark.parametrize("name", [name for name in POLICIES if name != "zero_fill"])
@settings(max_examples=40)
@given(data=st.data(), value=values)
def test_rows_are_weights_agreement_stays_and_values_stay_in_the_convex_hull_whatever_is_lost(name, data, value):
    """Invariant 3. Agreement to the last bit; the hull of the round before, or with late messages of all so far."""
    policy, facts = data.draw(policies_and_facts(name))
    operators = policy.operator(facts)
    assert (operators >= -EPSILON).all()
    np.testing.assert_allclose(operators.sum(2), 1, atol=EPSILON)
    agreed = np.full(facts.n_agents, value)
    np.testing.assert_allclose(operators @ agreed, np.tile(agreed, (facts.rounds, 1)), rtol=1e-11, atol=1e-300)
    np.testing.assert_array_equal(policy.apply(facts, agreed), np.tile(agreed, (facts.rounds, 1)))
    held = data.draw(values_of(facts.n_agents))
    scale = EPSILON * (1 + np.abs(held).max())
    for after in policy.apply(facts, held):
        assert after.min() >= held.min() - scale
        assert after.max() <= held.max() + scale
        if name not in ("stale", "running_sum"):
            held = after


@given(any_facts(), st.sampled_from(list(WEIGHTS.values())), st.data())
def test_rounds_without_a_mismatch_are_symmetric_and_doubly_stochastic(facts, weights, data):
    """`symmetric` with acks that may be lost: exactly where no end counts a link that the other does not.

    So perfect acks keep the mean. Where both directions of a link are lost or none, `self` is the same; `renormalize`
    scales what is left, and `zero_fill` shrinks it. Without loss all policies with weights are the same.
    """
    policy = POLICIES["symmetric"](weights)
    for step, mismatch in zip(policy.step(facts), facts.ack_mismatch, strict=True):
        assert np.array_equal(step, step.T) == (mismatch == 0)
        if mismatch == 0:
            assert (step >= 0).all()
            np.testing.assert_allclose(step.sum(0), 1, atol=EPSILON)
    perfect = replace(facts, confirmed=heard_at_the_other_end(facts))
    assert (perfect.ack_mismatch == 0).all()
    x = data.draw(values_of(facts.n_agents))
    np.testing.assert_allclose(policy.apply(perfect, x).mean(1), x.mean(), atol=EPSILON * (1 + np.abs(x).max()))
    both = facts.held & heard_at_the_other_end(facts)
    equal = replace(facts, latest=np.where(both, np.arange(facts.rounds)[:, None], -1), confirmed=both)
    np.testing.assert_array_equal(POLICIES["self"](weights).step(equal), policy.step(equal))
    whole = replace(facts, latest=_newest(facts), confirmed=facts.active)
    expected = POLICIES["self"](weights).operator(whole)
    for name in ("renormalize", "symmetric", "stale", "zero_fill"):
        np.testing.assert_allclose(POLICIES[name](weights).operator(whole), expected, atol=EPSILON)


def _newest(facts: Facts) -> np.ndarray:
    return np.maximum.accumulate(np.where(facts.active, np.arange(facts.rounds)[:, None], -1), axis=0)


@EVERY_POLICY
@settings(max_examples=40)
@given(data=st.data(), other=st.sampled_from([1e300, -7.0, np.nan, np.inf]))
def test_who_could_be_heard_has_weight_and_nobody_else(name, data, other):
    """Invariant 10: what an unheard agent holds changes nothing for others, to the bit, even if it is not a number."""
    policy, facts = data.draw(policies_and_facts(name))
    operator, reached = policy.operator(facts)[-1], reaches(name, facts)
    assert (operator[~reached] == 0).all()
    assert (operator[reached] > 0).all()
    x = data.draw(values_of(facts.n_agents))
    for agent in np.flatnonzero(reached.sum(axis=0) == 1)[:1]:
        rest = np.arange(facts.n_agents) != agent
        with np.errstate(invalid="ignore", over="ignore"):  # what happens to the agent itself
            after = policy.apply(facts, np.where(rest, x, other))
        np.testing.assert_array_equal(after[:, rest], policy.apply(facts, x)[:, rest])


@EVERY_POLICY
@settings(max_examples=40)
@given(data=st.data())
def test_senders_that_are_cut_out_change_nothing_for_others(name, data):
    policy, facts = data.draw(policies_and_facts(name))
    invalid = np.array(data.draw(st.lists(st.booleans(), min_size=facts.n_agents, max_size=facts.n_agents)))
    without = facts.without_senders(invalid)
    x = data.draw(values_of(facts.n_agents))
    changed = np.where(invalid, np.nan, x)
    np.testing.assert_array_equal(policy.apply(without, changed)[:, ~invalid], policy.apply(without, x)[:, ~invalid])
    assert (policy.operator(without)[:, ~invalid][:, :, invalid] == 0).all()
    np.testing.assert_array_equal(facts.without_senders(np.zeros_like(invalid)).latest, facts.latest)


@EVERY_POLICY
@settings(max_examples=40)
@given(data=st.data())
def test_relabelling_agents_permutes_the_operator(name, data):
    """Invariant 9."""
    policy, facts = data.draw(policies_and_facts(name))
    number = data.draw(st.permutations(range(facts.n_agents)))
    edges = np.array(number)[facts.edges]
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    moved = Facts(
        facts.n_agents, edges[order], facts.active[:, order], facts.latest[:, order], facts.confirmed[:, order]
    )
    np.testing.assert_allclose(policy.operator(moved)[:, number][:, :, number], policy.operator(facts), atol=EPSILON)
    x = data.draw(values_of(facts.n_agents))
    np.testing.assert_allclose(
        policy.apply(moved, np.array(permuted(x, number)))[:, number], policy.apply(facts, x), rtol=EPSILON, atol=1e-6
    )
