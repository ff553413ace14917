"""What agents see of others: where these are as seen from their own place."""

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.vectors import length


def all_but_self(agents: int, viewers: range) -> Tensor:
    """Of each viewer the other agents, in order, int64 ``[n, agents - 1]``."""
    return torch.tensor([[j for j in range(agents) if j != i] for i in viewers], dtype=torch.int64)


def relative(places: Tensor, own: Tensor) -> Tensor:
    """Places as seen from each viewer.

    Args:
        places: ``[E, m, 2]``, the same for all viewers; or ``[E, n, m, 2]``.
        own: Where the viewers are, ``[E, n, 2]``.

    Returns:
        ``[E, n, m, 2]``.
    """
    return (places[:, None] if places.ndim == 3 else places) - own[:, :, None]


def among(values: Tensor, others: Tensor) -> Tensor:
    """What belongs to the others of each viewer.

    Args:
        values: ``[E, M, c]``.
        others: int64 ``[n, m]``, who they are.

    Returns:
        ``[E, n, m, c]``.
    """
    return values.permute(1, 2, 0)[others].permute(3, 0, 1, 2)


def of_nearest(seen: Tensor, values: Tensor) -> Tensor:
    """Of m values per viewer the one that belongs to the nearest place, the first of those at one distance.

    Args:
        seen: Relative places, ``[E, n, m, 2]``, m at least 1.
        values: ``[E, n, m, c]``.

    Returns:
        ``[E, n, c]``.
    """
    (least, *distances), (chosen, *rest) = length(seen).unbind(2), values.unbind(2)
    for distance, value in zip(distances, rest, strict=True):
        nearer = distance < least
        least = torch.where(nearer, distance, least)
        chosen = torch.where(nearer[..., None], value, chosen)
    return chosen


def nearest(seen: Tensor) -> Tensor:
    """The nearest of m relative places ``[E, n, m, 2]``, as ``[E, n, 2]``; zeros if there is none."""
    return of_nearest(seen, seen) if seen.shape[2] else seen.new_zeros(*seen.shape[:2], 2)


def observed(*parts: Tensor) -> Tensor:
    """One observation from its parts ``[E, n, ...]``, one after the other: float32 ``[E, n, D]``."""
    # With E as the last axis parts are joined in long runs; one transposition of a matrix puts it first again.
    numbers = torch.cat([part.flatten(2).permute(1, 2, 0) for part in parts], 1).float()
    viewers, count, copies = numbers.shape
    return numbers.view(-1, copies).t().contiguous().view(copies, viewers, count)
