"""Figures of docs/method.md (truncation), by enumeration of all connected graphs: exact, up to the digits printed."""

import numpy as np
import pytest
from enumeration import connected_graphs

from dvdn_sim.consensus import POLICIES, OperatorFigures, lossless_facts, metropolis, operator_figures
from netmodels.topology import Graph

SELF = POLICIES["self"](metropolis)
PATH_3 = Graph.undirected(3, [(0, 1), (1, 2)])


def step(graph):
    return SELF.step(lossless_facts([graph]))[0]


def a_eff(graphs):
    return operator_figures(SELF.operator(lossless_facts(graphs))[-1]).a_eff


def ring(n):
    return Graph.undirected(n, [(i, (i + 1) % n) for i in range(n)])


def path(n):
    return Graph.undirected(n, [(i, i + 1) for i in range(n - 1)])


TABLE = {(3, 2): 0.333, (4, 3): 0.375, (4, 4): 0.244, (5, 4): 0.404, (5, 6): 0.268}
POWERS = {
    (3, 2): (0.111, 0.037),
    (4, 3): (0.141, 0.053),
    (4, 4): (0.060, 0.015),
    (5, 4): (0.163, 0.066),
    (5, 6): (0.072, 0.019),
}
LOSSY = {
    (3, 2): (0.400, 0.533, 0.667), (4, 3): (0.438, 0.562, 0.688), (4, 4): (0.320, 0.471, 0.622),
    (5, 4): (0.464, 0.583, 0.702), (5, 6): (0.341, 0.488, 0.634),
}  # fmt: skip
CASES = pytest.mark.parametrize("size", TABLE, ids=str)
PRINTED = 0.0005 + 1e-9


@CASES
def test_mean_step_is_a_identity_and_1_minus_a_average(size):
    """So that a^K is the figure of K rounds with independent graphs: E A_K = (E W)^K = a^K I + (1 - a^K) J.

    With losses whose weight returns to oneself, a(p) = 1 - (1 - p)(1 - a); printed for p = 10, 30 and 50%.
    """
    n_agents = size[0]
    graphs = connected_graphs(*size)
    mean_step = np.mean([step(graph) for graph in graphs], axis=0)
    a = float(np.mean([a_eff([graph]) for graph in graphs]))
    assert a == pytest.approx(TABLE[size], abs=PRINTED)
    np.testing.assert_allclose(mean_step, a * np.eye(n_agents) + (1 - a) / n_agents, atol=1e-12)
    for rounds, printed in zip((2, 3), POWERS[size], strict=True):
        power = operator_figures(np.linalg.matrix_power(mean_step, rounds)).a_eff
        assert power == pytest.approx(a**rounds)
        assert power == pytest.approx(printed, abs=PRINTED)
    for p, printed in zip((0.1, 0.3, 0.5), LOSSY[size], strict=True):
        assert 1 - (1 - p) * (1 - a) == pytest.approx(printed, abs=PRINTED)


@CASES
@pytest.mark.parametrize("rounds", [2, 3])
def test_one_graph_for_all_rounds_is_worse_than_independent_ones(size, rounds):
    """(E tr W^K - 1)/(N - 1), which is at least a^K."""
    graphs = connected_graphs(*size)
    same = np.mean([a_eff([graph] * rounds) for graph in graphs])
    traces = [np.trace(np.linalg.matrix_power(step(graph), rounds)) for graph in graphs]
    assert same == pytest.approx((np.mean(traces) - 1) / (size[0] - 1))
    assert same >= TABLE[size] ** rounds - PRINTED


SMALLEST_EIGENVALUES = [(ring(4), -1 / 3), (ring(5), -0.206), (ring(6), -1 / 3), (path(4), -0.138), (path(5), -0.206)]


@pytest.mark.parametrize(("graph", "printed"), SMALLEST_EIGENVALUES, ids=["ring4", "ring5", "ring6", "path4", "path5"])
def test_smallest_eigenvalues(graph, printed):
    assert operator_figures(step(graph)).lambda_min == pytest.approx(printed, abs=PRINTED)


@pytest.mark.parametrize("n_agents", [1, 2, 3, 9, 16, 17, 40])
def test_figures_are_those_of_their_definitions_to_the_bit(n_agents):
    """Remembered or not, of few agents and of many."""
    rng = np.random.default_rng(n_agents)
    for drawn in rng.random((2, n_agents, n_agents)):
        operator = np.where(rng.random((n_agents, 1)) < 0.5, drawn, np.diag(drawn.diagonal()))
        others = operator - np.diag(operator.diagonal())
        expected = OperatorFigures(
            a_eff=0.0 if n_agents == 1 else float(np.trace(operator) - 1.0) / (n_agents - 1),
            row_sum_error=float(np.abs(operator.sum(1) - 1.0).max()),
            column_sum_error=float(np.abs(operator.sum(0) - 1.0).max()),
            disagreement_norm=float(np.linalg.norm(operator - 1.0 / n_agents)),
            lambda_min=float(np.linalg.eigvalsh((operator + operator.T) / 2)[0]),
            isolated_agents=0 if n_agents == 1 else int((~others.any(1)).sum()),
        )
        assert operator_figures(operator) == operator_figures(operator) == expected


@pytest.mark.parametrize(("n_agents", "negative", "of"), [(4, 15, 38), (5, 547, 728)])
def test_how_many_connected_graphs_have_a_negative_eigenvalue(n_agents, negative, of):
    smallest = [operator_figures(step(graph)).lambda_min for graph in connected_graphs(n_agents)]
    assert (sum(value < -1e-12 for value in smallest), len(smallest)) == (negative, of)


@pytest.mark.parametrize(("size", "printed", "rounds"), [((3, 2), 0.222, 6.1), ((5, 4), 0.321, 8.1)], ids=str)
def test_mean_square_disagreement_factor(size, printed, rounds):
    """λ of E[W²] - J; disagreement is 1% of the start, in root mean square, after ln 10⁻⁴ / ln λ rounds."""
    n_agents = size[0]
    mean_square = np.mean([step(graph) @ step(graph) for graph in connected_graphs(*size)], axis=0)
    factor = np.linalg.eigvalsh(mean_square - 1 / n_agents).max()
    assert factor == pytest.approx(printed, abs=PRINTED)
    assert np.log(1e-4) / np.log(factor) == pytest.approx(rounds, abs=0.05)


def test_coefficients_of_the_joint_error():
    """N W: rows of path-3, ring-4 and the end of path-5."""
    np.testing.assert_allclose(3 * step(PATH_3), [[2, 1, 0], [1, 1, 1], [0, 1, 2]])
    np.testing.assert_allclose((4 * step(ring(4)))[0], [4 / 3, 4 / 3, 0, 4 / 3])
    np.testing.assert_allclose((5 * step(path(5)))[0], [10 / 3, 5 / 3, 0, 0, 0])


# The notes print 0.87 for (4, 3); enumeration gives 83/96 = 0.8646.
RELATIVE = {(3, 2): 0.44, (4, 3): 0.86, (5, 4): 1.28, (5, 6): 0.74}


@pytest.mark.parametrize("size", RELATIVE, ids=str)
def test_relative_mean_square_error_of_one_round(size):
    """E (e_i - Σδ)² / E (Σδ)² for independent errors of variance 1: mean over i of Σ_j (N W_ij - 1)² / N."""
    n_agents = size[0]
    errors = [((n_agents * step(graph) - 1) ** 2).sum(1).mean() / n_agents for graph in connected_graphs(*size)]
    assert np.mean(errors) == pytest.approx(RELATIVE[size], abs=0.005)
