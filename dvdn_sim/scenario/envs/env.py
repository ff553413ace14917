"""What a scenario must know of any environment."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dvdn_sim.wording import plural
from netmodels.units import Count, Spec

EpisodeSteps = Annotated[Count, Field(le=100_000)]
Broken = tuple[str, str, str]
"""What breaks a rule: the setting, what is wrong, and what to do about it."""


class Env(Spec):
    """What a scenario must know of any environment; most of it follows from the settings.

    Attributes:
        noun: what an agent is called.
        n_actions: A, between how many actions an agent chooses; the most if agents differ.
        n_agents: number of agents that learn.
        obs_dim: D, how many numbers an agent observes; the most if agents differ.
        homogeneous: whether all agents play the same part, so that one network may serve all.
        idle: what an agent does that is down.
        picture_note: what its pictures need to be understood.
    """

    if TYPE_CHECKING:
        kind: str
        max_episode_steps: int
        n_agents: int
        obs_dim: int

    noun = "agent"
    n_actions = 5
    homogeneous = True
    idle = "does nothing"
    picture_note = ""

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
        return iter(())
