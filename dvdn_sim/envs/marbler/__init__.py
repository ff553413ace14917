"""MARBLER's scenarios (Torbati et al. 2023), one row at a time: robots of the Robotarium, compiled.

robotarium              how commands become motion, what counts as a violation, which commands keep robots apart
scenario                what all four share: the arena, its picture, `Scenario`, states, goals, neighbours
arctic_transport        `ArcticTransport`
material_transport      `MaterialTransport`
predator_capture_prey   `PredatorCapturePrey`
warehouse               `Warehouse`

All numbers and rules are MARBLER's (commit 59c4923), its oddities included, and settings are named after its
configuration; what an oddity is called when it can be turned off says the docstring of each scenario. Two
things differ. The barrier is solved exactly, where the original stops its solver at a tolerance of 1e-2: robots that
pass close to each other end up to millimetres elsewhere. And luck is drawn by row and episode (`dvdn_sim.draws`),
equally distributed, where the original seeds one global generator and leaves another without a seed.
"""

from dvdn_sim.envs.marbler.arctic_transport import ArcticState, ArcticTransport
from dvdn_sim.envs.marbler.material_transport import MaterialState, MaterialTransport
from dvdn_sim.envs.marbler.predator_capture_prey import PredatorCapturePrey, PreyState
from dvdn_sim.envs.marbler.robotarium import advance
from dvdn_sim.envs.marbler.warehouse import Warehouse, WarehouseState

__all__ = [
    "ArcticState",
    "ArcticTransport",
    "MaterialState",
    "MaterialTransport",
    "PredatorCapturePrey",
    "PreyState",
    "Warehouse",
    "WarehouseState",
    "advance",
]
