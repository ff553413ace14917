import math

import networkx as nx
import numpy as np
import pytest
from graph_facts import connected

from netmodels.topology import (
    BarabasiAlbert,
    Complete,
    Edges,
    ErdosRenyi,
    Graph,
    Grid,
    Instant,
    KRegular,
    Path,
    RandomGeometric,
    Ring,
    Star,
    WattsStrogatz,
    static,
)


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
    "text",
    ["2,0\n0,1\n", "from,to\n2,0\n\n0, 1\n0,1\n", "# of a network\n2 0\n# and\n0\t1", "a b\r\n 2 0 \r\n0 1 # so\r\n"],
)
def test_edges_of_a_file(tmp_path, text):
    path = tmp_path / "links.csv"
    path.write_text(text)
    one_way, listed = Edges(directed=True, file=str(path)), Edges(file=str(path))
    path.write_text("1,2\n")  # read once
    assert one_way.graph(3, seed=0).edges == ((0, 1), (2, 0))
    assert listed.graph(3, seed=0) == Edges([[2, 0], [0, 1]]).graph(3, seed=0)
    assert listed.graph(4, seed=0).n_agents == 4
    assert Edges(file=str(path)).graph(3, seed=0).edges == ((1, 2), (2, 1))
    assert (one_way.one_way, listed.one_way) == (True, False)
    assert listed.describe().endswith("listed links")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one pair, got none"),
        ("from,to\n# nothing\n", "at least one pair, got none"),
        ("0,1\n\n1,2,3\n", "two whole numbers, got .*line 3: `1,2,3`"),
        ("# three\n0 1 9\n1 2 9\n", "two whole numbers, got .*line 2: `0 1 9`"),
        ("from,to\n0,1\n1.5,2\n", "two whole numbers, got .*line 3: `1.5,2`"),
        ("0,1\n1,two\n", "two whole numbers, got .*line 2: `1,two`"),
        ("0,1\n1 2\n", "two whole numbers, got .*line 2: `1 2`"),
        ("0,99999999999999999999\n", "two whole numbers, got .*line 1"),
        ("0\n1\n", "two whole numbers, got .*line 1: `0`"),
        ("0,1\n2,2\n", r"different agents from 0 to 1000000, got \(2, 2\)"),
        ("0,1\n-1,2\n", r"different agents from 0 to 1000000, got \(-1, 2\)"),
        ("0,1\n0,1000001\n", r"different agents from 0 to 1000000, got \(0, 1000001\)"),
    ],
)
def test_a_file_of_anything_else_is_refused(tmp_path, text, message):
    path = tmp_path / "links.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"(?s)file: expected .*{message}"):
        Edges(file=str(path))


def test_a_hundred_thousand_edges_of_a_file(tmp_path):
    graph = BarabasiAlbert(links=2).graph(50_000, 0)
    np.savetxt(tmp_path / "links.txt", graph.links, "%d")
    assert Edges(file=str(tmp_path / "links.txt")).graph(50_000, 0) == graph


TOPOLOGIES = [
    KRegular(degree=3, connected=True),
    ErdosRenyi(p=0.25, connected=True),
    BarabasiAlbert(links=2, connected=True),
    WattsStrogatz(neighbours=2, p=0.3, connected=True),
    RandomGeometric(radius=0.4, connected=True),
]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=repr)
def test_drawn_once_from_the_seed_until_connected(topology):
    graphs = [topology.graph(12, seed) for seed in range(20)]
    assert all(connected(graph) and graph.symmetric for graph in graphs)
    assert len(set(graphs)) > 1
    assert graphs == [topology.graph(12, seed, Instant(4, 2, 1, 9)) for seed in range(20)]
    assert topology.describe()


def test_number_of_links(in_sigmas):
    links = [len(ErdosRenyi(p=0.3).graph(20, seed).edges) / 2 for seed in range(600)]
    in_sigmas.mean(np.array(links), 0.3 * 190)
    assert {len(BarabasiAlbert(links=2).graph(12, seed).edges) for seed in range(9)} == {40}
    assert set(KRegular(degree=4).graph(9, 0).degrees) == {4}
    assert len(WattsStrogatz(neighbours=4, p=0.5).graph(10, 0).edges) == 40


@pytest.mark.parametrize(("n_agents", "degree"), [(4, 3), (4, 2), (6, 3), (9, 6), (100, 98), (300, 298)])
def test_dense_regular_graphs_are_drawn_by_what_they_lack(n_agents, degree):
    graphs = {KRegular(degree=degree).graph(n_agents, seed) for seed in range(3)}
    assert all(set(graph.degrees) == {degree} and graph.symmetric for graph in graphs)
    assert len(graphs) == 1 if degree == n_agents - 1 else len(graphs) > 1


def test_random_geometric_density(in_sigmas):
    # Distance of two uniform places in the unit square is at most r with probability π r² − 8 r³/3 + r⁴/2.
    r = 0.3
    share = [len(RandomGeometric(radius=r).graph(12, seed).edges) / 132 for seed in range(1000)]
    in_sigmas.mean(np.array(share), math.pi * r**2 - 8 * r**3 / 3 + r**4 / 2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Star(centre=3).graph(3, seed=0), r"centre.*3"),
        (lambda: Edges([[0, 0]]), r"\[0, 0\]"),
        (Edges, r"edges: expected either pairs or a file of them, got None and ''"),
        (lambda: Edges([[0, 1]], file="links.csv"), r"either pairs or a file.*links\.csv"),
        (lambda: Edges(file="nowhere.csv"), r"file: cannot read 'nowhere\.csv'"),
        (lambda: Edges([[0, 1, 2]]), r"\[0, 1, 2\]"),
        (lambda: Edges([[0, 1.5]]), r"1\.5"),
        (lambda: Edges([[0, 3]]).graph(3, seed=0), r"edges.*\(0, 3\)"),
        (lambda: Complete().graph(0, seed=0), r"n_agents.*0"),
        (lambda: KRegular(degree=4).graph(4, 0), r"degree.*4"),
        (lambda: KRegular(degree=3).graph(5, 0), r"degree.*3"),
        (lambda: ErdosRenyi(p=0.0, connected=True).graph(3, 0), r"connected"),
        (lambda: BarabasiAlbert(links=3).graph(3, 0), r"links.*3"),
        (lambda: WattsStrogatz(neighbours=3, p=0.1), r"neighbours.*3"),
        (lambda: WattsStrogatz(neighbours=4, p=0.1).graph(4, 0), r"neighbours.*4"),
        # What would take minutes, or more memory than there is.
        (lambda: Complete().graph(4500, 0), r"kind.*10000000 links.*got 'complete', which makes 10122750"),
        (lambda: KRegular(degree=4000).graph(10**6, 0), r"degree.*got 4000, which makes 2000000000"),
        (lambda: ErdosRenyi(p=0.5).graph(10**6, 0), r"p: expected at most 10000000 links.*got 0\.5"),
        (lambda: BarabasiAlbert(links=11).graph(10**6, 0), r"links.*got 11, which makes 10999879"),
        (lambda: WattsStrogatz(neighbours=22, p=0.1).graph(10**6, 0), r"neighbours.*got 22, which makes 11000000"),
        (lambda: WattsStrogatz(neighbours=298, p=1.0).graph(300, 0), r"neighbours.*takes too long, got 298"),
        (lambda: RandomGeometric(radius=1.0).graph(10**5, 0), r"radius.*got 1\.0, which makes 48\d{8}\b"),
        (lambda: RandomGeometric(radius=0), r"radius.*0"),
    ],
)
def test_refuses(build, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        build()


def test_refuses_what_is_hardly_ever_connected(monkeypatch):
    monkeypatch.setattr(static, "MAX_DRAWN", 10)
    with pytest.raises(ValueError, match=r"connected.*in 20 draws"):
        ErdosRenyi(p=1e-3, connected=True).graph(100, 0)
