"""Figures of an operator: where the exchange stands between no communication and perfect averaging."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dvdn_sim.consensus.weights import Values

FEW = 16
"""Agents up to which operators come again and again, exchange after exchange, and their figures are remembered."""


@dataclass(frozen=True)
class OperatorFigures:
    """Figures of an operator A ``[N, N]``.

    Attributes:
        a_eff: (tr A - 1)/(N - 1): 0 for perfect averaging (VDN), 1 for no communication (independent learning).
        row_sum_error: Largest |Σ_j A_ij - 1|; not 0 means that agreement is not kept.
        column_sum_error: Largest |Σ_i A_ij - 1|; not 0 means that the mean of the values has moved.
        disagreement_norm: ‖A - 11ᵀ/N‖ (Frobenius).
        lambda_min: Smallest eigenvalue of (A + Aᵀ)/2; below 0, DVDN ascends in that direction.
        isolated_agents: Agents that hold their own value alone.
    """

    a_eff: float
    row_sum_error: float
    column_sum_error: float
    disagreement_norm: float
    lambda_min: float
    isolated_agents: int


def operator_figures(operator: Values) -> OperatorFigures:
    """Work out the figures of one operator ``[N, N]``.

    With a single agent there is nobody to agree with: `a_eff` is 0, and the agent is not called isolated.

    >>> operator_figures(np.eye(3)).a_eff, operator_figures(np.full((3, 3), 1 / 3)).a_eff
    (1.0, 0.0)
    """
    n_agents = len(operator)
    if n_agents > FEW:
        return _figures_of(operator)
    return _remembered(np.ascontiguousarray(operator, np.float64).tobytes(), n_agents)


@lru_cache(maxsize=1024)
def _remembered(values: bytes, n_agents: int) -> OperatorFigures:
    return _figures_of(np.frombuffer(values).reshape(n_agents, n_agents))


def _figures_of(operator: Values) -> OperatorFigures:
    n_agents = len(operator)
    off_diagonal = operator.copy()
    off_diagonal.flat[:: n_agents + 1] = 0.0
    apart = (operator - 1.0 / n_agents).ravel("K")
    alone = n_agents == 1
    return OperatorFigures(
        a_eff=0.0 if alone else float(operator.trace() - 1.0) / (n_agents - 1),
        row_sum_error=float(np.abs(operator.sum(1) - 1.0).max()),
        column_sum_error=float(np.abs(operator.sum(0) - 1.0).max()),
        disagreement_norm=math.sqrt(apart.dot(apart)),
        lambda_min=smallest_eigenvalue(operator),
        isolated_agents=0 if alone else n_agents - int(np.count_nonzero(off_diagonal.any(1))),
    )


def smallest_eigenvalue(operator: Values) -> float:
    """Return λ_min of the symmetric part of an operator ``[N, N]``."""
    return float(np.linalg.eigvalsh((operator + operator.T) / 2)[0])
