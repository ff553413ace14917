"""A million agents: to draw their graph, and to ask it whether it is symmetric and connected; with the memory it takes.

pytest tests/benchmarks/bench_graphs.py --benchmark-only
"""

import tracemalloc

import numpy as np
import pytest

from netmodels.streams import stream
from netmodels.topology import BarabasiAlbert, ErdosRenyi, Graph, Grid, KRegular, RandomGeometric, WattsStrogatz
from netmodels.topology.static import _connected

N = 10**6
KINDS = [
    RandomGeometric(radius=(8.0 / np.pi / N) ** 0.5),
    KRegular(degree=8),
    BarabasiAlbert(links=4),
    ErdosRenyi(p=8.0 / N),
    WattsStrogatz(neighbours=8, p=0.1),
    WattsStrogatz(neighbours=8, p=1.0),
]


def drawn(topology, n_agents=N):
    return Graph.undirected(n_agents, topology._draw(n_agents, stream(0, "graphs")))


@pytest.mark.parametrize("topology", KINDS, ids=lambda topology: f"{topology.kind}-{getattr(topology, 'p', '')}")
def test_drawn(benchmark, topology):
    """In less than 10 s each, with at most 250 bytes for a directed link on the way, of which the graph keeps 16."""
    graph = benchmark.pedantic(drawn, (topology,), rounds=2)
    tracemalloc.start()
    drawn(topology)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    benchmark.extra_info["links"] = len(graph.links)
    benchmark.extra_info["peak_bytes_per_link"] = round(peak / len(graph.links))
    assert graph.symmetric


def test_asked(benchmark):
    graph = Grid().graph(N, 0)

    def ask():
        fresh = Graph(N, graph.links)
        return hash(fresh), fresh.symmetric, _connected(fresh), fresh.neighbours(0), fresh.senders(N - 1)

    assert benchmark(ask)[1:3] == (True, True)
