"""PredatorCapturePrey by hand: who senses, who captures, what it is worth, and what is seen."""

import numpy as np
import pytest
from our_envs import played as play
from our_envs import robots_at

from dvdn_sim.envs.marbler import PredatorCapturePrey

LEFT, RIGHT, UP, DOWN, STAY = range(5)
FAR = (1.2, -0.8)


def scene(env, robots, prey, sensed=(), captured=()):
    """Robots (predators, then capture robots) looking right, and prey."""
    flags = [[number in some for number in range(len(prey))] for some in (sensed, captured)]
    places = np.array(prey)
    return robots_at(env, robots, prey=places, sensed=flags[0], captured=flags[1])


def still(num_prey=2, **settings):
    """One iteration per step: robots hardly move, 5 mm at most."""
    return PredatorCapturePrey(iterations_per_step=1, num_prey=num_prey, **settings)


ROBOTS = ((-1.0, -0.6), (-1.0, 0.6), (0.0, -0.5), (0.0, 0.5))


def test_sensing():
    """A prey in a predator's radius of 0.45 m counts once; capture robots sense nothing, however near."""
    env = still(3)
    state = scene(env, ROBOTS, [(-0.6, -0.6), (0.1, -0.5), FAR])
    state, seen, reward, done = play(env, state, [STAY, STAY, LEFT, LEFT])
    assert state.sensed.tolist() == [[True, False, False]]
    assert reward == pytest.approx(1.0 - 0.05, abs=1e-12)
    assert not done
    # Its own block: position, and the prey it senses. Who senses none sees (-5, -5).
    assert seen[0, :4].tolist() == pytest.approx([-1.0, -0.6, -0.6, -0.6], abs=0.005)
    assert seen[1, 2:4].tolist() == [-5, -5]
    assert seen[2, 2:4].tolist() == [-5, -5]
    # Then the others' blocks by number.
    assert np.array_equal(seen[1, 4:8], seen[0, :4])
    assert np.array_equal(seen[0, 4:], np.concatenate([seen[1, :4], seen[2, :4], seen[3, :4]]))
    _, _, reward, _ = play(env, state, [STAY, STAY, LEFT, LEFT])
    assert reward == pytest.approx(-0.05, abs=1e-12)


def test_capturing():
    """Only sensed prey, only within 0.25 m, and only by a capture robot that chose to stay."""
    env = still(4)
    prey = [(0.2, -0.5), (0.1, -0.5), (0.3, -0.5), (0.0, 0.3)]
    state = scene(env, ROBOTS, prey, sensed=(0, 2, 3))
    state, _, reward, _ = play(env, state, [STAY, STAY, STAY, LEFT])
    assert state.captured.tolist() == [[True, False, False, False]]  # 1 is not sensed, 2 too far, robot 3 drives
    assert reward == pytest.approx(5.0 - 0.05, abs=1e-12)
    assert state.remaining.tolist() == [3]


def test_sensed_and_captured_in_one_step():
    """A predator at (-0.4, -0.5) senses what a capture robot stands beside; two prey at once."""
    env = still(3)
    state = scene(env, ((-0.3, -0.5), ROBOTS[1], ROBOTS[2], ROBOTS[3]), [(0.1, -0.5), (0.0, -0.4), FAR])
    state, _, reward, _ = play(env, state, [LEFT, LEFT, STAY, LEFT])
    assert state.captured.tolist() == [[True, True, False]]
    assert reward == pytest.approx(2 * (1.0 + 5.0) - 0.05, abs=1e-12)


def test_predators_capture_nothing():
    env = still()
    state = scene(env, ROBOTS, [(-0.95, -0.6), FAR], sensed=(0,))
    state, _, _, _ = play(env, state, [STAY] * 4)
    assert not state.captured.any()


def test_captured_prey_is_not_seen():
    """The nearest that is left is, after the status of this step."""
    env = still()
    robots = ((-0.2, -0.5), ROBOTS[1], ROBOTS[2], ROBOTS[3])
    state = scene(env, robots, [(0.0, -0.45), (-0.2, -0.1)])
    state, seen, _, _ = play(env, state, [LEFT, LEFT, LEFT, LEFT])
    assert seen[0, 2:4].tolist() == pytest.approx([0.0, -0.45], abs=1e-6)
    state, seen, _, _ = play(env, state, [LEFT, LEFT, STAY, LEFT])
    assert seen[0, 2:4].tolist() == pytest.approx([-0.2, -0.1], abs=1e-6)


def test_the_end():
    """All prey captured; the reward of the last step is paid."""
    env = still()
    state = scene(env, ROBOTS, [(0.1, -0.5), FAR], sensed=(0, 1), captured=(1,))
    state, _, reward, done = play(env, state, [STAY] * 4)
    assert done
    assert reward == pytest.approx(5.0 - 0.05, abs=1e-12)
    assert state.remaining.tolist() == [0]


def test_an_end_in_the_last_step_is_no_timeout():
    """Whoever bootstraps at time limits must not where the game is over."""
    env = still(1, max_episode_steps=1, time_limit_plus_one=False)
    state, _, _, done = play(env, scene(env, ROBOTS, [(0.1, -0.5)], sensed=(0,)), [STAY] * 4)
    assert done
    assert not env.timed_out(state).item()
    state, _, _, done = play(env, scene(env, ROBOTS, [(0.1, -0.5)], sensed=(0,)), [LEFT] * 4)
    assert done
    assert env.timed_out(state).item()


def test_prey_is_judged_after_the_drive():
    """0.47 m away is too far at first; a step to the right brings the predator within 0.45 m."""
    env = PredatorCapturePrey(num_prey=2)
    state = scene(env, ROBOTS, [(-0.53, -0.6), FAR])
    assert play(env, state, [RIGHT, STAY, STAY, STAY])[0].sensed.tolist() == [[True, False]]
    assert play(env, state, [LEFT, STAY, STAY, STAY])[0].sensed.tolist() == [[False, False]]


def test_prey_is_told_even_when_a_violation_ends_the_step():
    env = PredatorCapturePrey(num_prey=2)
    state = scene(env, (*ROBOTS[:2], (0.0, 0.0), (0.13, 0.0)), [(-0.6, -0.6), FAR])
    state, seen, reward, done = play(env, state, [STAY] * 4)
    assert done
    assert reward == -5.0
    assert state.sensed.tolist() == [[True, False]]
    assert seen[0, 2:4].tolist() == pytest.approx([-0.6, -0.6], abs=1e-6)


def test_radii_in_the_observation():
    env = still(1, capability_aware=True, num_neighbors=1)
    assert env.obs_dim == 12
    _, seen, _, _ = play(env, scene(env, ROBOTS, [FAR]), [LEFT] * 4)
    assert seen[0, 4:6].tolist() == pytest.approx([0.45, 0.0])
    assert seen[2, 4:6].tolist() == pytest.approx([0.0, 0.25])
    low, high = env.observation_bounds
    assert ((seen >= low) & (seen <= high)).all()


def test_settings():
    env = still(predators=1, captures=1, num_neighbors=1, sense_reward=0.3, capture_reward=0.7)
    assert env.agents == ("predator_0", "capture_1")
    state = scene(env, ((0.0, 0.0), (0.0, 0.4)), [(0.1, 0.2), FAR])
    assert play(env, state, [STAY, STAY])[2] == pytest.approx(0.3 + 0.7 - 0.05, abs=1e-12)
    assert play(still(1, predator_radius=0.1), scene(still(1), ROBOTS, [(-0.6, -0.6)]), [LEFT] * 4)[2] == -0.05


def test_beginnings():
    """Robots at the left, prey at the right, in cells of their own grids."""
    state, _ = PredatorCapturePrey(row_seeds=range(500)).reset(None)
    assert not state.poses[..., 2].any()
    x, y = state.poses[..., 0], state.poses[..., 1]
    assert sorted({round(value, 6) for value in x.flatten().tolist()}) == pytest.approx([-1.4, -1.1, -0.8, -0.5])
    assert set(y[x > -0.51].tolist()) == {-0.9}
    x, y = state.prey[..., 0], state.prey[..., 1]
    assert sorted({round(value, 6) for value in x.flatten().tolist()}) == pytest.approx([0.5, 0.7, 0.9, 1.1, 1.3])
    assert set(y[x > 1.29].tolist()) == {-0.9}
    assert state.prey.shape == (500, 6, 2)
    assert state.remaining.tolist() == [6] * 500
