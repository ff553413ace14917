"""Weights by hand, and only where they keep their promise; Metropolis: properties/test_consensus."""

import numpy as np
import pytest

from dvdn_sim.consensus import WEIGHTS, Facts, lazy, lossless_facts, max_degree
from netmodels.topology import Graph


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
