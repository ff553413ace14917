"""Driving robots: golden values of the original simulator, its loop as an oracle, the barrier, goals and grids."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_robotarium import half_spaces, plain_drive
from plain_robotarium import project as nearest_command
from scipy.optimize import minimize

from dvdn_sim.draws import keys
from dvdn_sim.envs.marbler import robotarium
from dvdn_sim.envs.marbler.robotarium import BARRIERS, MOST_SWEEPS, Barrier, advance
from dvdn_sim.envs.marbler.scenario import aim, beside, places
from dvdn_sim.scenario.envs import Spawn

LEFT, RIGHT, UP, DOWN, STAY = range(5)
TOLERANCE = 2e-6


def goals_of(poses, moves, distance):
    """Where one row's moves lead, [N, 2]."""
    goals = np.empty((1, len(moves), 2))
    aim(np.arange(1), poses[None], np.array([moves]), np.full((1, len(moves)), distance), goals)
    return goals[0]


def step(poses, moves, distance, iterations):
    return advance(poses, goals_of(poses, moves, distance), iterations)


def drive(poses, goals, iterations, update_every=15, *, barrier=BARRIERS["safe"], stop=True, unbooked=0.0):
    """What became of rows; `travelled` and `unbooked` together are all that they have driven."""
    moved, rows, robots = poses.copy(), len(poses), poses.shape[1]
    collision, boundary = np.zeros((2, rows), bool)
    travelled, left = np.zeros((rows, robots)), np.full((rows, robots), unbooked)
    how, found = (iterations, update_every, barrier, stop), (collision, boundary, travelled, left)
    robotarium.drive(np.arange(rows), moved, goals.copy(), how, found)
    return SimpleNamespace(poses=moved, collision=collision, boundary=boundary, travelled=travelled, unbooked=left)


def project(points, wanted, barrier=BARRIERS["safe"]):
    """The commands [E, N, 2] of rows that respect the barrier."""
    found = np.array(wanted, float)
    for row, each in zip(np.array(points, float), found, strict=True):
        robotarium.project(row, each, barrier)
    return found


@pytest.mark.parametrize(
    ("theta", "move", "first", "second"),
    [
        (0.0, RIGHT, (0.109246, 0, 0), (0.218493, 0, 0)),
        (0.0, DOWN, (-0.007934, 0.058520, 1.565527), (-0.007992, 0.167764, 1.570235)),
        (0.0, STAY, (-0.036416, 0, 0), (-0.072831, 0, 0)),
        (math.pi, RIGHT, (0.143550, 0, math.pi), (0.287100, 0, math.pi)),
        (math.pi, DOWN, (0.007934, 0.058520, 1.576066), (0.007992, 0.167764, 1.571358)),
    ],
)
def test_one_robot(theta, move, first, second):
    """29 iterations, 0.2 m: it ends short, creeps backwards when idle, and reverses rather than turn round."""
    poses = np.array([[0.0, 0.0, theta]])
    for expected in (first, second):
        poses = step(poses, [move], 0.2, 29)
        assert poses[0].tolist() == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("iterations", "distance", "expected"),
    [
        (36, 0.1, (0.039773, 0.079547, 0.119320, 0.159094)),
        (36, 0.2, (0.119320, 0.238641, 0.357961, 0.477282)),
        (36, 0.3, (0.168597, 0.337194, 0.505791, 0.674388)),
        (74, 0.15, (0.096501, 0.193002, 0.289503, 0.386004)),
        (74, 0.45, (0.344586, 0.689172, 1.033758, 1.324599)),  # the last is bent by the limit of 1.4 m
    ],
)
def test_straight_on(iterations, distance, expected):
    poses, found = np.zeros((1, 3)), []
    for _ in expected:
        poses = step(poses, [RIGHT], distance, iterations)
        found.append(poses[0, 0].item())
    assert found == pytest.approx(expected, abs=TOLERANCE)


FOUR = [
    # moves, pose of robot 0, pose of robot 2; robots 1 and 3 mirror them
    ([3, 3, 1, 0], (-0.300000, -0.680680, 1.570796), (-0.819421, -0.807733, 0.029640)),
    ([3, 3, 1, 0], (-0.300000, -0.561359, 1.570796), (-0.700151, -0.808011, 0.004809)),
    ([1, 0, 1, 0], (-0.223604, -0.569137, 0.029335), (-0.580832, -0.808056, 0.000780)),
    ([1, 0, 3, 3], (-0.196147, -0.568807, -0.002703), (-0.588533, -0.727453, 1.541007)),
    ([3, 3, 3, 3], (-0.203993, -0.488311, 1.541669), (-0.588812, -0.608184, 1.565963)),
    ([0, 1, 4, 4], (-0.269744, -0.494326, 3.034474), (-0.586802, -0.651038, 1.875629)),
]


def test_four_robots_that_meet():
    """From step 3 on the barrier acts; the figures are of the original with an exact solver."""
    poses = np.array([(-0.3, -0.8), (0.3, -0.8), (-0.9, -0.8), (0.9, -0.8)])
    poses = np.concatenate([poses, np.full((4, 1), math.pi / 2)], 1)
    for moves, robot_0, robot_2 in FOUR:
        poses = step(poses, moves, 0.2, 36)
        assert poses[0].tolist() == pytest.approx(robot_0, abs=TOLERANCE)
        assert poses[2].tolist() == pytest.approx(robot_2, abs=TOLERANCE)
        for one, mirrored in ((0, 1), (2, 3)):
            assert poses[mirrored, :2].tolist() == pytest.approx(
                [-poses[one, 0].item(), poses[one, 1].item()], abs=1e-9
            )
            assert math.cos(poses[one, 2]) == pytest.approx(-math.cos(poses[mirrored, 2]), abs=1e-9)


def crowd(rng, rows, robots, width, height):
    """Arenas full of robots: many meet, some are at the boundary."""
    poses = np.concatenate(
        [rng.uniform([-width, -height], [width, height], (rows, robots, 2)), rng.uniform(-3.1, 3.1, (rows, robots, 1))],
        2,
    )
    goals = poses[..., :2] + rng.uniform(-0.4, 0.4, (rows, robots, 2))
    return poses, goals


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize(("iterations", "update_every"), [(29, 15), (15, 15), (7, 1), (36, 10)])
def test_as_one_iteration_after_the_other(stop, iterations, update_every):
    """Blocks, first violations and distances, as a plain loop has them: collisions, exits, both, and neither."""
    rng = np.random.default_rng(iterations)
    poses, goals = (
        np.concatenate(parts)
        for parts in zip(crowd(rng, 40, 4, 0.5, 0.5), crowd(rng, 40, 4, 1.599, 0.999), strict=True)
    )
    driven = drive(poses, goals, iterations, update_every=update_every, stop=stop)
    seen = set()
    for row in range(80):
        plain = plain_drive(poses[row], goals[row], iterations, update_every=update_every, stop=stop)
        assert driven.collision[row].item() == plain[1]
        assert driven.boundary[row].item() == plain[2]
        assert np.abs(driven.poses[row, :, :2] - plain[0][:, :2]).max() < 1e-7
        turned = driven.poses[row, :, 2] - plain[0][:, 2]
        assert np.abs(np.sin(turned / 2)).max() < 1e-6
        assert np.abs(driven.travelled[row] + driven.unbooked[row] - plain[3]).max() < 1e-9
        ended = stop and (plain[1] or plain[2])
        assert np.abs(driven.unbooked[row] - (0.0 if ended else plain[4])).max() < 1e-9
        seen.add((plain[1], plain[2]))
    assert seen >= {(False, False), (True, False), (False, True)}


def test_the_other_barrier():
    """`default` lets robots come nearer than `safe`."""
    poses = np.array([[[-0.2, 0, 0], [0.2, 0, math.pi]]])
    goals = np.array([[[0.2, 0], [-0.2, 0]]])
    apart = []
    for name, barrier in BARRIERS.items():
        driven = drive(poses, goals, 60, barrier=barrier)
        plain = plain_drive(poses[0], goals[0], 60, barrier=tuple(barrier))
        assert np.abs(driven.poses[0] - plain[0]).max() < 1e-9, name
        apart.append((driven.poses[0, 1, 0] - driven.poses[0, 0, 0]).item())
    assert apart[1] < apart[0] - 0.01


def test_a_violation_is_found_an_iteration_later():
    """At 0.2 m/s one iteration is 6.6 mm. From 1.598 m the first pose is inside, the second is found outside, and
    the robot moves once more: 1.598 + 2 · 0.0066 · 0.75 (the controller asks for 0.15 m/s)."""
    poses = np.array([[[1.598, 0.0, 0.0]]])
    goals = np.array([[[3.0, 0.0]]])
    driven = drive(poses, goals, 29)
    assert driven.boundary.item()
    assert not driven.collision.item()
    assert driven.poses[0, 0, 0].item() == pytest.approx(1.598 + 2 * 0.033 * 0.15, abs=1e-12)
    # What the last iteration causes is left to the next drive, which finds it at once.
    unseen = drive(poses, goals, 1)
    assert unseen.poses[0, 0, 0] > 1.6
    assert not unseen.boundary.item()
    found = drive(unseen.poses, goals, 29)
    assert found.boundary.item()
    assert found.poses[0, 0, 0].item() == pytest.approx(1.598 + 2 * 0.033 * 0.15, abs=1e-12)


def test_what_was_left_is_booked_first():
    """3 mm of the drive before; of three iterations at 0.15 m/s two are booked, or all if a violation is found."""
    for x, booked, left in ((0.0, 0.003 + 2 * 0.033 * 0.15, 0.033 * 0.15), (1.598, 0.003 + 2 * 0.033 * 0.15, 0.0)):
        driven = drive(np.array([[[x, 0.0, 0.0]]]), np.array([[[3.0, 0.0]]]), 3, unbooked=0.003)
        assert driven.travelled.item() == pytest.approx(booked, abs=1e-12)
        assert driven.unbooked.item() == pytest.approx(left, abs=1e-12)


def test_what_would_have_happened_after_the_end_is_not_told():
    """Robot 0 is outside; robots 1 to 3 would collide an iteration later, when the row has ended.

    Robot 1 pushes robot 2, back first, into robot 3, which can only turn aside: their bodies are 135.3 mm apart.
    """
    scene = [(1.65, 0.8, 0.0), (-0.1855, 0.0, 0.0), (0.0, 0.0, math.pi), (0.108, 0.0, math.pi / 2)]
    poses = np.array([scene])
    goals = poses[..., :2]
    ended, went_on = (drive(poses, goals, 2, 1, stop=stop) for stop in (True, False))
    assert (ended.boundary.item(), ended.collision.item()) == (True, False)
    assert (went_on.boundary.item(), went_on.collision.item()) == (True, True)


def test_the_boundary_itself_is_inside():
    for pose in ([1.6, 0.0, 0.0], [-1.6, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]):
        poses = np.array([[pose]])
        assert not drive(poses, poses[..., :2], 1).boundary.item()
        assert drive(poses * (1.0 + 1e-12), poses[..., :2], 1).boundary.item()


def test_collisions_are_between_bodies_ahead_of_the_centres():
    """Two robots 0.18 m apart collide if they face each other (0.13 m), not if they look away (0.23 m)."""
    for heading, expected in ((0.0, True), (math.pi, False)):
        poses = np.array([[[-0.09, 0.0, heading], [0.09, 0.0, math.pi - heading]]])
        assert drive(poses, poses[..., :2], 1).collision.item() is expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.sampled_from([1, 15, 29, 40]))
def test_each_row_alone_gives_the_same_bits(seed, robots, iterations):
    poses, goals = crowd(np.random.default_rng(seed), 5, robots, 1.2, 0.8)
    together = drive(poses, goals, iterations)
    for row in range(5):
        alone = drive(poses[row : row + 1], goals[row : row + 1], iterations)
        for name, value in vars(alone).items():
            assert np.array_equal(value[0], getattr(together, name)[row]), name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.booleans())
def test_no_robot_is_faster_than_it_can_be(seed, robots, stop):
    """0.2 m/s, whatever the barrier asks for, also of robots on top of each other; nothing is ever not a number."""
    poses, goals = crowd(np.random.default_rng(seed), 8, robots, 0.25, 0.25)
    poses[0, :, :] = poses[0, :1, :]
    driven = drive(poses, goals, 29, stop=stop)
    assert np.isfinite(driven.poses).all()
    gone, way = np.linalg.norm((driven.poses - poses)[..., :2], axis=-1), driven.travelled + driven.unbooked
    assert (gone <= way + 1e-12).all()
    assert (way <= 29 * 0.033 * 0.2 + 1e-12).all()
    assert (np.abs(driven.poses[..., 2]) <= math.pi).all()


def test_advance_goes_on_after_a_violation_and_takes_any_leading_dimensions():
    poses = np.array([[[[1.598, 0.0, 0.0]], [[0.0, 0.0, 0.0]]]])
    goals = np.broadcast_to([3.0, 0.0], (1, 2, 1, 2))
    expected = [[[1.598 + 29 * 0.033 * 0.15], [29 * 0.033 * 0.15]]]
    assert np.allclose(advance(poses, goals, 29)[..., 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("poses", "goals", "counts", "found"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), (29, 15), r"\[2, 3\] and goals \[3, 2\] found"),
        (np.zeros((2, 3), np.float32), np.zeros((2, 2)), (29, 15), "float32 .* float64 expected"),
        (np.zeros((2, 3)), np.full((2, 2), np.inf), (29, 15), "not finite"),
        (np.zeros((2, 3)), np.zeros((2, 2)), (0, 15), "0 iterations"),
        (np.zeros((2, 3)), np.zeros((2, 2)), (29, 0), "update_every 0 found"),
    ],
)
def test_refusals(poses, goals, counts, found):
    with pytest.raises(ValueError, match=found):
        advance(poses, goals, counts[0], update_every=counts[1])


SAFE = BARRIERS["safe"]


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
    u = project([[(0, 0), (0.35, 0)]], [[(0.15, 0), (-0.15, 0)]])
    assert u.flatten().tolist() == pytest.approx([0.040108259, 0, -0.040108259, 0], abs=1e-9)


def test_three_robots_as_solved_exactly():
    """Figures of an exact solver, for three pairs that all matter."""
    u = project([[(0, 0), (0.24, 0.05), (-0.2, 0.1)]], [[(0.15, 0), (-0.15, 0), (0.1, -0.05)]])
    expected = [0.034786831, -0.058427433, 0.013812730, 0.034127652, 0.051400438, -0.025700219]
    assert u.flatten().tolist() == pytest.approx(expected, abs=1e-9)


def test_robots_inside_each_others_radius_are_driven_apart_hard():
    """0.15 m apart and at rest: h = −0.0175 and γ = 10⁶ ask for 10⁶ |h|³ / (2 · 2 · 0.15) = 8.93 m/s each."""
    u = project([[(0, 0), (0.15, 0)]], [[(0, 0), (0, 0)]])
    assert u.flatten().tolist() == pytest.approx([-8.932291667, 0, 8.932291667, 0], abs=1e-8)


@pytest.mark.parametrize(
    ("robots", "least", "extent"),
    [(2, 0.1, 0.4), (3, 0.2, 0.6), (4, 0.15, 0.6), (5, 0.15, 0.7), (6, 0.2, 0.9), (6, 0.15, 0.65), (7, 0.2, 1.0)],
)
def test_projection_of_a_crowd(robots, least, extent):
    """Karush, Kuhn and Tucker's conditions, and an oracle.

    u is feasible; û − u is a non-negative combination of the rows of broken limits; so u is the nearest one. Crowds
    with points inside each other's radius (h < 0) are asked for metres per second.
    """
    points, wanted = random_crowd(np.random.default_rng(robots), robots, 60, least, extent)
    u = project(points, wanted)
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


def test_a_general_solver_agrees():
    """A second oracle, sequential quadratic programming, on six robots as they meet in a warehouse."""
    points, wanted = random_crowd(np.random.default_rng(3), 6, 8, 0.2, 0.9)
    u = project(points, wanted)
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
    assert np.array_equal(project(points, wanted), wanted)


def test_momentum_is_kept():
    """Every pair pushes its robots apart with equal and opposite changes, so the mean command stays."""
    points, wanted = random_crowd(np.random.default_rng(5), 6, 40, 0.2, 0.9)
    assert np.abs(project(points, wanted).mean(1) - wanted.mean(1)).max() < 1e-12


def test_robots_on_one_point_give_numbers():
    """No direction leads two robots apart that are in one place; what is almost there asks for a lot, but ends."""
    for near in (0.0, 1e-300, 1e-9, 1.1e-6, 1e-4):
        points = [[(0.3, 0.3), (0.3 + near, 0.3), (0.0, 0.0), (0.1, 0.1), (0.2, 0.3), (0.3, 0.2)]]
        assert np.isfinite(project(points, np.zeros((1, 6, 2)))).all()
    assert MOST_SWEEPS < 10_000


def test_the_gentle_setting():
    """`default`: R = 0.17 and one gain, so 0.15 m apart h³ = (0.0225 − 0.0289)³ asks for 4.37e-5 m/s."""
    assert BARRIERS["default"] == Barrier(0.17, 100.0, 100.0)
    u = project([[(0, 0), (0.15, 0)]], [[(0, 0), (0, 0)]], BARRIERS["default"])
    assert u[0, 1, 0] == pytest.approx(100 * 0.0064**3 / (4 * 0.15), rel=1e-9)


def five_goals(x, y, distance=0.2):
    """The five goals of one robot."""
    return goals_of(np.tile([x, y, 0.3], (5, 1)), np.arange(5), distance).tolist()


def test_goals():
    """Up is towards smaller y. Goals are held in the limits: of a robot that is beyond, every action calls it back to
    the limit, only the one that leads back anyway need not reach it: max(x - d, L) for left, though x - d is beyond R.
    """
    expected = [[-0.1, 0.3], [0.3, 0.3], [0.1, 0.1], [0.1, 0.5], [0.1, 0.3]]
    assert np.allclose(five_goals(0.1, 0.3), expected, rtol=0, atol=1e-15)
    assert five_goals(1.3, -0.8) == [[1.3 - 0.2, -0.8], [1.4, -0.8], [1.3, -0.9], [1.3, -0.8 + 0.2], [1.3, -0.8]]
    limit = [1.4, 0.9]
    assert five_goals(1.55, 0.95, distance=0.1) == [[1.55 - 0.1, 0.9], limit, [1.4, 0.95 - 0.1], limit, limit]
    limit = [-1.4, -0.9]
    assert five_goals(-1.55, -0.95, distance=0.1) == [limit, [-1.55 + 0.1, -0.9], limit, [-1.4, -0.95 + 0.1], limit]


def deal(left, width, spacing, count, episodes=4000):
    spawn = Spawn(count, "robots", left, width, spacing, "start_dist")
    return places(keys([0] * episodes, "test"), np.arange(episodes), spawn, 0)


@pytest.mark.parametrize(
    ("left", "width", "spacing", "count", "shape"),
    [
        (-1.4, 2.8, 0.6, 6, (4, 3)),  # Warehouse
        (-1.4, 0.9, 0.3, 4, (3, 6)),  # PredatorCapturePrey
        (0.5, 0.9, 0.2, 6, (4, 9)),  # its prey
        (-1.4, 0.5, 0.3, 4, (1, 6)),  # MaterialTransport
        (-1.4, 2.8, 0.4, 6, (7, 4)),  # 2.8 / 0.4 is a little less than 7 in floating point
    ],
)
def test_places(left, width, spacing, count, shape):
    """All cells but the first, and one beyond the last column, equally often: within 5 standard errors."""
    dealt, (columns, rows) = deal(left, width, spacing, count), shape
    cells = np.rint((dealt - [left, -0.9]) / spacing).astype(int)
    assert np.abs(cells * spacing + [left, -0.9] - dealt).max() < 1e-12
    numbers = cells[..., 0] * rows + cells[..., 1]
    assert (np.diff(np.sort(numbers, 1), axis=1) > 0).all()
    counts = np.bincount(numbers.flatten(), minlength=columns * rows + 1)
    assert counts[0] == 0
    share = count / (columns * rows)
    spread = math.sqrt(len(dealt) * share * (1.0 - share))
    assert (np.abs(counts[1:] - len(dealt) * share) < 5.0 * spread).all()


def test_places_of_material_transport():
    """The list in the original's terms: five in the first column, and the sixth one column further right."""
    found = {tuple(place) for place in deal(-1.4, 0.5, 0.3, 4).reshape(-1, 2).round(9).tolist()}
    assert found == {(-1.4, -0.6), (-1.4, -0.3), (-1.4, 0.0), (-1.4, 0.3), (-1.4, 0.6), (-1.1, -0.9)}


def test_all_robots_are_equally_likely_to_be_anywhere():
    """The order in which cells are dealt out is random, too."""
    first = deal(-1.4, 0.5, 0.3, 4)[..., 1]
    assert np.abs(first.mean(0) - first.mean()).max() < 5.0 * (0.5 / math.sqrt(4000))


def seen_beside(positions, neighbours):
    """Whose blocks each robot sees."""
    poses = np.array([[(x, 0.0, 0.0) for x in positions]])
    blocks = np.arange(4.0, dtype=np.float32)[None, :, None]
    seen = np.zeros((1, 4, neighbours + 1), np.float32)
    beside(np.arange(1), poses, blocks, neighbours, seen)
    return seen[0].tolist()


def test_everybody_else_by_number():
    assert seen_beside((0, 1, 3, 3.5), 3) == [[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3], [3, 0, 1, 2]]


def test_the_nearest_first():
    """On a line at 0, 1, 3 and 3.5: robot 1 is as far from 0 (1 m) as nobody else; ties go to the smaller number."""
    assert seen_beside((0, 1, 3, 3.5), 2) == [[0, 1, 2], [1, 0, 2], [2, 3, 1], [3, 2, 1]]
    assert seen_beside((0, 0, 0, 0), 1) == [[0, 1], [1, 0], [2, 0], [3, 0]]
    assert seen_beside((0, 1, 3, 3.5), 0) == [[0], [1], [2], [3]]
