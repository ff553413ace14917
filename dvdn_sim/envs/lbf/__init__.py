"""Level-Based Foraging, batched: the rules of ``lbforaging`` 2.0.0 (Christianos et al. 2020) in torch.

state    where a batch of fields stands
spawn    how an episode begins: where players and foods are
levels   and how strong
rules    what a step does
sight    what players see
picture  what people see
env      `LevelBasedForaging`: all of it under the contract of `dvdn_sim.envs.api`
"""

from dvdn_sim.envs.lbf.env import LevelBasedForaging
from dvdn_sim.envs.lbf.state import LbfState

__all__ = ["LbfState", "LevelBasedForaging"]
