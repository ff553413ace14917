import math

import numpy as np
import pytest
from graph_facts import connected

from netmodels.topology import (
    BarabasiAlbert,
    ErdosRenyi,
    Instant,
    KRegular,
    RandomGeometric,
    WattsStrogatz,
)

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
    share = [len(RandomGeometric(radius=r).graph(12, seed).edges) / 132 for seed in range(2000)]
    in_sigmas.mean(np.array(share), math.pi * r**2 - 8 * r**3 / 3 + r**4 / 2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: KRegular(degree=4).graph(4, 0), r"degree.*4"),
        (lambda: KRegular(degree=3).graph(5, 0), r"degree.*3"),
        (lambda: ErdosRenyi(p=0.0, connected=True).graph(3, 0), r"connected"),
        (lambda: BarabasiAlbert(links=3).graph(3, 0), r"links.*3"),
        (lambda: WattsStrogatz(neighbours=3, p=0.1), r"neighbours.*3"),
        (lambda: WattsStrogatz(neighbours=4, p=0.1).graph(4, 0), r"neighbours.*4"),
        # What would take minutes, or for ever.
        (lambda: KRegular(degree=400).graph(1000, 0), r"degree.*takes too long, got 400"),
        (lambda: BarabasiAlbert(links=500).graph(1000, 0), r"links.*takes too long, got 500"),
        (lambda: WattsStrogatz(neighbours=298, p=1.0).graph(300, 0), r"neighbours.*takes too long, got 298"),
        (lambda: ErdosRenyi(p=1e-4, connected=True).graph(1000, 0), r"connected.*in 20 draws"),
        (lambda: RandomGeometric(radius=0), r"radius.*0"),
    ],
)
def test_refuses(build, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        build()
