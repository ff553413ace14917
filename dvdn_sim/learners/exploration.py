"""Epsilon-greedy acting of R teams in C copies of the environment each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.draws import keys
from dvdn_sim.learners.acting import act, streams_of
from dvdn_sim.learners.q_network import Layout, QNetwork
from dvdn_sim.scenario import Epsilon


def epsilon_after(spec: Epsilon, env_steps: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return ε after so many environment steps: it falls linearly, and then stays level.

    >>> epsilon_after(Epsilon(steps=10, start=1.0, end=0.0), np.array([0, 5, 20])).tolist()
    [1.0, 0.5, 0.0]
    """
    return spec.start + (spec.end - spec.start) * np.minimum(env_steps / spec.steps, 1.0)


class Actor:
    """Chooses actions from Q-values, on the CPU wherever learners are; one episode at a time in each row."""

    def __init__(
        self,
        network: QNetwork,
        *,
        layout: Layout,
        seeds: Sequence[int],
        copies: int,
        available: npt.NDArray[np.bool_],
        idle_actions: npt.NDArray[np.int64],
        stream_name: str,
        agent_keys: tuple[int, ...] | None = None,
    ) -> None:
        """Prepare for one team per seed, in C = `copies` of the environment each.

        Args:
            available: Actions that each agent has, bool ``[N, A]``.
            idle_actions: What an agent does that does nothing, int64 ``[N]``.
            stream_name: Tells the draws of training and evaluation apart.
            agent_keys: Names of the agents in random streams.
        """
        self._network, self._ids, self._copies = network, layout.ids, copies
        self._keys = keys(seeds, stream_name)
        self._agent_keys = np.array(agent_keys or range(len(available)), np.int64)
        self._available, self._idle_actions = available, idle_actions
        self._q = np.empty((len(seeds) * copies, *available.shape), np.float32)
        self._hidden = np.empty((*self._q.shape[:2], network.hidden), np.float32)

    def begin(
        self,
        parameters: Tensor,
        episodes: npt.NDArray[np.int64],
        epsilon: npt.NDArray[np.float64],
        idle: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Start an episode in every row, and forget the past.

        Args:
            parameters: Of all teams' networks, ``[R·G, P]``.
            episodes: Episodes begun before in each replica ``[R]``; with the seed, all that the draws depend on.
            epsilon: Exploration probability at each step ``[T, R]``.
            idle: Which agents do nothing at which step, bool ``[T, R, C, N]``, or with 1 for C; None if there are none.
        """
        weights = self._network.acting_weights(parameters.detach().to("cpu", torch.float32))
        self._networks = self._network.recurrent, weights, self._ids, self._copies, self._hidden
        streams = streams_of(self._keys, episodes, self._copies, self._agent_keys)
        self._luck, self._idle = (self._available, streams, epsilon), idle
        self._hidden[:] = 0.0

    def act(self, observations: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.int64]:
        """Return actions int64 ``[R·C, N]`` at a step counted from `begin`, from observations ``[R·C, N, D]``."""
        actions = np.empty(self._q.shape[:2], np.int64)
        act(self._networks, self._luck, observations, self._q, step, actions)
        if self._idle is not None:
            down = np.broadcast_to(self._idle[step], (len(self._keys), self._copies, actions.shape[1]))
            actions = np.where(down.reshape(actions.shape), self._idle_actions, actions)
        return actions
