"""Environments, batched: E copies step together and every result is a tensor on the learner's device.

Read in this order:

* ``api``: `BatchedEnv`, the contract that the training loop knows.
* ``batch``: what every batch of rows needs.
* ``adapt``: `BatchedParallelEnv`, any PettingZoo ``ParallelEnv`` behind that contract, one copy after the other.
* ``spaces``: which PettingZoo spaces the adapter takes, and how an observation becomes a row of numbers.
* ``foraging``: `ForagingParallelEnv`, the real Level-Based Foraging of PyPI's ``lbforaging``.
"""

__all__ = ["adapt", "api", "batch", "foraging", "spaces"]
