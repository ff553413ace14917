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
        self._latest = torch.full((env.n_copies,), -1)

    @property
    def copies(self) -> int:
        """C."""
        return self.env.n_copies // self.replicas

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold between two episodes, the tensor itself: the number of each row's latest one."""
        return {"latest": self._latest}

    def go_on(self) -> None:
        """Go on after the episodes that were copied into `state`."""
        if bool((self._latest >= 0).all()):
            self._state = self.env.resume(self._latest.numpy())

    def play(self, act: Act, active: npt.NDArray[np.bool_]) -> Episodes:
        """Play one episode in every row of the active replicas, bool ``[R]``; the other rows have length 0.

        Returns:
            ``[R, C, ...]``, padded to the longest episode.
        """
        env = self.env
        playing = np.repeat(active, self.copies)
        # The first reset must begin every row, whoever plays.
        state, observations = env.reset(self._state, None if self._state is None else playing)
        self._latest += torch.from_numpy(playing) if self._state is not None else 1
        seen, taken, gained, playing_at = [observations], [], [], []
        going = playing
        for step in range(env.episode_limit):
            actions = act(observations, step)
            state, observations, rewards, done = env.step(state, actions)
            seen.append(observations)
            taken.append(actions)
            gained.append(rewards)
            playing_at.append(going)
            going = going & ~done
            if not going.any():
                break
        self._state = state
        valid = np.stack(playing_at, 1)
        return Episodes(
            observations=self._by_replica(np.stack(seen, 2)),
            actions=self._by_replica(np.stack(taken, 2)),
            rewards=self._by_replica(np.stack(gained, 2) * valid[:, None]),
            lengths=valid.sum(1).reshape(self.replicas, self.copies),
            timed_out=self._by_replica(env.timed_out(state)),
        )

    def _by_replica(self, rows: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(rows).to(self.device).view(self.replicas, self.copies, *rows.shape[1:])
