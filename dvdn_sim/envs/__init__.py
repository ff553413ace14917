"""Environments, batched: E copies step together and every result is a tensor on the learner's device.

Read in this order:

* ``api``: `BatchedEnv`, the contract that the training loop knows.
* ``batch``: what every batch of rows needs.
* ``lbf``: `LevelBasedForaging`, batched; ``foraging``, PyPI's own, is its oracle.
* ``mpe``: `SimpleSpread`, `SimpleAdversary`, `SimpleTag`, batched; ``mpe2`` is their oracle.
* ``marbler``: `ArcticTransport`, `MaterialTransport`, `PredatorCapturePrey`, `Warehouse`, on a batched Robotarium.
* ``ring``: `Sorting`, `Relay`, tasks of our own, by which networks can be told apart.
* ``permuted``: agents with orders of their own, so that none can use another's network.
* ``adapt``: `BatchedParallelEnv`, any PettingZoo ``ParallelEnv`` behind that contract, one copy after the other.
* ``parallel``: the other way round, one copy of a batch as a PettingZoo ``ParallelEnv``.
* ``canvas``: what pictures are drawn with; ``random_play``: what no skill is worth.
"""

from dvdn_sim.envs.adapt import AdapterState, BatchedParallelEnv
from dvdn_sim.envs.api import BatchedEnv, Playable
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.foraging import ForagingParallelEnv
from dvdn_sim.envs.parallel import SingleParallelEnv, parallel_env

__all__ = [
    "AdapterState",
    "BatchedEnv",
    "BatchedParallelEnv",
    "Canvas",
    "ForagingParallelEnv",
    "Playable",
    "SingleParallelEnv",
    "parallel_env",
]
