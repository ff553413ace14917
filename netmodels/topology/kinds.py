"""The kinds of topology by name: a kind is a dataclass and one line here."""

from collections.abc import Mapping

from netmodels.topology.fixed import Complete, Ring, Topology
from netmodels.topology.switching import RandomConnected

TOPOLOGIES: Mapping[str, type[Topology]] = {
    "complete": Complete,
    "ring": Ring,
    "random_connected": RandomConnected,
}
