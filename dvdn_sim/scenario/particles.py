"""Multi-agent Particle Environments: three tasks of mpe2, and the rules of its older versions.

Lengths are plain numbers: the arena reaches from -1 to 1.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dvdn_sim.scenario.env import EpisodeSteps
from dvdn_sim.scenario.quantities import Count, Fraction, Natural

Bodies = Annotated[Count, Field(le=1000)]
Player = Literal["agent", "scripted", "random", "still"]


@dataclass(frozen=True, kw_only=True)
class Particles:
    """What all tasks share.

    Attributes:
        max_episode_steps: steps of an episode.
        physics: ``mpe2``, or ``legacy`` for the integration and the order of actions of older versions.
        observation: ``full``, or ``nearest``: of each kind of thing only the nearest one.
    """

    max_episode_steps: EpisodeSteps = 25
    physics: Literal["mpe2", "legacy"] = "mpe2"
    observation: Literal["full", "nearest"] = "full"

    @property
    def longest_episode(self) -> int:
        """Steps after which every episode has ended."""
        return self.max_episode_steps

    @property
    def n_actions(self) -> int:
        """Nothing, and four directions."""
        return 5

    def _how(self) -> str:
        old = ", physics of older versions" if self.physics == "legacy" else ""
        return f"{old}, {'only the nearest in sight' if self.observation == 'nearest' else 'everything in sight'}"


@dataclass(frozen=True, kw_only=True)
class MpeSpread(Particles):
    """MPE simple_spread: agents cover landmarks without bumping into one another.

    Attributes:
        N: number of agents and of landmarks.
        local_ratio: share of an agent's own part in the reward ``mpe2``.
        reward: ``mpe2``: distances of all landmarks from the nearest agents, and one's own bumps; ``legacy``: the same
            for everybody's bumps, summed over agents, as in older versions; ``individual``: one's own distance from the
            nearest landmark, and one's own bumps.
    """

    N: Bodies = 3
    local_ratio: Fraction = 0.5
    reward: Literal["mpe2", "legacy", "individual"] = "mpe2"

    @property
    def n_agents(self) -> int:
        """Number of agents."""
        return self.N

    @property
    def obs_dim(self) -> int:
        """Own velocity and place; places of landmarks; places of others, and what they do not say."""
        return 10 if self.observation == "nearest" else 4 + 2 * self.N + 4 * (self.N - 1)

    @property
    def alike(self) -> bool:
        """Every agent is like every other."""
        return True

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return f"{_counted(self.N, 'agent')}, mpe_spread"

    def describe(self) -> str:
        """Say in one line what is played."""
        return f"{_counted(self.N, 'agent')} cover {_counted(self.N, 'landmark')}{self._how()}, reward {self.reward}"


@dataclass(frozen=True, kw_only=True)
class MpeAdversary(Particles):
    """MPE simple_adversary: agents go to the goal and do not let the adversary know which landmark it is.

    Attributes:
        N: number of good agents and of landmarks.
        opponent: who plays the adversary: a script, chance, nobody, or an agent that learns like the others.
        opponent_policy: in place of ``opponent``, a trained one: ``policies/seed-….safetensors`` of a run in which
            ``adversary_0`` was an agent.
        reward: what the adversary gains if it learns: minus its distance from the goal (``mpe2``), or the square of it
            (``legacy``).
    """

    N: Bodies = 2
    opponent: Player = "scripted"
    opponent_policy: str | None = None
    reward: Literal["mpe2", "legacy"] = "mpe2"

    @property
    def n_agents(self) -> int:
        """Number of agents that learn."""
        return self.N + (self.opponent == "agent")

    @property
    def obs_dim(self) -> int:
        """Places of the goal, of landmarks and of others, the nearest with its colour; an adversary sees no goal."""
        if self.observation == "full":
            return 2 + 2 * self.N + 2 * self.N
        nearest, adversary = 2 + 2 * self.N + 2 + 3, 2 * self.N + 2 * self.N
        return max(nearest, adversary if self.opponent == "agent" else 0)

    @property
    def alike(self) -> bool:
        """An adversary that learns is not like the others."""
        return self.opponent != "agent"

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return f"{_counted(self.n_agents, 'agent')}, mpe_adversary"

    def describe(self) -> str:
        """Say in one line what is played."""
        said = f"{_counted(self.N, 'agent')} among {_counted(self.N, 'landmark')} against an adversary"
        return f"{said}, {_played(self.opponent, self.opponent_policy)}{self._how()}"


@dataclass(frozen=True, kw_only=True)
class MpeTag(Particles):
    """MPE simple_tag: slow predators catch fast prey among obstacles.

    Attributes:
        num_good: number of prey.
        num_adversaries: number of predators, which learn.
        num_obstacles: number of obstacles.
        opponent: who plays the prey: a script, chance, nobody, or agents that learn like the others.
        opponent_policy: in place of ``opponent``, trained prey: ``policies/seed-….safetensors`` of a run in which
            ``agent_0`` was an agent.
        reward: what a predator gains: 10 for every touch of any predator (``mpe2``), or of its own (``individual``).
    """

    num_good: Bodies = 1
    num_adversaries: Bodies = 3
    num_obstacles: Annotated[Natural, Field(le=1000)] = 2
    opponent: Player = "scripted"
    opponent_policy: str | None = None
    reward: Literal["mpe2", "individual"] = "mpe2"

    @property
    def n_agents(self) -> int:
        """Number of agents that learn."""
        return self.num_adversaries + (self.num_good if self.opponent == "agent" else 0)

    @property
    def obs_dim(self) -> int:
        """Own velocity and place; places of obstacles and of others; velocities of prey. Prey always sees it all."""
        prey = 4 + 2 * self.num_obstacles + 2 * (self.num_adversaries + self.num_good - 1) + 2 * (self.num_good - 1)
        predator = prey + 2 if self.observation == "full" else 4 + 2 + 2 + 2 + 2
        return max(predator, prey if self.opponent == "agent" else 0)

    @property
    def alike(self) -> bool:
        """Prey that learns is not like predators."""
        return self.opponent != "agent"

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return f"{_counted(self.n_agents, 'agent')}, mpe_tag"

    def describe(self) -> str:
        """Say in one line what is played."""
        who = _played(self.opponent, self.opponent_policy)
        said = f"{_counted(self.num_adversaries, 'predator')} against {self.num_good} prey, {who}"
        return f"{said}, {_counted(self.num_obstacles, 'obstacle')}{self._how()}, reward {self.reward}"


_PLAYED = {
    "agent": "which learns too",
    "scripted": "played by a script",
    "random": "moved by chance",
    "still": "which does nothing",
}


def _played(opponent: Player, policy: str | None) -> str:
    return _PLAYED[opponent] if policy is None else "trained before"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
