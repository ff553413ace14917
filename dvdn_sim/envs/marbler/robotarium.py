"""Robots of the Robotarium: unicycles that a controller drives to goals, as its Python simulator moves them.

The constants and the order of things are those of the simulator at commit 6bb184e, which MARBLER needs (Torbati et al.
2023). A pose is (x, y, θ), metres and radians. One iteration, of dt = 0.033 s, first checks the pose for violations and
then moves it, explicit Euler with θ from before the iteration:

    x ← x + dt v cos θ,   y ← y + dt v sin θ,   θ ← θ + dt ω, wrapped to [−π, π]

The commands (v, ω) are computed in every 15th iteration only and held in between (see `commands`), so a block of
iterations is worked out at once: θ is linear in it, and positions are running sums of cos θ and sin θ.
"""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from dvdn_sim.envs.marbler.barrier import BARRIERS, Barrier, project, tournament

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


@dataclass(frozen=True)
class Driven:
    """What became of E rows of N robots in one drive.

    Attributes:
        poses: float64 ``[E, N, 3]``, after the last iteration.
        collision: bool ``[E]``, whether robots were found in collision.
        boundary: bool ``[E]``, whether one was found outside.
        travelled: float64 ``[E, N]``, metres, of all iterations.
        last_move: float64 ``[E, N]``, metres, of the last iteration alone.
    """

    poses: Tensor
    collision: Tensor
    boundary: Tensor
    travelled: Tensor
    last_move: Tensor

    @property
    def violation(self) -> Tensor:
        """Either, bool ``[E]``."""
        return self.collision | self.boundary


def advance(
    poses: Tensor,
    goals: Tensor,
    iterations: int,
    *,
    update_every: int = UPDATE_EVERY,
    barrier: Barrier = BARRIERS["safe"],
) -> Tensor:
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
        ValueError: Shapes or types that do not fit, or counts below 1.

    >>> start, goal = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[0.2, 0.0]], dtype=torch.float64)
    >>> [round(number, 6) for number in advance(start, goal, 29)[0].tolist()]
    [0.109246, 0.0, 0.0]
    """
    check_drive(poses, goals, iterations, update_every)
    flat = poses.reshape(-1, *poses.shape[-2:]), goals.reshape(-1, *goals.shape[-2:])
    driven = drive(*flat, iterations, update_every=update_every, barrier=barrier, stop=False)
    return driven.poses.reshape(poses.shape)


def check_drive(poses: Tensor, goals: Tensor, iterations: int, update_every: int) -> None:
    """Refuse (ValueError) what `advance` cannot drive."""
    if poses.ndim < 2 or poses.shape[-1] != 3 or goals.shape != (*poses.shape[:-1], 2):
        found = f"poses {list(poses.shape)} and goals {list(goals.shape)}"
        raise ValueError(f"{found} found; [..., N, 3] and [..., N, 2] expected")
    if poses.dtype != torch.float64 or goals.dtype != torch.float64:
        raise ValueError(f"poses of {poses.dtype} and goals of {goals.dtype} found; torch.float64 expected")
    if iterations < 1 or update_every < 1:
        raise ValueError(f"{iterations} iterations, update_every {update_every} found; 1 or more expected")


def drive(
    poses: Tensor,
    goals: Tensor,
    iterations: int,
    *,
    update_every: int = UPDATE_EVERY,
    barrier: Barrier = BARRIERS["safe"],
    stop: bool = True,
) -> Driven:
    """Drive robots towards their goals, and watch for violations.

    Every iteration looks at the pose that it is about to move, so a row with a violation moves once more. What the
    last iteration causes is left to the first one of the next drive.

    Args:
        poses: float64 ``[E, N, 3]``.
        goals: float64 ``[E, N, 2]``.
        iterations: Of 0.033 s.
        update_every: Iterations for which a command is held.
        barrier: How near robots may come.
        stop: Whether a row ends with the first iteration that finds a violation.
    """
    pose, goal = poses.permute(2, 1, 0).contiguous(), goals.permute(2, 1, 0).contiguous()
    ended = torch.zeros(poses.shape[0], dtype=torch.bool, device=poses.device)
    collision, boundary = ended, ended
    travelled = torch.zeros_like(pose[0])
    last_move = travelled
    for start in range(0, iterations, update_every):
        count = min(update_every, iterations - start)
        v, omega = commands(pose, goal, barrier)
        path, heading = _arc(pose, v, omega, count)
        collides, outside = _collides(path[:-1], heading), _outside(path[:-1])
        if stop:
            number = torch.arange(count, device=poses.device)[:, None]
            last = torch.where(collides | outside, number, count - 1).amin(0)
            collides, outside = collides.gather(0, last[None])[0], outside.gather(0, last[None])[0]
        else:
            last = torch.full_like(ended, count - 1, dtype=torch.int64)
            collides, outside = collides.any(0), outside.any(0)
        position = path.gather(0, (last + 1).expand(1, *path.shape[1:]))[0]
        theta = pose[2] + (last + 1) * (DT * omega)
        # Wrapped without atan2, whose last bits depend on a number's place in the batch.
        moved = torch.stack([*position, theta - math.tau * (theta / math.tau).round()])
        move = DT * v.abs()
        pose = torch.where(ended, pose, moved)
        travelled = torch.where(ended, travelled, travelled + move * (last + 1))
        last_move = torch.where(ended, last_move, move)
        collision, boundary = collision | (collides & ~ended), boundary | (outside & ~ended)
        if stop:
            ended = collision | boundary
    return Driven(pose.permute(2, 1, 0).contiguous(), collision, boundary, travelled.T, last_move.T)


def commands(pose: Tensor, goal: Tensor, barrier: Barrier) -> tuple[Tensor, Tensor]:
    """Speeds v and turning rates ω, float64 ``[N, E]`` each, that take robots to their goals.

    The point ξ = (x, y) + 0.05 (cos θ, sin θ) ahead of a robot shall move with û = g − ξ, at most 0.15 m/s; the barrier
    makes u of it; and a unicycle whose ξ moves with u has

        v = u_x cos θ + u_y sin θ,    ω = (u_y cos θ − u_x sin θ) / 0.05

    clipped to 0.2 m/s and π rad/s.

    Args:
        pose: float64 ``[3, N, E]``.
        goal: float64 ``[2, N, E]``.
        barrier: How near robots may come.
    """
    cos, sin = pose[2].cos(), pose[2].sin()
    heading = torch.stack([cos, sin])
    points = pose[:2] + LOOK_AHEAD * heading
    wanted = goal - points
    distance = (wanted[0] * wanted[0] + wanted[1] * wanted[1]).sqrt()
    wanted = wanted * (APPROACH_SPEED / distance.clamp(min=APPROACH_SPEED))
    x, y = project(points, wanted, barrier)
    v = (cos * x + sin * y).clamp(-MAX_SPEED, MAX_SPEED)
    omega = ((cos * y - sin * x) / LOOK_AHEAD).clamp(-MAX_TURN, MAX_TURN)
    return v, omega


def _arc(pose: Tensor, v: Tensor, omega: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Iterations under held commands: positions ``[count + 1, 2, N, E]``, and (cos θ, sin θ) ``[count, 2, N, E]``."""
    number = torch.arange(count, dtype=pose.dtype, device=pose.device)[:, None, None]
    theta = pose[2] + number * (DT * omega)
    heading = torch.stack([theta.cos(), theta.sin()], 1)
    path = pose.new_empty(count + 1, *heading.shape[1:])
    path[0] = pose[:2]
    for before, after, step in zip(path[:-1], path[1:], heading * (DT * v), strict=True):
        torch.add(before, step, out=after)  # the same bits as cumsum, sooner
    return path, heading


def _collides(path: Tensor, heading: Tensor) -> Tensor:
    """Whether any two bodies are too near, bool ``[count, E]``; only pairs that can meet in so few iterations count."""
    count, _, robots, rows = path.shape
    pairs = tournament(robots, path.device)
    reach = COLLISION_DIAMETER + 2.0 * (COLLISION_OFFSET + count * DT * MAX_SPEED)
    x, y = path[0, :, pairs.first] - path[0, :, pairs.second]
    pair, row = (x * x + y * y <= reach**2).nonzero().unbind(1)
    bodies = path + COLLISION_OFFSET * heading
    x, y = (bodies[:, :, pairs.first[pair], row] - bodies[:, :, pairs.second[pair], row]).unbind(1)
    met = x * x + y * y <= COLLISION_DIAMETER**2
    return torch.zeros(count, rows, device=path.device).index_add(1, row, met.float()) > 0.0


def _outside(path: Tensor) -> Tensor:
    """Whether any robot is beyond the boundary, bool ``[count, E]``."""
    furthest = path.abs().amax(2)
    return (furthest[:, 0] > HALF_WIDTH) | (furthest[:, 1] > HALF_HEIGHT)
