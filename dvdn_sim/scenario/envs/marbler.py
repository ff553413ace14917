"""MARBLER's robots."""

import math
from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.scenario.envs.env import Broken, Env, EpisodeSteps
from netmodels.units import CLOSED, Count, Flag, Natural, Number

Robots = Annotated[Natural, Field(le=100)]
Metres = Annotated[Number, Field(ge=0.0, le=10.0)]
Apart = Annotated[Number, Field(ge=0.01, le=10.0)]
Width = Annotated[Number, Field(gt=0.0, le=1.5)]
Iterations = Annotated[Count, Field(le=10_000)]
Amount = Annotated[Number, Field(ge=0.0, le=1e6)]
MeanAndDeviation = tuple[Amount, Amount]
MOVES = 5
MESSAGES = 4


@dataclass(frozen=True)
class Spawn:
    """A grid of places to begin at, 1.8 m high.

    Attributes:
        count: how many things begin there.
        things: what they are.
        left: x of the first column, metres.
        width: of the grid, metres.
        spacing: between neighbouring places, metres.
        setting: which setting says so.
    """

    count: int
    things: str
    left: float
    width: float
    spacing: float
    setting: str

    @property
    def columns(self) -> int:
        return math.floor(self.width / self.spacing + 1e-9)  # a whole number must not be lost to rounding

    @property
    def rows(self) -> int:
        return math.floor(1.8 / self.spacing + 1e-9)


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Marbler(Env):
    """What all four scenarios share.

    Attributes:
        max_episode_steps: steps of an episode, less one (see ``time_limit_plus_one``).
        iterations_per_step: iterations of 0.033 s in a step.
        update_every: iterations for which a robot's controller holds a command; 1 for the real Robotarium.
        barrier: how near robots may come: ``safe``, 0.2 m, or ``default``, 0.17 m and gently.
        penalize_violations: whether collisions and leaving the arena end the episode.
        violation_penalty: what every robot then gets in place of its reward.
        first_observation: ``zeros`` after a reset, as in MARBLER, or the ``real`` one.
        time_limit_plus_one: whether the last step is the one after ``max_episode_steps``, as in MARBLER.
    """

    max_episode_steps: EpisodeSteps
    iterations_per_step: Iterations
    update_every: Iterations = 15
    barrier: Literal["safe", "default"] = "safe"
    penalize_violations: Flag = True
    violation_penalty: Number
    first_observation: Literal["zeros", "real"] = "zeros"
    time_limit_plus_one: Flag = True

    noun = "robot"
    n_actions = MOVES

    @property
    def longest_episode(self) -> int:
        return self.max_episode_steps + self.time_limit_plus_one

    @property
    def action_names(self) -> tuple[str, ...]:
        return "-x", "+x", "-y", "+y", "stay"

    @property
    def spawns(self) -> tuple["Spawn", ...]:
        """Where robots begin, and other things; none where these places are fixed."""
        return ()

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        for spawn in self.spawns:
            room = spawn.columns * spawn.rows
            if spawn.count > room:
                message = f"{spawn.count} {spawn.things} do not fit: there are {room} places so far apart"
                yield spawn.setting, message, "a smaller one, or fewer of them"

    def _no_neighbours(self, count: int) -> Iterator[Broken]:
        """Yield the mistake of more neighbours than there are other robots."""
        if count >= max(1, self.n_agents):
            others = self.n_agents - 1
            yield "num_neighbors", f"a robot has {others} others, not {count}", f"at most {others}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class ArcticTransport(Marbler):
    """MARBLER ArcticTransport: two drones scout ice and water for two robots that must reach the goal.

    Attributes:
        fast_step: how far one action leads, if the time is enough.
        normal_step: the same on indifferent tiles.
        slow_step: the same on the wrong ones.
        not_reached_penalty: of each of the two robots that has not been on the goal yet, every step.
        dist_multiplier: of its squared distance from the goal, every step.
    """

    kind: Literal["marbler_arctic"] = field(default="marbler_arctic", repr=False)
    max_episode_steps: EpisodeSteps = 60
    iterations_per_step: Iterations = 36
    violation_penalty: Number = -30.0
    fast_step: Metres = 0.3
    normal_step: Metres = 0.2
    slow_step: Metres = 0.1
    not_reached_penalty: Number = -0.05
    dist_multiplier: Number = -0.075

    def __post_init__(self) -> None:
        # Place and tile of every robot, the goal, and the eight tiles around each drone. Drones are always fast; of the
        # two others, one is slow on water and one on ice.
        self._settle(n_agents=4, obs_dim=30, homogeneous=False)

    def describe(self) -> str:
        return "2 drones scout for a robot on ice and one on water, MARBLER ArcticTransport"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class MaterialTransport(Marbler):
    """MARBLER MaterialTransport: fast and slow robots bring material to the left, and send each other messages.

    Attributes:
        n_fast_agents: number of fast robots.
        n_slow_agents: number of slow robots.
        fast_step: how far one action leads a fast robot, if the time is enough.
        slow_step: the same of a slow one.
        small_torque: what a fast robot can carry.
        large_torque: what a slow one can.
        end_goal_width: width of zone 2 and of the place to unload.
        zone1_radius: radius of zone 1, in the middle.
        zone1: material in zone 1, mean and standard deviation.
        zone2: the same of zone 2.
        load_multiplier: reward of each unit loaded.
        unload_multiplier: reward of each unit unloaded.
        time_penalty: reward of every step.
        capability_aware: whether robots see their own capacity and step.
        start_dist: how far the places where robots begin are from each other.
    """

    kind: Literal["marbler_material"] = field(default="marbler_material", repr=False)
    max_episode_steps: EpisodeSteps = 70
    iterations_per_step: Iterations = 74
    violation_penalty: Number = -6.0
    n_fast_agents: Robots = 2
    n_slow_agents: Robots = 2
    fast_step: Metres = 0.45
    slow_step: Metres = 0.15
    small_torque: Count = 5
    large_torque: Count = 15
    end_goal_width: Width = 0.5
    zone1_radius: Metres = 0.35
    zone1: MeanAndDeviation = (100.0, 10.0)
    zone2: MeanAndDeviation = (20.0, 4.0)
    load_multiplier: Number = 0.025
    unload_multiplier: Number = 0.075
    time_penalty: Number = -0.1
    capability_aware: Flag = False
    start_dist: Apart = 0.3

    n_actions = MOVES * MESSAGES

    @property
    def action_names(self) -> tuple[str, ...]:
        return tuple(f"{move}, says {message}" for move in super().action_names for message in range(MESSAGES))

    def __post_init__(self) -> None:
        fast, slow = self.n_fast_agents, self.n_slow_agents
        self._settle(
            n_agents=fast + slow,
            # Own place and load, both zones, and a message of every robot; own capacity and step, if these are seen.
            obs_dim=5 + fast + slow + 2 * self.capability_aware,
            homogeneous=not (fast and slow),  # fast robots carry little, slow ones much
        )

    def describe(self) -> str:
        return f"{self.n_fast_agents} fast and {self.n_slow_agents} slow robots carry, MARBLER MaterialTransport"

    def broken_rules(self) -> Iterator[Broken]:
        if self.n_agents < 1:
            yield "n_fast_agents", "there are no robots", "at least one of either sort"
        yield from super().broken_rules()

    @property
    def spawns(self) -> tuple[Spawn, ...]:
        return (Spawn(self.n_agents, "robots", -1.4, self.end_goal_width, self.start_dist, "start_dist"),)


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class PredatorCapturePrey(Marbler):
    """MARBLER PredatorCapturePrey: predators sense prey that does not move, capture robots stop beside it.

    Attributes:
        predators: number of robots that sense.
        captures: number of robots that capture.
        num_prey: number of prey.
        predator_radius: how far a predator senses.
        capture_radius: how far a capture robot captures.
        num_neighbors: how many others a robot observes.
        capability_aware: whether robots tell their radii.
        step_dist: how far one action leads, if the time is enough.
        start_dist: how far the places where robots begin are from each other.
        prey_dist: how far the places of prey are from each other.
        sense_reward: reward of each prey newly sensed.
        capture_reward: reward of each prey captured.
        time_penalty: reward of every step.
    """

    kind: Literal["marbler_predator_prey"] = field(default="marbler_predator_prey", repr=False)
    max_episode_steps: EpisodeSteps = 80
    iterations_per_step: Iterations = 29
    violation_penalty: Number = -5.0
    predators: Robots = 2
    captures: Robots = 2
    num_prey: Annotated[Count, Field(le=1000)] = 6
    predator_radius: Metres = 0.45
    capture_radius: Metres = 0.25
    num_neighbors: Robots = 3
    capability_aware: Flag = False
    step_dist: Metres = 0.2
    start_dist: Apart = 0.3
    prey_dist: Apart = 0.2
    sense_reward: Number = 1.0
    capture_reward: Number = 5.0
    time_penalty: Number = -0.05

    def __post_init__(self) -> None:
        self._settle(
            n_agents=self.predators + self.captures,
            # Place and prey sensed, of oneself and of neighbours; their radii, if these are told.
            obs_dim=(6 if self.capability_aware else 4) * (self.num_neighbors + 1),
            homogeneous=not (self.predators and self.captures),  # some sense prey, others capture it
        )

    def describe(self) -> str:
        who = f"{self.predators} predators and {self.captures} capture robots"
        return f"{who} after {self.num_prey} prey, MARBLER PredatorCapturePrey"

    def broken_rules(self) -> Iterator[Broken]:
        if self.n_agents < 1:
            yield "predators", "there are no robots", "at least one of either sort"
        yield from super().broken_rules()
        yield from self._no_neighbours(self.num_neighbors)

    @property
    def spawns(self) -> tuple[Spawn, ...]:
        return (
            Spawn(self.n_agents, "robots", -1.4, 0.9, self.start_dist, "start_dist"),
            Spawn(self.num_prey, "prey", 0.5, 0.9, self.prey_dist, "prey_dist"),
        )


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Warehouse(Marbler):
    """MARBLER Warehouse: robots carry loads from the right to the left, each colour to its own half.

    Attributes:
        num_robots: number of robots.
        num_neighbors: how many others a robot observes.
        step_dist: how far one action leads, if the time is enough.
        start_dist: how far the places where robots begin are from each other.
        goal_width: width of the zones.
        load_reward: reward of the robot that loads.
        unload_reward: reward of the robot that unloads.
    """

    kind: Literal["marbler_warehouse"] = field(default="marbler_warehouse", repr=False)
    max_episode_steps: EpisodeSteps = 100
    iterations_per_step: Iterations = 29
    violation_penalty: Number = -5.0
    num_robots: Annotated[Count, Field(le=100)] = 6
    num_neighbors: Robots = 5
    step_dist: Metres = 0.2
    start_dist: Apart = 0.6
    goal_width: Width = 0.5
    load_reward: Number = 1.0
    unload_reward: Number = 3.0

    def __post_init__(self) -> None:
        # Place and load, of oneself and of neighbours. Every second robot has the other colour, and the other half to
        # go to.
        obs_dim = 3 * (self.num_neighbors + 1)
        self._settle(n_agents=self.num_robots, obs_dim=obs_dim, homogeneous=self.num_robots < 2)

    def describe(self) -> str:
        return f"{self.num_robots} robots carry loads across, MARBLER Warehouse"

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        yield from self._no_neighbours(self.num_neighbors)

    @property
    def spawns(self) -> tuple[Spawn, ...]:
        return (Spawn(self.num_robots, "robots", -1.4, 2.8, self.start_dist, "start_dist"),)
