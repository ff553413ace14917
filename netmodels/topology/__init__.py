"""Topologies: which links exist at an instant.

- `graph`: `Graph`, the answer, and `Topology`, what gives it.
- `fixed`: complete, ring, path, star, grid, listed edges.
- `drawn`: the random graphs of networkx, drawn once.
- `switching`: random connected graphs, drawn anew all the time; `counting` draws the sparse ones.
- `timed`: by a schedule, or as links fail and recover.
- `mobile`: what is in range; `mobility` says where agents are.
- `facts`: what is known of a graph: connected, diameter, spectral gap.
- `kinds`: all of them by name.
"""

from netmodels.topology.drawn import BarabasiAlbert, ErdosRenyi, KRegular, RandomGeometric, WattsStrogatz
from netmodels.topology.facts import GraphFacts, graph_facts, jointly_connected, metropolis
from netmodels.topology.fixed import Complete, Edges, Grid, Path, Ring, Star
from netmodels.topology.graph import Graph, Topology
from netmodels.topology.kinds import topology_of
from netmodels.topology.mobile import Range
from netmodels.topology.mobility import Mobility, PositionTrace, RandomWaypoint
from netmodels.topology.switching import RandomConnected
from netmodels.topology.timed import EdgeMarkov, Schedule

__all__ = [
    "BarabasiAlbert",
    "Complete",
    "EdgeMarkov",
    "Edges",
    "ErdosRenyi",
    "Graph",
    "GraphFacts",
    "Grid",
    "KRegular",
    "Mobility",
    "Path",
    "PositionTrace",
    "RandomConnected",
    "RandomGeometric",
    "RandomWaypoint",
    "Range",
    "Ring",
    "Schedule",
    "Star",
    "Topology",
    "WattsStrogatz",
    "graph_facts",
    "jointly_connected",
    "metropolis",
    "topology_of",
]
