"""Whole episodes in a batch of environments."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.learners.replay import Episodes

Act = Callable[[Tensor, int], Tensor]
"""From observations ``[E, N, D]`` and the step to actions int64 ``[E, N]``."""


class Arena:
    """A batch of environments of R replicas with C copies each, and where they stand.

    Attributes:
        env: E = R·C rows, the copies of a replica next to each other.
        replicas: R.
    """

    def __init__(self, env: BatchedEnv[Any], replicas: int) -> None:
        self.env, self.replicas = env, replicas
        self._state: Any = None

    @property
    def copies(self) -> int:
        """C."""
        return self.env.n_copies // self.replicas

    @torch.inference_mode()
    def play(self, act: Act, active: npt.NDArray[np.bool_]) -> Episodes:
        """Play one episode in every row of the active replicas.

        Args:
            act: Chooses the actions of all rows.
            active: bool ``[R]``; rows of other replicas stay where they are, and have length 0.

        Returns:
            ``[R, C, ...]``, padded to the longest episode.
        """
        env = self.env
        playing = torch.from_numpy(np.repeat(active, self.copies)).to(env.device)
        # The first reset must begin every row, whoever plays.
        state, observations = env.reset(self._state, None if self._state is None else playing)
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
            if not bool(going.any()):
                break
        self._state = state
        valid = torch.stack(playing_at, 1)
        return Episodes(
            observations=self._by_replica(torch.stack(seen, 2)),
            actions=self._by_replica(torch.stack(taken, 2)),
            rewards=self._by_replica(torch.stack(gained, 2) * valid[:, None]),
            lengths=self._by_replica(valid.sum(1)).cpu().numpy(),
            timed_out=self._by_replica(env.timed_out(state)),
        )

    def _by_replica(self, rows: Tensor) -> Tensor:
        return rows.view(self.replicas, self.copies, *rows.shape[1:])
