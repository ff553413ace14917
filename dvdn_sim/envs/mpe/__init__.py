"""Multi-agent Particle Environments, batched: three tasks of ``mpe2`` 1.1.1 (Lowe et al. 2017) in torch.

world       bodies
vectors     arithmetic on batches of places
state       where a batch of worlds stands
physics     how bodies move
sight       what agents see of others
task        what sets one task apart from another
opponents   who plays the agents that are no learners
opposition  opponents at play
env         `ParticleEnv`: a task under the contract of `dvdn_sim.envs.api`
spread      `SimpleSpread`
adversary   `SimpleAdversary`
tag         `SimpleTag`
picture     a world as a picture
checks      refusing what no game can be played with

Physics, observations and rewards are those of ``mpe2`` step by step; episodes begin with luck of their own, equally
distributed. Older versions, in which most numbers were published, are options: see `physics`, and `reward` and
`observation` of each task.
"""

from dvdn_sim.envs.mpe.adversary import SimpleAdversary
from dvdn_sim.envs.mpe.opponents import Opponent
from dvdn_sim.envs.mpe.spread import SimpleSpread
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.envs.mpe.tag import SimpleTag

__all__ = ["MpeState", "Opponent", "SimpleAdversary", "SimpleSpread", "SimpleTag"]
