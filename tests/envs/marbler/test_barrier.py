"""The barrier's projection: against published and solved cases, and against the conditions that define it."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from dvdn_sim.envs.marbler.barrier import BARRIERS, MOST_SWEEPS, Barrier, project, tournament

CPU = torch.device("cpu")
SAFE = BARRIERS["safe"]


def batched(rows):
    """[E, N, 2] as the projection takes it, [2, N, E]."""
    return torch.as_tensor(np.asarray(rows), dtype=torch.float64).permute(2, 1, 0).contiguous()


def random_crowd(rng, robots, rows, least, extent):
    """Points in a square, no two nearer than `least`, and commands of at most 0.15 m/s."""
    crowd = []
    while len(crowd) < rows:
        points = []
        for _ in range(10_000):
            point = rng.uniform(-extent / 2, extent / 2, 2)
            if all(np.linalg.norm(point - other) > least for other in points):
                points.append(point)
            if len(points) == robots:
                crowd.append(points)
                break
    wanted = rng.uniform(-1, 1, (rows, robots, 2))
    wanted *= 0.15 / np.maximum(np.linalg.norm(wanted, axis=2, keepdims=True), 1.0)
    return np.array(crowd), wanted


def test_two_robots_in_closed_form():
    """u = û − a max(0, a·û − b) / ‖a‖², here with γh³ = 0.0561515625: both slow down alike."""
    u = project(batched([[(0, 0), (0.35, 0)]]), batched([[(0.15, 0), (-0.15, 0)]]), SAFE)
    assert u[..., 0].T.flatten().tolist() == pytest.approx([0.040108259, 0, -0.040108259, 0], abs=1e-9)


def test_three_robots_as_solved_exactly():
    """Figures of an exact solver, for three pairs that all matter."""
    u = project(batched([[(0, 0), (0.24, 0.05), (-0.2, 0.1)]]), batched([[(0.15, 0), (-0.15, 0), (0.1, -0.05)]]), SAFE)
    expected = [0.034786831, -0.058427433, 0.013812730, 0.034127652, 0.051400438, -0.025700219]
    assert u[..., 0].T.flatten().tolist() == pytest.approx(expected, abs=1e-9)


def test_robots_inside_each_others_radius_are_driven_apart_hard():
    """0.15 m apart and at rest: h = −0.0175 and γ = 10⁶ ask for 10⁶ |h|³ / (2 · 2 · 0.15) = 8.93 m/s each."""
    u = project(batched([[(0, 0), (0.15, 0)]]), batched([[(0, 0), (0, 0)]]), SAFE)
    assert u[..., 0].T.flatten().tolist() == pytest.approx([-8.932291667, 0, 8.932291667, 0], abs=1e-8)


@pytest.mark.parametrize(
    ("robots", "least", "extent"), [(2, 0.1, 0.4), (3, 0.2, 0.6), (4, 0.15, 0.6), (6, 0.2, 0.9), (6, 0.15, 0.65)]
)
def test_projection_of_a_crowd(robots, least, extent, half_spaces, nearest_command):
    """Karush, Kuhn and Tucker's conditions, and an oracle.

    u is feasible; û − u is a non-negative combination of the rows of broken limits; so u is the nearest one. Crowds
    with points inside each other's radius (h < 0) are asked for metres per second.
    """
    points, wanted = random_crowd(np.random.default_rng(robots), robots, 60, least, extent)
    u = project(batched(points), batched(wanted), SAFE).permute(2, 1, 0).numpy()
    touched = 0
    for row in range(60):
        rows, bounds = half_spaces(points[row], SAFE.radius, SAFE.gain, SAFE.unsafe_gain)
        norms = np.linalg.norm(rows, axis=1)
        found, asked = u[row].ravel(), wanted[row].ravel()
        slack = (bounds - rows @ found) / norms
        assert slack.min() > -1e-8
        tight = rows[slack < 1e-8]
        touched += len(tight) > 0
        multipliers = np.linalg.lstsq(tight.T, asked - found, rcond=None)[0] if len(tight) else np.zeros(0)
        assert np.abs(tight.T @ multipliers - (asked - found)).max() < 1e-7
        oracle = nearest_command(rows, bounds, asked)
        assert np.abs(found - oracle).max() < 1e-7
    assert touched > 20


def test_a_general_solver_agrees(half_spaces):
    """A second oracle, sequential quadratic programming, on six robots as they meet in a warehouse."""
    points, wanted = random_crowd(np.random.default_rng(3), 6, 8, 0.2, 0.9)
    u = project(batched(points), batched(wanted), SAFE).permute(2, 1, 0).numpy()
    for row in range(8):
        rows, bounds = half_spaces(points[row], SAFE.radius, SAFE.gain, SAFE.unsafe_gain)
        asked = wanted[row].ravel()
        solved = minimize(
            lambda u, asked=asked: ((u - asked) ** 2).sum(),
            asked,
            jac=lambda u, asked=asked: 2 * (u - asked),
            constraints={"type": "ineq", "fun": lambda u, a=rows, b=bounds: b - a @ u, "jac": lambda u, a=rows: -a},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert np.abs(solved.x - u[row].ravel()).max() < 1e-6


def test_commands_within_limits_are_left_alone():
    points, wanted = random_crowd(np.random.default_rng(1), 6, 50, 0.55, 2.0)
    assert torch.equal(project(batched(points), batched(wanted), SAFE), batched(wanted))


@pytest.mark.parametrize("robots", [3, 4, 5, 6, 7])
def test_a_row_is_the_same_in_any_company(robots):
    """Rows that need many sweeps do not give the others more, nor the other way round: bit for bit."""
    points, wanted = random_crowd(np.random.default_rng(7), robots, 40, 0.15, 0.95)
    together = project(batched(points), batched(wanted), SAFE)
    for row in range(40):
        alone = project(batched(points[row : row + 1]), batched(wanted[row : row + 1]), SAFE)
        assert torch.equal(alone[..., 0], together[..., row])


def test_momentum_is_kept():
    """Every pair pushes its robots apart with equal and opposite changes, so the mean command stays."""
    points, wanted = random_crowd(np.random.default_rng(5), 6, 40, 0.2, 0.9)
    u = project(batched(points), batched(wanted), SAFE)
    assert (u.mean(1) - batched(wanted).mean(1)).abs().max() < 1e-12


def test_robots_on_one_point_give_numbers():
    """No direction leads two robots apart that are in one place; what is almost there asks for a lot, but ends."""
    for near in (0.0, 1e-300, 1e-9, 1.1e-6, 1e-4):
        points = batched([[(0.3, 0.3), (0.3 + near, 0.3), (0.0, 0.0), (0.1, 0.1), (0.2, 0.3), (0.3, 0.2)]])
        assert project(points, torch.zeros_like(points), SAFE).isfinite().all()
    assert MOST_SWEEPS < 10_000


def test_the_gentle_setting():
    """`default`: R = 0.17 and one gain, so 0.15 m apart h³ = (0.0225 − 0.0289)³ asks for 4.37e-5 m/s."""
    assert BARRIERS["default"] == Barrier(0.17, 100.0, 100.0)
    u = project(batched([[(0, 0), (0.15, 0)]]), batched([[(0, 0), (0, 0)]]), BARRIERS["default"])
    assert u[0, 1, 0].item() == pytest.approx(100 * 0.0064**3 / (4 * 0.15), rel=1e-9)


@pytest.mark.parametrize("robots", range(1, 10))
def test_everybody_meets_everybody_once_and_no_one_twice_in_a_round(robots):
    pairs = tournament(robots, CPU)
    met = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert sorted(met) == [(i, j) for i in range(robots) for j in range(i + 1, robots)]
    size = robots // 2
    for start in range(0, len(met), max(size, 1)):
        players = [player for pair in met[start : start + size] for player in pair]
        assert len(set(players)) == len(players)
