"""How commands become motion, what counts as a violation, and which commands keep robots apart."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

TOLERANCE: Final = 1e-10
"""m/s: a row is finished when no pair moved its command by more than this in a sweep."""
SWEEPS: Final = 4  # between two looks at which rows are finished
MOST_SWEEPS: Final = 1000  # robots on top of each other ask for speeds so large that TOLERANCE is below their rounding
TOGETHER: Final = 1e-12  # m²: points this near (a micrometre) have no direction apart, so their pair asks for nothing


@dataclass(frozen=True)
class Barrier:
    """How near robots may come: safety radius R in metres, and γ on either side of it."""

    radius: float
    gain: float = 100.0
    unsafe_gain: float = 100.0


BARRIERS: Final = {"safe": Barrier(0.2, unsafe_gain=1e6), "default": Barrier(0.17)}
"""MARBLER's two settings."""


@dataclass(frozen=True)
class Tournament:
    """The pairs of N robots in rounds of disjoint pairs.

    Attributes:
        rounds: How many.
        first: int64 ``[P]``, one robot of each pair, round by round.
        second: int64 ``[P]``, the other.
        share: float64 ``[P, P]``, aₖ·aₗ = share · 4 dₖ·dₗ: 2 on the diagonal, 1 or −1 for pairs that share a robot.
        pair: int64 ``[rounds, N]``, each robot's pair in each round.
        side: float64 ``[rounds, N, 1]``, 1 where it is the first of it, −1 the second, 0 where it has none.
    """

    rounds: int
    first: Tensor
    second: Tensor
    share: Tensor
    pair: Tensor
    side: Tensor


@lru_cache
def tournament(robots: int, device: torch.device) -> Tournament:
    """All pairs of `robots`, by the circle method: one stays, the others move up one seat from round to round."""
    seats = robots + robots % 2
    rounds = max(seats - 1, 0)
    pairs: list[tuple[int, int]] = []
    pair = torch.zeros(rounds, robots, dtype=torch.int64)
    side = torch.zeros(rounds, robots, 1, dtype=torch.float64)
    for each in range(rounds):
        circle = [seats - 1, *((each + seat) % (seats - 1) for seat in range(seats - 1))]
        for one, other in zip(circle[: seats // 2], reversed(circle[seats // 2 :]), strict=True):
            if max(one, other) < robots:
                low, high = sorted((one, other))
                pair[each, low] = pair[each, high] = len(pairs)
                side[each, low], side[each, high] = 1.0, -1.0
                pairs.append((low, high))
    first, second = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
    signs = torch.zeros(len(pairs), robots, dtype=torch.float64)
    signs[torch.arange(len(pairs)), first] = 1.0
    signs[torch.arange(len(pairs)), second] = -1.0
    parts = first, second, signs @ signs.T, pair, side
    return Tournament(rounds, *(part.to(device) for part in parts))


def project(points: Tensor, wanted: Tensor, barrier: Barrier) -> Tensor:
    """Return the commands, float64 ``[2, N, E]`` in m/s, that respect the barrier at `points`, nearest to `wanted`.

    They are within `TOLERANCE` per sweep of the projection. A row depends on that row alone.
    """
    pairs = tournament(wanted.shape[1], wanted.device)
    apart = points[:, pairs.first] - points[:, pairs.second]
    squared = apart[0] * apart[0] + apart[1] * apart[1]
    h = squared - barrier.radius**2
    limit = torch.where(h >= 0.0, barrier.gain, barrier.unsafe_gain) * (h * h * h)
    closing = apart * (wanted[:, pairs.second] - wanted[:, pairs.first])
    excess = 2.0 * (closing[0] + closing[1]) - limit
    rows = ((excess > 0.0) & (squared > TOGETHER)).any(0).nonzero().squeeze(1)
    if len(rows) == 0:
        return wanted
    apart, squared = apart[..., rows], squared[:, rows]
    multipliers = _ascend(pairs, apart, squared, excess[:, rows])
    change = 2.0 * multipliers * apart  # −λₖ aₖ at the first robot of pair k
    changed = wanted[..., rows]
    for pair, side in zip(pairs.pair, pairs.side, strict=True):
        changed = changed + change[:, pair] * side
    return wanted.index_copy(2, rows, changed)


def _ascend(pairs: Tournament, apart: Tensor, squared: Tensor, excess: Tensor) -> Tensor:
    """The multipliers λ ≥ 0 of the projection, ``[P, M]``, of M rows that break a limit.

    Args:
        pairs: Who plays whom when.
        apart: d, ``[2, P, M]``.
        squared: ‖d‖², ``[P, M]``.
        excess: aₖ·û − bₖ, ``[P, M]``.
    """
    gram = 4.0 * pairs.share[..., None] * (apart[0, :, None] * apart[0] + apart[1, :, None] * apart[1])
    norm = (8.0 * squared).sqrt()
    inverse = torch.where(squared > TOGETHER, 0.125 / squared, 0.0)
    result = torch.zeros_like(excess)
    rows = torch.arange(excess.shape[1], device=excess.device)
    residual, negative = excess.clone(), torch.zeros_like(excess)  # r and −λ
    for _ in range(0, MOST_SWEEPS, SWEEPS):
        moved = _sweep(pairs.rounds, gram, inverse, residual, negative)
        result[:, rows] = -negative
        unfinished = ((moved * norm).amax(0) > TOLERANCE).nonzero().squeeze(1)
        if len(unfinished) == 0:
            break
        rows, norm, gram = rows[unfinished], norm[:, unfinished], gram[..., unfinished]
        inverse, residual, negative = (each[:, unfinished] for each in (inverse, residual, negative))
    return result


def _sweep(rounds: int, gram: Tensor, inverse: Tensor, residual: Tensor, negative: Tensor) -> Tensor:
    """Sweep `SWEEPS` times, changing `residual` and `negative` in place; |t| of the last sweep, ``[P, M]``."""
    steps = torch.empty_like(residual)
    parts = [each.view(rounds, -1, each.shape[-1]).unbind(0) for each in (inverse, residual, negative, steps)]
    by_round = [
        (*part, step.split(1), row.unbind(0))
        for *part, step, row in zip(*parts, parts[3], gram.view(rounds, -1, *gram.shape[1:]).unbind(0), strict=True)
    ]
    for _ in range(SWEEPS):
        for inverse_m, residual_m, negative_m, step_m, each_step, each_row in by_round:
            torch.mul(residual_m, inverse_m, out=step_m)
            torch.maximum(step_m, negative_m, out=step_m)
            negative_m.sub_(step_m)
            for step, row in zip(each_step, each_row, strict=True):
                residual.addcmul_(row, step, value=-1.0)
    return steps.abs_()


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
    last iteration causes is left to the first one of the next drive. With `stop` a row ends with the first iteration
    that finds a violation. See `advance` for the rest.
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

    clipped to 0.2 m/s and π rad/s. Poses are ``[3, N, E]``, goals ``[2, N, E]``.
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
