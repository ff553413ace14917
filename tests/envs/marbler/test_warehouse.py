"""Warehouse by hand: who loads and unloads where, what is seen, and when."""

import numpy as np
import pytest
from our_envs import robots_at

from dvdn_sim.envs.marbler import Warehouse

LEFT, RIGHT, UP, DOWN, STAY = range(5)
# Around the arena, far from each other, each more than its creep (3.6 cm per idle step) from a zone's border.
PLACES = ((1.3, -0.6), (1.3, 0.6), (-1.3, 0.6), (-1.3, -0.6), (0.0, 0.7), (0.0, -0.7))


def scene(env, places=PLACES, loaded=(), order=range(6)):
    """Robots at the places, looking right; those of `loaded` have a load."""
    at = dict(zip(order, places, strict=True))
    everyone = range(env.n_agents)
    return robots_at(env, [at[robot] for robot in everyone], loaded=[robot in loaded for robot in everyone])


def idle(env, state):
    state, seen, rewards, done = env.step(state, env.idle_actions[None])
    return state, seen[0], rewards[0].tolist(), done.item()


def test_loading():
    """At the right, green (even) loads below and red (odd) above: robots 0 and 1 are in the right halves."""
    env = Warehouse()
    state, seen, rewards, done = idle(env, scene(env))
    assert rewards == [1, 1, 0, 0, 0, 0]
    assert state.loaded.tolist() == [[True, True, False, False, False, False]]
    assert not done
    # What robots see is from before the loading, and from after the drive.
    assert not seen[:, 2::3].any()
    assert np.array_equal(seen[0, :2], state.poses[0, 0, :2].astype(np.float32))
    state, seen, rewards, _ = idle(env, state)
    assert rewards == [0] * 6
    assert seen[0, 2::3].tolist() == [1, 1, 0, 0, 0, 0]
    assert seen[2, 2::3].tolist() == [0, 1, 1, 0, 0, 0]  # own, then the others by number


def test_the_wrong_half():
    """The same places, colours swapped: nobody loads."""
    env = Warehouse()
    state, _, rewards, _ = idle(env, scene(env, order=(1, 0, 3, 2, 5, 4)))
    assert rewards == [0] * 6
    assert not state.loaded.any()


def test_unloading():
    """At the left, green unloads above and red below; 3 each, to whom it is due."""
    env = Warehouse()
    state, seen, rewards, _ = idle(env, scene(env, loaded=range(6)))
    assert rewards == [0, 0, 3, 3, 0, 0]
    assert state.loaded.tolist() == [[True, True, False, False, True, True]]
    assert seen[:, 2].all()


def test_the_middle_belongs_below():
    """y = 0 is green's half at the right and red's at the left; x must be beyond the zone's border."""
    env = Warehouse(num_robots=2, num_neighbors=1, iterations_per_step=1)
    for place, robot, loaded, expected in (
        ((1.3, 0.0), 0, False, 1),
        ((1.3, 0.0), 1, False, 0),
        ((-1.3, 0.0), 1, True, 3),
        ((-1.3, 0.0), 0, True, 0),
        ((0.99, -0.5), 0, False, 0),
        ((-0.99, 0.5), 0, True, 0),
    ):
        other = 1 - robot
        state = scene(env, (place, (0.0, 0.6)), [robot] if loaded else [], order=(robot, other))
        assert idle(env, state)[2][robot] == expected


def test_a_violation_leaves_loads_alone():
    """Robot 0 stands where it would load, but robots 4 and 5 collide."""
    env = Warehouse()
    state, seen, rewards, done = idle(env, scene(env, (*PLACES[:4], (0.0, 0.7), (0.1, 0.7))))
    assert rewards == [-5] * 6
    assert done
    assert not state.loaded.any()
    assert np.array_equal(seen[0, :2], state.poses[0, 0, :2].astype(np.float32))


def test_a_single_robot_drives_as_the_original_does():
    """The golden step, through the environment: from (0, 0, 0) to the right."""
    env = Warehouse(num_robots=1, num_neighbors=0)
    state = scene(env, ((0.0, 0.0),), order=(0,))
    for expected in (0.109246, 0.218493):
        before = state
        state, seen, _, _ = env.step(state, np.array([[RIGHT]]))
        # Straight on, so the way is the distance; the last iteration's is left to the next step.
        gone = (state.poses - before.poses)[0, 0, 0].item()
        booked = state.travelled - before.unbooked + state.unbooked
        assert booked.item() == pytest.approx(gone, abs=1e-12)
        assert state.unbooked > 0.001
        assert state.poses[0, 0].tolist() == pytest.approx([expected, 0.0, 0.0], abs=2e-6)
        assert seen[0, 0].tolist() == pytest.approx([expected, 0.0, 0.0], abs=2e-6)


def test_fewer_neighbours():
    """Nearest first: from (1.3, -0.6), (0, -0.7) is 1.30 m away and (1.3, 0.6) is 1.2 m."""
    env = Warehouse(num_neighbors=2, iterations_per_step=1)
    assert env.obs_dim == 9
    _, seen, _, _ = idle(env, scene(env))
    assert seen[0, 3:].tolist() == pytest.approx([1.3, 0.6, 0, 0.0, -0.7, 0], abs=0.01)


def test_settings():
    env = Warehouse(step_dist=0.1, load_reward=0.3, unload_reward=0.7, goal_width=0.1)
    _, _, rewards, _ = idle(env, scene(env, loaded=(2,)))
    assert rewards == [0] * 6  # the zones begin at ±1.4
    assert Warehouse(load_reward=0.3).step(scene(env), env.idle_actions[None])[2][0, 0].item() == 0.3
    state, _, _, _ = env.step(scene(env), np.full((1, 6), LEFT))
    # 0.1 m to the left, while the point ahead is 0.05 m to the right: û = -0.15 from the start, so as far as 0.2 would.
    assert state.poses[0, 4, 0].item() < -0.05


def test_beginnings():
    """Six of twelve places 0.6 m apart, headings all round."""
    state, _ = Warehouse(row_seeds=range(2000)).reset(None)
    x, y, theta = state.poses.reshape(-1, 3).T
    assert sorted({round(value, 6) for value in x.tolist()}) == pytest.approx([-1.4, -0.8, -0.2, 0.4, 1.0])
    assert sorted({round(value, 6) for value in y.tolist()}) == pytest.approx([-0.9, -0.3, 0.3])
    assert not state.loaded.any()
    assert theta.min() > -3.1416
    assert theta.max() < 3.1416
    assert abs(theta.mean()) < 5.0 * 1.8138 / len(theta) ** 0.5  # π / √3 is the spread of a uniform angle
    assert theta.std().item() == pytest.approx(1.8138, rel=0.02)
