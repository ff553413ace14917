"""How commands become motion, what counts as a violation, and which commands keep robots apart."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

DT: Final = 0.033
"""Seconds per iteration."""
MAX_SPEED: Final = 0.2
"""m/s, either way."""
MAX_TURN: Final = math.pi
"""rad/s, the controller's limit; the simulator's own, 2 · 0.2 / 0.11 = 3.64, is above it and never acts."""
HALF_WIDTH, HALF_HEIGHT = 1.6, 1.0
"""Metres: a robot whose centre is beyond violates the boundary."""
COLLISION_OFFSET: Final = 0.025
"""Metres ahead of the centre: where a robot's body is taken to be."""
COLLISION_DIAMETER: Final = 0.135
"""Metres: bodies this near, or nearer, collide."""
LOOK_AHEAD: Final = 0.05
"""Metres ahead of the centre: the point that is driven to the goal."""
APPROACH_SPEED: Final = 0.15
"""m/s, of the look-ahead point."""
UPDATE_EVERY: Final = 15
"""Iterations for which MARBLER holds a command."""

TOLERANCE: Final = 1e-10
"""m/s: a projection is finished when no pair moved its command by more than this in a sweep."""
MOST_SWEEPS: Final = 1000  # robots on top of each other ask for speeds so large that TOLERANCE is below their rounding
TOGETHER: Final = 1e-12  # m²: points this near (a micrometre) have no direction apart, so their pair asks for nothing


class Barrier(NamedTuple):
    """How near robots may come: safety radius R in metres, and γ on either side of it."""

    radius: float
    gain: float = 100.0
    unsafe_gain: float = 100.0


BARRIERS: Final = {"safe": Barrier(0.2, unsafe_gain=1e6), "default": Barrier(0.17)}
"""MARBLER's two settings."""


def advance(
    poses: Floats,
    goals: Floats,
    iterations: int,
    *,
    update_every: int = UPDATE_EVERY,
    barrier: Barrier = BARRIERS["safe"],
) -> Floats:
    """Drive robots towards their goals for some iterations, whatever they violate.

    Args:
        poses: float64 ``[..., N, 3]``, metres and radians.
        goals: float64 ``[..., N, 2]``, metres, of the same leading dimensions.
        iterations: Of 0.033 s.
        update_every: Iterations for which a command is held.
        barrier: How near robots may come.

    Returns:
        Poses, float64 ``[..., N, 3]``.

    Raises:
        ValueError: Shapes or types that do not fit, numbers that are not finite, or counts below 1.

    >>> advance(np.zeros((1, 3)), np.array([[0.2, 0.0]]), 29).round(6).tolist()
    [[0.109246, 0.0, 0.0]]
    """
    if poses.ndim < 2 or poses.shape[-1] != 3 or goals.shape != (*poses.shape[:-1], 2):
        shapes = f"poses {list(poses.shape)} and goals {list(goals.shape)}"
        raise ValueError(f"{shapes} found; [..., N, 3] and [..., N, 2] expected")
    if poses.dtype != np.float64 or goals.dtype != np.float64:
        raise ValueError(f"poses of {poses.dtype} and goals of {goals.dtype} found; float64 expected")
    if not (np.isfinite(poses).all() and np.isfinite(goals).all()):
        raise ValueError("poses or goals that are not finite found; finite numbers expected")
    if iterations < 1 or update_every < 1:
        raise ValueError(f"{iterations} iterations, update_every {update_every} found; 1 or more expected")
    moved, aims = (np.array(part.reshape(-1, *part.shape[-2:]), order="C") for part in (poses, goals))
    rows, robots = moved.shape[:2]
    found = np.zeros(rows, bool), np.zeros(rows, bool), np.zeros((rows, robots)), np.zeros((rows, robots))
    drive(np.arange(rows), moved, aims, (iterations, update_every, barrier, False), found)
    return moved.reshape(poses.shape)


How = tuple[int, int, Barrier, bool]
"""Iterations, `update_every` and `barrier` as for `advance`, and whether a violation ends the drive."""
Found = tuple[Mask, Mask, Floats, Floats]
"""What a drive sets: whether robots were found in collision, ``[E]``, or one outside, ``[E]``; the metres driven, ``[E,
N]``; and those of the last iteration, ``[E, N]``, which the next drive books, as MARBLER does, unless a violation has
ended this one: what is there before is booked first."""


@compiled
def drive(rows: Ints, poses: Floats, goals: Floats, how: How, found: Found) -> None:
    """Drive the robots of some rows towards their goals, in place, and watch for violations.

    Every iteration looks at the pose that it is about to move, so a violation is found an iteration late, and what the
    last iteration causes is left to the first one of the next drive. Where a violation ends the drive, the row's last
    move is that of the iteration which found it.

    Args:
        rows: int64 ``[M]``, which of E rows.
        poses: ``[E, N, 3]``.
        goals: ``[E, N, 2]``.
        how: See `How`.
        found: See `Found`.
    """
    (iterations, update_every, barrier, stop), (collision, boundary, travelled, unbooked) = how, found
    robots = poses.shape[1]
    heading, turn, command = np.empty((robots, 2)), np.empty((robots, 2)), np.empty((robots, 2))
    v = np.empty(robots)
    for row in rows:
        pose = poses[row]
        collision[row] = boundary[row] = False
        for robot in range(robots):
            travelled[row, robot] = 0.0
            heading[robot, 0], heading[robot, 1] = math.cos(pose[robot, 2]), math.sin(pose[robot, 2])
        for iteration in range(iterations):
            if iteration % update_every == 0:
                control(pose, heading, goals[row], barrier, command, v, turn)
            collision[row] |= collides(pose, heading)
            boundary[row] |= outside(pose)
            for robot in range(robots):
                travelled[row, robot] += unbooked[row, robot]
                cos, sin = heading[robot, 0], heading[robot, 1]
                pose[robot, 0] += DT * v[robot] * cos
                pose[robot, 1] += DT * v[robot] * sin
                heading[robot, 0] = cos * turn[robot, 0] - sin * turn[robot, 1]
                heading[robot, 1] = sin * turn[robot, 0] + cos * turn[robot, 1]
                unbooked[row, robot] = DT * abs(v[robot])
            if stop and (collision[row] or boundary[row]):
                for robot in range(robots):
                    travelled[row, robot] += unbooked[row, robot]
                    unbooked[row, robot] = 0.0
                break
        for robot in range(robots):
            pose[robot, 2] = math.atan2(heading[robot, 1], heading[robot, 0])


@compiled
def collides(pose: Floats, heading: Floats) -> bool:
    """Whether any two bodies are too near."""
    for one in range(len(pose)):
        for other in range(one):
            x = pose[one, 0] - pose[other, 0] + COLLISION_OFFSET * (heading[one, 0] - heading[other, 0])
            y = pose[one, 1] - pose[other, 1] + COLLISION_OFFSET * (heading[one, 1] - heading[other, 1])
            if x * x + y * y <= COLLISION_DIAMETER**2:
                return True
    return False


@compiled
def outside(pose: Floats) -> bool:
    """Whether any robot is beyond the boundary."""
    for robot in range(len(pose)):  # noqa: SIM110  (numba compiles no generators)
        if abs(pose[robot, 0]) > HALF_WIDTH or abs(pose[robot, 1]) > HALF_HEIGHT:
            return True
    return False


@compiled
def control(
    pose: Floats, heading: Floats, goal: Floats, barrier: Barrier, command: Floats, v: Floats, turn: Floats
) -> None:
    """Write speeds v, ``[N]``, and (cos, sin) of an iteration's turn, ``[N, 2]``, that take robots to their goals.

    The point ξ = (x, y) + 0.05 (cos θ, sin θ) ahead of a robot shall move with û = g − ξ, at most 0.15 m/s; the barrier
    makes u of it, the `command`; and a unicycle whose ξ moves with u has

        v = u_x cos θ + u_y sin θ,    ω = (u_y cos θ − u_x sin θ) / 0.05

    clipped to 0.2 m/s and π rad/s.
    """
    robots = len(pose)
    points = np.empty((robots, 2))
    for robot in range(robots):
        for axis in range(2):
            points[robot, axis] = pose[robot, axis] + LOOK_AHEAD * heading[robot, axis]
            command[robot, axis] = goal[robot, axis] - points[robot, axis]
        distance = math.sqrt(command[robot, 0] ** 2 + command[robot, 1] ** 2)
        if distance > APPROACH_SPEED:
            command[robot, 0] *= APPROACH_SPEED / distance
            command[robot, 1] *= APPROACH_SPEED / distance
    project(points, command, barrier)
    for robot in range(robots):
        cos, sin, x, y = heading[robot, 0], heading[robot, 1], command[robot, 0], command[robot, 1]
        v[robot] = min(max(cos * x + sin * y, -MAX_SPEED), MAX_SPEED)
        omega = min(max((cos * y - sin * x) / LOOK_AHEAD, -MAX_TURN), MAX_TURN)
        turn[robot, 0], turn[robot, 1] = math.cos(DT * omega), math.sin(DT * omega)


@compiled
def project(points: Floats, u: Floats, barrier: Barrier) -> int:
    """Make of u, ``[N, 2]`` in m/s, the nearest commands that respect the barrier at `points`; return the sweeps.

    With d = ξᵢ − ξⱼ and h = ‖d‖² − R², every pair of robots asks for 2 d·(uⱼ − uᵢ) ≤ γ h³. Hildreth's dual coordinate
    ascent keeps a multiplier λ ≥ 0 of each pair: it moves the two apart by what their limit is exceeded, or back by
    what is too much, but never nearer than they wanted to be. Where a sweep moves nobody by more than `TOLERANCE` it
    has come to the exact projection, which MARBLER's solver stops short of.
    """
    robots = len(points)
    pairs = np.empty((robots * (robots - 1) // 2, 5))  # d, the limit, 1 / ‖a‖² (0 for points that coincide), λ
    pair, broken = 0, False
    for i in range(robots):
        for j in range(i + 1, robots):
            x, y = points[i, 0] - points[j, 0], points[i, 1] - points[j, 1]
            squared = x * x + y * y
            h = squared - barrier.radius**2
            limit = (barrier.gain if h >= 0.0 else barrier.unsafe_gain) * (h * h * h)
            apart = squared > TOGETHER
            broken |= apart and 2.0 * (x * (u[j, 0] - u[i, 0]) + y * (u[j, 1] - u[i, 1])) > limit
            pairs[pair, 0], pairs[pair, 1], pairs[pair, 2] = x, y, limit
            pairs[pair, 3], pairs[pair, 4] = (0.125 / squared if apart else 0.0), 0.0
            pair += 1
    if not broken:
        return 0
    for sweep in range(MOST_SWEEPS):
        pair, furthest = 0, 0.0
        for i in range(robots):
            for j in range(i + 1, robots):
                x, y, inverse = pairs[pair, 0], pairs[pair, 1], pairs[pair, 3]
                excess = 2.0 * (x * (u[j, 0] - u[i, 0]) + y * (u[j, 1] - u[i, 1])) - pairs[pair, 2]
                change = max(excess * inverse, -pairs[pair, 4])
                if change != 0.0:
                    pairs[pair, 4] += change
                    u[i, 0] += 2.0 * change * x
                    u[i, 1] += 2.0 * change * y
                    u[j, 0] -= 2.0 * change * x
                    u[j, 1] -= 2.0 * change * y
                    furthest = max(furthest, change * change / inverse)
                pair += 1
        if furthest <= TOLERANCE**2:
            return sweep + 1
    return MOST_SWEEPS
