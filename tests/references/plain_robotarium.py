"""The Robotarium once more: one arena, one iteration after the other, and an oracle's solution of the barrier."""

import itertools
import math

import numpy as np
from scipy.optimize import nnls


def half_spaces(points, radius, gain, unsafe_gain):
    """Rows a and bounds b of the barrier's pairs, for points [N, 2]."""
    rows, bounds = [], []
    for i, j in itertools.combinations(range(len(points)), 2):
        apart = points[i] - points[j]
        h = apart @ apart - radius**2
        row = np.zeros((len(points), 2))
        row[i], row[j] = -2 * apart, 2 * apart
        rows.append(row.ravel())
        bounds.append((gain if h >= 0 else unsafe_gain) * h**3)
    return np.array(rows), np.array(bounds)


def project(rows, bounds, wanted):
    """The projection of `wanted` on rows · u <= bounds: least distance programming (Lawson and Hanson 1974, ch. 23)."""
    if len(rows) == 0 or (rows @ wanted <= bounds).all():
        return wanted
    system = np.vstack([-rows.T, rows @ wanted - bounds])
    target = np.zeros(len(system))
    target[-1] = 1.0
    solution, _ = nnls(system, target, maxiter=1000)
    rest = system @ solution - target
    return wanted - rest[:-1] / rest[-1]


def controlled(poses, goals, barrier):
    """v and ω of one arena, poses [N, 3]."""
    cos, sin = np.cos(poses[:, 2]), np.sin(poses[:, 2])
    points = poses[:, :2] + 0.05 * np.stack([cos, sin], 1)
    wanted = goals - points
    speed = np.linalg.norm(wanted, axis=1, keepdims=True)
    wanted = np.where(speed > 0.15, wanted * 0.15 / np.maximum(speed, 0.15), wanted)
    u = project(*half_spaces(points, *barrier), wanted.ravel()).reshape(-1, 2)
    v = np.clip(cos * u[:, 0] + sin * u[:, 1], -0.2, 0.2)
    omega = np.clip((-sin * u[:, 0] + cos * u[:, 1]) / 0.05, -math.pi, math.pi)
    return v, omega


def found(poses):
    """Whether there is a collision, and whether a robot is outside."""
    bodies = poses[:, :2] + 0.025 * np.stack([np.cos(poses[:, 2]), np.sin(poses[:, 2])], 1)
    collision = any(np.linalg.norm(one - other) <= 0.135 for one, other in itertools.combinations(bodies, 2))
    boundary = bool((np.abs(poses[:, 0]) > 1.6).any() or (np.abs(poses[:, 1]) > 1.0).any())
    return collision, boundary


def plain_drive(poses, goals, iterations, *, update_every=15, barrier=(0.2, 100.0, 1e6), stop=True):
    """Poses, collision, boundary, metres travelled and metres of the last iteration, of one arena."""
    poses, travelled, move = poses.copy(), np.zeros(len(poses)), np.zeros(len(poses))
    collision = boundary = False
    for iteration in range(iterations):
        if iteration % update_every == 0:
            v, omega = controlled(poses, goals, barrier)
        now = found(poses)
        collision, boundary = collision or now[0], boundary or now[1]
        before = poses[:, :2].copy()
        poses[:, 0] += 0.033 * v * np.cos(poses[:, 2])
        poses[:, 1] += 0.033 * v * np.sin(poses[:, 2])
        theta = poses[:, 2] + 0.033 * omega
        poses[:, 2] = np.arctan2(np.sin(theta), np.cos(theta))
        move = np.linalg.norm(poses[:, :2] - before, axis=1)
        travelled += move
        if stop and (collision or boundary):
            break
    return poses, collision, boundary, travelled, move
