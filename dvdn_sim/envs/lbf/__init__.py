"""Level-Based Foraging: the rules of ``lbforaging`` 2.0.0 (Christianos et al. 2020), compiled.

rules   what a step does, what players see, how an episode begins: to be read beside the original
env     `LevelBasedForaging`: the rules under the contract of `dvdn_sim.envs.api`, states by hand, and the picture
"""

from dvdn_sim.envs.lbf.env import LbfState, LevelBasedForaging

__all__ = ["LbfState", "LevelBasedForaging"]
