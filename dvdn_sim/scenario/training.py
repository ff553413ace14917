"""Training and evaluation: how long, from which experience, and measured how."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dvdn_sim.scenario.quantities import Count, Fraction

Steps = Annotated[Count, Field(le=10**12)]
Episodes = Annotated[Count, Field(le=10**6)]


@dataclass(frozen=True)
class Epsilon:
    """Exploration: the chance of a random action, falling in a straight line and then level.

    Attributes:
        steps: environment steps that the fall takes.
        start: chance at the first step.
        end: chance after the fall.
    """

    steps: Steps
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
        target_tau: share of the network that the target takes over at every update, in place of copies.
        episodes_per_iteration: episodes acted side by side, then as many updates. 1 is the paper's loop; 8 is far
            faster, and learns from episodes that are up to 7 updates behind.
    """

    steps: Steps
    epsilon: Epsilon
    batch: Episodes = 32
    buffer: Episodes = 5000
    target_update: Steps = 200
    target_tau: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    episodes_per_iteration: Annotated[Count, Field(le=4096)] = 1


@dataclass(frozen=True)
class Evaluation:
    """How each seed is measured while it trains.

    Attributes:
        every: environment steps between evaluations.
        episodes: episodes of one evaluation.
        epsilon: chance of a random action while evaluating.
    """

    every: Steps
    episodes: Episodes
    epsilon: Fraction = 0.05
