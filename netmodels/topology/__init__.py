"""Topologies: which links exist at an instant.

- `graph`: `Graph`, the answer.
- `fixed`, `switching`: the kinds; `kinds` lists them by name.
- `facts`: what is known of a graph: connected, diameter, spectral gap.
"""

from netmodels.topology.facts import GraphFacts, graph_facts, jointly_connected, metropolis
from netmodels.topology.fixed import Complete, Ring, Topology
from netmodels.topology.graph import Graph
from netmodels.topology.switching import RandomConnected

__all__ = [
    "Complete",
    "Graph",
    "GraphFacts",
    "RandomConnected",
    "Ring",
    "Topology",
    "graph_facts",
    "jointly_connected",
    "metropolis",
]
