"""The policies and weights that scenarios may name are those that there are."""

import numpy as np
import pytest

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    Facts,
    RunningSum,
    lossless_facts,
    metropolis,
    operator_figures,
    operator_of,
)
from dvdn_sim.consensus.policies import MANY, _known
from dvdn_sim.scenario import Consensus, weights_of
from netmodels.topology import Complete, Graph

NAMES = {"self", "renormalize", "symmetric", "stale", "running_sum", "push_sum", "zero_fill"}


def test_the_defaults_are_there():
    assert POLICIES[Consensus().policy](WEIGHTS[weights_of(Consensus(), None)]) == POLICIES["self"](metropolis)


def test_all_policies_of_the_specification_are_there():
    assert set(POLICIES) >= NAMES  # and those that a reader of docs/extend.md has added
    assert set(WEIGHTS) == {"metropolis", "lazy", "max_degree"}


def test_weights_make_a_difference_where_they_are_used():
    assert POLICIES["running_sum"](WEIGHTS["lazy"]) == RunningSum()
    for name in NAMES - {"running_sum", "push_sum"}:
        assert POLICIES[name](WEIGHTS["lazy"]).weights is WEIGHTS["lazy"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("n_agents", [1, 2, 5])
def test_the_complete_lossless_graph_averages_in_one_round(policy, n_agents):
    facts = lossless_facts([Complete().graph(n_agents, seed=0)])
    operator = POLICIES[policy](metropolis).operator(facts)[0]
    np.testing.assert_allclose(operator, np.full((n_agents, n_agents), 1 / n_agents), atol=1e-15)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_links_is_the_identity_to_the_last_bit(policy):
    operators = POLICIES[policy](metropolis).operator(lossless_facts([Graph(3, ())] * 2))
    np.testing.assert_array_equal(operators, np.tile(np.eye(3), (2, 1, 1)))
    figures = operator_figures(operators[-1])
    assert (figures.a_eff, figures.isolated_agents, figures.row_sum_error, figures.column_sum_error) == (1.0, 3, 0, 0)


@pytest.mark.parametrize("policy", sorted(NAMES - {"running_sum", "push_sum"}))
@pytest.mark.parametrize("weights", WEIGHTS)
def test_one_way_links_are_refused_where_weights_would_not_be_symmetric(policy, weights):
    facts = lossless_facts([Graph(3, ((0, 1), (1, 2), (2, 0)))])
    with pytest.raises(ValueError, match="running_sum and push_sum do without"):
        POLICIES[policy](WEIGHTS[weights]).operator(facts)


@pytest.mark.parametrize("policy", POLICIES)
def test_thousands_of_agents_need_no_matrix(policy):
    """Memory linear in agents and links: a matrix of 20 000 agents would take 3.2 GB, a round of facts 1 MB."""
    n_agents, rounds = 20_000, 3
    ring = Graph.undirected(n_agents, [(i, (i + 1) % n_agents) for i in range(n_agents)])
    facts = lossless_facts([ring] * rounds)
    after = POLICIES[policy](metropolis).apply(facts, np.cos(2 * np.pi * np.arange(n_agents) / n_agents))
    assert after.shape == (rounds, n_agents)
    assert abs(after[-1].mean()) < 1e-12


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("n_agents", [3, 20])
def test_the_operator_of_an_exchange_is_the_last_one_remembered_or_not(policy, rounds, n_agents):
    rng, made = np.random.default_rng(rounds), POLICIES[policy](metropolis)
    whole = lossless_facts([Complete().graph(n_agents, seed=0)] * rounds)
    for lost in rng.random((5, *whole.active.shape)) < 0.3:
        latest = np.maximum.accumulate(np.where(lost, -1, whole.latest), axis=0)
        for confirmed in (whole.confirmed, ~lost):
            facts = Facts(n_agents, whole.edges, whole.active, latest, confirmed)
            for _ in range(2):
                np.testing.assert_array_equal(operator_of(made, facts), made.operator(facts)[-1])


def test_few_operators_are_remembered():
    chances = np.random.default_rng(0).random((2 * MANY, 20)) < 0.5
    whole = lossless_facts([Complete().graph(5, seed=0)])
    for held in chances:
        facts = Facts(5, whole.edges, whole.active, np.where(held, 0, -1)[None])
        assert operator_of(POLICIES["self"](metropolis), facts).flags.writeable is False
    assert len(_known) <= MANY
