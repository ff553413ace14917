"""Training and evaluation: how long, from which experience, and measured how."""

from dataclasses import dataclass

from dvdn_sim.scenario.quantities import Count, Fraction


@dataclass(frozen=True)
class Epsilon:
    """Exploration: the chance of a random action, falling in a straight line and then level.

    Attributes:
        steps: environment steps that the fall takes.
        start: chance at the first step.
        end: chance after the fall.
    """

    steps: Count
    start: Fraction = 1.0
    end: Fraction = 0.05


@dataclass(frozen=True)
class Training:
    """How each seed is trained.

    Attributes:
        steps: environment steps per seed; the episode under way at the end is finished.
        epsilon: exploration.
        batch: episodes in a minibatch.
        buffer: episodes kept for replay.
        target_update: updates between two copies of the network into the target network.
    """

    steps: Count
    epsilon: Epsilon
    batch: Count = 32
    buffer: Count = 5000
    target_update: Count = 200


@dataclass(frozen=True)
class Evaluation:
    """How each seed is measured while it trains.

    Attributes:
        every: environment steps between evaluations.
        episodes: episodes of one evaluation.
        epsilon: chance of a random action while evaluating.
    """

    every: Count
    episodes: Count
    epsilon: Fraction = 0.05
