import networkx as nx
import pytest

from netmodels.topology import Complete, Graph, Ring


@pytest.mark.parametrize("n_agents", [1, 2, 3, 4, 7])
def test_against_networkx(n_agents):
    complete = nx.complete_graph(n_agents)
    assert Complete().graph(n_agents, seed=0) == Graph.undirected(n_agents, complete.edges)
    if n_agents > 1:
        assert Ring().graph(n_agents, seed=5, episode=3) == Graph.undirected(n_agents, nx.cycle_graph(n_agents).edges)
