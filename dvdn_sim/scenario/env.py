"""What a scenario must know of any environment that agents act in."""

from typing import Annotated, Protocol

from pydantic import Field

from dvdn_sim.scenario.quantities import Count

EpisodeSteps = Annotated[Count, Field(le=100_000)]
"""Steps of an episode."""


class Env(Protocol):
    """The settings of an environment: a frozen dataclass, whose fields are the keywords of the environment's class.

    Lengths and rewards are plain numbers, as in the sources of each environment.
    """

    @property
    def n_agents(self) -> int:
        """Number of agents."""
        ...

    @property
    def longest_episode(self) -> int:
        """Steps after which every episode has ended."""
        ...

    @property
    def obs_dim(self) -> int:
        """D, how many numbers an agent observes; the most if agents differ."""
        ...

    @property
    def n_actions(self) -> int:
        """A, between how many actions an agent chooses; the most if agents differ."""
        ...

    @property
    def alike(self) -> bool:
        """Whether all agents play the same part, so that one network may serve all."""
        ...

    @property
    def title(self) -> str:
        """Who plays what, in a few words: ``3 players, lbf 7x7``."""
        ...

    def describe(self) -> str:
        """Say in one line what is played."""
        ...
