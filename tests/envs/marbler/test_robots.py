"""What the four scenarios share: the time limit, violations and what they end, distances, settings."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from our_envs import ROBOTS, random_actions

PENALTIES = {"arctic": -30.0, "material": -6.0, "prey": -5.0, "warehouse": -5.0}
EACH = pytest.mark.parametrize("name", ROBOTS)


def placed(env, state, places, theta=0.0):
    """The state with robots at given places, the others where they are."""
    poses = state.poses.copy()
    for robot, place in places.items():
        poses[:, robot] = np.array([*place, theta])
    return replace(state, poses=poses)


def apart(env, state):
    """Robots where none meets another or the boundary, all looking right."""
    return placed(env, state, {robot: (-1.0 + 0.35 * robot, 0.0) for robot in range(env.n_agents)})


def collided(env):
    """Robots 0 and 1 with their bodies 0.13 m apart."""
    return placed(env, apart(env, env.reset(None)[0]), {0: (0.0, 0.5), 1: (0.13, 0.5)})


def idle(env, state):
    """A step in which nobody wants to move."""
    state, seen, rewards, done = env.step(state, env.idle_actions[None])
    return state, seen, rewards, done.item()


@EACH
@pytest.mark.parametrize("plus_one", [True, False])
def test_time_limit(name, plus_one):
    """Idle robots creep backwards, so they begin in the middle; nothing else ends the episode."""
    env = ROBOTS[name](max_episode_steps=3, time_limit_plus_one=plus_one, iterations_per_step=2)
    state = apart(env, env.reset(None)[0])
    ends = []
    for _ in range(4 if plus_one else 3):
        assert not env.timed_out(state).item()
        state, _, _, done = env.step(state, env.idle_actions[None])
        ends.append(done.item())
    assert env.timed_out(state).item()
    assert ends == [False] * (len(ends) - 1) + [True]
    assert len(ends) == env.episode_limit


@EACH
def test_first_observation(name):
    """Zeros in MARBLER; the real one is what an episode of no motion would show."""
    zeros = ROBOTS[name](row_seeds=(3, 4))
    real = ROBOTS[name](row_seeds=(3, 4), first_observation="real")
    state, seen = zeros.reset(None)
    assert not seen.any()
    other, shown = real.reset(None)
    assert np.array_equal(state.poses, other.poses)
    assert np.array_equal(shown[..., :2], state.poses[..., :2].astype(np.float32))


def squeezed_out(env):
    """Robots 0 and 1 back to back, 8.55 cm apart, robot 0 1 mm from the boundary; and the speed that drives it out.

    The bodies, 13.55 cm apart, do not collide, but the points ahead, d = 18.55 cm apart, are inside each other's
    radius. Both want to the left, û = -0.15 and 1.4 - 1.4635; the barrier wants 2 d (u₁ - u₀) ≤ γ h³, and gets half
    of what is missing from each.
    """
    state = placed(env, apart(env, env.reset(None)[0]), {0: (1.599, 0.5), 1: (1.5135, 0.5)})
    state.poses[:, 1, 2] = math.pi
    d = 0.1855
    missing = (1e6 * (d * d - 0.04) ** 3) / (2.0 * d) - ((1.4 - 1.4635) - (-0.15))
    return state, -0.15 - missing / 2.0


@EACH
def test_a_violation_replaces_the_reward_and_ends(name):
    """Found by the second iteration, whose own move is the last."""
    env = ROBOTS[name]()
    state, speed = squeezed_out(env)
    assert speed == pytest.approx(0.1287, abs=1e-3)
    state, seen, rewards, done = idle(env, state)
    assert (done, state.boundary.item(), state.collision.item()) == (True, True, False)
    assert rewards.tolist() == [[PENALTIES[name]] * env.n_agents]
    assert not env.timed_out(state).item()
    assert state.poses[0, 0, 0].item() == pytest.approx(1.599 + 2 * 0.033 * speed, abs=1e-9)
    assert seen[0, 0, 0].item() == pytest.approx(state.poses[0, 0, 0].item(), abs=1e-6)


@EACH
def test_a_collision_ends(name):
    """Found by the first iteration, which still moves everybody once. Without penalties it is told and ends nothing."""
    env = ROBOTS[name]()
    state = collided(env)
    after, _, rewards, done = idle(env, state)
    assert (done, after.boundary.item(), after.collision.item()) == (True, False, True)
    assert rewards[0, 0].item() == PENALTIES[name]
    gone = np.linalg.norm((after.poses - state.poses)[..., :2], axis=-1)
    assert gone.max() <= 0.033 * 0.2 + 1e-12
    assert np.allclose(after.travelled, gone)
    env = ROBOTS[name](penalize_violations=False)
    after, _, rewards, done = idle(env, state)
    assert (done, after.collision.item()) == (False, True)
    assert rewards[0, 0].item() > PENALTIES[name]
    assert (np.abs((after.poses - state.poses)[0, 2:, 0]) > 0.03).all()  # the whole step long
    assert not idle(env, after)[0].collision.item()


@EACH
def test_what_the_last_iteration_causes_is_found_in_the_next_step(name):
    """1.6 m is passed in the only iteration of step 1, which has looked before; step 2 finds it.

    An episode that begins anew in between, its time being up, does not inherit it.
    """
    env = ROBOTS[name](iterations_per_step=1)
    state, speed = squeezed_out(env)
    out, _, rewards, done = idle(env, state)
    assert out.poses[0, 0, 0].item() == pytest.approx(1.599 + 0.033 * speed, abs=1e-9)
    assert out.poses[0, 0, 0] > 1.6
    assert (done, out.boundary.item()) == (False, False)
    assert rewards[0, 0].item() > PENALTIES[name]
    found, _, rewards, done = idle(env, out)
    assert (done, found.boundary.item()) == (True, True)
    assert rewards[0, 0].item() == PENALTIES[name]
    env = ROBOTS[name](iterations_per_step=1, max_episode_steps=1, time_limit_plus_one=False)
    out, _, _, done = idle(env, state)
    assert done
    anew, _, rewards, _ = idle(env, env.reset(out)[0])
    assert not anew.boundary.item()
    assert rewards[0, 0].item() > PENALTIES[name]


@EACH
def test_distance_travelled(name):
    """The last iteration of a step counts for the next one, and all of it when a violation ends the episode."""
    env = ROBOTS[name](max_episode_steps=4, row_seeds=range(16))
    state, _ = env.reset(None)
    booked, driven = np.zeros_like(state.travelled), np.zeros_like(state.travelled)
    for step in range(env.episode_limit):
        before = state
        state, _, _, _ = env.step(state, random_actions(env, np.random.default_rng(step), env.n_copies))
        going = ~before.done[:, None]
        booked = booked + np.where(going, state.travelled, 0.0)
        driven = np.maximum(driven, np.linalg.norm((state.poses - before.poses)[..., :2], axis=-1))
        violated = (state.collision | state.boundary)[:, None]
        assert not np.where(violated, state.unbooked, 0.0).any()
        assert (state.unbooked <= 0.033 * 0.2 + 1e-12).all()
        assert (state.travelled <= env.spec.iterations_per_step * 0.033 * 0.2 + 0.0066 + 1e-12).all()
    assert (booked + state.unbooked >= driven - 1e-9).all()


@EACH
def test_a_barrier_of_choice(name):
    """Head on: `safe` keeps robots further apart than `default`."""
    between = {}
    for barrier in ("safe", "default"):
        env = ROBOTS[name](barrier=barrier)
        state = placed(env, apart(env, env.reset(None)[0]), {0: (-0.16, 0.5), 1: (0.16, 0.5)})
        poses = state.poses.copy()
        poses[:, 1, 2] = math.pi
        actions = env.idle_actions.copy()
        actions[0], actions[1] = (1, 0) if env.n_actions == 5 else (4, 0)
        state, _, _, _ = env.step(replace(state, poses=poses), actions[None])
        between[barrier] = (state.poses[0, 1, 0] - state.poses[0, 0, 0]).item()
    assert between["default"] < between["safe"] - 1e-3


@EACH
def test_update_every(name):
    """A controller that looks in every iteration turns a robot differently from one that holds its commands."""
    poses = {}
    for update_every in (1, 15):
        env = ROBOTS[name](update_every=update_every)
        state = apart(env, env.reset(None)[0])
        down = np.full((1, env.n_agents), 3 if env.n_actions == 5 else 12)
        poses[update_every] = env.step(state, down)[0].poses
    assert np.abs(poses[1] - poses[15])[..., :2].max() > 1e-3


@EACH
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_play(name, seed):
    """No action leads to a number that is none, and no robot further out than two iterations at full speed.

    A robot is found outside in the iteration after it left, which moves it once more: 1.6 + 2 · 0.033 · 0.2 m.
    """
    env = ROBOTS[name](row_seeds=range(seed, seed + 16), iterations_per_step=29)
    low, high = env.observation_bounds
    state, _ = env.reset(None)
    rng = np.random.default_rng(seed)
    for step in range(8):
        actions = random_actions(env, rng, 16)
        if step % 2:  # all in one direction: crowds, and robots at the limits
            actions = np.repeat(actions[:, :1], env.n_agents, 1)
        state, seen, rewards, done = env.step(state, actions)
        assert np.isfinite(seen).all()
        assert np.isfinite(rewards).all()
        assert np.isfinite(state.poses).all()
        assert (np.abs(state.poses[..., 0]) <= 1.6132 + 1e-12).all()
        assert (np.abs(state.poses[..., 1]) <= 1.0132 + 1e-12).all()
        assert ((seen >= low) & (seen <= high)).all()
        assert np.array_equal(env.positions(state), state.poses[..., :2])
        state, _ = env.reset(state, done)


@EACH
def test_crowds_that_collide_on_and_on_give_numbers(name):
    """Without penalties robots may stand on each other; also on one point."""
    env = ROBOTS[name](penalize_violations=False, row_seeds=range(8))
    state, _ = env.reset(None)
    state = replace(state, poses=state.poses * np.linspace(0.0, 0.2, 8)[:, None, None])
    for step in range(4):
        state, seen, rewards, _ = env.step(state, random_actions(env, np.random.default_rng(step), env.n_copies))
        assert np.isfinite(seen).all()
        assert np.isfinite(rewards).all()
    assert all(np.isinf(bound).any() for bound in env.observation_bounds)


@EACH
def test_states_of_other_games_are_refused(name):
    env = ROBOTS[name]()
    state, _ = env.reset(None)
    for poses, message in (
        (state.poses[:, :-1].copy(), r"poses float64 .* found; float64 \[1, \d, 3\], contiguous, expected"),
        (state.poses.astype(np.float32), "float32"),
        (np.full_like(state.poses, np.nan), "poses that are not finite found"),
    ):
        with pytest.raises(ValueError, match=message):
            env.step(replace(state, poses=poses), env.idle_actions[None])
