"""What a world is made of: bodies, where they are, how they move, and what is seen of them."""

from dataclasses import dataclass
from math import inf
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import mixed, unit
from dvdn_sim.envs.api import Mask, Observations
from dvdn_sim.envs.batch import Rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]
Bodies = tuple[Floats, Floats, Floats]
"""Of a state: positions, velocities, landmarks."""
Clock = tuple[Integers, Mask]
"""Of a state: step, done."""
Physics = tuple[Floats, int, bool, int]
"""Size, acceleration and highest speed of every body, ``[M + L, 3]``; how many of them, the first ones, bump into each
other; whether as in older versions; steps of an episode."""
Going = tuple[Bodies, Clock, Physics, Integers]
"""What a step takes; the last are the actions of all agents, int64 ``[E, M]``."""
Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 1."""

BLUE: Colour = (0.35, 0.35, 0.85)
GREEN: Colour = (0.35, 0.85, 0.35)
RED: Colour = (0.85, 0.35, 0.35)


@dataclass(frozen=True)
class Agent:
    """A disc that is pushed by its own actions.

    Attributes:
        name: As in ``mpe2``.
        size: Its radius, in metres.
        accel: Acceleration that an action gives, in m/s².
        max_speed: In m/s; infinite if there is no limit.
        colour: In pictures, and in what some agents observe.
    """

    name: str
    size: float
    accel: float = 5.0
    max_speed: float = inf
    colour: Colour = BLUE


@dataclass(frozen=True)
class World:
    """The bodies of a task: agents, then landmarks. Every mass is 1 kg.

    Attributes:
        agents: In the order of every agent axis.
        landmarks: How many.
        landmark_size: Their radius, in metres.
        landmark_spread: Landmarks begin uniformly within ± this in x and y, in metres; agents within ± 1.
        colliders: How many of the bodies bump into each other: the first ones.
        has_goal: Whether one of the landmarks is the goal, drawn for each episode.
    """

    agents: tuple[Agent, ...]
    landmarks: int
    landmark_size: float
    landmark_spread: float = 1.0
    colliders: int = 0
    has_goal: bool = False

    def traits(self) -> Floats:
        """Size, acceleration and highest speed of every body, float64 ``[M + L, 3]``."""
        agents = [(agent.size, agent.accel, agent.max_speed) for agent in self.agents]
        return np.array(agents + self.landmarks * [(self.landmark_size, 0.0, inf)])


SIZE, ACCEL, MAX_SPEED = range(3)


@dataclass(frozen=True)
class MpeState(Rows):
    """Where E worlds of M agents, opponents included, and L landmarks stand.

    Attributes:
        positions: float64 ``[E, M, 2]``, x and y in metres.
        velocities: float64 ``[E, M, 2]``, in m/s.
        landmarks: float64 ``[E, L, 2]``, where they are, in metres.
        goal: int64 ``[E]``, which landmark is the goal; 0 where a task has none.
        memory: float32 ``[E, K, H]``, what each of K opponents remembers; zeros at the beginning of an episode.
        key: uint64 ``[E]``, names the draws of the row's opponents.
    """

    positions: Floats
    velocities: Floats
    landmarks: Floats
    goal: Integers
    memory: NDArray[np.float32]
    key: Keys


bodies_of = attrgetter("positions", "velocities", "landmarks")
clock_of = attrgetter("step", "done")

TOWARDS = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)], float)
"""Where actions push."""
ACTIONS = len(TOWARDS)
DT = 0.1
DAMPING = 0.25
CONTACT_FORCE = 100.0
CONTACT_MARGIN = 1e-3


@compiled
def begin(
    bodies: Bodies, goal: Integers, goals: int, spread: float, keys: Keys, episode: Integers, rows: Integers
) -> None:
    """Draw where agents, all at rest, and landmarks are, and one of the goals, in some rows (``reset_world``)."""
    positions, velocities, landmarks = bodies
    for row in rows:
        stream, which = mixed(keys[row], episode[row]), 0
        for agent in range(positions.shape[1]):
            for axis in range(2):
                positions[row, agent, axis] = 2 * unit(mixed(stream, which)) - 1
                velocities[row, agent, axis] = 0.0
                which += 1
        for landmark in range(landmarks.shape[1]):
            for axis in range(2):
                landmarks[row, landmark, axis] = spread * (2 * unit(mixed(stream, which)) - 1)
                which += 1
        goal[row] = int(unit(mixed(stream, which)) * goals)


@compiled
def move(row: int, going: Going, force: Floats) -> bool:
    """Take ``mpe2``'s ``World.step`` in a row, unless it is done; return whether it was not. `force` is any ``[M, 2]``.

    In older versions (`legacy`) places change by the new velocities, and actions push the other way.
    """
    (positions, velocities, landmarks), (step, done), (traits, colliders, legacy, limit), actions = going
    agents = positions.shape[1]
    if done[row]:
        return False

    # apply_action_force
    for agent in range(agents):
        for axis in range(2):
            direction = TOWARDS[actions[row, agent], axis]
            force[agent, axis] = traits[agent, ACCEL] * (-direction if legacy else direction)

    # apply_environment_force
    for a in range(min(agents, colliders)):
        for b in range(a + 1, colliders):
            if b < agents:
                x, y = _collision_force(traits, positions, row, a, positions, b, b)
                force[b, 0] -= x
                force[b, 1] -= y
            else:
                x, y = _collision_force(traits, positions, row, a, landmarks, b - agents, b)
            force[a, 0] += x
            force[a, 1] += y

    # integrate_state: a quirk, not there in older versions, is that places change by the old velocities
    for agent in range(agents):
        for axis in range(2):
            if not legacy:
                positions[row, agent, axis] += velocities[row, agent, axis] * DT
            velocities[row, agent, axis] *= 1 - DAMPING
            velocities[row, agent, axis] += force[agent, axis] * DT
        speed, highest = length(velocities[row, agent, 0], velocities[row, agent, 1]), traits[agent, MAX_SPEED]
        for axis in range(2):
            if speed > highest:
                velocities[row, agent, axis] = velocities[row, agent, axis] / speed * highest
            if legacy:
                positions[row, agent, axis] += velocities[row, agent, axis] * DT

    step[row] += 1
    done[row] = step[row] >= limit
    return True


@compiled
def _collision_force(
    traits: Floats, positions: Floats, row: int, a: int, places: Floats, b: int, body: int
) -> tuple[float, float]:
    """Return what pushes agent `a` off another body, which stands at ``places[row, b]`` (``get_collision_force``)."""
    x, y = positions[row, a, 0] - places[row, b, 0], positions[row, a, 1] - places[row, b, 1]
    dist = length(x, y)
    if dist == 0.0:  # there is no direction to be pushed in; mpe2 divides 0 by 0
        return 0.0, 0.0
    dist_min = traits[a, SIZE] + traits[body, SIZE]
    penetration = np.logaddexp(0.0, -(dist - dist_min) / CONTACT_MARGIN) * CONTACT_MARGIN
    return CONTACT_FORCE * x / dist * penetration, CONTACT_FORCE * y / dist * penetration


@compiled
def length(x: float, y: float) -> float:
    """Return the length of a vector."""
    return np.sqrt(x * x + y * y)  # type: ignore[no-any-return]


@compiled
def apart(one: Floats, a: int, other: Floats, b: int, row: int) -> float:
    """Return the distance between two bodies of a row."""
    return length(one[row, a, 0] - other[row, b, 0], one[row, a, 1] - other[row, b, 1])


@compiled
def show_own(seen: Observations, row: int, viewer: int, bodies: Bodies, agent: int) -> int:
    """Write an agent's own velocity and place into an observation; return where to go on."""
    at = 0
    for axis in range(2):
        seen[row, viewer, axis] = bodies[1][row, agent, axis]
        seen[row, viewer, 2 + axis] = bodies[0][row, agent, axis]
        at += 2
    return at


@compiled
def show(
    seen: Observations, row: int, viewer: int, at: int, x: float, y: float,
    places: Floats, first: int, end: int, own: int, near: bool,
) -> tuple[int, int]:  # fmt: skip
    """Write places as seen from (x, y) into an observation from `at` on: numbers `first` to `end` without `own`.

    If only what is near is seen, the nearest one is written, of equals the first; zeros stay where there is none.
    Return where to go on, and which one was written last.
    """
    which, least = -1, np.inf
    for place in range(first, end):
        to_x, to_y = places[row, place, 0] - x, places[row, place, 1] - y
        if place == own or (near and length(to_x, to_y) >= least):
            continue
        which, least = place, length(to_x, to_y)
        seen[row, viewer, at], seen[row, viewer, at + 1] = to_x, to_y
        if not near:
            at += 2
    return at + 2 * near, which
