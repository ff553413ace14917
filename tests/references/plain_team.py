"""One team of independent recurrent Q-networks, as plainly as it can be said: the reference for `dvdn_sim.learners`.

Written from docs/method.md with torch's own modules, autograd and Adam, in loops over agents, episodes
and steps, with no padding. Slow; for tests only.
"""

import copy
import itertools
import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn


class Episode(NamedTuple):
    """One episode of one team, unpadded: observations [N, T + 1, D], actions [N, T], rewards of agents [N, T]."""

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray


class Drqn(nn.Module):
    """fc - GRU - fc."""

    def __init__(self, obs_dim: int, hidden: int, n_actions: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(obs_dim, hidden, dtype=torch.float64)
        self.cell = nn.GRUCell(hidden, hidden, dtype=torch.float64)
        self.fc2 = nn.Linear(hidden, n_actions, dtype=torch.float64)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Q-values [T, A] of one sequence [T, D], the hidden state starting from zero."""
        state = observations.new_zeros(1, self.cell.hidden_size)
        rows = []
        for observation in observations:
            state = self.cell(torch.relu(self.fc1(observation[None])), state)
            rows.append(self.fc2(state)[0])
        return torch.stack(rows)


class RunningMoments:
    """Running mean and variance, init 0, 1 and count 1e-4, merged with each minibatch's by the parallel rule."""

    def __init__(self) -> None:
        self.mean, self.variance, self.count = 0.0, 1.0, 1e-4

    def update(self, numbers: list[float]) -> None:
        n = len(numbers)
        mean = math.fsum(numbers) / n
        variance = math.fsum((x - mean) ** 2 for x in numbers) / (n - 1)  # unbiased
        delta, total = mean - self.mean, self.count + n
        squares = self.variance * self.count + variance * n + delta**2 * self.count * n / total
        self.mean += delta * n / total
        self.variance = squares / total
        self.count = total


class PlainTeam:
    """Targets, losses and updates of N agents, one minibatch of whole episodes at a time."""

    def __init__(
        self,
        kind: Literal["iql", "vdn", "dvdn"],
        agents: list[Drqn],
        *,
        lr: float,
        gamma: float,
        clip: float | None,
        standardise: bool,
        target_update: int,
        available: np.ndarray,
    ) -> None:
        self.kind, self.agents, self.gamma, self.clip = kind, agents, gamma, clip
        self.targets = copy.deepcopy(agents)
        self.target_update, self.available = target_update, available
        self.moments = RunningMoments() if standardise else None
        groups = [[p for agent in agents for p in agent.parameters()]]
        if kind != "vdn":  # a distributed learner has an optimiser and a clip per agent
            groups = [list(agent.parameters()) for agent in agents]
        self.optimisers = [(group, torch.optim.Adam(group, lr=lr)) for group in groups]
        self.updates = 0
        self.loss = self.grad_norm = math.nan

    def update(self, episodes: list[Episode], steps: list[np.ndarray] = ()) -> None:
        """One gradient step.

        Args:
            episodes: The minibatch.
            steps: DVDN: the mixing matrix [N, N] of every round of consensus.
        """
        rewards = self._standardised(episodes)
        n_steps = sum(episode.rewards.shape[1] for episode in episodes)
        deltas = [self._deltas(episode, r) for episode, r in zip(episodes, rewards, strict=True)]  # per episode [N][T]
        losses = [torch.zeros((), dtype=torch.float64) for _ in self.agents]
        for delta in deltas:
            for i, error in enumerate(self._errors(delta, steps)):
                losses[i] = losses[i] + (error**2).sum() / n_steps
        self.loss = float(sum(losses).detach()) / len(self.agents)
        # VDN has one loss, and every e_i is the same joint error.
        total = losses[0] if self.kind == "vdn" else sum(losses)
        for _, optimiser in self.optimisers:
            optimiser.zero_grad()
        total.backward()
        limit = math.inf if self.clip is None else self.clip
        self.grad_norm = max(float(nn.utils.clip_grad_norm_(group, limit)) for group, _ in self.optimisers)
        for _, optimiser in self.optimisers:
            optimiser.step()
        self.updates += 1
        if self.updates % self.target_update == 0:
            self.targets = copy.deepcopy(self.agents)

    def _standardised(self, episodes: list[Episode]) -> list[list[float]]:
        rewards = [episode.rewards.sum(0).tolist() for episode in episodes]
        if self.moments is None:
            return rewards
        longest = max(map(len, rewards))
        self.moments.update([x for row in rewards for x in row + [0.0] * (longest - len(row))])
        deviation = math.sqrt(self.moments.variance)
        return [[(x - self.moments.mean) / deviation for x in row] for row in rewards]

    def _deltas(self, episode: Episode, rewards: list[float]) -> list[torch.Tensor]:
        """Local temporal differences, one [T] per agent; only -Q(a) carries a gradient."""
        share = 1 if self.kind == "iql" else len(self.agents)
        deltas = []
        for i, (agent, target) in enumerate(zip(self.agents, self.targets, strict=True)):
            observations = torch.from_numpy(episode.observations[i].astype(np.float64))
            q = agent(observations)
            seen = q.detach()
            with torch.no_grad():
                q_target = target(observations)
            per_step = []
            for t, reward in enumerate(rewards):
                target_value = reward / share
                if t + 1 < len(rewards):  # every end of an episode is terminal
                    mine = [a for a in range(q.shape[1]) if self.available[i, a]]
                    best = max(mine, key=lambda a, at=t + 1, seen=seen: float(seen[at, a]))
                    target_value += self.gamma * float(q_target[t + 1, best])
                per_step.append(target_value - q[t, episode.actions[i, t]])
            deltas.append(torch.stack(per_step))
        return deltas

    def _errors(self, delta: list[torch.Tensor], steps: list[np.ndarray]) -> list[torch.Tensor]:
        """e_i, one [T] per agent, of one episode."""
        n = len(delta)
        if self.kind == "iql":
            return delta
        if self.kind == "vdn":
            return [sum(delta)] * n
        held = [d.detach() for d in delta]
        for w in steps:
            held = [sum(float(w[i, j]) * held[j] for j in range(n)) for i in range(n)]
        # The others' estimate is a constant: δ̂_{-i} = N·mix - δ_i⁰.
        return [delta[i] + (n * held[i] - delta[i].detach()) for i in range(n)]


def made_up_episodes(
    rng: np.random.Generator, lengths: list[int], *, n_agents: int, obs_dim: int, available: np.ndarray
) -> list[Episode]:
    """Episodes of noise with these lengths; actions are among the available ones."""
    own = [np.flatnonzero(row) for row in available]
    return [
        Episode(
            rng.normal(size=(n_agents, steps + 1, obs_dim)).astype(np.float32),
            np.stack([rng.choice(actions, steps) for actions in own]).reshape(n_agents, steps),
            rng.normal(size=(n_agents, steps)) * (rng.random((n_agents, steps)) < 0.5),
        )
        for steps in lengths
    ]


def ragged(rng: np.random.Generator, batch: int, longest: int) -> list[int]:
    """Lengths from 1 to `longest`, one of which is `longest`."""
    lengths = rng.integers(1, longest + 1, batch)
    lengths[rng.integers(batch)] = longest
    return lengths.tolist()


def relabelled(episode: Episode, order: list[int]) -> Episode:
    """The same episode with agent order[i] in place i."""
    return Episode(episode.observations[order], episode.actions[order], episode.rewards[order])


def cumulative(steps: list[np.ndarray]) -> np.ndarray:
    """The product W_K … W_1."""
    return np.asarray(list(itertools.accumulate(steps, lambda done, step: step @ done))[-1])
