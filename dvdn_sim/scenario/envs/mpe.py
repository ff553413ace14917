"""MPE's particles."""

import math
import os
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.scenario.envs.env import Broken, Env, EpisodeSteps
from dvdn_sim.wording import plural
from netmodels.units import CLOSED, Count, Fraction, Natural, shown

Bodies = Annotated[Count, Field(le=1000)]
Player = Literal["agent", "scripted", "random", "still"]
_PLAYED = {
    "agent": "which learns too",
    "scripted": "played by a script",
    "random": "moved by chance",
    "still": "which does nothing",
}


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Particles(Env):
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
    def action_names(self) -> tuple[str, ...]:
        return ("none", "-x", "+x", "-y", "+y") if self.physics == "mpe2" else ("none", "+x", "-x", "+y", "-y")

    def _how(self) -> str:
        old = ", physics of older versions" if self.physics == "legacy" else ""
        return f"{old}, {'only the nearest in sight' if self.observation == 'nearest' else 'everything in sight'}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Opposed(Particles):
    """Tasks whose other side may learn, be played by a script or chance, or have been trained before.

    Attributes:
        opponent_name: whose policy plays the other side, of a team that was trained with it.
        opponents: how many there are on the other side.
        first_opponent: the number of the first of them among all agents.
        opponent_sees: how many numbers each of them observes.
        obs_dims: how many numbers each agent observes.
    """

    if TYPE_CHECKING:
        opponent: Player
        opponent_policy: str | None
        opponent_name: ClassVar[str]
        opponents: int
        first_opponent: int
        opponent_sees: int
        obs_dims: tuple[int, ...]

    @property
    def _learns(self) -> bool:
        """Whether the other side learns, too: then not all agents play the same part."""
        return self.opponent == "agent"

    def _sizes(self, own: tuple[int, ...], *, opponents: int, opponent_sees: int, first_opponent: int) -> None:
        """Settle what follows from how many numbers our own agents and the others observe."""
        theirs = (opponent_sees,) * (opponents if self._learns else 0)
        dims = own[:first_opponent] + theirs + own[first_opponent:]
        self._settle(opponents=opponents, first_opponent=first_opponent, opponent_sees=opponent_sees, obs_dims=dims)
        self._settle(n_agents=len(dims), obs_dim=max(dims), homogeneous=not self._learns)

    def _played(self) -> str:
        return _PLAYED[self.opponent] if self.opponent_policy is None else "trained before"

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        if self.opponent_policy is None:
            return
        if self._learns:
            yield "opponent_policy", "`opponent: agent` learns, and plays no policy of before", "remove one of the two"
        if not os.path.isfile(self.opponent_policy):  # noqa: PTH113  (Path refuses a null character, which may stand here)
            message = f"there is no file {shown(self.opponent_policy)}"
            yield "opponent_policy", message, "a file `policies/seed-….safetensors` of a run"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class MpeSpread(Particles):
    """MPE simple_spread: agents cover landmarks without bumping into one another.

    Attributes:
        N: number of agents and of landmarks.
        local_ratio: share of an agent's own part in the reward ``mpe2``.
        reward: ``mpe2``: distances of all landmarks from the nearest agents, and one's own bumps; ``legacy``: the same
            for everybody's bumps, summed over agents, as in older versions; ``individual``: one's own distance from the
            nearest landmark, and one's own bumps.
    """

    kind: Literal["mpe_spread"] = field(default="mpe_spread", repr=False)
    N: Bodies = 3
    local_ratio: Fraction = 0.5
    reward: Literal["mpe2", "legacy", "individual"] = "mpe2"

    def __post_init__(self) -> None:
        # Own velocity and place; places of landmarks; places of others, and what they do not say.
        obs_dim = 10 if self.observation == "nearest" else 4 + 2 * self.N + 4 * (self.N - 1)
        self._settle(n_agents=self.N, obs_dim=obs_dim)

    @property
    def returns_within(self) -> tuple[float, float]:
        """Distances and bumps only cost."""
        return -math.inf, 0.0

    def describe(self) -> str:
        return f"{plural(self.N, 'agent')} cover {plural(self.N, 'landmark')}{self._how()}, reward {self.reward}"

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        if self.local_ratio != 0.5 and self.reward != "mpe2":
            message = f"{self.local_ratio} is of no effect: reward `{self.reward}` has no such ratio"
            yield "local_ratio", message, "remove it, or write `reward: mpe2`"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class MpeAdversary(Opposed):
    """MPE simple_adversary: agents go to the goal and do not let the adversary know which landmark it is.

    Attributes:
        N: number of good agents and of landmarks.
        opponent: who plays the adversary: a script, chance, nobody, or an agent that learns like the others.
        opponent_policy: in place of ``opponent``, a trained one: ``policies/seed-….safetensors`` of a run in which
            ``adversary_0`` was an agent.
        reward: what the adversary gains if it learns: minus its distance from the goal (``mpe2``), or the square of it
            (``legacy``).
    """

    kind: Literal["mpe_adversary"] = field(default="mpe_adversary", repr=False)
    N: Bodies = 2
    opponent: Player = "scripted"
    opponent_policy: str | None = None
    reward: Literal["mpe2", "legacy"] = "mpe2"

    opponent_name = "adversary_0"

    def __post_init__(self) -> None:
        # Places of the goal, of landmarks and of others, the nearest with its colour; an adversary sees no goal.
        everything, nearest, adversary = 2 + 4 * self.N, 2 + 2 * self.N + 2 + 3, 4 * self.N
        sees = everything if self.observation == "full" else nearest
        self._sizes((sees,) * self.N, opponents=1, opponent_sees=adversary, first_opponent=0)

    def describe(self) -> str:
        who = f"{plural(self.N, 'agent')} among {plural(self.N, 'landmark')} against an adversary"
        return f"{who}, {self._played()}{self._how()}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class MpeTag(Opposed):
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

    kind: Literal["mpe_tag"] = field(default="mpe_tag", repr=False)
    num_good: Bodies = 1
    num_adversaries: Bodies = 3
    num_obstacles: Annotated[Natural, Field(le=1000)] = 2
    opponent: Player = "scripted"
    opponent_policy: str | None = None
    reward: Literal["mpe2", "individual"] = "mpe2"

    opponent_name = "agent_0"

    def __post_init__(self) -> None:
        # Own velocity and place; places of obstacles and of others; velocities of prey. Prey always sees it all.
        prey = 4 + 2 * self.num_obstacles + 2 * (self.num_adversaries + self.num_good - 1) + 2 * (self.num_good - 1)
        predator = prey + 2 if self.observation == "full" else 4 + 2 + 2 + 2 + 2
        own = (predator,) * self.num_adversaries
        self._sizes(own, opponents=self.num_good, opponent_sees=prey, first_opponent=len(own))

    def describe(self) -> str:
        who = f"{plural(self.num_adversaries, 'predator')} against {self.num_good} prey, {self._played()}"
        return f"{who}, {plural(self.num_obstacles, 'obstacle')}{self._how()}, reward {self.reward}"
