import networkx as nx
import pytest

from netmodels.topology import Complete, Edges, Graph, Grid, Instant, Path, Ring, Star


def same(topology, n_agents, reference):
    expected = Graph.undirected(n_agents, reference.edges)
    assert topology.graph(n_agents, seed=0) == topology.graph(n_agents, 5, Instant(3, now_ns=7)) == expected


@pytest.mark.parametrize("n_agents", [1, 2, 3, 4, 7])
def test_against_networkx(n_agents):
    same(Complete(), n_agents, nx.complete_graph(n_agents))
    same(Path(), n_agents, nx.path_graph(n_agents))
    same(Star(), n_agents, nx.star_graph(n_agents - 1))
    same(Grid(columns=n_agents), n_agents, nx.path_graph(n_agents))
    same(Grid(columns=1), n_agents, nx.path_graph(n_agents))
    if n_agents > 1:
        same(Ring(), n_agents, nx.cycle_graph(n_agents))


def test_grid():
    reference = nx.convert_node_labels_to_integers(nx.grid_2d_graph(3, 4), ordering="sorted")
    same(Grid(columns=4), 12, reference)
    assert Grid().graph(9, seed=0).neighbours(4) == (1, 3, 5, 7)
    assert Grid().graph(5, seed=0).edges == Graph.undirected(5, [(0, 1), (1, 2), (0, 3), (1, 4), (3, 4)]).edges


def test_edges():
    assert Edges([[2, 0], [0, 2]]).graph(3, seed=0).edges == ((0, 2), (2, 0))
    assert Edges([[2, 0], [0, 1]], directed=True).graph(3, seed=0).edges == ((0, 1), (2, 0))
    assert Edges([]).graph(2, seed=0).edges == ()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Star(centre=3).graph(3, seed=0), r"centre.*3"),
        (lambda: Edges([[0, 0]]), r"\[0, 0\]"),
        (lambda: Edges([[0, 1, 2]]), r"\[0, 1, 2\]"),
        (lambda: Edges([[0, 1.5]]), r"1\.5"),
        (lambda: Edges([[0, 3]]).graph(3, seed=0), r"edges.*\(0, 3\)"),
        (lambda: Complete().graph(0, seed=0), r"n_agents.*0"),
    ],
)
def test_refuses(build, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        build()
