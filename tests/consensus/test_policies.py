"""The policy `self` by hand."""

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, Facts, lossless_facts, metropolis, operator_figures
from netmodels.topology import Graph

SELF = POLICIES["self"](metropolis)
PATH = Graph.undirected(3, [(0, 1), (1, 2)])
THIRD = 1 / 3


def test_catalogue():
    assert POLICIES["self"](metropolis) == SELF


def test_one_lost_message_returns_its_weight_to_its_receiver():
    # Agent 1 does not hear agent 0; agent 0 hears agent 1 nevertheless. Columns: 4/3, 2/3, 1: the mean walks.
    whole = lossless_facts([PATH])
    facts = Facts(3, whole.edges, whole.active, np.array([[-1, 0, 0, 0]]))
    expected = [[2 * THIRD, THIRD, 0], [0, 2 * THIRD, THIRD], [0, THIRD, 2 * THIRD]]
    np.testing.assert_allclose(SELF.operator(facts)[0], expected)
    np.testing.assert_allclose(SELF.apply(facts, np.array([3.0, 6.0, 0.0]))[0], [4.0, 4.0, 2.0])
    assert operator_figures(SELF.operator(facts)[0]).column_sum_error == pytest.approx(THIRD)


def test_a_message_of_an_earlier_round_is_not_used():
    whole = lossless_facts([PATH, PATH])
    stale = Facts(3, whole.edges, whole.active, np.array([[0, 0, 0, 0], [0, 0, 0, 0]]))
    operators = SELF.operator(stale)
    np.testing.assert_array_equal(operators[1], operators[0])
    np.testing.assert_array_equal(SELF.step(stale)[1], np.eye(3))


def test_two_rounds_multiply_the_later_one_from_the_left():
    # Round 0: 0 - 1 only; round 1: 1 - 2 only. So agent 2 ends with a quarter of agent 0, agent 0 without agent 2.
    facts = lossless_facts([Graph.undirected(3, [(0, 1)]), Graph.undirected(3, [(1, 2)])])
    np.testing.assert_allclose(SELF.operator(facts)[1], [[0.5, 0.5, 0], [0.25, 0.25, 0.5], [0.25, 0.25, 0.5]])


@pytest.mark.parametrize("n_agents", [1, 2, 5])
def test_the_complete_graph_averages_in_one_round(n_agents):
    graph = Graph.undirected(n_agents, [(i, j) for i in range(n_agents) for j in range(i)])
    operator = SELF.operator(lossless_facts([graph]))[0]
    np.testing.assert_allclose(operator, np.full((n_agents, n_agents), 1 / n_agents), atol=1e-15)
    assert operator_figures(operator).a_eff == pytest.approx(0.0)


def test_no_links_is_the_identity_to_the_last_bit():
    facts = lossless_facts([Graph(3, ())] * 2)
    np.testing.assert_array_equal(SELF.operator(facts), np.tile(np.eye(3), (2, 1, 1)))
    figures = operator_figures(SELF.operator(facts)[-1])
    assert (figures.a_eff, figures.isolated_agents, figures.row_sum_error, figures.column_sum_error) == (1.0, 3, 0, 0)


def test_figures_do_not_write_to_the_operator():
    operator = np.full((2, 2), 0.5)
    operator.flags.writeable = False
    assert operator_figures(operator).isolated_agents == 0
