"""What each policy keeps, over any graphs, fixed or redrawn per round, and any pattern of losses and delays.

Invariants 3, 9 and 10 of docs/design.md. That policies break what they are documented to break is in
tests/consensus/test_what_breaks.py.
"""

from dataclasses import replace
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from plain_policies import rounds_of
from strategies import any_facts, heard_at_the_other_end, permuted, policies_and_facts, values, values_of

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    Facts,
    MemorylessPolicy,
    Stale,
    ZeroFill,
    metropolis,
)

EPSILON = 1e-12
MEMORYLESS = [name for name, kind in POLICIES.items() if kind.memoryless]
EVERY_POLICY = pytest.mark.parametrize("name", POLICIES)
ALL_BUT_ZERO_FILL = pytest.mark.parametrize("name", [name for name in POLICIES if name != "zero_fill"])


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
@given(data=st.data())
def test_the_operator_is_what_applying_makes_of_the_identity(name, data):
    policy, facts = data.draw(policies_and_facts(name))
    operator = policy.operator(facts)
    assert operator.shape == (facts.rounds, facts.n_agents, facts.n_agents)
    np.testing.assert_allclose(operator, policy.apply(facts, np.eye(facts.n_agents)), atol=EPSILON)


@EVERY_POLICY
@given(data=st.data(), shape=st.sampled_from([(), (3,), (2, 2), (0,)]))
def test_applying_is_multiplying_by_the_operator(name, data, shape):
    policy, facts = data.draw(policies_and_facts(name))
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


@pytest.mark.parametrize("name", MEMORYLESS)
@given(data=st.data())
def test_the_operator_of_a_memoryless_policy_is_the_product_of_its_steps(name, data):
    policy, facts = data.draw(policies_and_facts(name))
    memoryless: MemorylessPolicy = policy
    product = np.eye(facts.n_agents)
    for step, cumulative in zip(memoryless.step(facts), policy.operator(facts), strict=True):
        product = step @ product
        np.testing.assert_allclose(cumulative, product, atol=EPSILON)


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in MEMORYLESS])
def test_a_policy_with_memory_has_no_single_steps(name):
    assert not hasattr(POLICIES[name](metropolis), "step")


@ALL_BUT_ZERO_FILL
@given(data=st.data())
def test_operators_are_row_stochastic_whatever_is_lost(name, data):
    """Invariant 3."""
    policy, facts = data.draw(policies_and_facts(name))
    operators = policy.operator(facts)
    assert (operators >= -EPSILON).all()
    np.testing.assert_allclose(operators.sum(2), 1, atol=EPSILON)


@ALL_BUT_ZERO_FILL
@given(data=st.data(), value=values)
def test_agreement_is_a_fixed_point_whatever_is_lost(name, data, value):
    """Invariant 3; of `apply` to the last bit."""
    policy, facts = data.draw(policies_and_facts(name))
    agreed = np.full(facts.n_agents, value)
    np.testing.assert_allclose(policy.operator(facts) @ agreed, np.tile(agreed, (facts.rounds, 1)), rtol=1e-11)
    np.testing.assert_array_equal(policy.apply(facts, agreed), np.tile(agreed, (facts.rounds, 1)))


@ALL_BUT_ZERO_FILL
@given(data=st.data())
def test_values_stay_in_the_convex_hull(name, data):
    """Of the round before; with late messages, of what anybody held so far."""
    policy, facts = data.draw(policies_and_facts(name))
    held = data.draw(values_of(facts.n_agents))
    scale = EPSILON * (1 + np.abs(held).max())
    for after in policy.apply(facts, held):
        assert after.min() >= held.min() - scale
        assert after.max() <= held.max() + scale
        if name not in ("stale", "running_sum"):
            held = after


@given(any_facts(), st.sampled_from(list(WEIGHTS.values())))
def test_rounds_without_a_mismatch_are_symmetric_and_doubly_stochastic(facts, weights):
    """`symmetric` with acks that may be lost: exactly where no end counts a link that the other does not."""
    for step, mismatch in zip(POLICIES["symmetric"](weights).step(facts), facts.ack_mismatch, strict=True):
        assert np.array_equal(step, step.T) == (mismatch == 0)
        if mismatch == 0:
            assert (step >= 0).all()
            np.testing.assert_allclose(step.sum(0), 1, atol=EPSILON)


@given(any_facts(), st.sampled_from(list(WEIGHTS.values())), st.data())
def test_perfect_acks_keep_the_mean(facts, weights, data):
    facts = replace(facts, confirmed=heard_at_the_other_end(facts))
    assert (facts.ack_mismatch == 0).all()
    x = data.draw(values_of(facts.n_agents))
    after = POLICIES["symmetric"](weights).apply(facts, x)
    np.testing.assert_allclose(after.mean(1), x.mean(), atol=EPSILON * (1 + np.abs(x).max()))


@given(any_facts(), st.sampled_from(list(WEIGHTS.values())))
def test_where_both_directions_are_lost_or_none_all_memoryless_policies_but_two_agree(facts, weights):
    """And are symmetric and doubly stochastic. `renormalize` scales and `zero_fill` shrinks what is left."""
    both = facts.held & heard_at_the_other_end(facts)
    latest = np.where(both, np.arange(facts.rounds)[:, None], -1)
    facts = replace(facts, latest=latest, confirmed=both)
    steps = POLICIES["self"](weights).step(facts)
    np.testing.assert_array_equal(steps, POLICIES["symmetric"](weights).step(facts))
    np.testing.assert_array_equal(steps, steps.transpose(0, 2, 1))
    np.testing.assert_allclose(steps.sum(1), 1, atol=EPSILON)


@given(any_facts(), st.sampled_from(list(WEIGHTS.values())))
def test_without_loss_all_policies_with_weights_are_the_same(facts, weights):
    whole = replace(facts, latest=_newest(facts), confirmed=facts.active)
    expected = POLICIES["self"](weights).operator(whole)
    np.testing.assert_array_equal(POLICIES["renormalize"](weights).operator(whole), expected)
    np.testing.assert_array_equal(POLICIES["symmetric"](weights).operator(whole), expected)
    np.testing.assert_allclose(Stale(weights).operator(whole), expected, atol=EPSILON)
    np.testing.assert_allclose(ZeroFill(weights).operator(whole), expected, atol=EPSILON)


def _newest(facts: Facts) -> np.ndarray:
    return np.maximum.accumulate(np.where(facts.active, np.arange(facts.rounds)[:, None], -1), axis=0)


@EVERY_POLICY
@given(data=st.data())
def test_an_agent_that_nobody_could_hear_has_no_weight(name, data):
    """Invariant 10; and what could be heard has weight, so that the test is not about nothing."""
    policy, facts = data.draw(policies_and_facts(name))
    operator, reached = policy.operator(facts)[-1], reaches(name, facts)
    assert (operator[~reached] == 0).all()
    assert (operator[reached] > 0).all()


@EVERY_POLICY
@given(data=st.data(), other=st.sampled_from([1e300, -7.0, np.nan, np.inf]))
def test_what_an_unheard_agent_holds_changes_nothing_for_others(name, data, other):
    """To the last bit, and even if it is not a number."""
    policy, facts = data.draw(policies_and_facts(name))
    reached = reaches(name, facts)
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
@settings(max_examples=60)
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
