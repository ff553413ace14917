"""Closed forms behind `dvdn-sim predict`, each also what tests hold the simulator against; pure functions.

With A_k = W_k ⋯ W_1 of independent random steps, E[A_k] and E[A_k Σ A_kᵀ] follow from E[W] and the map Σ ↦ E[W Σ Wᵀ]
alone, in O(N³) a round: this gives the error after every round exactly, not a rate. Arrays may have leading axes: one W
per graph. The losses are independent from message to message, and what arrives is in time. Where that does not hold, or
a policy has a memory (`stale`, `running_sum`, `push_sum`) or divides by what was heard (`renormalize`), sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.weights import Values, Weights, weight_matrix
from netmodels.topology import Graph


@dataclass(frozen=True)
class Heard:
    """Moments of b_ij, whether i counts what it heard of j, and of b_ji.

    Attributes:
        mean: E b_ij.
        variance: Var b_ij.
        covariance: Cov(b_ij, b_ji).
    """

    mean: float
    variance: float
    covariance: float

    @classmethod
    def one_way(cls, q: float) -> Self:
        """Each direction is lost on its own: the policy `self`."""
        return cls(q, q * (1.0 - q), 0.0)

    @classmethod
    def together(cls, q: float) -> Self:
        """Both directions fail together: symmetric link failures, and the policy `symmetric` if everything is known."""
        return cls(q, q * (1.0 - q), q * (1.0 - q))

    @classmethod
    def confirmed(cls, q: float, ack: float, repeat: int = 1) -> Self:
        """Each end counts a link that it knows to be heard at both: the policy `symmetric` with acks that are lost.

        Both messages must be heard, q², and then each end must hear one of the acks of the other, with probability
        α = 1 - (1 - q_ack)^repeat: both ends know with q²α², one alone with 2 q² α(1 - α). With acks sent once over
        the same link, q⁴ and 2 q³(1 - q) (docs/method.md, closed forms).
        """
        known = 1.0 - (1.0 - ack) ** repeat
        mean = q**2 * known
        return cls(mean, mean * (1.0 - mean), mean * known - mean**2)


# Moments of one round.


class StepMoments(Protocol):
    """A random step W, as far as its first two moments go."""

    @property
    def mean(self) -> Values:
        """E[W], ``[..., N, N]``."""

    @property
    def keeps_agreement(self) -> bool:
        """Whether every row of every W sums to 1."""

    def advance(self, second: Values) -> Values:
        """Return E[W Σ Wᵀ] of Σ ``[..., N, N]``."""


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
    """

    weights: Values
    heard: Heard

    def __post_init__(self) -> None:
        _refuse_not_square(self.weights)

    @property
    def mean(self) -> Values:
        pulls = self.heard.mean * self.weights
        return pulls + _diagonal(1.0 - pulls.sum(-1))

    @property
    def keeps_agreement(self) -> bool:
        return True  # what was not heard is not counted

    def advance(self, second: Values) -> Values:
        own = np.diagonal(second, axis1=-2, axis2=-1)
        spread = own[..., :, None] + own[..., None, :] - second - np.swapaxes(second, -1, -2)
        pulled = self.weights**2 * spread
        noise = _diagonal(self.heard.variance * pulled.sum(-1)) - self.heard.covariance * pulled
        return _sandwich(self.mean, second) + noise


@dataclass(frozen=True, eq=False)
class ZeroFillSteps:
    """x_i ← w_ii x_i + Σ_j b_ij w_ij x_j, all b_ij independent with probability q (`zero_fill`).

    E[W Σ Wᵀ] = E[W] Σ E[W]ᵀ + diag_i(q(1-q) Σ_j w_ij² Σ_jj), because rows are independent. Weights as in `PullSteps`.
    """

    weights: Values
    q: float

    def __post_init__(self) -> None:
        _refuse_not_square(self.weights)

    @property
    def mean(self) -> Values:
        return self.q * self.weights + _diagonal(1.0 - self.weights.sum(-1))

    @property
    def keeps_agreement(self) -> bool:
        return self.q == 1.0

    def advance(self, second: Values) -> Values:
        own = np.diagonal(second, axis1=-2, axis2=-1)
        noise = self.q * (1.0 - self.q) * (self.weights**2 * own[..., None, :]).sum(-1)
        return _sandwich(self.mean, second) + _diagonal(noise)


@dataclass(frozen=True, eq=False)
class DrawnSteps:
    """A step whose graph is drawn afresh, each of ``[G]`` as likely: the mixture of the moments of its graphs."""

    steps: StepMoments

    @property
    def mean(self) -> Values:
        return np.asarray(self.steps.mean.mean(0))

    @property
    def keeps_agreement(self) -> bool:
        return self.steps.keeps_agreement

    def advance(self, second: Values) -> Values:
        return np.asarray(self.steps.advance(second[None]).mean(0))


def closed_steps(
    policy: str,
    weights: Weights,
    graphs: Sequence[Graph],
    *,
    q: float,
    one_round: bool,
    known: Heard | None,
    up: npt.NDArray[np.bool_] | None = None,
) -> StepMoments | None:
    """Return the moments of one round over each of some graphs, for a policy that has them.

    Args:
        policy: Its name.
        weights: Base weights.
        graphs: G of them.
        q: Probability that a message is held.
        one_round: Whether the exchange has no further round, so that there is nothing yet to remember.
        known: What acknowledgements let both ends count; None without any.
        up: Who can hear whom, ``[N, N]``; all neighbours by default.
    """
    if not has_moments(policy, one_round=one_round) or (policy == "zero_fill" and up is not None):
        return None
    matrices = np.array([weight_matrix(weights, graph) for graph in graphs])
    if up is not None:
        matrices *= up & up.T if policy == "symmetric" else up
    if policy == "zero_fill":
        return ZeroFillSteps(matrices, q)
    return PullSteps(matrices, Heard.one_way(q) if policy != "symmetric" else known or Heard(0.0, 0.0, 0.0))


def has_moments(policy: str, *, one_round: bool) -> bool:
    """Return whether the moments of a round are known for a policy, by its name; in one round `stale` is `self`."""
    return policy in {"self", "symmetric", "zero_fill"} or (policy == "stale" and one_round)


def _diagonal(values: Values) -> Values:
    return values[..., None] * np.eye(values.shape[-1])


def _sandwich(mean: Values, second: Values) -> Values:
    product: Values = mean @ second @ np.swapaxes(mean, -1, -2)
    return product


def _refuse_not_square(weights: Values) -> None:
    if weights.ndim < 2 or weights.shape[-1] != weights.shape[-2]:
        raise ValueError(f"weights: expected [..., N, N], got {weights.shape}")


# How far agents are from agreement, round by round.


class Trajectory(NamedTuple):
    """Expectations after round 1 … K, of given values or over values of variance 1; leading axes are graphs or trials.

    Attributes:
        mse: mean_i E(x_i(k) - x̄(0))², ``[..., K]``: the error about the true mean.
        disagreement: mean_i E(x_i(k) - x̄(k))², ``[..., K]``: the part of it that further rounds can mend.
        drift: E(x̄(k) - x̄(0))², ``[..., K]``: the part that they cannot.
        a_eff: (tr E[A_k] - 1)/(N - 1), ``[..., K]``.
    """

    mse: Values
    disagreement: Values
    drift: Values
    a_eff: Values


def trajectory(steps: StepMoments | Sequence[StepMoments], rounds: int, values: Values | None = None) -> Trajectory:
    """Follow A_k = W_k ⋯ W_1 for K rounds of independent steps, the same for all rounds or one for each.

    With Σ = E[x(0) x(0)ᵀ], which is I for independent values of mean 0 and variance 1, or that of given values ``[N]``:
    where agreement is kept, D_k = E[(A_k - J) Σ (A_k - J)ᵀ] obeys D_k = E[W D_{k-1} Wᵀ] from D_0 = (I - J) Σ (I - J);
    otherwise S_k = E[A_k Σ A_kᵀ] does, from Σ. Then
    mse = tr D/N, disagreement = (tr D - 1ᵀD1/N)/N, drift = 1ᵀD1/N² (docs/method.md, closed forms).

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
    start = np.eye(n_agents) if values is None else np.outer(values, values)
    about_mean = all(step.keeps_agreement for step in each)
    centre = np.eye(n_agents) - 1.0 / n_agents
    shape = each[0].mean.shape
    second = np.broadcast_to(centre @ start @ centre if about_mean else start, shape)
    mean = np.broadcast_to(np.eye(n_agents), shape)
    errors, drifts, traces = [], [], []
    for step in each:
        second, mean = step.advance(second), step.mean @ mean
        # S is about 0: E (x̄(k) - x̄(0))² and the error differ from its sums by E x̄(0)² - 2 E x̄(k) x̄(0).
        moved = 0.0 if about_mean else (start.sum() - 2.0 * (mean @ start).sum((-2, -1))) / n_agents**2
        errors.append(np.trace(second, axis1=-2, axis2=-1) / n_agents + moved)
        drifts.append(second.sum((-2, -1)) / n_agents**2 + moved)
        traces.append(np.trace(mean, axis1=-2, axis2=-1))
    mse, drift = (np.maximum(np.stack(each, -1), 0.0) for each in (errors, drifts))  # which rounding may miss by 1e-17
    a_eff = (np.stack(traces, -1) - 1.0) / max(n_agents - 1, 1)
    return Trajectory(mse, np.maximum(mse - drift, 0.0), drift, a_eff)


def rounds_to_reach(steps: StepMoments, mse: float, limit: int = 1000) -> int | None:
    """Return K ≥ 1 for a target error: the first round after which the mean-square error is at most `mse`.

    The steps are those of every round, of one graph or of ``[G]``, each as likely. None where it is not reached in
    `limit` rounds: under one-way loss the mean drifts, and the error has a floor.

    >>> pair = PullSteps(np.array([[0, 0.5], [0.5, 0]]), Heard.together(0.5))
    >>> rounds_to_reach(pair, 0.01), rounds_to_reach(PullSteps(pair.weights, Heard.one_way(0.5)), 0.01)
    (6, None)
    """
    rounds = 8
    while True:
        rounds = min(4 * rounds, limit)
        errors = trajectory(steps, rounds).mse.reshape(-1, rounds).mean(0)
        reached = np.flatnonzero(errors <= mse)
        if len(reached):
            return int(reached[0]) + 1
        if rounds == limit or errors[-1] > 0.999 * errors[rounds // 2]:
            return None


def expected_of(operators: Values, values: Values | None = None) -> Trajectory:
    """Return what cumulative operators ``[..., K, N, N]`` do to values ``[N]``, or to any of variance 1, expected.

    mse = ‖(A - J)X‖²/N, drift = ‖1ᵀ(A - J)X/N‖², disagreement = ‖(I - J)AX‖²/N (Frobenius), a_eff = (tr A - 1)/(N - 1);
    X is the values, or I.

    >>> expected_of(np.eye(2)[None]).mse.tolist(), expected_of(np.eye(2)[None], np.array([3.0, 1.0])).mse.tolist()
    ([0.5], [1.0])
    """
    start = np.eye(operators.shape[-1]) if values is None else values[:, None]
    held = operators if values is None else operators @ start
    return trajectory_of(held, start, np.trace(operators, axis1=-2, axis2=-1))


def trajectory_of(held: Values, start: Values, traces: Values, samples: int = 1) -> Trajectory:
    """Return figures of what agents hold after rounds, ``[..., K, N, columns]``, of ``[..., N, columns]`` at first.

    Errors of the columns are added up, and are those of so many samples; `traces` are those of operators ``[..., K]``.
    """
    n_agents, mean, means = start.shape[-2], start.mean(-2)[..., None, :], held.mean(-2)
    return Trajectory(
        mse=((held - mean[..., None, :]) ** 2).sum((-2, -1)) / (n_agents * samples),
        disagreement=((held - means[..., None, :]) ** 2).sum((-2, -1)) / (n_agents * samples),
        drift=((means - mean) ** 2).sum(-1) / samples,
        a_eff=(traces - 1.0) / max(n_agents - 1, 1),
    )


# How long a round takes.


def expected_round_time(
    quantile: Callable[[float], float], q: float, degree: int, deadline_s: float, points: int = 400
) -> float:
    """Return the expected seconds of a round in which all start together: until d messages are there, or the deadline.

    E min(D, max_{j ≤ d} C_j) = ∫_0^D (1 - (q F(t))^d) dt, where a message is held with probability q and then takes C
    with distribution F. Integrated over the quantiles of F, so that steps in F do no harm.

    Args:
        quantile: F⁻¹ in seconds: `LinkSpec.completion_quantile` of the message.
        q: Probability that a message arrives whole.
        degree: d, messages waited for; with servers of their own.
        deadline_s: D in seconds; may be infinite if q is 1.
        points: Of the integration.

    >>> expected_round_time(lambda u: 0.006, 0.9, 2, 0.05)      # 6 ms, or 50 ms with probability 1 - 0.9²
    0.01436
    """
    if degree == 0:
        return 0.0
    if q < 1.0 and np.isinf(deadline_s):
        raise ValueError("deadline_s: expected a finite time, since messages are lost")
    normal = NormalDist()
    shares = [normal.cdf(z) for z in np.linspace(-8.0, 8.0, points + 1).tolist()]
    times = np.minimum([quantile(share) for share in shares], deadline_s)
    middle = (np.array(shares[1:]) + shares[:-1]) / 2.0
    total = times[0] + float(np.diff(times) @ (1.0 - (q * middle) ** degree))
    rest = 0.0 if q == 1.0 else float(deadline_s - times[-1]) * (1.0 - q**degree)
    return round(float(total + rest), 15)
