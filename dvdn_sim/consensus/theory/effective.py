"""a_eff: where truncated consensus stands between perfect averaging (0, VDN) and none (1, independent learning).

a_eff = (tr E[A] - 1)/(N - 1). For exchangeable random graphs E[W] = a I + (1 - a) J, so this is the a of
docs/method.md (truncation).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def a_eff_drawn_anew(a: float, p: float, rounds: int) -> float:
    """a_eff(p, K) of exchangeable graphs drawn anew each round, lost weight returned to oneself: (1 - (1-p)(1-a))^K.

    Args:
        a: Of one round without loss.
        p: Probability that a message is not held, independently.
        rounds: K.

    Returns:
        a_eff; Source: docs/method.md (truncation).

    >>> round(a_eff_drawn_anew(1 / 3, 0.0, 2), 4), round(a_eff_drawn_anew(1 / 3, 0.3, 1), 4)
    (0.1111, 0.5333)
    """
    return (1.0 - (1.0 - p) * (1.0 - a)) ** rounds


def a_eff_of_one_graph(steps: Floats, p: float, rounds: int) -> float:
    """a_eff(p, K) when one graph serves all rounds: (E tr W̄^K - 1)/(N - 1), W̄ = pI + (1-p)W.

    Args:
        steps: W of every graph without loss, ``[G, N, N]``, all equally likely.
        p: Probability that a message is not held, independently; its weight returns to oneself.
        rounds: K.

    Returns:
        a_eff; at least that of graphs drawn anew, where W has no negative eigenvalues.

    Raises:
        ValueError: Not ``[G, N, N]`` with N ≥ 2.

    >>> ring = np.full((1, 3, 3), 1 / 3)
    >>> round(a_eff_of_one_graph(ring, 0.3, 2), 12)
    0.09
    """
    if steps.ndim != 3 or steps.shape[1] != steps.shape[2] or steps.shape[1] < 2:
        raise ValueError(f"steps: expected [G, N, N] with N of at least 2, got {steps.shape}")
    n_agents = steps.shape[-1]
    mean = p * np.eye(n_agents) + (1.0 - p) * steps
    traces = np.trace(np.linalg.matrix_power(mean, rounds), axis1=1, axis2=2)
    return float((traces.mean() - 1.0) / (n_agents - 1))
