"""Algorithms: how the agents learn, and what they exchange to do so."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from dvdn_sim.scenario.quantities import Count, Fraction, Natural

Positive = Annotated[float, Field(gt=0.0)]


@dataclass(frozen=True, kw_only=True)
class QLearning:
    """What all algorithms here share: double Q-learning with a recurrent network per agent.

    Attributes:
        hidden: units of the recurrent network.
        lr: Adam's step size.
        gamma: discount per environment step.
        clip: longest gradient (L2 norm); None does not clip.
        standardise_rewards: subtract the running mean of rewards and divide by their running deviation.
    """

    hidden: Annotated[Count, Field(le=4096)] = 64
    lr: Positive = 3e-4
    gamma: Fraction = 0.99
    clip: Positive | None = 10.0
    standardise_rewards: bool = True


@dataclass(frozen=True, kw_only=True)
class Iql(QLearning):
    """Independent Q-learning: every agent learns from the team's reward alone and sends nothing."""


@dataclass(frozen=True, kw_only=True)
class Vdn(QLearning):
    """Value decomposition: the sum of all agents' values learns the team's reward, in one place."""


MOST_ROUNDS_OF_SELF = 3
"""Beyond, ``running_sum`` is far nearer to the mean under loss, and worth its longer messages (docs/method.md)."""


@dataclass(frozen=True)
class Consensus:
    """How TD errors are exchanged and mixed.

    Attributes:
        rounds: rounds of an exchange; 0 exchanges nothing.
        policy: what an agent makes of the messages that did not come (`dvdn_sim.consensus`); ``auto`` is ``self`` for
            up to 3 rounds and ``running_sum`` for more.
        weights: weight of each neighbour; ``running_sum`` and ``push_sum`` need none and give equal shares.
        wire: how messages carry a value; ``float16`` halves them and rounds to 3 digits.
    """

    rounds: Annotated[Natural, Field(le=1000)] = 1
    policy: Literal["auto", "self", "renormalize", "symmetric", "stale", "running_sum", "push_sum", "zero_fill"] = (
        "auto"
    )
    weights: Literal["metropolis", "lazy", "max_degree"] = "metropolis"
    wire: Literal["float32", "float16"] = "float32"

    def __post_init__(self) -> None:
        if self.policy == "auto":
            object.__setattr__(self, "policy", "self" if self.rounds <= MOST_ROUNDS_OF_SELF else "running_sum")


@dataclass(frozen=True, kw_only=True)
class Dvdn(QLearning):
    """Distributed value decomposition: agents estimate the sum of TD errors from what their neighbours send.

    Attributes:
        consensus: how TD errors are exchanged and mixed.
        reward_model: the reward within an agent's TD error; ``team_mean`` is the team's divided by its size.
    """

    consensus: Consensus = field(default_factory=Consensus)
    reward_model: Literal["team_mean"] = "team_mean"
