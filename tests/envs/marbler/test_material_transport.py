"""MaterialTransport by hand: who takes what from where, what lags, what ends it."""

import numpy as np
import pytest
from our_envs import played, robots_at

from dvdn_sim.envs.marbler import MaterialTransport

LEFT, RIGHT, UP, DOWN, STAY = range(5)
OPEN = ((-0.7, -0.6), (-0.7, 0.6), (0.7, -0.6), (0.7, 0.6))
"""In no zone."""


def scene(env, robots=OPEN, loads=(0, 0, 0, 0), zones=(100, 20)):
    return robots_at(env, robots, loads=loads, zones=zones)


def play(env, state, moves=(STAY,) * 4, messages=(0,) * 4):
    return played(env, state, [4 * move + message for move, message in zip(moves, messages, strict=True)])


def still(**settings):
    """One iteration per step: robots hardly move."""
    return MaterialTransport(iterations_per_step=1, **settings)


def test_nothing_happens_in_the_open():
    state, _, reward, done = play(still(), scene(still()))
    assert reward == -0.1
    assert not done
    assert (state.loads.tolist(), state.zones.tolist()) == ([[0, 0, 0, 0]], [[100, 20]])


def test_loading():
    """Zone 2 at the right by what each can carry, 5 or 15; zone 1 in the disc of 0.35 m; 0.025 per unit."""
    env = still()
    robots = ((1.2, -0.6), (0.2, 0.2), (1.2, 0.6), (0.0, -0.34))
    state, seen, reward, _ = play(env, scene(env, robots))
    assert state.loads.tolist() == [[5, 5, 15, 15]]
    assert state.zones.tolist() == [[80, 0]]
    assert reward == pytest.approx(-0.1 + 0.025 * 40, abs=1e-12)
    # What is seen is from before: no loads, full zones.
    assert seen[:, 2].tolist() == [0] * 4
    assert seen[0, 3:5].tolist() == [100, 20]
    state, seen, reward, _ = play(env, state)
    assert reward == -0.1  # full robots take no more
    assert seen[:, 2].tolist() == [5, 5, 15, 15]
    assert seen[3, 3:5].tolist() == [80, 0]


def test_what_is_left_goes_by_number():
    """7 units at the right: robot 0 takes 5, robot 1 the other 2, robot 2 none."""
    env = still()
    robots = ((1.2, -0.6), (1.2, 0.0), (1.2, 0.6), (0.36, 0.0))
    state, _, reward, _ = play(env, scene(env, robots, zones=(100, 7)))
    assert state.loads.tolist() == [[5, 2, 0, 0]]  # robot 3 is just outside the disc
    assert state.zones.tolist() == [[100, 0]]
    assert reward == pytest.approx(-0.1 + 0.025 * 7, abs=1e-12)


def test_where_zones_overlap():
    """One at a time: at the right comes first, also when there is nothing left."""
    env = still(end_goal_width=1.4)
    robots = ((0.2, 0.0), *OPEN[1:2], (-0.3, -0.6), (-0.3, 0.6))
    state, _, _, _ = play(env, scene(env, robots))
    assert state.zones.tolist() == [[100, 15]]
    state, _, _, _ = play(env, scene(env, robots, zones=(100, 0)))
    assert state.loads.tolist() == [[0, 0, 0, 0]]


def test_unloading():
    """x < -1.0; 0.075 per unit; a robot that unloads there does not load in the same step, nor one elsewhere unload."""
    env = still()
    robots = ((-1.2, -0.6), (-0.99, 0.6), (-1.2, 0.0), (0.0, 0.0))
    state, _, reward, _ = play(env, scene(env, robots, loads=(5, 5, 9, 15)))
    assert state.loads.tolist() == [[0, 5, 0, 15]]
    assert state.zones.tolist() == [[100, 20]]
    assert reward == pytest.approx(-0.1 + 0.075 * 14, abs=1e-12)


def test_messages():
    """Of the action just taken, in the order of robots, the same for all; 0 before the first step."""
    env = still(first_observation="real")
    state, seen = env.reset(None)
    assert not seen[..., 5:].any()
    state, seen, _, _ = play(env, scene(env), messages=(3, 0, 2, 1))
    assert seen[:, 5:].tolist() == [[3, 0, 2, 1]] * 4
    assert state.messages.tolist() == [[3, 0, 2, 1]]


def test_moves():
    """Fast robots go 0.45 m at once, or as far as the time allows, slow ones 0.15 m: the golden figures."""
    env = MaterialTransport()
    state = scene(env, ((-0.7, -0.6), (-0.7, 0.6), (0.2, -0.6), (0.2, 0.6)))
    state, _, _, _ = play(env, state, (RIGHT, STAY, RIGHT, STAY), (0, 1, 2, 3))
    assert (state.poses[0, [0, 2], 0] - np.array([-0.7, 0.2])).tolist() == pytest.approx([0.344586, 0.096501], abs=2e-6)
    assert (state.poses[0, [1, 3], 0] - np.array([-0.7, 0.2]) < 0).all()


def test_the_end():
    """Nothing is left anywhere, robots included."""
    env = still()
    robots = ((-1.2, -0.6), (-0.7, 0.6), (0.7, -0.6), (0.7, 0.6))
    state, _, reward, done = play(env, scene(env, robots, loads=(4, 0, 0, 0), zones=(0, 0)))
    assert done
    assert reward == pytest.approx(-0.1 + 0.075 * 4, abs=1e-12)
    assert state.remaining.tolist() == [0]
    state, _, _, done = play(env, scene(env, robots, loads=(4, 0, 1, 0), zones=(0, 0)))
    assert not done
    assert state.remaining.tolist() == [1]
    assert not play(env, scene(env, robots, loads=(4, 0, 0, 0), zones=(1, 0)))[3]


def test_a_violation_leaves_loads_alone():
    env = MaterialTransport()
    robots = ((-1.2, -0.6), (1.2, 0.6), (0.0, 0.0), (0.13, 0.0))
    state, seen, reward, done = play(env, scene(env, robots, loads=(5, 0, 0, 0)), messages=(1, 2, 3, 0))
    assert done
    assert reward == -6.0
    assert (state.loads.tolist(), state.zones.tolist()) == ([[5, 0, 0, 0]], [[100, 20]])
    assert seen[0, 5:].tolist() == [1, 2, 3, 0]


def test_capabilities_in_the_observation():
    env = still(capability_aware=True)
    assert env.obs_dim == 11
    _, seen, _, _ = play(env, scene(env))
    assert seen[:, 9:].flatten().tolist() == pytest.approx([5, 0.45, 5, 0.45, 15, 0.15, 15, 0.15])
    low, high = env.observation_bounds
    assert ((seen >= low) & (seen <= high)).all()


def test_other_teams():
    env = still(n_fast_agents=1, n_slow_agents=2, small_torque=3, large_torque=7)
    assert env.agents == ("fast_0", "slow_1", "slow_2")
    assert env.obs_dim == 8
    state = scene(env, ((1.2, -0.6), (1.2, 0.6), (0.0, 0.0)), loads=(0, 0, 0))
    assert play(env, state, (STAY,) * 3, (0,) * 3)[0].loads.tolist() == [[3, 7, 7]]


def test_beginnings():
    """100 ± 10 and 20 ± 4, cut to whole numbers (half a unit less on average), within 5 standard errors."""
    copies = 4000
    state, _ = MaterialTransport(row_seeds=range(copies)).reset(None)
    for zone, (mean, deviation) in enumerate(((100, 10), (20, 4))):
        material = state.zones[:, zone]
        assert abs(material.mean() - (mean - 0.5)) < 5 * deviation / copies**0.5
        assert material.std().item() == pytest.approx(deviation, rel=5 / (2 * copies) ** 0.5 + 0.01)
    correlation = abs(np.corrcoef(state.zones.T)[0, 1])
    assert correlation < 5 / copies**0.5
    assert not state.loads.any()
    assert not state.poses[..., 2].any()


def test_zones_are_never_less_than_empty():
    """The original can begin with -1 unit, and then never ends."""
    state, _ = MaterialTransport(zone2=(0.0, 4.0), row_seeds=range(200)).reset(None)
    assert state.zones[:, 1].min() == 0
    assert (state.zones[:, 1] == 0).sum() > 80
