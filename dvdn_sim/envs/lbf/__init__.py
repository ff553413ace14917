"""Level-Based Foraging, batched: the rules of ``lbforaging`` 2.0.0 (Christianos et al. 2020) in torch.

rules   where a batch of fields stands, what a step does, what players see
spawn   how an episode begins: where players and foods are, and how strong
env     `LevelBasedForaging`: all of it under the contract of `dvdn_sim.envs.api`, and its picture
"""

from dvdn_sim.envs.lbf.env import LevelBasedForaging
from dvdn_sim.envs.lbf.rules import LbfState

__all__ = ["LbfState", "LevelBasedForaging"]
