"""Topologies: which links exist at an instant.

- `graph`: `Graph`, the answer; `Instant`, the question; and `Topology`, what answers it.
- `static`: complete, ring, path, star, grid, listed edges, and random graphs that are drawn once.
- `random_connected`: random connected graphs, drawn anew all the time.
- `mobility`: who is in range, and what moves the agents.
- `changing`: by a schedule, or as links fail and recover; and the list of all kinds.
"""

# isort: off
# fmt: off
from netmodels.topology.changing import TOPOLOGIES, AnyTopology, EdgeMarkov, Schedule, Switch
from netmodels.topology.graph import Edge, Graph, Instant, Pair, Positions, TopologyKind
from netmodels.topology.mobility import MOBILITIES, AnyMobility, Mobility, PositionTrace, RandomWaypoint, Range
from netmodels.topology.random_connected import (
    RandomConnected, connected_counts, random_connected_pairs, refuse_undrawable,
)
from netmodels.topology.static import (
    BarabasiAlbert, Complete, Edges, ErdosRenyi, Grid, KRegular, Path, RandomGeometric, Ring, Star, WattsStrogatz,
)
# fmt: on
# isort: on

__all__ = [
    "MOBILITIES", "TOPOLOGIES", "AnyMobility", "AnyTopology", "BarabasiAlbert", "Complete", "Edge", "EdgeMarkov",
    "Edges", "ErdosRenyi", "Graph", "Grid", "Instant", "KRegular", "Mobility", "Pair", "Path", "PositionTrace",
    "Positions", "RandomConnected", "RandomGeometric", "RandomWaypoint", "Range", "Ring", "Schedule", "Star", "Switch",
    "TopologyKind", "WattsStrogatz", "connected_counts", "random_connected_pairs", "refuse_undrawable",
]  # fmt: skip
