"""Consensus over links with constant delays: agreement, but not on the mean."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def delayed_limit(weights: Floats, delays: npt.NDArray[np.int64], values: Floats) -> float:
    """What x_i(t+1) = x_i(t) + Σ_j w_ij (x_j(t - τ_ij) - x_i(t)) agrees on, the history before the start held at x(0).

    Conserved: Σ_i x_i(t) + Σ_ij Σ_{s=1..τ_ij} w_ij x_j(t-s). At the start this is Σ_j x_j (1 + Σ_i w_ij τ_ij), and in
    the end N + Σ_ij w_ij τ_ij times the limit.

    Args:
        weights: w_ij, ``[N, N]``, symmetric, of a connected graph; the diagonal does not count.
        delays: τ_ij ≥ 0, whole rounds from j to i, ``[N, N]``.
        values: x(0), ``[N]``.

    Returns:
        Σ_j x_j(0)(1 + Σ_i w_ij τ_ij) / (N + Σ_ij w_ij τ_ij). Source: docs/method.md (closed forms).

    Raises:
        ValueError: Shapes that do not fit, or a negative delay.

    >>> half = np.array([[0.0, 0.5], [0.5, 0.0]])
    >>> delayed_limit(half, np.array([[0, 2], [0, 0]]), np.array([0.0, 3.0]))     # agent 1 is heard twice as long
    2.0
    """
    n_agents = len(values)
    if weights.shape != (n_agents, n_agents) or delays.shape != weights.shape:
        raise ValueError(f"expected [{n_agents}, {n_agents}], got weights {weights.shape} and delays {delays.shape}")
    if (delays < 0).any():
        raise ValueError("delays: expected none below 0")
    held_up = np.where(np.eye(n_agents, dtype=bool), 0.0, weights * delays)
    return float(values @ (1.0 + held_up.sum(0)) / (n_agents + held_up.sum()))
