import re

import numpy as np
import pytest

from netmodels.topology import Graph


def test_directed_graph():
    graph = Graph(3, ((0, 1), (0, 2), (2, 1)))
    assert graph.degrees == (2, 0, 1)
    assert [graph.neighbours(i) for i in range(3)] == [(1, 2), (), (1,)]
    assert [graph.senders(i) for i in range(3)] == [(), (0, 2), (0,)]
    assert not graph.symmetric
    assert graph.adjacency().tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]
    assert hash(graph) == hash(Graph(3, ((0, 1), (0, 2), (2, 1))))


@pytest.mark.parametrize(
    ("n_agents", "edges", "message"),
    [
        (0, (), "n_agents.*0"),
        (2, ((0, 0),), r"edges.*\(0, 0\)"),
        (2, ((0, 2),), r"edges.*\(0, 2\)"),
        (2, ((1, 0), (0, 1)), r"edges.*sorted"),
        (2, ((0, 1), (0, 1)), r"edges.*sorted"),
    ],
)
def test_refuses(n_agents, edges, message):
    for given in (edges, np.array(edges, np.int64).reshape(-1, 2)):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            Graph(n_agents, given)


@pytest.mark.parametrize("pair", [(0, 3), (-1, 0), (1, 1)])
def test_pairs_of_others_make_no_graph(pair):
    for given in ([(2, 1), pair], np.array([(2, 1), pair])):
        with pytest.raises(ValueError, match=re.escape(f"different agents below 3, got {pair}")):
            Graph.undirected(3, given)
