"""Every choice of the library by the name that a scenario uses; each is listed in a union of its classes."""

from netmodels.faults import FAULTS
from netmodels.links import DELAYS, LOSSES
from netmodels.presets import PRESETS
from netmodels.topology import MOBILITIES, TOPOLOGIES

__all__ = ["DELAYS", "FAULTS", "LOSSES", "MOBILITIES", "PRESETS", "TOPOLOGIES"]
