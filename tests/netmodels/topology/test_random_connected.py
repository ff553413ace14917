from collections import Counter
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from graph_facts import connected
from scipy.stats import chi2

from netmodels.streams import stream
from netmodels.topology import Graph, Instant, RandomConnected, connected_counts, random_connected_pairs
from netmodels.topology.random_connected import _connected, random_tree


def connected_graphs(n_agents, links):
    for chosen in combinations(combinations(range(n_agents), 2), links):
        graph = nx.empty_graph(n_agents)
        graph.add_edges_from(chosen)
        if nx.is_connected(graph):
            yield chosen


def is_uniform(drawn, graphs, each):
    """By the χ² of counts of which so many are expected of each graph."""
    assert set(drawn) <= set(graphs)
    statistic = sum((drawn[graph] - each) ** 2 / each for graph in graphs)
    return statistic < chi2.ppf(1 - 1e-5, len(graphs) - 1)


MANY = [pytest.param(4, excess, 2000, marks=pytest.mark.slow) for excess in (0, 1)]


@pytest.mark.parametrize(("n_agents", "excess", "each"), [(4, 0, 100), (4, 1, 100), (5, 0, 40), *MANY])
def test_uniform_among_connected_graphs(n_agents, excess, each):
    links = n_agents - 1 + excess
    graphs = [Graph.undirected(n_agents, chosen) for chosen in connected_graphs(n_agents, links)]
    topology = RandomConnected(links if excess else None)
    drawn = Counter(topology.graph(n_agents, 1, Instant(episode)) for episode in range(each * len(graphs)))
    assert is_uniform(drawn, graphs, each)


@pytest.mark.parametrize(("n_agents", "excess", "each"), [(4, 0, 60), (4, 1, 60), (5, 1, 30), (5, 3, 30), *MANY])
def test_uniform_by_counting(n_agents, excess, each):
    graphs = list(connected_graphs(n_agents, n_agents - 1 + excess))
    generator = stream(6, "counting")
    drawn = Counter(
        tuple(sorted((min(pair), max(pair)) for pair in random_connected_pairs(n_agents, excess, generator)))
        for _ in range(each * len(graphs))
    )
    assert is_uniform(drawn, graphs, each)


@pytest.mark.parametrize("n_agents", [3, 4, 5, 10, 100])
def test_trees_are_those_of_networkx(n_agents):
    for seed in range(50):
        sequence = np.random.default_rng(seed).integers(n_agents, size=n_agents - 2).tolist()
        expected = nx.from_prufer_sequence(sequence).edges
        assert set(map(frozenset, random_tree(n_agents, np.random.default_rng(seed)))) == set(map(frozenset, expected))


def test_connects_as_networkx_says():
    generator, pairs = stream(8, "connects"), list(combinations(range(6), 2))
    drawn = [[pairs[pick] for pick in generator.integers(len(pairs), size=6)] for _ in range(300)]
    found = [_connected(6, chosen) for chosen in drawn]
    assert 50 < sum(found) < 250
    graphs = [nx.empty_graph(6) for _ in drawn]
    for graph, chosen in zip(graphs, drawn, strict=True):
        graph.add_edges_from(chosen)
    assert found == [nx.is_connected(graph) for graph in graphs]


def test_pure_function_of_seed_and_index():
    first = [RandomConnected().graph(6, 3, Instant(episode)) for episode in range(20)]
    again = [RandomConnected().graph(6, 3, Instant(episode)) for episode in reversed(range(20))][::-1]
    assert first == again
    assert len(set(first)) > 10
    assert first != [RandomConnected().graph(6, 4, Instant(episode)) for episode in range(20)]


def test_resample_names_the_index_that_counts():
    def graphs(resample):
        topology = RandomConnected(resample=resample)
        return np.array(
            [
                [[hash(topology.graph(8, 0, Instant(episode, update, k))) for k in range(3)] for update in range(3)]
                for episode in range(3)
            ]
        )

    by_episode, by_update, by_round = map(graphs, ("episode", "update", "round"))
    assert (by_episode == by_episode[:, :1, :1]).all()
    assert len(np.unique(by_episode)) == 3
    assert (by_update == by_update[:1, :, :1]).all()
    assert len(np.unique(by_update)) == 3
    assert (by_round == by_round[:1]).all()
    assert len(np.unique(by_round)) == 9


@pytest.mark.parametrize(("n_agents", "edges"), [(1, None), (2, 1), (10, None), (10, 12), (10, 45), (50, None)])
def test_connected_with_that_many_links(n_agents, edges):
    graph = RandomConnected(edges).graph(n_agents, 0)
    assert len(graph.edges) == 2 * (n_agents - 1 if edges is None else edges)
    assert connected(graph)


@pytest.mark.parametrize("n_agents", [0, -1, 2.0, "3", True])
def test_refuses_numbers_of_agents(n_agents):
    with pytest.raises(ValueError, match=f"n_agents.*{n_agents}"):
        RandomConnected().graph(n_agents, 0)


@pytest.mark.parametrize(("n_agents", "edges"), [(4, 2), (4, 7), (1, 1)])
def test_refuses_impossible_numbers(n_agents, edges):
    with pytest.raises(ValueError, match=rf"edges.*{edges}"):
        RandomConnected(edges).graph(n_agents, 0)


@pytest.mark.parametrize(("n_agents", "edges", "enough"), [(200, 300, 420), (500, 510, 1279), (1000, 1001, 2905)])
def test_refuses_what_takes_minutes_to_count_and_says_what_does_not(n_agents, edges, enough):
    with pytest.raises(ValueError, match=rf"edges: expected {n_agents - 1}, or at least {enough}.*{edges}"):
        RandomConnected(edges).graph(n_agents, 0)
    for drawable in (n_agents - 1, enough):
        assert connected(RandomConnected(drawable).graph(n_agents, 0))
    with pytest.raises(ValueError, match="take too long"):
        RandomConnected(enough - 1).graph(n_agents, 0)


@pytest.mark.parametrize("n_agents", [1, 2, 3, 4, 5])
def test_counts_by_listing_them_all(n_agents):
    most = n_agents * (n_agents - 1) // 2
    for links in range(n_agents - 1, most + 1):
        excess = links - n_agents + 1
        assert connected_counts(n_agents, excess)[n_agents][excess] == len(list(connected_graphs(n_agents, links)))


def test_counts_against_cayley_and_the_literature():
    assert all(connected_counts(30, 0)[n][0] == n ** (n - 2) for n in range(2, 31))
    # Unicyclic graphs: OEIS A057500.
    assert [connected_counts(8, 1)[n][1] for n in range(3, 9)] == [1, 15, 222, 3660, 68295, 1436568]


@pytest.mark.parametrize(("n_agents", "edges"), [(50, 50), (50, 60), (30, 31), (300, 301)])
def test_sparse_graphs_that_chance_would_hardly_connect(n_agents, edges):
    graphs = {RandomConnected(edges).graph(n_agents, 0, Instant(episode)) for episode in range(3)}
    assert len(graphs) == 3
    for graph in graphs:
        assert connected(graph)
        assert len(graph.edges) == 2 * edges


def test_refuses_what_would_take_too_long():
    with pytest.raises(ValueError, match=r"edges.*900"):
        RandomConnected(900).graph(500, 0)


def test_cycle_lengths_of_unicyclic_graphs(in_sigmas):
    # On 5 labelled nodes 222 unicyclic graphs: 150 with a triangle, 60 with a square, 12 pentagons.
    generator = stream(7, "counting")
    lengths = [len(nx.cycle_basis(nx.Graph(random_connected_pairs(5, 1, generator)))[0]) for _ in range(2500)]
    in_sigmas.mean(np.array(lengths), (150 * 3 + 60 * 4 + 12 * 5) / 222)
