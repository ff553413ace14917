"""Random graphs have networkx's distribution: all of it where they are small, and what can be counted where not."""

import pickle
from collections import Counter

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from netmodels.streams import stream
from netmodels.topology import BarabasiAlbert, ErdosRenyi, Graph, KRegular, RandomGeometric, WattsStrogatz
from netmodels.topology.static import _connected

OURS_AND_THEIRS = {
    "regular": (KRegular(degree=2), 6, lambda seed: nx.random_regular_graph(2, 6, seed)),
    "regular, dense": (KRegular(degree=3), 6, lambda seed: nx.complement(nx.random_regular_graph(2, 6, seed))),
    "independent": (ErdosRenyi(p=0.4), 4, lambda seed: nx.gnp_random_graph(4, 0.4, seed)),
    "attached": (BarabasiAlbert(links=2), 6, lambda seed: nx.barabasi_albert_graph(6, 2, seed)),
    "attached by one": (BarabasiAlbert(links=1), 5, lambda seed: nx.barabasi_albert_graph(5, 1, seed)),
    "small world": (WattsStrogatz(neighbours=2, p=0.7), 5, lambda seed: nx.watts_strogatz_graph(5, 2, 0.7, seed)),
    "small world, full": (WattsStrogatz(neighbours=4, p=1.0), 6, lambda seed: nx.watts_strogatz_graph(6, 4, 1.0, seed)),
}


@pytest.mark.parametrize(("ours", "n_agents", "theirs"), OURS_AND_THEIRS.values(), ids=OURS_AND_THEIRS)
def test_each_small_graph_is_as_frequent_as_with_networkx(ours, n_agents, theirs):
    draws = 1500
    generator, seed = stream(1, "ours"), np.random.default_rng(2)
    one = Counter(Graph.undirected(n_agents, ours._draw(n_agents, generator)) for _ in range(draws))
    other = Counter(Graph.undirected(n_agents, theirs(seed).edges) for _ in range(draws))
    graphs = one.keys() | other.keys()
    assert len(graphs) > 2
    statistic = sum((one[graph] - other[graph]) ** 2 / (one[graph] + other[graph]) for graph in graphs)
    assert statistic < chi2.ppf(1 - 1e-5, len(graphs) - 1)


LARGER = {
    "regular": (KRegular(degree=6), lambda seed: nx.random_regular_graph(6, 300, seed)),
    "independent": (ErdosRenyi(p=0.02), lambda seed: nx.gnp_random_graph(300, 0.02, seed)),
    "attached": (BarabasiAlbert(links=3), lambda seed: nx.barabasi_albert_graph(300, 3, seed)),
    "small world": (WattsStrogatz(neighbours=6, p=0.4), lambda seed: nx.watts_strogatz_graph(300, 6, 0.4, seed)),
}


def figures_of(graph):
    degrees = np.array(graph.degrees)
    adjacency = graph.adjacency()
    triangles = (adjacency @ adjacency * adjacency).sum() / 6.0
    counts = [(degrees == k).sum() for k in range(2, 9)]
    return [len(graph.links), (degrees**2).sum(), degrees.max(), degrees[:20].sum(), triangles, *counts]


@pytest.mark.parametrize(("ours", "theirs"), LARGER.values(), ids=LARGER)
def test_links_degrees_triangles_and_connected_ones_are_as_many_as_with_networkx(in_sigmas, ours, theirs):
    seed, one, other = np.random.default_rng(3), [], []
    for number in range(60):
        graph, reference = ours.graph(300, number), theirs(seed)
        one.append([*figures_of(graph), _connected(graph)])
        other.append([*figures_of(Graph.undirected(300, reference.edges)), nx.is_connected(reference)])
    for column in (np.array(one, float) - np.array(other, float)).T:
        in_sigmas.mean(column, 0.0)


def test_random_geometric_graphs_are_those_of_networkx():
    for seed in range(20):
        reference = nx.random_geometric_graph(30, 0.3, seed=stream(seed, "topology", "RandomGeometric"))
        assert RandomGeometric(radius=0.3).graph(30, seed) == Graph.undirected(30, reference.edges)


@st.composite
def drawn(draw):
    n_agents = draw(st.integers(1, 40))
    kinds = [st.builds(ErdosRenyi, p=st.floats(0.0, 1.0)), st.builds(RandomGeometric, radius=st.floats(0.01, 2.0))]
    degrees = [degree for degree in range(n_agents) if degree * n_agents % 2 == 0]
    kinds.append(st.builds(KRegular, degree=st.sampled_from(degrees)))
    if n_agents > 1:
        kinds.append(st.builds(BarabasiAlbert, links=st.integers(1, n_agents - 1)))
    nearest = st.integers(0, (n_agents - 1) // 2).map(lambda half: 2 * half)
    kinds.append(st.builds(WattsStrogatz, neighbours=nearest, p=st.floats(0.0, 1.0)))
    return draw(st.one_of(kinds)), n_agents, draw(st.integers(0, 2**31))


@given(drawn())
def test_what_is_drawn_is_a_graph_of_its_kind(case):
    topology, n_agents, seed = case
    graph = topology.graph(n_agents, seed)
    edges = graph.edges
    assert list(edges) == sorted(set(edges))
    assert {(receiver, sender) for sender, receiver in edges} == set(edges)
    assert all(sender != receiver for sender, receiver in edges)
    assert _connected(graph) == nx.is_connected(graph.to_networkx().to_undirected())
    if isinstance(topology, KRegular):
        assert set(graph.degrees) == {topology.degree}
    if isinstance(topology, BarabasiAlbert):
        assert len(edges) == 2 * topology.links * (n_agents - topology.links)
        assert _connected(graph)
    if isinstance(topology, WattsStrogatz):
        assert len(edges) == topology.neighbours * n_agents


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_a_graph_answers_as_its_pairs_do(case):
    n_agents, pairs = case
    edges = sorted(pair for pair in pairs if pair[0] != pair[1])
    graph, agents = Graph(n_agents, edges), range(n_agents)
    assert graph.edges == tuple(edges)
    assert [graph.neighbours(i) for i in agents] == [tuple(b for a, b in edges if a == i) for i in agents]
    assert [graph.senders(i) for i in agents] == [tuple(a for a, b in edges if b == i) for i in agents]
    assert graph.degrees == tuple(len(graph.neighbours(i)) for i in agents)
    assert graph.symmetric == all((b, a) in edges for a, b in edges)
    both = Graph.undirected(n_agents, edges)
    assert both == Graph.undirected(n_agents, graph.links)
    assert hash(both) == hash(Graph(n_agents, both.links))
    assert (both == graph) == graph.symmetric
    copy = pickle.loads(pickle.dumps(graph))  # noqa: S301
    assert (copy, hash(copy)) == (graph, hash(graph))
    with pytest.raises(ValueError, match="read-only"):
        copy.links[:] = 0


def test_graphs_are_frozen_and_unlike_others():
    graph = Graph(2, ((0, 1),))
    with pytest.raises(AttributeError):
        graph.n_agents = 3
    assert graph != Graph(3, ((0, 1),))
    assert graph != ((0, 1),)


@pytest.mark.parametrize(
    "topology",
    [
        KRegular(degree=4), ErdosRenyi(p=4e-5), BarabasiAlbert(links=2), WattsStrogatz(neighbours=4, p=0.2),
        RandomGeometric(radius=0.0036),
    ],
    ids=repr,
)  # fmt: skip
def test_a_hundred_thousand_agents(topology):
    graph = topology.graph(10**5, 0)
    assert 380_000 < len(graph.links) < 420_000
    assert graph.symmetric
    assert "edges" not in vars(graph)
    assert graph == Graph(10**5, graph.links)
    agent = int(graph.links[-1, 0])
    assert graph.neighbours(agent) == graph.senders(agent)
