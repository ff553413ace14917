"""Barrier certificates: the nearest command under which no two robots come too close.

For robots at points ξ that asked for velocities û, the Robotarium solves (Wilson et al. 2020, *The Robotarium*)

    minimise Σᵢ ‖uᵢ − ûᵢ‖²   subject to, for every pair i < j, with d = ξᵢ − ξⱼ and h = ‖d‖² − R²:
    2 d·(uⱼ − uᵢ) ≤ γ h³,    γ = `gain` if h ≥ 0, else `unsafe_gain`

which is the projection of û onto an intersection of half-spaces aₖ·u ≤ bₖ, one per pair. Hildreth's method (1957) finds
it by coordinate ascent on the dual, u = û − Σₖ λₖ aₖ:

    t = max(−λₖ, rₖ / ‖aₖ‖²),   λₖ ← λₖ + t,   rₗ ← rₗ − t aₗ·aₖ    where rₖ = aₖ·u − bₖ

Pairs that share no robot are orthogonal, so a sweep takes them a round of a round-robin tournament at a time: 5 rounds
of 3 pairs for six robots, with the same result as 15 pairs one after the other.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

TOLERANCE: Final = 1e-10
"""m/s: a row is finished when no pair moved its command by more than this in a sweep."""
SWEEPS: Final = 4  # between two looks at which rows are finished
MOST_SWEEPS: Final = 1000  # robots on top of each other ask for speeds so large that TOLERANCE is below their rounding
TOGETHER: Final = 1e-12  # m²: points this near (a micrometre) have no direction apart, so their pair asks for nothing


@dataclass(frozen=True)
class Barrier:
    """How near robots may come: safety radius R in metres, and γ on either side of it."""

    radius: float
    gain: float = 100.0
    unsafe_gain: float = 100.0


BARRIERS: Final = {"safe": Barrier(0.2, unsafe_gain=1e6), "default": Barrier(0.17)}
"""MARBLER's two settings."""


@dataclass(frozen=True)
class Tournament:
    """The pairs of N robots in rounds of disjoint pairs.

    Attributes:
        rounds: How many.
        first: int64 ``[P]``, one robot of each pair, round by round.
        second: int64 ``[P]``, the other.
        share: float64 ``[P, P]``, aₖ·aₗ = share · 4 dₖ·dₗ: 2 on the diagonal, 1 or −1 for pairs that share a robot.
        pair: int64 ``[rounds, N]``, each robot's pair in each round.
        side: float64 ``[rounds, N, 1]``, 1 where it is the first of it, −1 the second, 0 where it has none.
    """

    rounds: int
    first: Tensor
    second: Tensor
    share: Tensor
    pair: Tensor
    side: Tensor


@lru_cache
def tournament(robots: int, device: torch.device) -> Tournament:
    """All pairs of `robots`, by the circle method: one stays, the others move up one seat from round to round."""
    seats = robots + robots % 2
    rounds = max(seats - 1, 0)
    pairs: list[tuple[int, int]] = []
    pair = torch.zeros(rounds, robots, dtype=torch.int64)
    side = torch.zeros(rounds, robots, 1, dtype=torch.float64)
    for each in range(rounds):
        circle = [seats - 1, *((each + seat) % (seats - 1) for seat in range(seats - 1))]
        for one, other in zip(circle[: seats // 2], reversed(circle[seats // 2 :]), strict=True):
            if max(one, other) < robots:
                low, high = sorted((one, other))
                pair[each, low] = pair[each, high] = len(pairs)
                side[each, low], side[each, high] = 1.0, -1.0
                pairs.append((low, high))
    first, second = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
    signs = torch.zeros(len(pairs), robots, dtype=torch.float64)
    signs[torch.arange(len(pairs)), first] = 1.0
    signs[torch.arange(len(pairs)), second] = -1.0
    parts = first, second, signs @ signs.T, pair, side
    return Tournament(rounds, *(part.to(device) for part in parts))


def project(points: Tensor, wanted: Tensor, barrier: Barrier) -> Tensor:
    """The nearest commands that respect the barrier.

    Args:
        points: ξ, float64 ``[2, N, E]``, metres.
        wanted: û, float64 ``[2, N, E]``, m/s.
        barrier: How near robots may come.

    Returns:
        u, float64 ``[2, N, E]``: within `TOLERANCE` per sweep of the projection. A row depends on that row alone.
    """
    pairs = tournament(wanted.shape[1], wanted.device)
    apart = points[:, pairs.first] - points[:, pairs.second]
    squared = apart[0] * apart[0] + apart[1] * apart[1]
    h = squared - barrier.radius**2
    limit = torch.where(h >= 0.0, barrier.gain, barrier.unsafe_gain) * (h * h * h)
    closing = apart * (wanted[:, pairs.second] - wanted[:, pairs.first])
    excess = 2.0 * (closing[0] + closing[1]) - limit
    rows = ((excess > 0.0) & (squared > TOGETHER)).any(0).nonzero().squeeze(1)
    if len(rows) == 0:
        return wanted
    apart, squared = apart[..., rows], squared[:, rows]
    multipliers = _ascend(pairs, apart, squared, excess[:, rows])
    change = 2.0 * multipliers * apart  # −λₖ aₖ at the first robot of pair k
    changed = wanted[..., rows]
    for pair, side in zip(pairs.pair, pairs.side, strict=True):
        changed = changed + change[:, pair] * side
    return wanted.index_copy(2, rows, changed)


def _ascend(pairs: Tournament, apart: Tensor, squared: Tensor, excess: Tensor) -> Tensor:
    """The multipliers λ ≥ 0 of the projection, ``[P, M]``, of M rows that break a limit.

    Args:
        pairs: Who plays whom when.
        apart: d, ``[2, P, M]``.
        squared: ‖d‖², ``[P, M]``.
        excess: aₖ·û − bₖ, ``[P, M]``.
    """
    gram = 4.0 * pairs.share[..., None] * (apart[0, :, None] * apart[0] + apart[1, :, None] * apart[1])
    norm = (8.0 * squared).sqrt()
    inverse = torch.where(squared > TOGETHER, 0.125 / squared, 0.0)
    result = torch.zeros_like(excess)
    rows = torch.arange(excess.shape[1], device=excess.device)
    residual, negative = excess.clone(), torch.zeros_like(excess)  # r and −λ
    for _ in range(0, MOST_SWEEPS, SWEEPS):
        moved = _sweep(pairs.rounds, gram, inverse, residual, negative)
        result[:, rows] = -negative
        unfinished = ((moved * norm).amax(0) > TOLERANCE).nonzero().squeeze(1)
        if len(unfinished) == 0:
            break
        rows, norm, gram = rows[unfinished], norm[:, unfinished], gram[..., unfinished]
        inverse, residual, negative = (each[:, unfinished] for each in (inverse, residual, negative))
    return result


def _sweep(rounds: int, gram: Tensor, inverse: Tensor, residual: Tensor, negative: Tensor) -> Tensor:
    """Sweep `SWEEPS` times, changing `residual` and `negative` in place; |t| of the last sweep, ``[P, M]``."""
    steps = torch.empty_like(residual)
    parts = [each.view(rounds, -1, each.shape[-1]).unbind(0) for each in (inverse, residual, negative, steps)]
    by_round = [
        (*part, step.split(1), row.unbind(0))
        for *part, step, row in zip(*parts, parts[3], gram.view(rounds, -1, *gram.shape[1:]).unbind(0), strict=True)
    ]
    for _ in range(SWEEPS):
        for inverse_m, residual_m, negative_m, step_m, each_step, each_row in by_round:
            torch.mul(residual_m, inverse_m, out=step_m)
            torch.maximum(step_m, negative_m, out=step_m)
            negative_m.sub_(step_m)
            for step, row in zip(each_step, each_row, strict=True):
                residual.addcmul_(row, step, value=-1.0)
    return steps.abs_()
