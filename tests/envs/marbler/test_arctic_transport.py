"""ArcticTransport by hand: tiles, how fast each robot is on them, what is seen and paid."""

import math
from dataclasses import replace

import numpy as np
import pytest
from our_envs import played as play
from our_envs import robots_at

from dvdn_sim.envs.marbler import ArcticTransport
from dvdn_sim.envs.marbler.arctic_transport import cell

LEFT, RIGHT, UP, DOWN, STAY = range(5)
GROUND, ICE, WATER, GOAL = range(4)
START = ((-0.3, -0.8), (0.3, -0.8), (-0.9, -0.8), (0.9, -0.8))


def scene(env, robots=START, terrain=None, goal=6, theta=math.pi / 2):
    floor = np.zeros((8, 12), np.int64) if terrain is None else terrain
    floor[:2, goal - 1 : goal + 1] = GOAL
    return robots_at(env, robots, theta, terrain=floor, goal=goal)


def still(**settings):
    """One iteration per step: robots hardly move."""
    return ArcticTransport(iterations_per_step=1, **settings)


def test_the_first_step_costs():
    """Goal point (0, 0.5); both robots 0.9 m beside and 1.3 m below: 2 (-0.05 - 0.075 (0.9² + 1.3²)) = -0.475."""
    state = scene(still())
    assert state.goal_x.tolist() == [0.0]
    assert play(still(), state)[2] == pytest.approx(-0.475, abs=0.001)  # one iteration of creep, 1.65 mm
    state, _, reward, done = play(ArcticTransport(), state)
    squared = ((state.poses[0, 2:, :2] - np.array([0.0, 0.5])) ** 2).sum().item()
    assert reward == pytest.approx(-0.1 - 0.075 * squared, abs=1e-12)
    assert not done


def test_places_have_tiles():
    """Row 0 is at y = 1; the arena is 3 m by 2 m, what is beyond counts as the edge, and -0.1 cells are 0."""
    places = {
        (-1.5, 1.0): (0, 0),
        (-1.49, 0.99): (0, 0),
        (-1.2, 0.7): (1, 1),
        (0.01, -0.01): (4, 6),
        (1.49, -0.99): (7, 11),
        (-1.6, 1.05): (0, 0),
        (1.6, -1.01): (7, 11),
    }
    assert [cell(*place) for place in places] == list(places.values())


@pytest.mark.parametrize(
    ("tile", "ice_robot", "water_robot"),
    [(GROUND, 0.119320, 0.119320), (ICE, 0.168597, 0.039773), (WATER, 0.039773, 0.168597), (GOAL, 0.119320, 0.119320)],
)
def test_how_far_robots_go_on_tiles(tile, ice_robot, water_robot):
    """The golden figures of 0.1, 0.2 and 0.3 m; drones always go 0.3. The tile is that of the last observation."""
    env = ArcticTransport()
    robots = ((-0.7, 0.0), (-0.7, -0.6), (-0.7, 0.3), (-0.7, -0.3))
    state = scene(env, robots, theta=0.0)
    state = replace(state, tiles=np.full((1, 4), tile))
    after, _, _, _ = play(env, state, (RIGHT,) * 4)
    gone = (after.poses - state.poses)[0, :, 0].tolist()
    assert gone == pytest.approx([0.168597, 0.168597, ice_robot, water_robot], abs=2e-6)
    assert after.tiles.tolist() == [[GROUND] * 4]  # where they are now


def test_observation():
    """Own and the others' x, y, tile in an order that puts the fellow first; goal point; tiles around both drones."""
    env = still()
    floor = np.arange(96).reshape(8, 12) % 3
    # Cells: drone 0 (2, 3), drone 1 in the corner (7, 0), ice robot (4, 5), water robot (4, 8).
    robots = ((-0.6, 0.4), (-1.45, -0.95), (-0.2, -0.1), (0.6, -0.1))
    state, seen, _, _ = play(env, scene(env, robots, floor, goal=9))
    terrain = state.terrain[0]
    tiles = [terrain[2, 3], terrain[7, 0], terrain[4, 5], terrain[4, 8]]
    blocks = [[*state.poses[0, robot, :2].astype(np.float32).tolist(), int(tiles[robot])] for robot in range(4)]
    for robot, order in enumerate(((0, 1, 2, 3), (1, 0, 2, 3), (2, 3, 0, 1), (3, 2, 0, 1))):
        assert seen[robot, :12].tolist() == pytest.approx([number for other in order for number in blocks[other]])
        assert seen[robot, 12:14].tolist() == pytest.approx([0.25 * 9 - 1.5, 0.5])
        around = [(1, 2), (2, 2), (3, 2), (1, 3), (3, 3), (1, 4), (2, 4), (3, 4)]
        assert seen[robot, 14:22].tolist() == [terrain[cell] for cell in around]
        # In the corner, row 7 is its own below, column 0 its own left.
        corner = [(6, 0), (7, 0), (7, 0), (6, 0), (7, 0), (6, 1), (7, 1), (7, 1)]
        assert seen[robot, 22:].tolist() == [terrain[cell] for cell in corner]
    assert state.tiles.tolist() == [[int(tile) for tile in tiles]]


def test_reaching_the_goal():
    """A robot on the goal costs nothing; one that has been there and left costs its distance alone."""
    env = still()
    on, off = (0.1, 0.8), (0.9, -0.8)
    state, _, reward, done = play(env, scene(env, (*START[:2], on, off)))
    squared = (0.9**2 + 1.3**2) * 1.0
    assert state.reached.tolist() == [[False, False, True, False]]
    assert reward == pytest.approx(-0.05 - 0.075 * squared, abs=0.003)
    assert not done
    state = replace(scene(env), reached=state.reached)
    _, _, reward, done = play(env, state)
    assert reward == pytest.approx(-0.05 - 2 * 0.075 * squared, abs=0.003)
    assert not done


def test_the_end():
    """Both robots have been on the goal, be it at different times; drones do not count."""
    env = still()
    state = scene(env, (*START[:2], (0.1, 0.8), START[3]))
    _, _, _, done = play(env, replace(state, reached=np.array([[False, False, False, True]])))
    assert done
    assert not play(env, replace(state, reached=np.array([[True, True, False, False]])))[3]


def test_tiles_are_told_even_when_a_violation_ends_the_step():
    env = ArcticTransport()
    state = scene(env, ((-0.3, -0.8), (-0.17, -0.8), (0.1, 0.8), START[3]))
    state, _, reward, done = play(env, state)
    assert done
    assert reward == -30.0
    assert state.reached.tolist() == [[False, False, True, False]]


def test_beginnings():
    """Four fixed poses; tiles uniform, the shore ground, the goal anywhere along the far side: 5 standard errors."""
    copies = 3000
    state, _ = ArcticTransport(row_seeds=range(copies)).reset(None)
    assert state.poses[7].flatten().tolist() == pytest.approx(
        [number for x, y in START for number in (x, y, math.pi / 2)]
    )
    assert not state.terrain[:, 7, 1:11].any()
    assert not state.tiles.any()
    assert not state.reached.any()
    goals = np.bincount(state.goal, minlength=12)
    assert goals[0] == 0
    assert (np.abs(goals[1:] - copies / 11) < 5 * (copies / 11 * 10 / 11) ** 0.5).all()
    is_goal = state.terrain == GOAL
    assert (is_goal.sum((1, 2)) == 4).all()
    for row in range(20):
        goal = int(state.goal[row])
        assert is_goal[row, :2, goal - 1 : goal + 1].all()
    free = np.concatenate([state.terrain[:, 2:7].flatten(), state.terrain[:, 7, [0, 11]].flatten()])
    for tile in (GROUND, ICE, WATER):
        found = (free == tile).mean()
        assert abs(found - 1 / 3) < 5 * (2 / 9 / len(free)) ** 0.5
    # Neighbouring tiles and neighbouring rows' tiles have nothing to do with each other.
    tiles = state.terrain[:, 2:7]
    for one, other in ((tiles[:, :, 1:], tiles[:, :, :-1]), (tiles[:, 1:], tiles[:, :-1]), (tiles[1:], tiles[:-1])):
        together = np.corrcoef(one.flatten(), other.flatten())[0, 1]
        assert abs(together) < 5 / one.size**0.5


def test_settings():
    env = still(not_reached_penalty=-0.3, dist_multiplier=-0.1, violation_penalty=-7.0)
    _, _, reward, _ = play(env, scene(env))
    assert reward == pytest.approx(2 * (-0.3 - 0.1 * (0.9**2 + 1.3**2)), abs=0.003)
    slow = ArcticTransport(fast_step=0.1, normal_step=0.1)
    state = scene(slow, theta=0.0)
    after, _, _, _ = play(slow, state, (RIGHT,) * 4)
    assert (after.poses - state.poses)[0, 0, 0].item() == pytest.approx(0.039773, abs=2e-6)


def test_tiles_that_are_none_are_refused():
    env = still()
    with pytest.raises(ValueError, match="tiles from 0 to 4 found; 0 to 3 expected"):
        play(env, replace(scene(env), tiles=np.array([[0, 1, 2, 4]])))
