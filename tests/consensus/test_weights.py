"""Metropolis weights: by hand, and only where they keep their promise."""

import numpy as np
import pytest

from dvdn_sim.consensus import Facts, lossless_facts, metropolis
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


def test_what_was_lost_changes_no_weight():
    facts = lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])
    nothing_heard = Facts(3, facts.edges, facts.active, np.full_like(facts.latest, -1))
    np.testing.assert_array_equal(metropolis(nothing_heard), metropolis(facts))
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


@pytest.mark.parametrize("graphs", ONE_WAY)
def test_one_way_links_are_refused(graphs):
    with pytest.raises(ValueError, match="both directions of every link"):
        metropolis(lossless_facts(graphs))


def test_no_links_no_weights():
    assert metropolis(lossless_facts([Graph(1, ())] * 3)).shape == (3, 0)
