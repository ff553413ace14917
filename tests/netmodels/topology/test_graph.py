import networkx as nx
import numpy as np
import pytest

from netmodels.topology import Graph, graph_facts, jointly_connected, metropolis


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
    with pytest.raises(ValueError, match=message):
        Graph(n_agents, edges)


@pytest.mark.parametrize(
    ("name", "graph", "lambda_min"),
    [
        ("ring4", nx.cycle_graph(4), -0.333),
        ("ring5", nx.cycle_graph(5), -0.206),
        ("ring6", nx.cycle_graph(6), -0.333),
        ("path4", nx.path_graph(4), -0.138),
        ("path5", nx.path_graph(5), -0.206),
        ("complete4", nx.complete_graph(4), 0.0),
    ],
)
def test_facts(name, graph, lambda_min):
    facts = graph_facts(Graph.undirected(graph.number_of_nodes(), graph.edges))
    assert facts.connected, name
    assert facts.diameter == nx.diameter(graph)
    assert round(facts.lambda_min, 3) == pytest.approx(lambda_min, abs=1e-9)
    assert 0 < facts.spectral_gap <= 1


def test_facts_of_what_is_not_connected():
    facts = graph_facts(Graph.undirected(3, [(0, 1)]))
    assert (facts.connected, facts.diameter, facts.spectral_gap) == (False, np.inf, 0.0)
    assert np.isnan(graph_facts(Graph(2, ((0, 1),))).lambda_min)
    assert graph_facts(Graph(1, ())).connected


def test_metropolis_of_a_star():
    weights = metropolis(Graph.undirected(3, [(0, 1), (0, 2)]))
    assert weights == pytest.approx(np.array([[1, 1, 1], [1, 2, 0], [1, 0, 2]]) / 3)
    with pytest.raises(ValueError, match="graph"):
        metropolis(Graph(2, ((0, 1),)))


def test_jointly_connected():
    halves = [Graph.undirected(4, [(0, 1), (2, 3)]), Graph.undirected(4, [(1, 2)])]
    assert jointly_connected(halves)
    assert not jointly_connected(halves[:1])
    with pytest.raises(ValueError, match="graphs"):
        jointly_connected([])
