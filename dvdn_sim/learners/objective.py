"""What one learner is: the reward in its local errors, its error signal, and whether one trainer takes the step.

Every learner here minimises a mean of squared errors and differentiates only the agents' own -Q_i(a_i) inside them, so
a gradient step is known from what pulls each Q_i. They differ in that alone: each is one file of a few lines.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from dvdn_sim.learners.standardise import RewardModel


@dataclass(frozen=True)
class Local:
    """What agents know before any exchange; R teams, N agents, T steps, B episodes.

    Attributes:
        td: Local temporal differences δ ``[R, N, T, B]``; nonsense where there was no step.
        q_t: Q_i(τ_t, a_t), of the same shape.
        value_tp1: Q_i⁻(τ_{t+1}, argmax_a Q_i(τ_{t+1}, a)), of the same shape.
        rewards: ρ_i, ``[R, N or 1, T, B]``.
        continues: Whether the value of the next state counts, bool ``[R, T, B]``.
        mask: 1 where there was a step, 0 elsewhere, ``[R, 1, T, B]``.
        observations: ``[R, N, T + 1, B, D]``.
        gamma: Discount per step.
    """

    td: Tensor
    q_t: Tensor
    value_tp1: Tensor
    rewards: Tensor
    continues: Tensor
    mask: Tensor
    observations: Tensor
    gamma: float


class Held(NamedTuple):
    """What agents hold after an exchange.

    Attributes:
        values: ``[R, N, T, B]``, the mix of local errors.
        counts: ``[R, N]``, how many agents' errors are in it; None where nobody asks.
    """

    values: Tensor
    counts: Tensor | None = None


class Signal(NamedTuple):
    """What a learner makes of the errors, each ``[R, N, T, B]``; positions without a step may hold nonsense.

    Attributes:
        error: What the loss squares.
        pull: -½ of the derivative of the squared error with respect to Q_i(a_i), before the mean over steps.
    """

    error: Tensor
    pull: Tensor


class Mixing(Protocol):
    """Parameters of a learner beside those of the agents' networks: a mixer's.

    Attributes:
        parameters: Online and target, ``[2, R, P]``.
        gradient: Of the loss of the latest `Objective.signal`, ``[R, P]``.
    """

    parameters: Tensor
    gradient: Tensor


class Objective(Protocol):
    """The lines in which learners differ."""

    @property
    def exchanges(self) -> bool:
        """Whether the error signal needs what other agents sent over the network."""
        ...

    @property
    def central(self) -> bool:
        """Whether one trainer clips the gradient over the whole team, rather than every agent its own."""
        ...

    @property
    def reward_model(self) -> RewardModel:
        """Which reward is inside a local temporal difference."""
        ...

    @property
    def mixing(self) -> Mixing | None:
        """What is learnt beside the agents' networks; None for nothing."""
        ...

    def signal(self, local: Local, held: Held | None) -> Signal:
        """The error signal.

        Args:
            local: What agents know before the exchange.
            held: What they hold after it; None for learners that exchange nothing.
        """
        ...
