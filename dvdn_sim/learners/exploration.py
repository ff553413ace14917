"""Epsilon-greedy acting of R teams in C copies of the environment each."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.draws import key, uniform
from dvdn_sim.learners.q_network import Layout, QNetwork, Weights
from dvdn_sim.scenario import Epsilon


def epsilon_after(spec: Epsilon, env_steps: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return ε after so many environment steps: it falls linearly, and then stays level.

    >>> epsilon_after(Epsilon(steps=10, start=1.0, end=0.0), np.array([0, 5, 20])).tolist()
    [1.0, 0.5, 0.0]
    """
    return spec.start + (spec.end - spec.start) * np.minimum(env_steps / spec.steps, 1.0)


class Actor:
    """Chooses actions from Q-values; one episode at a time in each row."""

    def __init__(
        self,
        network: QNetwork,
        *,
        layout: Layout,
        seeds: list[int],
        copies: int,
        available: Tensor,
        idle_actions: Tensor,
        stream_name: str,
        device: torch.device,
        agent_keys: tuple[int, ...] | None = None,
    ) -> None:
        """Prepare for one team per seed, in C = `copies` of the environment each.

        Args:
            available: Actions that each agent has, bool ``[N, A]``.
            idle_actions: What an agent does that does nothing, int64 ``[N]``.
            stream_name: Tells the draws of training and evaluation apart.
            agent_keys: Names of the agents in random streams.
        """
        self._network = network
        self._replicas, self._copies, self._agents = len(seeds), copies, len(available)
        self._layout = layout
        self._keys = torch.tensor([key(seed, stream_name) for seed in seeds], device=device).view(-1, 1, 1, 1)
        self._agent_keys = torch.tensor(agent_keys or range(len(available)), device=device)[:, None]
        # Row i lists the actions agent i has, padded: a draw indexes the first `self._choices[i]` of them.
        self._choices = available.sum(1).to(device)
        self._action_of = (~available).to(torch.int8).argsort(dim=1, stable=True).to(device)
        self._unavailable = None if bool(available.all()) else ~available[:, None, :].to(device)
        self._idle_actions = idle_actions.to(device)
        self._idle: Tensor | None = None
        self._hidden = self._seen = torch.empty(0)
        self._explores = self._random = torch.empty(0)

    def begin(
        self,
        weights: Weights,
        episodes: npt.NDArray[np.int64],
        epsilon: npt.NDArray[np.float64],
        idle: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Start an episode in every row: forget the past and draw all of the episode's exploration at once.

        Args:
            weights: Of all teams' networks.
            episodes: Episodes begun before in each replica ``[R]``; with the seed, all that the draws depend on.
            epsilon: Exploration probability at each step ``[T, R]``.
            idle: Which agents do nothing at which step, bool ``[T, R, C, N]``, or with 1 for C; None if there are none.
        """
        self._idle = None if idle is None else torch.from_numpy(idle).to(self._keys.device)
        device = self._keys.device
        layout, rows = self._layout, self._layout.users * self._copies
        self._weights = weights
        self._hidden = weights[0].new_zeros(layout.rows, rows, self._network.hidden)
        self._seen = weights[0].new_zeros(layout.rows, rows, self._network.obs_dim)
        ids = layout.agent_ids(self._copies, self._seen)
        if ids is not None:
            self._seen[..., -layout.users :] = ids
        steps = torch.arange(len(epsilon), device=device).view(-1, 1, 1, 1, 1)
        copies = torch.arange(self._copies, device=device).view(-1, 1, 1)
        begun = torch.from_numpy(episodes).to(device).view(-1, 1, 1, 1)
        which = torch.arange(2, device=device)
        draws = uniform(self._keys, begun, copies, self._agent_keys, steps, which)
        self._explores = draws[..., 0] < torch.from_numpy(epsilon).to(device)[:, :, None, None]
        index = (draws[..., 1] * self._choices).long()
        self._random = self._action_of.expand(*index.shape[:-1], -1, -1).gather(-1, index.unsqueeze(-1)).squeeze(-1)

    @torch.inference_mode()
    def act(self, observations: Tensor, step: int) -> Tensor:
        """Return actions int64 ``[R·C, N]`` at a step counted from `begin`, from observations ``[R·C, N, D]``."""
        shape = self._replicas, self._agents, self._copies, -1
        seen = observations.view(self._replicas, self._copies, self._agents, -1).transpose(1, 2)
        self._seen.view(shape)[..., : seen.shape[-1]].copy_(seen)
        q, self._hidden = self._network.step(self._weights, self._seen, self._hidden)
        q = q.view(shape)
        if self._unavailable is not None:
            q = q.masked_fill(self._unavailable, -torch.inf)
        greedy = q.argmax(-1).transpose(1, 2)
        actions = torch.where(self._explores[step], self._random[step], greedy)
        if self._idle is not None:
            actions = torch.where(self._idle[step], self._idle_actions, actions)
        return actions.flatten(0, 1)
