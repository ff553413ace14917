"""The policy `self` by hand."""

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, Facts, lossless_facts, metropolis, operator_figures
from netmodels.topology import Graph

SELF = POLICIES["self"](metropolis)
PATH = Graph.undirected(3, [(0, 1), (1, 2)])
THIRD = 1 / 3


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


def test_figures_do_not_write_to_the_operator():
    operator = np.full((2, 2), 0.5)
    operator.flags.writeable = False
    assert operator_figures(operator).isolated_agents == 0
