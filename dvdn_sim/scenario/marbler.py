"""MARBLER: robots of the Robotarium in four scenarios, under the names of its configuration.

Lengths are plain numbers, in metres of the arena: 3.2 by 2.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dvdn_sim.scenario.env import EpisodeSteps
from dvdn_sim.scenario.quantities import Count, Natural

Robots = Annotated[Natural, Field(le=100)]
Metres = Annotated[float, Field(ge=0.0, le=10.0)]
Apart = Annotated[float, Field(ge=0.01, le=10.0)]
Width = Annotated[float, Field(gt=0.0, le=1.5)]
Iterations = Annotated[Count, Field(le=10_000)]
Amount = Annotated[float, Field(ge=0.0, le=1e6)]
MeanAndDeviation = Annotated[tuple[Amount, Amount], Field(strict=False)]
MOVES = 5
HEIGHT = 1.8
"""Of the area in which robots and prey begin."""


@dataclass(frozen=True)
class Places:
    """Places of which some are dealt out at the beginning of an episode, in a grid as high as the arena.

    Attributes:
        key: the setting that says how far they are from each other.
        what: what begins there.
        count: how many are dealt out.
        width: of the grid.
        apart: how far neighbouring places are from each other.
    """

    key: str
    what: str
    count: int
    width: float
    apart: float

    @property
    def room(self) -> int:
        """How many places there are."""
        # 1e-9: what is a whole number of places must not be lost to rounding.
        return math.floor(self.width / self.apart + 1e-9) * math.floor(HEIGHT / self.apart + 1e-9)


@dataclass(frozen=True, kw_only=True)
class Marbler:
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
    penalize_violations: bool = True
    violation_penalty: float
    first_observation: Literal["zeros", "real"] = "zeros"
    time_limit_plus_one: bool = True

    @property
    def longest_episode(self) -> int:
        """Steps after which every episode has ended."""
        return self.max_episode_steps + self.time_limit_plus_one

    @property
    def n_actions(self) -> int:
        """Nothing, and four directions."""
        return MOVES

    @property
    def places(self) -> tuple[Places, ...]:
        """Where things begin by chance."""
        return ()


@dataclass(frozen=True, kw_only=True)
class ArcticTransport(Marbler):
    """MARBLER ArcticTransport: two drones scout ice and water for two robots that must reach the goal.

    Attributes:
        fast_step: how far one action leads, if the time is enough.
        normal_step: the same on indifferent tiles.
        slow_step: the same on the wrong ones.
        not_reached_penalty: of each of the two robots that has not been on the goal yet, every step.
        dist_multiplier: of its squared distance from the goal, every step.
    """

    max_episode_steps: EpisodeSteps = 60
    iterations_per_step: Iterations = 36
    violation_penalty: float = -30.0
    fast_step: Metres = 0.3
    normal_step: Metres = 0.2
    slow_step: Metres = 0.1
    not_reached_penalty: float = -0.05
    dist_multiplier: float = -0.075

    @property
    def n_agents(self) -> int:
        """Number of robots."""
        return 4

    @property
    def obs_dim(self) -> int:
        """Place and tile of every robot, the goal, and the eight tiles around each drone."""
        return 30

    @property
    def alike(self) -> bool:
        """Drones are always fast; of the two others, one is slow on water and one on ice."""
        return False

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return "4 robots, marbler_arctic"

    def describe(self) -> str:
        """Say in one line what is played."""
        return "2 drones scout for a robot on ice and one on water, MARBLER ArcticTransport"


@dataclass(frozen=True, kw_only=True)
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

    max_episode_steps: EpisodeSteps = 70
    iterations_per_step: Iterations = 74
    violation_penalty: float = -6.0
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
    load_multiplier: float = 0.025
    unload_multiplier: float = 0.075
    time_penalty: float = -0.1
    capability_aware: bool = False
    start_dist: Apart = 0.3

    @property
    def n_agents(self) -> int:
        """Number of robots."""
        return self.n_fast_agents + self.n_slow_agents

    @property
    def obs_dim(self) -> int:
        """Own place and load, both zones, and a message of every robot; own capacity and step, if these are seen."""
        return 5 + self.n_agents + 2 * self.capability_aware

    @property
    def n_actions(self) -> int:
        """A move, and one of four messages."""
        return 4 * MOVES

    @property
    def alike(self) -> bool:
        """Fast robots carry little, slow ones much."""
        return not (self.n_fast_agents and self.n_slow_agents)

    @property
    def places(self) -> tuple[Places, ...]:
        """Where robots begin."""
        return (Places("start_dist", "robots", self.n_agents, self.end_goal_width, self.start_dist),)

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return f"{self.n_agents} robots, marbler_material"

    def describe(self) -> str:
        """Say in one line what is played."""
        return f"{self.n_fast_agents} fast and {self.n_slow_agents} slow robots carry, MARBLER MaterialTransport"


@dataclass(frozen=True, kw_only=True)
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

    max_episode_steps: EpisodeSteps = 80
    iterations_per_step: Iterations = 29
    violation_penalty: float = -5.0
    predators: Robots = 2
    captures: Robots = 2
    num_prey: Annotated[Count, Field(le=1000)] = 6
    predator_radius: Metres = 0.45
    capture_radius: Metres = 0.25
    num_neighbors: Robots = 3
    capability_aware: bool = False
    step_dist: Metres = 0.2
    start_dist: Apart = 0.3
    prey_dist: Apart = 0.2
    sense_reward: float = 1.0
    capture_reward: float = 5.0
    time_penalty: float = -0.05

    @property
    def n_agents(self) -> int:
        """Number of robots."""
        return self.predators + self.captures

    @property
    def obs_dim(self) -> int:
        """Place and prey sensed, of oneself and of neighbours; their radii, if these are told."""
        return (6 if self.capability_aware else 4) * (self.num_neighbors + 1)

    @property
    def alike(self) -> bool:
        """Some sense prey, others capture it."""
        return not (self.predators and self.captures)

    @property
    def places(self) -> tuple[Places, ...]:
        """Where robots begin, and prey is."""
        robots = Places("start_dist", "robots", self.n_agents, 0.9, self.start_dist)
        return robots, Places("prey_dist", "prey", self.num_prey, 0.9, self.prey_dist)

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return f"{self.n_agents} robots, marbler_predator_prey"

    def describe(self) -> str:
        """Say in one line what is played."""
        who = f"{self.predators} predators and {self.captures} capture robots"
        return f"{who} after {self.num_prey} prey, MARBLER PredatorCapturePrey"


@dataclass(frozen=True, kw_only=True)
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

    max_episode_steps: EpisodeSteps = 100
    iterations_per_step: Iterations = 29
    violation_penalty: float = -5.0
    num_robots: Annotated[Count, Field(le=100)] = 6
    num_neighbors: Robots = 5
    step_dist: Metres = 0.2
    start_dist: Apart = 0.6
    goal_width: Width = 0.5
    load_reward: float = 1.0
    unload_reward: float = 3.0

    @property
    def n_agents(self) -> int:
        """Number of robots."""
        return self.num_robots

    @property
    def obs_dim(self) -> int:
        """Place and load, of oneself and of neighbours."""
        return 3 * (self.num_neighbors + 1)

    @property
    def alike(self) -> bool:
        """Every second robot is of the other colour, and has the other half to go to."""
        return self.num_robots < 2

    @property
    def places(self) -> tuple[Places, ...]:
        """Where robots begin."""
        return (Places("start_dist", "robots", self.num_robots, 2.8, self.start_dist),)

    @property
    def title(self) -> str:
        """Who plays what, in a few words."""
        return f"{self.num_robots} robots, marbler_warehouse"

    def describe(self) -> str:
        """Say in one line what is played."""
        return f"{self.num_robots} robots carry loads across, MARBLER Warehouse"
