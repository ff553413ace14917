"""Invariant 4: running sums conserve mass, for any schedule of losses, delays, duplicates and reorderings."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_policies import Plain, running_sum
from strategies import any_facts, rounds_of_graphs, values_of

from dvdn_sim.consensus import PushSum, RunningSum, lossless_facts

POLICY = RunningSum()
EPSILON = 1e-12
any_directed_facts = any_facts(graphs=rounds_of_graphs(max_rounds=8, connected=False, one_way=True))


@settings(max_examples=200)
@given(facts=any_directed_facts, data=st.data(), shape=st.sampled_from([(), (2,), (2, 2)]))
def test_mass_held_and_in_flight_is_that_of_the_start_after_every_round(facts, data, shape):
    """ζ is positive, what is in flight is not negative, and estimates are the ratio, within the hull."""
    x = data.draw(values_of(facts.n_agents, *shape))
    masses, estimates, off = POLICY.masses(facts, x), POLICY.apply(facts, x), EPSILON * scale(x)
    there = masses.held.sum(1) + masses.in_flight.sum(1)
    np.testing.assert_allclose(there, np.tile(x.sum(0), (facts.rounds, *(1,) * len(shape))), atol=10 * off)
    zeta = masses.held_zeta.sum(1) + masses.in_flight_zeta.sum(1)
    np.testing.assert_allclose(zeta, facts.n_agents, atol=1e-11)
    assert (masses.held_zeta > 0).all()
    assert (masses.held_zeta <= facts.n_agents + EPSILON).all()
    assert (masses.in_flight_zeta >= -EPSILON).all()
    held_zeta = masses.held_zeta.reshape(*masses.held_zeta.shape, *(1,) * len(shape))
    np.testing.assert_allclose(masses.held / held_zeta, estimates, atol=off)
    assert (estimates >= x.min(0) - off).all()
    assert (estimates <= x.max(0) + off).all()


def scale(x: np.ndarray) -> float:
    return float(1 + np.abs(x).sum())


@given(facts=any_directed_facts, data=st.data())
def test_masses_are_those_in_the_books_of_the_agents(facts, data):
    """Against totals σ and ρ kept per edge in fractions, which are conserved exactly."""
    x = data.draw(st.lists(st.integers(-100, 100), min_size=facts.n_agents, max_size=facts.n_agents))
    _, books = running_sum(Plain(facts, "metropolis"), [Fraction(value) for value in x])
    masses = POLICY.masses(facts, np.array(x, float))
    edges = [tuple(edge) for edge in facts.edges.tolist()]
    for k, (y, zeta, flying, flying_zeta) in enumerate(books):
        assert sum(y) + sum(flying.values()) == sum(x)
        assert sum(zeta) + sum(flying_zeta.values()) == facts.n_agents
        found = (masses.held[k], masses.held_zeta[k], masses.in_flight[k], masses.in_flight_zeta[k])
        in_books = (y, zeta, [flying.get(edge, 0) for edge in edges], [flying_zeta.get(edge, 0) for edge in edges])
        for ours, exact in zip(found, in_books, strict=True):
            np.testing.assert_allclose(ours, np.array(exact, float), atol=1e-10)


@given(graphs=rounds_of_graphs(max_rounds=8, connected=False, one_way=True), data=st.data())
def test_without_loss_nothing_is_in_flight_and_push_sum_is_the_same(graphs, data):
    facts = lossless_facts(graphs)
    x = data.draw(values_of(facts.n_agents))
    masses = POLICY.masses(facts, x)
    np.testing.assert_allclose(masses.in_flight, 0, atol=EPSILON * scale(x))
    np.testing.assert_allclose(masses.in_flight_zeta, 0, atol=EPSILON)
    np.testing.assert_array_equal(POLICY.apply(facts, x), PushSum().apply(facts, x))
    np.testing.assert_array_equal(masses.held_zeta, PushSum().zeta(facts))


@given(facts=any_directed_facts, data=st.data())
def test_an_older_total_that_comes_after_a_newer_one_changes_nothing(facts, data):
    """Nor does one that comes twice: books that go back now and then are read as if they did not."""
    forgets = data.draw(st.lists(st.booleans(), min_size=facts.rounds, max_size=facts.rounds))
    held = np.maximum.accumulate(facts.latest, axis=0)
    jumbled = held.copy()
    for k, forget in enumerate(forgets):
        if forget and k:
            jumbled[k] = np.where(held[k] > held[k - 1], held[k], facts.latest[0])
    x = data.draw(values_of(facts.n_agents))
    back = type(facts)(facts.n_agents, facts.edges, facts.active, jumbled)
    np.testing.assert_array_equal(POLICY.apply(back, x), POLICY.apply(facts, x))
