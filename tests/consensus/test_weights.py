"""Metropolis weights: by hand, and only where they keep their promise."""

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, lazy, lossless_facts, max_degree, metropolis
from netmodels.topology import Graph


def test_by_hand():
    # Degrees 1, 3, 2, 2: the link 0 - 1 has weight 1/(1 + 3), as have 1 - 2 and 1 - 3; 2 - 3 has 1/(1 + 2).
    graph = Graph.undirected(4, [(0, 1), (1, 2), (1, 3), (2, 3)])
    facts = lossless_facts([graph])
    weights = dict(zip(map(tuple, facts.edges.tolist()), metropolis(facts)[0].tolist(), strict=True))
    assert weights == {edge: 1 / 3 if edge in {(2, 3), (3, 2)} else 1 / 4 for edge in graph.edges}


def test_degrees_are_those_of_each_rounds_graph_and_links_that_are_not_in_it_weigh_nothing():
    facts = lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)]), Graph.undirected(3, [(0, 1)])])
    assert facts.edges.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert facts.degrees.tolist() == [[1, 2, 1], [1, 1, 0]]
    np.testing.assert_allclose(metropolis(facts), [[1 / 3] * 4, [1 / 2, 1 / 2, 0, 0]])


def test_lazy_and_max_degree_by_hand():
    # A star of 4 with one link more in round 0, one link alone in round 1, none in round 2.
    graphs = [Graph.undirected(4, [(0, 1), (0, 2), (0, 3), (1, 2)]), Graph.undirected(4, [(1, 2)]), Graph(4, ())]
    facts = lossless_facts(graphs)
    number = {edge: index for index, edge in enumerate(map(tuple, facts.edges.tolist()))}
    one_two = [number[1, 2], number[2, 1]]
    others = [index for index in range(8) if index not in one_two]
    np.testing.assert_allclose(lazy(facts)[:2, one_two], [[1 / 6] * 2, [1 / 4] * 2])
    np.testing.assert_allclose(lazy(facts)[:, others], [[1 / 8] * 6, [0] * 6, [0] * 6])
    np.testing.assert_allclose(max_degree(facts)[:2, one_two], [[1 / 4] * 2, [1 / 2] * 2])
    np.testing.assert_allclose(max_degree(facts)[:, others], [[1 / 4] * 6, [0] * 6, [0] * 6])
    assert (lazy(facts)[2] == 0).all()
    assert (max_degree(facts)[2] == 0).all()


def test_lazy_weights_have_no_negative_eigenvalue_on_a_ring_of_four():
    ring = lossless_facts([Graph.undirected(4, [(0, 1), (1, 2), (2, 3), (0, 3)])])
    smallest = {
        name: np.linalg.eigvalsh(POLICIES["self"](weights).step(ring)[0])[0] for name, weights in WEIGHTS.items()
    }
    assert smallest["metropolis"] == pytest.approx(-1 / 3)
    assert smallest["lazy"] == pytest.approx(1 / 3)
    assert smallest["max_degree"] == pytest.approx(-1 / 3)  # the same as Metropolis on a regular graph


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=list(WEIGHTS))
def test_what_was_lost_changes_no_weight(weights):
    facts = lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])
    nothing_heard = Facts(3, facts.edges, facts.active, np.full_like(facts.latest, -1))
    np.testing.assert_array_equal(weights(nothing_heard), weights(facts))
    np.testing.assert_array_equal(nothing_heard.degrees, facts.degrees)


ONE_WAY = [
    [Graph(2, ((0, 1),))],
    # With three senders of degree 1 each, agent 3 would keep 1 - 3/2 of its own: outside the hull.
    [Graph(4, ((0, 3), (1, 3), (2, 3)))],
    [Graph(3, ((0, 1), (1, 2), (2, 0)))],
    # In each round one way only, though both over the whole exchange.
    [Graph(2, ((0, 1),)), Graph(2, ((1, 0),))],
    [Graph.undirected(3, [(0, 1), (1, 2)]), Graph(3, ((0, 1), (1, 0), (1, 2)))],
]


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=list(WEIGHTS))
@pytest.mark.parametrize("graphs", ONE_WAY)
def test_one_way_links_are_refused(graphs, weights):
    with pytest.raises(ValueError, match="both directions of every link"):
        weights(lossless_facts(graphs))


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=list(WEIGHTS))
def test_no_links_no_weights(weights):
    assert weights(lossless_facts([Graph(1, ())] * 3)).shape == (3, 0)
