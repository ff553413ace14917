"""Environments: their settings, and what follows from them (sizes, rules, words).

Lengths and rewards are plain numbers, as in the sources of each environment: a particle's arena reaches from -1 to 1, a
robot's is 3.2 m by 2 m. An environment is a class here, whose fields are the keywords of the class that plays it, and
its name in `AnyEnv`.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from dvdn_sim.wording import plural
from netmodels.units import CLOSED, Count, Flag, Fraction, Natural, Number, Spec, kinds_of, shown

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
    """

    if TYPE_CHECKING:
        kind: str
        max_episode_steps: int
        n_agents: int
        obs_dim: int

    noun = "agent"
    n_actions = 5
    homogeneous = True

    @property
    def longest_episode(self) -> int:
        """Steps after which every episode has ended."""
        return self.max_episode_steps

    @property
    def returns_within(self) -> tuple[float, float]:
        """What a team's return cannot be below, and above; infinite where the settings do not say."""
        return -math.inf, math.inf

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


Side = Annotated[Count, Field(ge=3, le=200)]
Level = Annotated[Count, Field(le=1000)]


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Foraging(Env):
    """Players with levels stand together to load foods with levels.

    Attributes:
        field_size: rows and columns of the field.
        players: number of players, each an agent.
        max_num_food: foods placed at the start of an episode.
        sight: cells that a player sees to each side; the field's longest side shows it all.
        min_player_level: lowest level of a player.
        max_player_level: highest level of a player.
        min_food_level: lowest level of a food.
        max_food_level: highest level of a food; None for the sum of the three lowest player levels.
        force_coop: give every food the highest level.
        penalty: what a load that fails costs each loader.
        max_episode_steps: steps after which an episode ends.
    """

    field_size: tuple[Side, Side]
    players: Annotated[Count, Field(le=100)]
    max_num_food: Annotated[Count, Field(le=10_000)]
    sight: Annotated[Count, Field(le=200)]
    min_player_level: Level = 1
    max_player_level: Level = 2
    min_food_level: Level = 1
    max_food_level: Level | None = None
    force_coop: Flag = False
    penalty: Annotated[Number, Field(ge=0.0)] = 0.0
    max_episode_steps: EpisodeSteps = 50

    noun = "player"
    n_actions = 6  # nothing, four directions, load

    def __post_init__(self) -> None:
        # Place and level of every food and every player.
        self._settle(n_agents=self.players, obs_dim=3 * (self.max_num_food + self.players))

    def describe(self) -> str:
        who, what = plural(self.players, self.noun), plural(self.max_num_food, "food")
        rows, columns = self.field_size
        return f"{who} gather {what} on {rows} x {columns} cells, sight {self.sight}"

    @property
    def title(self) -> str:
        rows, columns = self.field_size
        return f"{plural(self.players, self.noun)}, lbf {rows}x{columns}"

    @property
    def returns_within(self) -> tuple[float, float]:
        """All food makes 1 together; a load that fails costs each of its loaders."""
        return 0.0 - self.penalty * self.players * self.max_episode_steps, 1.0

    @property
    def most_food(self) -> int:
        """A number of foods that the field can never exceed.

        Foods keep off the border and at least 3 steps (rows plus columns) from each other. So each has to itself its
        cell and the four beside it, within the field without its corners; and a 2 by 2 block, or 3 cells in a row, hold
        one.
        """
        rows, columns = self.field_size[0] - 2, self.field_size[1] - 2
        crosses = (self.field_size[0] * self.field_size[1] - 4) // 5
        blocks = -(-rows // 2) * -(-columns // 2)
        threes = min(rows * -(-columns // 3), columns * -(-rows // 3))
        return min(crosses, blocks, threes)

    def broken_rules(self) -> Iterator[Broken]:
        rows, columns = self.field_size
        size, either = f"a field of {rows} by {columns}", "raise the one or lower the other"
        low, high, food = self.min_player_level, self.max_player_level, self.max_food_level
        weakest, strongest = min(3, self.players) * low, self.players * high
        if low > high:
            yield "min_player_level", f"{low} is above max_player_level, {high}", either
        if food is None and self.min_food_level > weakest:
            message = f"{self.min_food_level} is above the highest food level, which can be as low as {weakest}"
            yield "min_food_level", message, "lower it, or set `max_food_level`"
        if food is not None and self.min_food_level > food:
            yield "min_food_level", f"{self.min_food_level} is above max_food_level, {food}", either
        if food is not None and food > strongest:
            message = f"no team could load it: {self.players} players of level {high} make {strongest}"
            yield "max_food_level", message, f"at most {strongest}"
        if self.max_num_food > self.most_food:
            remedy = f"at most {self.most_food}: foods keep off the border and two cells from each other"
            yield "max_num_food", f"{self.max_num_food} foods do not fit {size}", remedy
        room = rows * columns - self.max_num_food
        if self.players > room:
            message = f"{self.players} players do not fit {size} beside {self.max_num_food} foods"
            yield "players", message, f"at most {max(room, 1)}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Lbf(Foraging):
    """Level-Based Foraging: players with levels stand together to load foods with levels.

    Attributes:
        normalize_reward: divide rewards by what the team can load in all.
        observe_agent_levels: whether players see the levels of players.
        food_levels: whether the highest food level is drawn, too (``v3``, as in lbforaging 2), or not unless it is the
            only one (``legacy``, as in versions 1 and 2, with which most numbers were published).
    """

    kind: Literal["lbf"] = field(default="lbf", repr=False)
    normalize_reward: Flag = True
    observe_agent_levels: Flag = True
    food_levels: Literal["v3", "legacy"] = "v3"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.observe_agent_levels:
            self._settle(obs_dim=3 * self.max_num_food + 2 * self.players)

    @property
    def returns_within(self) -> tuple[float, float]:
        """Without normalisation, as much as there is food."""
        least, most = super().returns_within
        return least, most if self.normalize_reward else math.inf

    def describe(self) -> str:
        return super().describe() + (", food levels as in older versions" if self.food_levels == "legacy" else "")


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class LbForaging(Foraging):
    """The package lbforaging itself, one copy after the other: slow, and what ``lbf`` is checked against."""

    kind: Literal["lbforaging"] = field(default="lbforaging", repr=False)

    def describe(self) -> str:
        return f"{super().describe()}, by lbforaging itself"

    def broken_rules(self) -> Iterator[Broken]:
        yield from super().broken_rules()
        rows, columns = self.field_size
        if 2 * self.players > rows * columns:
            message = f"{self.players} players are more than lbforaging places on a field of {rows} by {columns}"
            yield "players", message, f"at most {rows * columns // 2}"


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
    def spawns(self) -> tuple["Spawn", ...]:
        """Where robots begin, and other things; none where these places are fixed."""
        return ()

    def broken_rules(self) -> Iterator[Broken]:
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

    n_actions = MOVES * MESSAGES  # a move and a message

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


AnyParticles = MpeSpread | MpeAdversary | MpeTag
AnyMarbler = ArcticTransport | MaterialTransport | PredatorCapturePrey | Warehouse
AnyEnv = Annotated[Lbf | AnyParticles | AnyMarbler | LbForaging, Field(discriminator="kind")]
"""The catalogue."""
ENVS = kinds_of(AnyEnv)
