"""Every choice of the library by the name that a scenario uses: a kind is a dataclass and one line."""

from netmodels.faults.kinds import FAULTS
from netmodels.links.kinds import DELAYS, LOSSES
from netmodels.presets import PRESETS
from netmodels.topology.kinds import MOBILITIES, TOPOLOGIES

__all__ = ["DELAYS", "FAULTS", "LOSSES", "MOBILITIES", "PRESETS", "TOPOLOGIES"]
