"""How far the mean of the values walks when one direction of a link is lost and the other is not."""

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.theory.acks import Heard
from dvdn_sim.consensus.theory.moments import PullSteps

Floats = npt.NDArray[np.float64]


def drift_variance(weights: Floats, q: float, values: Floats) -> float:
    """One round of `self`: the mean is a martingale, of variance (1/N²) Σ_{i<j} 2q(1-q) w_ij² (x_i - x_j)².

    Args:
        weights: w_ij, ``[N, N]``, symmetric, diagonal 0.
        q: Probability that a message is held, independently in each direction.
        values: x, ``[N]``.

    Returns:
        Var(x̄(1) - x̄(0)). Source: docs/method.md (closed forms).

    Raises:
        ValueError: Shapes that do not fit.

    >>> drift_variance(np.array([[0, 0.5], [0.5, 0]]), 0.5, np.array([0.0, 2.0]))
    0.125
    """
    n_agents = len(values)
    if weights.shape != (n_agents, n_agents):
        raise ValueError(f"weights: expected [{n_agents}, {n_agents}], got {weights.shape}")
    apart = (values[:, None] - values[None, :]) ** 2
    return float(q * (1.0 - q) * (weights**2 * apart).sum() / n_agents**2)


def accumulated_drift(weights: Floats, q: float, values: Floats, rounds: int) -> Floats:
    """Var(x̄(k) - x̄(0)) after 1 … K rounds of `self` on one graph: the sum of the one-step variances met on the way.

    Each is `drift_variance` in expectation over the values of its round, whose second moments follow E[W Σ Wᵀ].

    Args:
        weights: As `drift_variance`.
        q: As there.
        values: x before the first round, ``[N]``.
        rounds: K.

    Returns:
        ``[K]``, not decreasing.

    >>> accumulated_drift(np.array([[0, 0.5], [0.5, 0]]), 0.5, np.array([0.0, 2.0]), 3).tolist()
    [0.125, 0.171875, 0.189453125]
    """
    n_agents = len(values)
    if weights.shape != (n_agents, n_agents):
        raise ValueError(f"weights: expected [{n_agents}, {n_agents}], got {weights.shape}")
    steps = PullSteps(weights, Heard.one_way(q))
    centred = values - values.mean()
    second = np.outer(centred, centred)
    variances = np.empty(rounds)
    for k in range(rounds):
        second = steps.advance(second)
        variances[k] = second.sum() / n_agents**2
    return variances
