"""The reward inside a local temporal difference: standardised, and each agent's share of it.

The team reward is standardised, R <- (R - μ)/√v, with running statistics over every sampled minibatch (EPyMARL).
Each replica has its own statistics. Padding up to the longest episode of the *replica's own* minibatch counts as zeros,
as in EPyMARL; padding beyond it, which only a batch mate's longer episode causes, does not.
"""

from typing import Literal

import torch
from torch import Tensor

RewardModel = Literal["team_mean", "team_sum", "individual"]


def local_rewards(model: RewardModel, rewards: Tensor, statistics: "RewardStatistics | None") -> Tensor:
    """ρ_i, the reward inside δ_i, from the agents' own rewards r_i; R = Σ_i r_i is the team's.

    * `team_mean`: R/N, so that Σ_i ρ_i = R: with a row-stochastic A the reward part of N·Aδ is R whatever was lost.
    * `team_sum`: R for everyone.
    * `individual`: r_i. Standardised by the team's deviation alone, without a shift, so that Σ_i ρ_i = R/√v: the
      agents' own statistics would give each reward a scale of its own, whose sum is no team reward.

    Args:
        model: Which.
        rewards: ``[R, N, T, B]``.
        statistics: Of the team reward; None for no standardisation.

    Returns:
        ``[R, N or 1, T, B]``.
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
        """Merge a minibatch.

        Args:
            rewards: ``[R, T, B]``, zero where there was no step.
            longest: int64 ``[R]``, the replica's longest episode in the minibatch.
            active: bool ``[R]``; the others keep their statistics.
        """
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
        """(r - μ)/√v for ``[R, N, T, B]``, in the dtype given."""
        return self.scale(rewards.double() - self.mean.view(-1, 1, 1, 1)).to(rewards.dtype)

    def scale(self, rewards: Tensor) -> Tensor:
        """r/√v for ``[R, N, T, B]``, in the dtype given."""
        return (rewards.double() / self.variance.sqrt().view(-1, 1, 1, 1)).to(rewards.dtype)
