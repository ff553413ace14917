"""Faults: what goes wrong, when, and for how long.

- `outages`: crashes, links down, one way, partitions, blackouts, flapping.
- `slowdowns`: degraded links, stragglers.
- `timed`: what they have in common; `kinds` lists them by name.
- `plan`: `FaultPlan`, all faults of one run with their times, and what the network asks about them.
"""

from netmodels.faults.kinds import FAULTS, fault_of
from netmodels.faults.outages import Blackout, Crash, Flap, LinkDown, OneWay, Partition
from netmodels.faults.plan import FaultEvent, FaultPlan
from netmodels.faults.slowdowns import Degrade, Straggler
from netmodels.faults.timed import Fault

__all__ = [
    "FAULTS",
    "Blackout",
    "Crash",
    "Degrade",
    "Fault",
    "FaultEvent",
    "FaultPlan",
    "Flap",
    "LinkDown",
    "OneWay",
    "Partition",
    "Straggler",
    "fault_of",
]
