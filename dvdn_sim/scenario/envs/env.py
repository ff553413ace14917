"""What a scenario must know of any environment."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.wording import plural
from netmodels.units import CLOSED, Count, Fraction, Spec

EpisodeSteps = Annotated[Count, Field(le=100_000)]
Broken = tuple[str, str, str]
"""What breaks a rule: the setting, what is wrong, and what to do about it."""


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Env(Spec):
    """What a scenario must know of any environment; most of it follows from the settings.

    Attributes:
        heterogeneity: share of a team of equals that is permuted: its first agents, rounded to whole ones, each observe
            and act in an order of their own.
        noun: what an agent is called.
        n_actions: A, between how many actions an agent chooses; the most if agents differ.
        n_agents: number of agents that learn.
        obs_dim: D, how many numbers an agent observes; the most if agents differ.
        homogeneous: whether all agents play the same part, so that one network may serve all that are not permuted.
        idle: what an agent does that is down.
        picture_note: what its pictures need to be understood.
    """

    if TYPE_CHECKING:
        kind: str
        max_episode_steps: int
        n_agents: int
        obs_dim: int

    heterogeneity: Fraction = 0.0

    noun = "agent"
    n_actions = 5
    homogeneous = True
    idle = "does nothing"
    picture_note = ""

    @property
    def permuted(self) -> int:
        """How many agents observe and act in an order of their own, the first ones."""
        return math.floor(self.heterogeneity * self.n_agents + 0.5)

    @property
    def longest_episode(self) -> int:
        """Steps after which every episode has ended."""
        return self.max_episode_steps

    @property
    def returns_within(self) -> tuple[float, float]:
        """What a team's return cannot be below, and above; infinite where the settings do not say."""
        return -math.inf, math.inf

    @property
    def action_names(self) -> tuple[str, ...]:
        """Return what each action is called."""
        return tuple(map(str, range(self.n_actions)))

    @property
    def title(self) -> str:
        """Who plays what, in a few words: ``3 players, lbf 7x7``."""
        return f"{plural(self.n_agents, self.noun)}, {self.kind}"

    def describe(self) -> str:
        """Return in one line what is played."""
        raise NotImplementedError

    def broken_rules(self) -> Iterator[Broken]:
        """Yield what breaks rules that join several settings."""
        if self.heterogeneity and not self.homogeneous:
            message = "agents play different parts as it is, and only a team of equals can be permuted"
            yield "heterogeneity", message, "remove it"
        elif self.heterogeneity and not self.permuted:
            message = f"{self.heterogeneity:g} of {plural(self.n_agents, self.noun)} is nobody"
            yield "heterogeneity", message, f"at least {1 / max(1, self.n_agents):.2g}, or 0"
