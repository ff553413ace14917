"""Multi-agent Particle Environments: three tasks of ``mpe2`` 1.1.1 (Lowe et al. 2017), compiled.

world      bodies, where worlds stand, how bodies move (``mpe2``'s ``World.step``), what is seen of them
opponents  who plays the agents that are no learners
env        `ParticleEnv`: a task and its opponents under the contract of `dvdn_sim.envs.api`
tasks      `SimpleSpread`, `SimpleAdversary`, `SimpleTag`: what agents see and gain

Physics, observations and rewards are those of ``mpe2`` step by step; episodes begin with luck of their own, equally
distributed. Older versions, in which most numbers were published, are settings: physics, reward and observation
of each task.
"""

from dvdn_sim.envs.mpe.opponents import Opponent
from dvdn_sim.envs.mpe.tasks import SimpleAdversary, SimpleSpread, SimpleTag
from dvdn_sim.envs.mpe.world import MpeState

__all__ = ["MpeState", "Opponent", "SimpleAdversary", "SimpleSpread", "SimpleTag"]
