"""First and second moments of one random mixing step W: E[W], and the map Σ ↦ E[W Σ Wᵀ].

With A_k = W_k ⋯ W_1 of independent steps, E[A_k] and E[A_k A_kᵀ] follow from these two alone, in O(N³) a round. The
matrix E[W⊗W], N² x N², is the same map written out (`kronecker`). Arrays may have leading axes: one W per graph.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.theory.acks import Heard
from dvdn_sim.consensus.theory.enumeration import loss_patterns, pattern_probabilities

Floats = npt.NDArray[np.float64]


class StepMoments(Protocol):
    """A random step, as far as its first two moments go."""

    @property
    def mean(self) -> Floats:
        """E[W], ``[..., N, N]``."""

    @property
    def keeps_agreement(self) -> bool:
        """Whether every row of every W sums to 1."""

    def advance(self, second: Floats) -> Floats:
        """E[W Σ Wᵀ] of Σ ``[..., N, N]``."""


@dataclass(frozen=True, eq=False)
class PullSteps:
    """x_i ← x_i + Σ_j b_ij w_ij (x_j - x_i), with b_ij = 1 where i counts what it heard of j (`self`, `symmetric`).

    E[W] = I - m L_w with m = E b_ij, and with d = e_i - e_j
    E[W Σ Wᵀ] = E[W] Σ E[W]ᵀ + Σ_{i<j} w_ij² (dᵀ Σ d) Cov(b_ij e_i - b_ji e_j).
    Pairs are independent of each other. With both directions failing together the last term is that of
    q(1-q) Σ_e w_e² L_e⊗L_e (docs/method.md (closed forms)).

    Attributes:
        weights: w_ij, ``[..., N, N]``, 0 where there is no link and on the diagonal; symmetric.
        heard: Mean, variance and covariance of b_ij and b_ji.

    >>> pair = PullSteps(np.array([[0, 0.5], [0.5, 0]]), Heard.one_way(0.5))
    >>> pair.mean.tolist(), pair.advance(np.array([[0.5, -0.5], [-0.5, 0.5]])).tolist()
    ([[0.75, 0.25], [0.25, 0.75]], [[0.25, -0.125], [-0.125, 0.25]])
    """

    weights: Floats
    heard: Heard

    def __post_init__(self) -> None:
        _square("weights", self.weights)

    @property
    def mean(self) -> Floats:
        """E[W] = I - m L_w."""
        pulls = self.heard.mean * self.weights
        return pulls + _diagonal(1.0 - pulls.sum(-1))

    @property
    def keeps_agreement(self) -> bool:
        """Always: what was not heard is not counted."""
        return True

    def advance(self, second: Floats) -> Floats:
        """E[W Σ Wᵀ]."""
        own = np.diagonal(second, axis1=-2, axis2=-1)
        spread = own[..., :, None] + own[..., None, :] - second - np.swapaxes(second, -1, -2)
        pulled = self.weights**2 * spread
        noise = _diagonal(self.heard.variance * pulled.sum(-1)) - self.heard.covariance * pulled
        return _sandwich(self.mean, second) + noise


@dataclass(frozen=True, eq=False)
class ZeroFillSteps:
    """x_i ← w_ii x_i + Σ_j b_ij w_ij x_j, all b_ij independent with probability q (`zero_fill`).

    E[W Σ Wᵀ] = E[W] Σ E[W]ᵀ + diag_i(q(1-q) Σ_j w_ij² Σ_jj), because rows are independent.

    Attributes:
        weights: As `PullSteps`.
        q: Probability that a message is held.

    >>> ZeroFillSteps(np.array([[0, 0.5], [0.5, 0]]), 0.5).mean.tolist()
    [[0.5, 0.25], [0.25, 0.5]]
    """

    weights: Floats
    q: float

    def __post_init__(self) -> None:
        _square("weights", self.weights)

    @property
    def mean(self) -> Floats:
        """E[W]: the diagonal as without loss, the rest times q."""
        return self.q * self.weights + _diagonal(1.0 - self.weights.sum(-1))

    @property
    def keeps_agreement(self) -> bool:
        """Only if nothing is lost."""
        return self.q == 1.0

    def advance(self, second: Floats) -> Floats:
        """E[W Σ Wᵀ]."""
        own = np.diagonal(second, axis1=-2, axis2=-1)
        noise = self.q * (1.0 - self.q) * (self.weights**2 * own[..., None, :]).sum(-1)
        return _sandwich(self.mean, second) + _diagonal(noise)


@dataclass(frozen=True, eq=False)
class RatioSteps:
    """Row i is (s_ii e_i + Σ_j b_ij s_ij e_j) / (s_ii + Σ_j b_ij s_ij): a weighted mean of what was heard.

    Made by `ratio_steps`, which goes through every subset of neighbours. Rows are independent:
    E[W Σ Wᵀ]_ij = (E[W] Σ E[W]ᵀ)_ij + 1_{i=j} tr(Cov(row i) Σ).

    Attributes:
        mean: E[W], ``[..., N, N]``.
        covariance: Of every row, ``[..., N, N, N]``.
    """

    mean: Floats
    covariance: Floats

    @property
    def keeps_agreement(self) -> bool:
        """Always: every row is a weighted mean."""
        return True

    def advance(self, second: Floats) -> Floats:
        """E[W Σ Wᵀ]."""
        noise = np.einsum("...iab,...ab->...i", self.covariance, second)
        return _sandwich(self.mean, second) + _diagonal(noise)


def ratio_steps(shares: Floats, q: float) -> RatioSteps:
    """Enumerate what agents may hear of independent messages: `renormalize`, and round 1 of the ratio policies.

    Args:
        shares: s_ij, ``[..., N, N]``, the diagonal positive. `renormalize`: the weights W. Running sums and push-sum,
            in their first round: 1/(1 + d_j) of the sender j, oneself included.
        q: Probability that a message is held.

    Returns:
        Moments, exact.

    >>> ratio_steps(np.full((2, 2), 0.5), 0.5).mean.tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    _square("shares", shares)
    n_agents = shares.shape[-1]
    flat = shares.reshape(-1, n_agents, n_agents)
    mean, covariance = np.zeros_like(flat), np.zeros((*flat.shape, n_agents))
    for graph, agent in np.ndindex(flat.shape[:2]):
        share = flat[graph, agent]
        others = np.flatnonzero(share * (np.arange(n_agents) != agent))
        patterns = loss_patterns(len(others))
        near = np.array([agent, *others])
        rows = np.hstack([np.ones((len(patterns), 1)), patterns]) * share[near]
        rows /= rows.sum(1, keepdims=True)
        chance = pattern_probabilities(patterns, q)
        first = chance @ rows
        mean[graph, agent, near] = first
        covariance[graph, agent][np.ix_(near, near)] = (rows * chance[:, None]).T @ rows - np.outer(first, first)
    return RatioSteps(mean.reshape(shares.shape), covariance.reshape(*shares.shape, n_agents))


@dataclass(frozen=True, eq=False)
class DrawnSteps:
    """A step whose graph is drawn afresh: the mixture of the moments of its graphs.

    Attributes:
        steps: Moments of ``[G]`` graphs.
        chance: Probability of each, ``[G]``.
    """

    steps: StepMoments
    chance: Floats

    @property
    def mean(self) -> Floats:
        """E over graphs of E[W], ``[N, N]``."""
        return np.asarray(np.tensordot(self.chance, self.steps.mean, 1))

    @property
    def keeps_agreement(self) -> bool:
        """Whether all of them do."""
        return self.steps.keeps_agreement

    def advance(self, second: Floats) -> Floats:
        """E over graphs of E[W Σ Wᵀ]."""
        return np.asarray(np.tensordot(self.chance, self.steps.advance(second[None]), 1))


def _diagonal(values: Floats) -> Floats:
    return values[..., None] * np.eye(values.shape[-1])


def _sandwich(mean: Floats, second: Floats) -> Floats:
    product: Floats = mean @ second @ np.swapaxes(mean, -1, -2)
    return product


def _square(name: str, matrix: Floats) -> None:
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"{name}: expected [..., N, N], got {matrix.shape}")
