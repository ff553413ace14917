"""Whole episodes in a batch of environments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.envs.api import BatchedEnv, Observations
from dvdn_sim.learners import Episodes

Act = Callable[[Observations, int], npt.NDArray[np.int64]]
"""From observations ``[E, N, D]`` and the step to actions int64 ``[E, N]``."""


class ReplicaEnvs:
    """C copies of an environment for each of R replicas, and the state that their rows are in.

    Attributes:
        env: E = R·C rows, the copies of a replica next to each other.
        replicas: R.
        device: Where episodes go.
    """

    def __init__(self, env: BatchedEnv[Any], replicas: int, device: torch.device) -> None:
        self.env, self.replicas, self.device = env, replicas, device
        self._state: Any = None
        self._latest = np.full(env.n_copies, -1)

    @property
    def copies(self) -> int:
        """C."""
        return self.env.n_copies // self.replicas

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold between two episodes, the tensor itself: the number of each row's latest one."""
        return {"latest": torch.from_numpy(self._latest)}

    def go_on(self) -> None:
        """Go on after the episodes that were copied into `state`."""
        if (self._latest >= 0).all():
            self._state = self.env.resume(self._latest)

    def play(self, act: Act, active: npt.NDArray[np.bool_]) -> Episodes:
        """Play one episode in every row of the active replicas, bool ``[R]``; the other rows have length 0.

        Returns:
            ``[R, C, ...]``, padded to the longest episode.
        """
        env, limit = self.env, self.env.episode_limit
        playing = active.repeat(self.copies)
        resting, each = ~playing, (len(playing), env.n_agents)
        # The first reset must begin every row, whoever plays.
        state, observations = env.reset(self._state, None if self._state is None else playing)
        self._latest += 1 if self._state is None else playing
        seen, over = np.empty((*each, limit + 1, env.obs_dim), np.float32), np.empty((limit, len(playing)), bool)
        taken, gained = np.empty((*each, limit), np.int64), np.empty((*each, limit))
        seen[:, :, 0] = observations
        for step in range(limit):
            taken[:, :, step] = actions = act(observations, step)
            state, observations, gained[:, :, step], over[step] = env.step(state, actions)
            seen[:, :, step + 1] = observations
            if False not in (over[step] | resting).tolist():  # of few rows a fraction of the time of all()
                break
        self._state, steps = state, step + 1
        return Episodes(
            observations=self._by_replica(seen[:, :, : steps + 1]),
            actions=self._by_replica(taken[:, :, :steps]),
            rewards=self._by_replica(gained[:, :, :steps] * playing[:, None, None]),
            lengths=((1 + over.argmax(0)) * playing).reshape(self.replicas, -1),
            timed_out=self._by_replica(env.timed_out(state)),
        )

    def _by_replica(self, rows: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(rows.reshape(self.replicas, -1, *rows.shape[1:])).to(self.device)
