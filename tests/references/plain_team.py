"""One team of Q-learners, as plainly as it can be said: the reference for `dvdn_sim.learners`.

Written from docs/method.md with torch's own modules, autograd and Adam, in loops over agents and episodes,
with no padding. Slow; for tests only.
"""

import copy
import itertools
import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from dvdn_sim.scenario import Dvdn, DvdnGt, Iql, NetworkedQ, QLearning, Qmix, Sharing, Vdn

Kind = Literal["iql", "iql_team", "vdn", "qmix", "dvdn"]
"""`iql_team` has one loss, the mean over agents, one clip and one Adam for all, as EPyMARL has."""


def kind_of(spec: QLearning) -> Kind:
    if isinstance(spec, Dvdn):
        return "dvdn"
    if isinstance(spec, Iql) and (spec.share_parameters or spec.clip_over == "team"):
        return "iql_team"
    return {Iql: "iql", NetworkedQ: "iql", Vdn: "vdn", Qmix: "qmix"}[type(spec)]


class Episode(NamedTuple):
    """One episode of one team: observations [N, T + 1, D], actions [N, T], rewards of agents [N, T].

    It has as many steps as it had. Agents whose observations are shorter than D have zeros at the end.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    timed_out: bool = False


class PlainQ(nn.Module):
    """fc, then a GRU or a second layer, then fc: Q-values of sequences [T, D] or [T, B, D], the first state zero."""

    def __init__(self, obs_dim: int, hidden: int, n_actions: int, *, recurrent: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(obs_dim, hidden, dtype=torch.float64)
        self.middle = (nn.GRU if recurrent else nn.Linear)(hidden, hidden, dtype=torch.float64)
        self.fc2 = nn.Linear(hidden, n_actions, dtype=torch.float64)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        after = self.middle(torch.relu(self.fc1(observations)))
        return self.fc2(after[0] if isinstance(self.middle, nn.GRU) else torch.relu(after))


class PlainMixer(nn.Module):
    """Q_tot [T] = |w_f(s)|ᵀ ELU(|W_1(s)|ᵀ q + b_1(s)) + V(s) of values q [T, N] in states s [T, S]."""

    def __init__(self, n_agents: int, state_dim: int, embed: int, hypernet_hidden: int) -> None:
        super().__init__()

        def two_layers(width: int, out: int) -> nn.Sequential:
            return nn.Sequential(nn.Linear(state_dim, width), nn.ReLU(), nn.Linear(width, out)).double()

        self.w1 = two_layers(hypernet_hidden, n_agents * embed)
        self.wf = two_layers(hypernet_hidden, embed)
        self.v = two_layers(embed, 1)
        self.b1 = nn.Linear(state_dim, embed, dtype=torch.float64)

    def forward(self, q: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        w1 = self.w1(states).abs().view(*q.shape, -1)
        mixed = nn.functional.elu(torch.einsum("tn,tne->te", q, w1) + self.b1(states))
        return (self.wf(states).abs() * mixed).sum(-1) + self.v(states)[:, 0]


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
        spec: QLearning,
        agents: list[nn.Module],
        *,
        available: np.ndarray,
        target_update: int = 1,
        target_tau: float | None = None,
        mixer: PlainMixer | None = None,
    ) -> None:
        """Agents that share a network are the same module several times."""
        self.kind, self.agents, self.mixer, self.gamma, self.clip = kind_of(spec), agents, mixer, spec.gamma, spec.clip
        self.targets, self.target_mixer = copy.deepcopy((agents, mixer))
        self.target_update, self.target_tau, self.available = target_update, target_tau, available
        by_default = {"vdn": "team_mean", "qmix": "team_sum"}
        self.reward_model = by_default.get(self.kind) or spec.reward_model
        self.ids = isinstance(spec, Sharing) and spec.share_parameters and spec.agent_ids
        self.bootstrap = spec.bootstrap_on_timeout
        self.count_aware = isinstance(spec, Dvdn) and spec.self_estimate == "count_aware"
        self.moments = RunningMoments() if spec.standardise_rewards else None
        self.one_trainer = self.kind in ("iql_team", "vdn", "qmix")
        self.groups = [list(agent.parameters()) for agent in agents]
        if self.one_trainer:
            self.groups = [self.parameters(agents, mixer)]
        self.optimisers = [torch.optim.Adam(group, lr=spec.lr) for group in self.groups]
        self.updates = 0
        self.loss = self.grad_norm = math.nan

    @staticmethod
    def parameters(agents: list[nn.Module], mixer: nn.Module | None) -> list[nn.Parameter]:
        """Every parameter once."""
        modules = [*agents, *([] if mixer is None else [mixer])]
        return list(dict.fromkeys(p for module in modules for p in module.parameters()))

    def update(self, episodes: list[Episode], steps: list[np.ndarray] = ()) -> None:
        """One gradient step.

        Args:
            episodes: The minibatch.
            steps: DVDN: the mixing matrix [N, N] of every round of consensus.
        """
        self.differentiate(episodes, steps)
        for optimiser in self.optimisers:
            optimiser.step()
        self.follow()

    def differentiate(self, episodes: list[Episode], steps: list[np.ndarray] = ()) -> None:
        """Leave the clipped gradient of the loss in the parameters."""
        n_steps = sum(episode.rewards.shape[1] for episode in episodes)
        losses: list[torch.Tensor] = []
        for episode, rewards in zip(episodes, self.local_rewards(episodes), strict=True):
            errors = self.errors(episode, rewards, steps)
            losses = losses or [torch.zeros((), dtype=torch.float64)] * len(errors)
            losses = [loss + (e**2).sum() / n_steps for loss, e in zip(losses, errors, strict=True)]
        self.loss = float(sum(losses).detach()) / len(losses)
        for group in self.groups:
            for parameter in group:
                parameter.grad = None
        total = sum(losses)
        (total / len(losses) if self.kind == "iql_team" else total).backward()
        limit = math.inf if self.clip is None else self.clip
        self.grad_norm = max(float(nn.utils.clip_grad_norm_(group, limit)) for group in self.groups)

    def follow(self) -> None:
        """Let the targets follow."""
        self.updates += 1
        online, target = self.parameters(self.agents, self.mixer), self.parameters(self.targets, self.target_mixer)
        tau = self.target_tau
        if tau is None:
            tau = 1.0 if self.updates % self.target_update == 0 else 0.0
        with torch.no_grad():
            for theirs, mine in zip(target, online, strict=True):
                theirs.copy_((1 - tau) * theirs + tau * mine)

    def local_rewards(self, episodes: list[Episode]) -> list[list[list[float]]]:
        """ρ_i of every episode, [N][T]; QMIX's is the team's."""
        team = [episode.rewards.sum(0).tolist() for episode in episodes]
        mean, deviation = 0.0, 1.0
        if self.moments is not None:
            longest = max(map(len, team))
            self.moments.update([x for row in team for x in row + [0.0] * (longest - len(row))])
            mean, deviation = self.moments.mean, math.sqrt(self.moments.variance)
        if self.reward_model == "individual":
            return [[[r / deviation for r in own] for own in episode.rewards.tolist()] for episode in episodes]
        n = len(self.agents)
        share = n if self.reward_model == "team_mean" else 1
        return [[[(x - mean) / deviation / share for x in row]] * n for row in team]

    def values(self, episode: Episode) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Q_i(τ_t, a_t), and Q_i⁻(τ_{t+1}, argmax Q_i), a constant: one [T] per agent each."""
        chosen, after = [], []
        for i, (agent, target) in enumerate(zip(self.agents, self.targets, strict=True)):
            seen = self._seen(i, episode)
            q, q_target = agent(seen), target(seen).detach()
            mine = np.flatnonzero(self.available[i])
            best = [max(mine, key=lambda a, at=row: float(at[a])) for row in q.detach()[1:]]
            chosen.append(torch.stack([q[t, a] for t, a in enumerate(episode.actions[i])]))
            after.append(torch.stack([q_target[t + 1, a] for t, a in enumerate(best)]))
        return chosen, after

    def _seen(self, i: int, episode: Episode) -> torch.Tensor:
        observations = torch.from_numpy(episode.observations[i].astype(np.float64))
        if self.ids:
            number = torch.eye(len(self.agents), dtype=torch.float64)[i]
            observations = torch.cat([observations, number.expand(len(observations), -1)], dim=1)
        return observations[:, : self.agents[i].fc1.in_features]

    def deltas(self, episode: Episode, rewards: list[list[float]]) -> list[torch.Tensor]:
        """Local temporal differences, one [T] per agent; only -Q(a) carries a gradient."""
        chosen, after = self.values(episode)
        return [
            torch.tensor(r, dtype=torch.float64) + self.gamma * self._goes_on(episode) * value - q
            for r, value, q in zip(rewards, after, chosen, strict=True)
        ]

    def _goes_on(self, episode: Episode) -> torch.Tensor:
        """0 at the last step, as every end of an episode is terminal, unless it is time limits that are not."""
        goes_on = torch.ones(episode.rewards.shape[1], dtype=torch.float64)
        goes_on[-1] = self.bootstrap and episode.timed_out
        return goes_on

    def errors(self, episode: Episode, rewards: list[list[float]], steps: list[np.ndarray]) -> list[torch.Tensor]:
        """What each loss squares, one [T] per loss, of one episode."""
        if self.kind == "qmix":
            return [self._mixed_error(episode, rewards[0])]
        delta = self.deltas(episode, rewards)
        if self.kind == "vdn":
            return [sum(delta)]
        if self.kind != "dvdn":
            return delta
        n = len(delta)
        held, heard = [d.detach() for d in delta], [{i} for i in range(n)]
        for w in steps:
            held = [sum(float(w[i, j]) * held[j] for j in range(n)) for i in range(n)]
            heard = [set().union(*(heard[j] for j in range(n) if w[i, j])) for i in range(n)]
        times = [len(each) if self.count_aware else n for each in heard]
        # The others' estimate is a constant: δ̂_{-i} = N·mix - δ_i⁰.
        return [delta[i] + (times[i] * held[i] - delta[i].detach()) for i in range(n)]

    def _mixed_error(self, episode: Episode, rewards: list[float]) -> torch.Tensor:
        chosen, after = (torch.stack(values, dim=1) for values in self.values(episode))
        states = torch.from_numpy(np.concatenate(list(episode.observations), axis=1).astype(np.float64))
        later = self.target_mixer(after, states[1:]).detach()
        target = torch.tensor(rewards, dtype=torch.float64) + self.gamma * self._goes_on(episode) * later
        return target - self.mixer(chosen, states[:-1])


class PlainSharing:
    """Agents of a `PlainTeam` that exchange parameters, as the papers print it: one agent after the other.

    `paper`                 z_i ← Σ_j a_ij z_j + g_i - g_i^before,      ω_i ← Σ_j a_ij ω_j - η d(z_i)
    `adapt_then_combine`    z_i ← Σ_j a_ij (z_j + g_j - g_j^before),    ω_i ← Σ_j a_ij (ω_j - η d(z_j))
    `averaging`                                                         ω_i ← Σ_j a_ij (ω_j - η d(g_j))

    The direction d is GTAdam's, m/(√v + ε), or with `bias_correction` Adam's.
    """

    def __init__(self, team: PlainTeam, spec: DvdnGt | NetworkedQ) -> None:
        self.team, self.lr, tracks = team, spec.lr, isinstance(spec, DvdnGt)
        self.form = spec.tracking.form if tracks else "averaging"
        self.bias_correction = spec.optimiser.bias_correction if tracks else True
        nothing = [np.zeros(sum(p.numel() for p in agent.parameters())) for agent in team.agents]
        self.z, self.g, self.m, self.v = (copy.deepcopy(nothing) for _ in range(4))

    def update(self, episodes: list[Episode], steps: list[np.ndarray], weights: np.ndarray | None) -> None:
        """One update; `weights` a_ij [N, N] of the exchange of parameters, None where there is none."""
        n = len(self.team.agents)
        a = np.eye(n) if weights is None else weights
        self.team.differentiate(episodes, steps)
        before, self.g = self.g, [flat([p.grad for p in agent.parameters()]) for agent in self.team.agents]
        omega = [flat(list(agent.parameters())) for agent in self.team.agents]

        def mixed(values: list[np.ndarray]) -> list[np.ndarray]:
            return [sum(a[i, j] * values[j] for j in range(n)) for i in range(n)]

        if self.form == "paper":
            self.z = [z + new - old for z, new, old in zip(mixed(self.z), self.g, before, strict=True)]
            omega = [mine + self._step(i) for i, mine in enumerate(mixed(omega))]
        else:
            if self.form == "averaging":
                self.z = self.g
            else:
                self.z = mixed([z + new - old for z, new, old in zip(self.z, self.g, before, strict=True)])
            omega = mixed([mine + self._step(i) for i, mine in enumerate(omega)])
        for agent, values in zip(self.team.agents, omega, strict=True):
            nn.utils.vector_to_parameters(torch.from_numpy(values), agent.parameters())
        self.team.follow()

    def _step(self, i: int) -> np.ndarray:
        t = self.team.updates + 1
        self.m[i] = 0.9 * self.m[i] + 0.1 * self.z[i]
        self.v[i] = np.minimum(0.999 * self.v[i] + 0.001 * self.z[i] ** 2, 1e6)
        c1, c2 = (1 - 0.9**t, 1 - 0.999**t) if self.bias_correction else (1.0, 1.0)
        return -self.lr * (self.m[i] / c1) / (np.sqrt(self.v[i] / c2) + 1e-8)


def flat(tensors: list[torch.Tensor]) -> np.ndarray:
    """All numbers, one after the other."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).numpy()


def made_up_episodes(
    rng: np.random.Generator,
    lengths: list[int],
    *,
    n_agents: int,
    obs_dim: int,
    available: np.ndarray,
    obs_dims: tuple[int, ...] | None = None,
    timed_out: float = 0.0,
) -> list[Episode]:
    """Episodes of noise with these lengths.

    Actions are among the available ones, agent i observes `obs_dims`[i] numbers and then zeros, and a share of about
    `timed_out` of the episodes was cut.
    """
    own = [np.flatnonzero(row) for row in available]
    there = np.arange(obs_dim) < np.array(obs_dims or [obs_dim] * n_agents)[:, None]
    return [
        Episode(
            (rng.normal(size=(n_agents, steps + 1, obs_dim)) * there[:, None]).astype(np.float32),
            np.stack([rng.choice(actions, steps) for actions in own]).reshape(n_agents, steps),
            rng.normal(size=(n_agents, steps)) * (rng.random((n_agents, steps)) < 0.5),
            bool(timed_out and rng.random() < timed_out),
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
    observations, actions, rewards, timed_out = episode
    return Episode(observations[order], actions[order], rewards[order], timed_out)


def cumulative(steps: list[np.ndarray]) -> np.ndarray:
    """The product W_K … W_1."""
    return np.asarray(list(itertools.accumulate(steps, lambda done, step: step @ done))[-1])
