"""From the moments of steps to how far agents are from agreement, round by round; exact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.theory.moments import StepMoments

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Expectations after round 1 … K, of given values or over values of variance 1; leading axes are graphs.

    Attributes:
        mse: mean_i E(x_i(k) - x̄(0))², ``[..., K]``: the error about the true mean.
        disagreement: mean_i E(x_i(k) - x̄(k))², ``[..., K]``: the part of it that further rounds can mend.
        drift: E(x̄(k) - x̄(0))², ``[..., K]``: the part that they cannot.
        a_eff: (tr E[A_k] - 1)/(N - 1), ``[..., K]``.
    """

    mse: Floats
    disagreement: Floats
    drift: Floats
    a_eff: Floats

    def averaged(self, chance: Floats) -> "Trajectory":
        """The mean over graphs, the first axis, with these probabilities ``[G]``."""
        parts = (self.mse, self.disagreement, self.drift, self.a_eff)
        return Trajectory(*(np.asarray(np.tensordot(chance, part, 1)) for part in parts))


def trajectory(steps: StepMoments | Sequence[StepMoments], rounds: int, values: Floats | None = None) -> Trajectory:
    """Follow A_k = W_k ⋯ W_1 for K rounds of independent steps.

    With Σ = E[x(0) x(0)ᵀ], which is I for independent values of mean 0 and variance 1: where agreement is kept,
    D_k = E[(A_k - J) Σ (A_k - J)ᵀ] obeys D_k = E[W D_{k-1} Wᵀ] from D_0 = (I - J) Σ (I - J); otherwise
    S_k = E[A_k Σ A_kᵀ] does, from Σ. Then
    mse = tr D/N, disagreement = (tr D - 1ᵀD1/N)/N, drift = 1ᵀD1/N² (docs/method.md, closed forms).

    Args:
        steps: Moments of a round: the same for all, or one for each.
        rounds: K.
        values: x(0) ``[N]``, for what becomes of these; None for independent values of variance 1.

    Returns:
        Exact, to rounding.

    >>> from dvdn_sim.consensus.theory.acks import Heard
    >>> from dvdn_sim.consensus.theory.moments import PullSteps
    >>> pair = PullSteps(np.array([[0, 0.5], [0.5, 0]]), Heard.one_way(0.5))
    >>> trajectory(pair, 2).mse.tolist(), trajectory(pair, 2).drift.tolist()
    ([0.25, 0.15625], [0.0625, 0.0859375])
    """
    each = list(steps) if isinstance(steps, Sequence) else [steps] * rounds
    if len(each) != rounds:
        raise ValueError(f"steps: expected one for each of {rounds} rounds, got {len(each)}")
    n_agents = each[0].mean.shape[-1]
    if values is not None and values.shape != (n_agents,):
        raise ValueError(f"values: expected [{n_agents}], got {values.shape}")
    follow = _centred if all(step.keeps_agreement for step in each) else _raw
    return follow(each, np.eye(n_agents) if values is None else np.outer(values, values))


def _centred(steps: list[StepMoments], start: Floats) -> Trajectory:
    shape = steps[0].mean.shape
    n_agents = shape[-1]
    centre = np.eye(n_agents) - 1.0 / n_agents
    second = np.broadcast_to(centre @ start @ centre, shape)
    mean = np.broadcast_to(np.eye(n_agents), shape)
    errors, drifts, traces = [], [], []
    for step in steps:
        second, mean = step.advance(second), step.mean @ mean
        errors.append(np.trace(second, axis1=-2, axis2=-1) / n_agents)
        drifts.append(second.sum((-2, -1)) / n_agents**2)
        traces.append(np.trace(mean, axis1=-2, axis2=-1))
    return _figures(errors, drifts, traces, n_agents)


def _raw(steps: list[StepMoments], start: Floats) -> Trajectory:
    shape = steps[0].mean.shape
    n_agents = shape[-1]
    second, mean = np.broadcast_to(start, shape), np.broadcast_to(np.eye(n_agents), shape)
    sizes = start.sum() / n_agents  # N E x̄(0)²
    errors, drifts, spreads, traces = [], [], [], []
    for step in steps:
        second, mean = step.advance(second), step.mean @ mean
        squares, sums = np.trace(second, axis1=-2, axis2=-1), second.sum((-2, -1))
        shrunk = (mean @ start).sum((-2, -1)) / n_agents  # N E x̄(k) x̄(0)
        errors.append((squares - 2.0 * shrunk + sizes) / n_agents)
        drifts.append((sums / n_agents - 2.0 * shrunk + sizes) / n_agents)
        spreads.append((squares - sums / n_agents) / n_agents)
        traces.append(np.trace(mean, axis1=-2, axis2=-1))
    found = _figures(errors, drifts, traces, n_agents)
    return Trajectory(found.mse, np.stack(spreads, -1), found.drift, found.a_eff)


def _figures(errors: list[Floats], drifts: list[Floats], traces: list[Floats], n_agents: int) -> Trajectory:
    mse, drift = (np.maximum(np.stack(each, -1), 0.0) for each in (errors, drifts))  # which rounding may miss by 1e-17
    a_eff = (np.stack(traces, -1) - 1.0) / max(n_agents - 1, 1)
    return Trajectory(mse, np.maximum(mse - drift, 0.0), drift, a_eff)


def rounds_to_reach(steps: StepMoments, mse: float, chance: Floats | None = None, limit: int = 1000) -> int | None:
    """K for a target error: the first round after which the mean-square error is at most `mse`.

    Args:
        steps: Moments of every round, of one graph or of ``[G]``.
        mse: Target, for values of variance 1.
        chance: Probability of each graph; None for one graph.
        limit: Most rounds to try.

    Returns:
        K ≥ 1, or None where it is not reached: under one-way loss the mean drifts, and the error has a floor.

    >>> from dvdn_sim.consensus.theory.acks import Heard
    >>> from dvdn_sim.consensus.theory.moments import PullSteps
    >>> pair = PullSteps(np.array([[0, 0.5], [0.5, 0]]), Heard.together(0.5))
    >>> rounds_to_reach(pair, 0.01), rounds_to_reach(PullSteps(pair.weights, Heard.one_way(0.5)), 0.01)
    (6, None)
    """
    found: int | None = None
    tried = 0
    rounds = 8
    while found is None and tried < limit:
        rounds = min(4 * rounds, limit)
        path = trajectory(steps, rounds)
        errors = (path if chance is None else path.averaged(chance)).mse
        reached = np.flatnonzero(errors <= mse)
        found = int(reached[0]) + 1 if len(reached) else None
        tried = rounds
        if errors[-1] > 0.999 * errors[rounds // 2]:
            break
    return found
