"""A scenario: everything that decides what a run does."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.algorithms import AnyAlgorithm
from dvdn_sim.scenario.envs import AnyEnv
from dvdn_sim.scenario.network import Network
from netmodels.units import CLOSED, Count, Fraction, Natural, Number, Spec, shown

Steps = Annotated[Count, Field(le=10**12)]
Episodes = Annotated[Count, Field(le=10**6)]
Seeds = Annotated[tuple[Annotated[Natural, Field(le=2**63 - 1)], ...], Field(min_length=1, max_length=1000)]

MAX_RANGE = 1000


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that a list of numbers and ranges stands for.

    Raises:
        ValueError: It is none.

    >>> parse_seeds("0-2,7")
    (0, 1, 2, 7)
    """
    seeds: list[int] = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) < 19 for end in ends):
            raise ValueError(f"{shown(part)} is no seed and no range of seeds")
        first, last = int(ends[0]), int(ends[-1])
        if not 0 <= last - first < MAX_RANGE:
            raise ValueError(f"{shown(part)} is no range of up to {MAX_RANGE} seeds")
        seeds += range(first, last + 1)
    return tuple(seeds)


@dataclass(frozen=True, init=False, config=CLOSED)
class Epsilon(Spec):
    """Exploration: the chance of a random action, falling in a straight line and then level.

    Attributes:
        steps: environment steps that the fall takes.
        start: chance at the first step.
        end: chance after the fall.
    """

    steps: Steps
    start: Fraction = 1.0
    end: Fraction = 0.05


@dataclass(frozen=True, init=False, config=CLOSED)
class Training(Spec):
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
    target_tau: Annotated[Number, Field(gt=0.0, le=1.0)] | None = None
    episodes_per_iteration: Annotated[Count, Field(le=4096)] = 1


@dataclass(frozen=True, init=False, config=CLOSED)
class Evaluation(Spec):
    """How each seed is measured while it trains.

    Attributes:
        every: environment steps between evaluations.
        episodes: episodes of one evaluation.
        epsilon: chance of a random action while evaluating.
    """

    every: Steps
    episodes: Episodes
    epsilon: Fraction = 0.05


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Scenario(Spec):
    """Everything that decides what a run does.

    Times are in seconds, rates in bits per second, sizes in bytes.

    Attributes:
        name: what the run folder is called.
        seeds: one team is trained for each.
        env: what the agents act in.
        algorithm: how they learn.
        network: what carries their messages; None where the algorithm sends none.
        training: how long, from which experience.
        evaluation: how they are measured.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    seeds: Seeds
    env: AnyEnv
    algorithm: AnyAlgorithm
    network: Network | None = None
    training: Training
    evaluation: Evaluation
