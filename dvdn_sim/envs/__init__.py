"""Environments, batched: E copies step together and every result is a tensor on the learner's device.

Read in this order:

* ``api``: `BatchedEnv`, the contract that the training loop knows.
* ``batch``: what every batch of rows needs.
* ``lbf``: `LevelBasedForaging`, batched; ``foraging``, PyPI's own, is its oracle.
* ``mpe``: `SimpleSpread`, `SimpleAdversary`, `SimpleTag`, batched; ``mpe2`` is their oracle.
* ``marbler``: `ArcticTransport`, `MaterialTransport`, `PredatorCapturePrey`, `Warehouse`, on a batched Robotarium.
* ``adapt``: `BatchedParallelEnv`, any PettingZoo ``ParallelEnv`` behind that contract, one copy after the other.
* ``spaces``: which PettingZoo spaces the adapter takes, and how an observation becomes a row of numbers.
* ``parallel``: the other way round, one copy of a batch as a PettingZoo ``ParallelEnv``.
* ``canvas``: what pictures are drawn with; ``random_play``: what no skill is worth.
"""

__all__ = ["adapt", "api", "batch", "canvas", "foraging", "lbf", "marbler", "mpe", "parallel", "random_play", "spaces"]
