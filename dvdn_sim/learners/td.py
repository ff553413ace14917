"""Temporal differences of one team, and the reward inside them; every function broadcasts over leading axes.

Indices follow EPyMARL: observations have T + 1 entries, the last one after the last transition; ``tp1`` is t + 1.

The team reward is standardised, R <- (R - μ)/√v, with running statistics over every sampled minibatch (EPyMARL).
Each replica has its own statistics. Padding up to the longest episode of the *replica's own* minibatch counts as zeros,
as in EPyMARL; padding beyond it, which only a batch mate's longer episode causes, does not.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvdn_sim.algorithms import Local, QLearning, RewardModel
from dvdn_sim.compiled import compiled, inner
from dvdn_sim.learners import transfer
from dvdn_sim.learners.replay import Minibatch

Array = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


def valid_steps(lengths: Tensor, steps: int) -> Tensor:
    """Return which steps of a minibatch happened, ``[..., B]`` lengths to bool ``[..., T, B]``.

    >>> valid_steps(torch.tensor([1, 2]), 2).int().tolist()
    [[1, 1], [0, 1]]
    """
    return torch.arange(steps, device=lengths.device)[:, None] < lengths[..., None, :]


def continues(lengths: Tensor, steps: int, timed_out: Tensor | None = None) -> Tensor:
    """Return which steps the value of the next state counts after: all valid ones but the last of each episode.

    Every end of an episode counts as terminal, time limits included, as in EPyMARL, unless it is said which episodes
    were cut by theirs.

    >>> continues(torch.tensor([1, 2]), 2, torch.tensor([False, True])).int().tolist()
    [[0, 1], [0, 1]]
    """
    return valid_steps(lengths - 1 if timed_out is None else lengths - 1 + timed_out.long(), steps)


def chosen(q_t: Tensor, a_t: Tensor) -> Tensor:
    """Return Q(τ_t, a_t): values ``[..., A]`` and int64 actions ``[...]`` to ``[...]``."""
    return q_t.gather(-1, a_t.unsqueeze(-1)).squeeze(-1)


def double_q_value(q_online_tp1: Tensor, q_target_tp1: Tensor, unavailable: Tensor | None = None) -> Tensor:
    """Return Q⁻(τ_{t+1}, argmax_a Q(τ_{t+1}, a)), van Hasselt et al. 2016.

    `unavailable` are actions that an agent does not have, bool, broadcast against the values ``[..., A]``.
    """
    if unavailable is not None:
        q_online_tp1 = q_online_tp1.masked_fill(unavailable, -torch.inf)
    return chosen(q_target_tp1, q_online_tp1.argmax(-1))


def all_finite(td: Tensor) -> Tensor:
    """Return whose temporal differences are all numbers, ``[..., N, T, B]`` to bool ``[..., N]``."""
    # On the host by numpy, here and below: a small operation of torch's takes long while its code is not in the cache.
    if transfer.compiled_for(td):
        return torch.from_numpy(np.isfinite(td.numpy().sum((-2, -1))))
    finite: Tensor = td.sum((-2, -1)).isfinite()
    return finite


def td_errors(q_t: Tensor, value_tp1: Tensor, r_t: Tensor, continues_t: Tensor, gamma: float) -> Tensor:
    """Return δ_t = r_t + γ V(τ_{t+1}) - Q(τ_t, a_t), without the middle term where the episode ends.

    >>> td_errors(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 2.0]), torch.tensor([0.5, 0.5]),
    ...           torch.tensor([True, False]), 0.5).tolist()
    [0.5, -0.5]
    """
    return r_t + gamma * value_tp1 * continues_t - q_t


def mixed(operator: Tensor, td: Tensor, invalid: Tensor | None = None) -> Tensor:
    """Return A δ, what agents hold after an exchange.

    Args:
        operator: A ``[..., N, N]``.
        td: δ ``[..., N, T, B]``.
        invalid: Bool ``[..., N]``, agents whose values are not finite: nobody hears those, whatever the operator says
            (where its entry is 0, 0·NaN would still be NaN), and they hold NaN. None if there are none.
    """
    if invalid is None and transfer.compiled_for(td):
        return torch.from_numpy(operator.numpy() @ td.flatten(-2).numpy()).view(td.shape)
    if invalid is None:
        held: Tensor = operator @ td.flatten(-2)
        return held.view(td.shape)
    nan = invalid[..., None, None]
    return mixed(operator, td.masked_fill(nan, 0.0)).masked_fill(nan, torch.nan)


def counts(operator: Tensor) -> Tensor:
    """Return how many agents' values are in what each agent holds, ``[..., N, N]`` to ``[..., N]``.

    >>> counts(torch.tensor([[0.5, 0.5], [0.0, 1.0]])).tolist()
    [2.0, 1.0]
    """
    if transfer.compiled_for(operator):
        return torch.from_numpy(np.count_nonzero(operator.numpy(), -1)).to(operator.dtype)
    return (operator != 0).to(operator.dtype).sum(-1)


def local_rewards(model: RewardModel, rewards: Tensor, statistics: "RewardStatistics | None") -> Tensor:
    """Return ρ_i, the reward inside δ_i, from the agents' own rewards r_i; R = Σ_i r_i is the team's.

    * `team_mean`: R/N, so that Σ_i ρ_i = R: with a row-stochastic A the reward part of N·Aδ is R whatever was lost.
    * `team_sum`: R for everyone.
    * `individual`: r_i. Standardised by the team's deviation alone, without a shift, so that Σ_i ρ_i = R/√v: the
      agents' own statistics would give each reward a scale of its own, whose sum is no team reward.

    From rewards ``[R, N, T, B]`` to ``[R, N or 1, T, B]``.
    """
    if model == "individual":
        return rewards if statistics is None else statistics.scale(rewards)
    team = rewards.sum(1, keepdim=True)
    if statistics is not None:
        team = statistics.standardise(team)
    return team / rewards.shape[1] if model == "team_mean" else team


class RewardStatistics:
    """Running mean and variance of R replicas, merged by Chan's parallel rule.

    Attributes:
        moments: Mean, variance and count, float64 ``[3, R]``; `mean`, `variance` and `count` are the same.
    """

    def __init__(self, replicas: int, device: torch.device) -> None:
        start = torch.tensor([0.0, 1.0, 1e-4], dtype=torch.float64, device=device)
        self.moments = start[:, None].repeat(1, replicas)
        self.mean, self.variance, self.count = self.moments[0], self.moments[1], self.moments[2]

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {"mean": self.mean, "variance": self.variance, "count": self.count}

    def merge(self, rewards: Tensor, longest: Tensor, active: Tensor) -> None:
        """Merge rewards ``[R, T, B]``, zero where there was no step, of the active replicas' minibatches."""
        values = rewards.double()
        count = (longest * rewards.shape[2]).double()
        mean = values.sum((1, 2)) / count
        # Padding adds nothing to either sum, and everything to the count.
        variance = (values.square().sum((1, 2)) - count * mean.square()).clamp_(min=0) / (count - 1).clamp_(min=1)

        total = self.count + count
        shift = mean - self.mean
        merged = (self.variance * self.count + variance * count + shift.square() * self.count * count / total) / total
        new = torch.stack([self.mean + shift * count / total, merged, total])
        self.moments.copy_(torch.where(active, new, self.moments))

    def standardise(self, rewards: Tensor) -> Tensor:
        """Return (r - μ)/√v for ``[R, N, T, B]``, in the dtype given."""
        return self.scale(rewards.double() - self.mean.view(-1, 1, 1, 1)).to(rewards.dtype)

    def scale(self, rewards: Tensor) -> Tensor:
        """Return r/√v for ``[R, N, T, B]``, in the dtype given."""
        return (rewards.double() / self.variance.sqrt().view(-1, 1, 1, 1)).to(rewards.dtype)


def local_of(
    spec: QLearning, minibatch: Minibatch, active: Bools, statistics: RewardStatistics, values: tuple[Tensor, Tensor]
) -> Local:
    """Return what agents know before any exchange; rewards of active replicas, bool ``[R]``, join the statistics.

    `values` are `q_t` and `value_tp1` of `Local`.
    """
    rewards, lengths, (q_t, value_tp1) = minibatch.rewards, minibatch.lengths, values
    if transfer.compiled_for(q_t):
        td, by_team, by_agent = torch.empty_like(q_t), torch.empty_like(q_t[:, :1]), spec.reward_model == "individual"
        mask, more = torch.empty_like(by_team), torch.empty_like(q_t[:, 0], dtype=torch.bool)
        explained = torch.empty_like(q_t) if by_agent else by_team
        known = lengths, minibatch.timed_out, q_t, value_tp1, statistics.moments, td, explained, mask, more
        by_episode = rewards.permute(0, 3, 1, 2).contiguous()
        given: list[Any] = [each.numpy() for each in (by_episode, *known)]
        given += [rewards.shape[1] if spec.reward_model == "team_mean" else 1, spec.gamma]
        given += [spec.standardise_rewards, spec.bootstrap_on_timeout]
        fill(active, *given)
    else:
        if spec.standardise_rewards:
            statistics.merge(rewards.sum(1), minibatch.longest, transfer.remembered(active, rewards.device))
        kept = statistics if spec.standardise_rewards else None
        explained = local_rewards(spec.reward_model, rewards, kept).to(q_t.dtype)
        more = continues(lengths, q_t.shape[2], minibatch.timed_out if spec.bootstrap_on_timeout else None)
        td = td_errors(q_t, value_tp1, explained, more[:, None], spec.gamma)
        mask = valid_steps(lengths, q_t.shape[2])[:, None].to(q_t.dtype)
    return Local(td, q_t, value_tp1, explained, more, mask, minibatch.observations, spec.gamma)


@compiled
def fill(
    active: Bools,
    rewards: Array,
    lengths: NDArray[np.int64],
    timed_out: Bools,
    q_t: Array,
    value_tp1: Array,
    moments: NDArray[np.float64],
    td: Array,
    explained: Array,
    mask: Array,
    more: Bools,
    parts: int,
    gamma: float,
    standardise: bool,
    bootstrap_on_timeout: bool,
) -> None:
    """Do what the functions above do, for rewards ``[R, B, N, T]``: `local_of` says in which order.

    `explained` are ρ, of each agent or of the team, which is then divided into `parts`.
    """
    number, (_, agents, steps, batch) = td.dtype.type, td.shape
    for replica in range(len(td)):
        own, team = explained[replica], explained.shape[1] == 1
        if standardise and active[replica]:
            longest = 0
            for b in range(batch):
                longest = max(longest, lengths[replica, b])
            merge(rewards[replica], longest, moments[:, replica])
        mean, deviation = moments[0, replica], np.sqrt(moments[1, replica])
        if not standardise or not team:
            mean = 0.0
        if not standardise:
            deviation = 1.0
        for b in range(batch):
            length = lengths[replica, b]
            last = length if bootstrap_on_timeout and timed_out[replica, b] else length - 1
            for t in range(steps):
                mask[replica, 0, t, b] = number(t < length)
                more[replica, t, b] = t < last
                if team:
                    reward = number(0.0)
                    for i in range(agents):
                        reward += rewards[replica, b, i, t]
                    own[0, t, b] = number((reward - mean) / deviation / parts)
                for i in range(agents):
                    if not team:
                        own[i, t, b] = number(rewards[replica, b, i, t] / deviation)
                    after = number(gamma) * value_tp1[replica, i, t, b] if t < last else number(0.0)
                    td[replica, i, t, b] = own[0 if team else i, t, b] + after - q_t[replica, i, t, b]


@inner
def merge(rewards: Array, longest: int, moments: NDArray[np.float64]) -> None:
    """Do what `RewardStatistics.merge` does, for a replica's rewards ``[B, N, T]`` and its moments ``[3]``."""
    batch, agents, steps = rewards.shape
    total = squares = 0.0
    for b in range(batch):
        for t in range(steps):
            team = 0.0
            for i in range(agents):
                team += rewards[b, i, t]
            total += team
            squares += team * team
    count, (old_mean, old_variance, old_count) = float(longest * batch), moments
    mean, both = total / count, old_count + count
    variance = max(squares - count * mean * mean, 0.0) / max(count - 1.0, 1.0)
    shift = mean - old_mean
    moments[0] = old_mean + shift * count / both
    moments[1] = (old_variance * old_count + variance * count + shift * shift * old_count * count / both) / both
    moments[2] = both


@compiled
def measure(error: Array, td: Array, q_t: Array, mask: Array, figures: Array) -> None:
    """Write `UpdateFigures` of values ``[R, N, T, B]``, all but the gradient's norm, into ``[7, R]``."""
    _, agents, steps, batch = td.shape
    for replica in range(len(td)):
        losses = values = errors = off = joints = count = 0.0
        largest = largest_sum = 0.0
        for t in range(steps):
            for b in range(batch):
                if mask[replica, 0, t, b] == 0:
                    continue
                count += agents
                joint = value = 0.0
                for i in range(agents):
                    joint += td[replica, i, t, b]
                    value += q_t[replica, i, t, b]
                for i in range(agents):
                    losses += error[replica, i, t, b] ** 2
                    off += (error[replica, i, t, b] - joint) ** 2
                    errors += abs(td[replica, i, t, b])
                    largest = np.maximum(largest, abs(q_t[replica, i, t, b]))  # NaN stays NaN
                values += value
                joints += agents * joint * joint
                largest_sum = np.maximum(largest_sum, abs(value))
        found = losses, 0.0, values, largest, largest_sum, errors, np.sqrt(off / joints)
        for k in range(len(found)):
            figures[k, replica] = found[k]
        figures[0, replica] /= count
        figures[2, replica] /= count
        figures[5, replica] /= count


def plain_measure(error: Tensor, td: Tensor, q_t: Tensor, mask: Tensor, figures: Tensor) -> None:
    """Do what `measure` does, in torch."""
    error, td, q_t = error * mask, td * mask, q_t * mask
    per_step = mask.sum((1, 2, 3)) * td.shape[1]
    joint = td.sum(1, keepdim=True)
    off = (error - joint).square().sum((1, 2, 3)).sqrt()
    figures[0] = error.square().sum((1, 2, 3)) / per_step
    figures[2] = q_t.sum((1, 2, 3)) / per_step
    figures[3] = q_t.abs().amax((1, 2, 3))
    figures[4] = q_t.sum(1).abs().amax((1, 2))
    figures[5] = td.abs().sum((1, 2, 3)) / per_step
    figures[6] = off / (joint.square().sum((1, 2, 3)) * td.shape[1]).sqrt()
