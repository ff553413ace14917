"""Tasks of our own, by which networks can be told apart: robots on a ring, each with a sign that it alone sees.

rules    what a step does: signs are drawn and seen, parcels sorted, tools handed on
env      `Sorting` and `Relay`: the rules under the contract of `dvdn_sim.envs.api`, and the picture

docs/tasks.md says what they are for.
"""

from dvdn_sim.envs.ring.env import Relay, RingState, Sorting

__all__ = ["Relay", "RingState", "Sorting"]
