"""Tasks of our own, by which networks can be told apart: robots on a ring, each with a sign that it alone sees."""

from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.scenario.envs.env import Broken, Env, EpisodeSteps
from dvdn_sim.wording import plural
from netmodels.units import CLOSED, Count, Fraction, Natural

Choices = Annotated[Count, Field(ge=2, le=1000)]


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Ring(Env):
    """What both tasks share.

    Attributes:
        signs: how many different signs there are; an agent sees one of them.
        random_return: what a team that chooses at random gets on average, exactly.
    """

    players: Annotated[Count, Field(le=1000)]
    max_episode_steps: EpisodeSteps

    noun = "robot"
    picture_note = (
        "On a disc stands the sign that a robot sees; green are those whose last choice was right, red others."
    )

    @property
    def signs(self) -> int:
        raise NotImplementedError

    @property
    def random_return(self) -> float:
        raise NotImplementedError

    @property
    def returns_within(self) -> tuple[float, float]:
        """All that there is to gain makes 1 together."""
        return 0.0, 1.0


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Sorting(Ring):
    """Robots send parcels to chutes, each by a code of its own; the team learns how many were right, not whose.

    Attributes:
        players: number of robots, each an agent.
        labels: number of labels that a parcel may have.
        chutes: between how many chutes a robot chooses.
        max_episode_steps: steps of an episode.
        memory: how many steps ago a robot saw the label that counts now; the first steps are then not scored.
        neighbours: how many of the next robots' labels count, added to its own, though a robot sees its own alone.
        groups: number of groups of neighbours of which only those count that are right as a whole; None for every robot
            by itself.
        codes: which codes: another number is another task.
    """

    kind: Literal["sorting"] = field(default="sorting", repr=False)
    players: Annotated[Count, Field(le=1000)] = 24
    labels: Choices = 8
    chutes: Choices = 8
    max_episode_steps: EpisodeSteps = 10
    memory: Natural = 0
    neighbours: Natural = 0
    groups: Count | None = None
    codes: Natural = 0

    idle = "sends all parcels to chute 0"

    def __post_init__(self) -> None:
        self._settle(n_agents=self.players, obs_dim=self.labels, n_actions=self.chutes, homogeneous=self.players == 1)

    @property
    def signs(self) -> int:
        return self.labels

    @property
    def action_names(self) -> tuple[str, ...]:
        return tuple(f"chute {chute}" for chute in range(self.chutes))

    @property
    def group_size(self) -> int:
        """How many robots count together."""
        return self.players // (self.groups or self.players)

    @property
    def random_return(self) -> float:
        """Every robot is right once in as many times as there are chutes."""
        return float(self.chutes) ** -self.group_size

    def describe(self) -> str:
        words = [f"{plural(self.players, self.noun)} sort {self.labels} labels into {self.chutes} chutes, by own codes"]
        if self.memory:
            words.append(f"of {plural(self.memory, 'step')} ago")
        if self.neighbours:
            words.append(f"with the labels of the next {self.neighbours}")
        if self.groups is not None:
            words.append(f"in {plural(self.groups, 'group')}")
        return f"{', '.join(words)}; random play {self.random_return:.3g}"

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        steps, players = self.max_episode_steps, self.players
        if self.memory >= steps:
            yield "memory", f"an episode of {plural(steps, 'step')} is over before the answer", f"at most {steps - 1}"
        if self.neighbours >= players:
            yield "neighbours", f"a robot has {players - 1} others, not {self.neighbours}", f"at most {players - 1}"
        if players % (self.groups or 1):
            message = f"{players} robots do not make {self.groups} groups of equal size"
            yield "groups", message, "a divisor of `players`"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Relay(Ring):
    """Robots on a ring work for themselves, or hand the next one the tool that it asks for, which gains only that one.

    Attributes:
        players: number of robots, each an agent.
        tools: number of tools that a robot may ask for.
        max_episode_steps: steps of an episode.
        own_reward: what working for oneself gains, where the right tool gains the next robot 1.
    """

    kind: Literal["relay"] = field(default="relay", repr=False)
    players: Annotated[Count, Field(ge=2, le=1000)] = 4
    tools: Choices = 3
    max_episode_steps: EpisodeSteps = 5
    own_reward: Fraction = 0.3

    idle = "works for itself"

    def __post_init__(self) -> None:
        self._settle(n_agents=self.players, obs_dim=self.tools, n_actions=1 + self.tools)

    @property
    def signs(self) -> int:
        return self.tools

    @property
    def action_names(self) -> tuple[str, ...]:
        return "own work", *(f"tool {tool}" for tool in range(self.tools))

    @property
    def random_return(self) -> float:
        """Of as many choices as there are tools and one, one gains `own_reward` and another 1."""
        return (self.own_reward + 1.0) / self.n_actions

    def describe(self) -> str:
        who = f"{self.players} robots hand the next one of {self.tools} tools, or work for themselves for"
        return f"{who} {self.own_reward:g}; random play {self.random_return:.3g}"
