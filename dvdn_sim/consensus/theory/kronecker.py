"""Symmetric link failures with fixed weights, as in the textbooks: one matrix for the mean, one for the mean square.

Every undirected link e works in a round with probability q, both directions together and independently of all else, and
the weight of a link that fails returns to its two ends: W = I - Σ_e b_e w_e L_e, with L_e = (e_i - e_j)(e_i - e_j)ᵀ and
L_w = Σ_e w_e L_e. Source: docs/method.md (closed forms). `moments` gives the same for large N, and for failures of one
direction.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def mean_step(weights: Floats, q: float) -> Floats:
    """E[W] = I - q L_w. Rates from it alone are optimistic: see `mean_square_factor`.

    Args:
        weights: w_ij, ``[N, N]``, symmetric, diagonal 0.
        q: Probability that a link works.

    Returns:
        ``[N, N]``.

    >>> mean_step(np.array([[0, 0.5], [0.5, 0]]), 0.5).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    laplacian = _laplacian(weights)
    return np.asarray(np.eye(len(weights)) - q * laplacian)


def mean_square_step(weights: Floats, q: float) -> Floats:
    """E[WᵀW] = (I - q L_w)² + 2q(1-q) Σ_e w_e² L_e.

    Args:
        weights: As `mean_step`.
        q: As there.

    Returns:
        ``[N, N]``.

    >>> mean_square_step(np.array([[0, 0.5], [0.5, 0]]), 0.5).tolist()     # half I, half J
    [[0.75, 0.25], [0.25, 0.75]]
    """
    mean = mean_step(weights, q)
    return np.asarray(mean @ mean + 2.0 * q * (1.0 - q) * _laplacian(weights**2))


def kronecker_step(weights: Floats, q: float) -> Floats:
    """E[W⊗W] = (I - qL_w)⊗(I - qL_w) + q(1-q) Σ_e w_e² L_e⊗L_e: the exact map of second moments.

    Args:
        weights: As `mean_step`.
        q: As there.

    Returns:
        ``[N², N²]``; vec(E[W Σ Wᵀ]) = E[W⊗W] vec(Σ).

    >>> kronecker_step(np.array([[0, 0.5], [0.5, 0]]), 0.5).shape
    (4, 4)
    """
    mean = mean_step(weights, q)
    total = np.kron(mean, mean).astype(np.float64)
    for i, j in zip(*np.nonzero(np.triu(weights)), strict=True):
        link = np.zeros(len(weights))
        link[i], link[j] = 1.0, -1.0
        pull = weights[i, j] * np.outer(link, link)
        total += q * (1.0 - q) * np.kron(pull, pull)
    return total


def kronecker_trajectory(weights: Floats, q: float, rounds: int) -> Floats:
    """Mean-square error about the mean after 1 … K rounds, of independent values of variance 1.

    mean_i E(x_i(k) - x̄)² = tr(Σ_k)/N with vec Σ_k = (E[W⊗W])^k vec(I - J); the mean x̄ stays what it was.

    Args:
        weights: As `mean_step`.
        q: As there.
        rounds: K.

    Returns:
        ``[K]``.

    >>> kronecker_trajectory(np.array([[0, 0.5], [0.5, 0]]), 0.5, 3).tolist()     # one success is enough
    [0.25, 0.125, 0.0625]
    """
    n_agents = len(weights)
    step = kronecker_step(weights, q)
    second = (np.eye(n_agents) - 1.0 / n_agents).ravel()
    errors = np.empty(rounds)
    for k in range(rounds):
        second = step @ second
        errors[k] = np.trace(second.reshape(n_agents, n_agents)) / n_agents
    return errors


def mean_square_factor(weights: Floats, q: float) -> float:
    """The factor by which the mean-square error shrinks in the long run: the spectral radius of the restricted map.

    E[W⊗W] restricted by (I-J)⊗(I-J). ln ε / ln factor rounds bring the mean square down by ε, from far enough on.

    Args:
        weights: As `mean_step`.
        q: As there.

    Returns:
        In [0, 1]; 1 where links never work.

    >>> round(mean_square_factor(np.array([[0, 0.5], [0.5, 0]]), 0.5), 12)
    0.5
    """
    n_agents = len(weights)
    centre = np.eye(n_agents) - 1.0 / n_agents
    both = np.kron(centre, centre)
    return float(np.abs(np.linalg.eigvals(both @ kronecker_step(weights, q) @ both)).max())


def _laplacian(weights: Floats) -> Floats:
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not np.array_equal(weights, weights.T):
        raise ValueError(f"weights: expected a symmetric matrix [N, N], got {weights.shape}")
    if np.diagonal(weights).any():
        raise ValueError("weights: expected zeros on the diagonal")
    return np.diag(weights.sum(1)) - weights
