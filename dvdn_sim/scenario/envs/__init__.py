"""Environments: their settings, and what follows from them (sizes, rules, words).

    env         `Env`, what a scenario must know of any of them
    lbf, mpe, marbler    by family, as the original packages have them
    ring        robots on a ring: tasks of our own
    catalogue   `AnyEnv`, all of them

Lengths and rewards are plain numbers, as in the sources of each environment: a particle's arena reaches from -1 to 1, a
robot's is 3.2 m by 2 m. An environment is a class here, whose fields are the keywords of the class that plays it, and
its name in `AnyEnv`.
"""

from dvdn_sim.scenario.envs.catalogue import ENVS, AnyEnv
from dvdn_sim.scenario.envs.env import Env
from dvdn_sim.scenario.envs.lbf import Foraging, Lbf, LbForaging
from dvdn_sim.scenario.envs.marbler import (
    MESSAGES,
    MOVES,
    ArcticTransport,
    Marbler,
    MaterialTransport,
    PredatorCapturePrey,
    Spawn,
    Warehouse,
)
from dvdn_sim.scenario.envs.mpe import MpeAdversary, MpeSpread, MpeTag, Opposed, Particles
from dvdn_sim.scenario.envs.ring import Relay, Ring, Sorting

__all__ = [
    "ENVS",
    "MESSAGES",
    "MOVES",
    "AnyEnv",
    "ArcticTransport",
    "Env",
    "Foraging",
    "LbForaging",
    "Lbf",
    "Marbler",
    "MaterialTransport",
    "MpeAdversary",
    "MpeSpread",
    "MpeTag",
    "Opposed",
    "Particles",
    "PredatorCapturePrey",
    "Relay",
    "Ring",
    "Sorting",
    "Spawn",
    "Warehouse",
]
