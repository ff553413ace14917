"""Common reward standardisation, r <- (r - μ)/√v, with running statistics over every sampled minibatch (EPyMARL).

Each replica has its own statistics. Padding up to the longest episode of the *replica's own* minibatch counts as zeros,
as in EPyMARL; padding beyond it, which only a batch mate's longer episode causes, does not.
"""

import torch
from torch import Tensor


class RewardStatistics:
    """Running mean and variance of R replicas, merged by Chan's parallel rule."""

    def __init__(self, replicas: int, device: torch.device) -> None:
        self.mean = torch.zeros(replicas, dtype=torch.float64, device=device)
        self.variance = torch.ones_like(self.mean)
        self.count = torch.full_like(self.mean, 1e-4)

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
        """(r - μ)/√v for ``[R, T, B]``, in the dtype given."""
        centred = rewards.double() - self.mean[:, None, None]
        return (centred / self.variance.sqrt()[:, None, None]).to(rewards.dtype)
