"""The kinds of topology and mobility by name: a kind is a dataclass and one line here."""

from collections.abc import Mapping

from netmodels.choice import of_kind
from netmodels.topology.drawn import BarabasiAlbert, ErdosRenyi, KRegular, RandomGeometric, WattsStrogatz
from netmodels.topology.fixed import Complete, Edges, Grid, Path, Ring, Star
from netmodels.topology.graph import Topology
from netmodels.topology.mobile import Range
from netmodels.topology.mobility import Mobility, PositionTrace, RandomWaypoint
from netmodels.topology.switching import RandomConnected
from netmodels.topology.timed import EdgeMarkov, Schedule, checked_topology

TOPOLOGIES: Mapping[str, type[Topology]] = {
    "complete": Complete,
    "ring": Ring,
    "path": Path,
    "star": Star,
    "grid": Grid,
    "edges": Edges,
    "k_regular": KRegular,
    "erdos_renyi": ErdosRenyi,
    "barabasi_albert": BarabasiAlbert,
    "watts_strogatz": WattsStrogatz,
    "random_geometric": RandomGeometric,
    "random_connected": RandomConnected,
    "edge_markov": EdgeMarkov,
    "range": Range,
    "schedule": Schedule,
}
MOBILITIES: Mapping[str, type[Mobility]] = {
    "random_waypoint": RandomWaypoint,
    "trace": PositionTrace,
}


def topology_of(value: object, name: str = "topology") -> Topology:
    """Make a topology of a topology, or of a mapping with ``kind``, nested ones included.

    Args:
        value: one of these.
        name: what it is, for errors.

    Returns:
        The topology.

    Raises:
        ValueError: naming the option and the value that does not fit.

    >>> topology_of({"kind": "edge_markov", "up": "9 s", "down": "1 s", "base": {"kind": "ring"}})
    EdgeMarkov(up=9.0, down=1.0, base=Ring())
    """
    if not isinstance(value, Mapping):
        return checked_topology(value, name)
    options = dict(value)
    if "base" in options:
        options["base"] = topology_of(options["base"], f"{name}.base")
    if isinstance(options.get("mobility"), Mapping):
        options["mobility"] = of_kind("mobility", MOBILITIES, options["mobility"])
    if isinstance(options.get("entries"), (list, tuple)):
        options["entries"] = [_entry(entry, f"{name}.entries") for entry in options["entries"]]
    return of_kind(name, TOPOLOGIES, options)


def _entry(entry: object, name: str) -> object:
    if isinstance(entry, Mapping) and "topology" in entry:
        return {**entry, "topology": topology_of(entry["topology"], f"{name}.topology")}
    return entry
