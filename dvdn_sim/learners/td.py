"""Temporal differences of one team, and the reward inside them; every function broadcasts over leading axes.

Indices follow EPyMARL: observations have T + 1 entries, the last one after the last transition; ``tp1`` is t + 1.

The team reward is standardised, R <- (R - μ)/√v, with running statistics over every sampled minibatch (EPyMARL).
Each replica has its own statistics. Padding up to the longest episode of the *replica's own* minibatch counts as zeros,
as in EPyMARL; padding beyond it, which only a batch mate's longer episode causes, does not.
"""

import torch
from torch import Tensor

from dvdn_sim.algorithms import RewardModel


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
    if invalid is None:
        return torch.einsum("...ij,...jtb->...itb", operator, td)
    nan = invalid[..., None, None]
    return torch.einsum("...ij,...jtb->...itb", operator, td.masked_fill(nan, 0.0)).masked_fill(nan, torch.nan)


def counts(operator: Tensor) -> Tensor:
    """Return how many agents' values are in what each agent holds, ``[..., N, N]`` to ``[..., N]``.

    >>> counts(torch.tensor([[0.5, 0.5], [0.0, 1.0]])).tolist()
    [2.0, 1.0]
    """
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
    """Running mean and variance of R replicas, merged by Chan's parallel rule."""

    def __init__(self, replicas: int, device: torch.device) -> None:
        self.mean = torch.zeros(replicas, dtype=torch.float64, device=device)
        self.variance = torch.ones_like(self.mean)
        self.count = torch.full_like(self.mean, 1e-4)

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
        self.mean = torch.where(active, self.mean + shift * count / total, self.mean)
        self.variance = torch.where(active, merged, self.variance)
        self.count = torch.where(active, total, self.count)

    def standardise(self, rewards: Tensor) -> Tensor:
        """Return (r - μ)/√v for ``[R, N, T, B]``, in the dtype given."""
        return self.scale(rewards.double() - self.mean.view(-1, 1, 1, 1)).to(rewards.dtype)

    def scale(self, rewards: Tensor) -> Tensor:
        """Return r/√v for ``[R, N, T, B]``, in the dtype given."""
        return (rewards.double() / self.variance.sqrt().view(-1, 1, 1, 1)).to(rewards.dtype)
