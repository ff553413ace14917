"""Every choice of the library by the name that a scenario uses: a kind is a dataclass and one line."""

from netmodels.links.kinds import DELAYS, LOSSES
from netmodels.topology.kinds import TOPOLOGIES

__all__ = ["DELAYS", "LOSSES", "TOPOLOGIES"]
