"""Permuted agents play the game that the others play, and only call it by other names."""

from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from our_envs import KINDS, facts, make, random_actions

from dvdn_sim.envs import parallel_env
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.permuted import Permutations
from dvdn_sim.scenario.envs import MpeSpread

OF_EQUALS = [kind for kind in KINDS if make(kind).spec.homogeneous and "permuted" not in kind and "alone" not in kind]


@given(st.integers(1, 5), st.sampled_from([0.2, 0.5, 1.0]), st.integers(0, 2**32))
def test_what_is_told_is_what_was_meant_and_nothing_seen_is_lost(players, share, seed):
    spec, rng = MpeSpread(N=players, heterogeneity=share), np.random.default_rng(seed)
    orders = Permutations(spec)
    actions = rng.integers(0, spec.n_actions, (7, players))
    numbers = rng.random((7, players, spec.obs_dim), np.float32)
    seen = orders.observed(numbers)
    assert np.array_equal(orders.meant(orders.told(actions)), actions)
    assert np.array_equal(orders.told(orders.meant(actions)), actions)
    assert np.array_equal(np.sort(seen), np.sort(numbers))
    others = slice(spec.permuted, None)
    assert np.array_equal(seen[:, others], numbers[:, others])
    assert np.array_equal(orders.meant(actions)[:, others], actions[:, others])
    assert all(not np.array_equal(seen[:, agent], numbers[:, agent]) for agent in range(spec.permuted))


@pytest.mark.parametrize("kind", OF_EQUALS)
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_game_is_the_same_by_other_names(kind, share):
    """Whoever undoes the orders plays the game itself, step by step, to the last bit: states, rewards and ends."""
    plain, permuted, rng = make(kind, range(6)), make(kind, range(6), heterogeneity=share), np.random.default_rng(1)
    orders = Permutations(permuted.spec)
    (state, seen), (twin, theirs) = plain.reset(None), permuted.reset(None)
    for step in range(15):
        actions = random_actions(plain, rng, 6)
        assert np.array_equal(theirs, orders.observed(seen)), step
        assert np.array_equal(permuted.observe(twin), theirs)
        assert all(np.array_equal(value, facts(twin)[name]) for name, value in facts(state).items())
        assert np.array_equal(permuted.meant(orders.told(actions)), actions)
        assert np.array_equal(plain.meant(actions), actions)
        state, seen, *found = plain.step(state, actions)
        twin, theirs, *same = permuted.step(twin, orders.told(actions))
        assert all(map(np.array_equal, found, same))
    assert np.array_equal(orders.meant(permuted.idle_actions), plain.idle_actions)
    for bound, own in zip(plain.observation_bounds, permuted.observation_bounds, strict=True):
        assert np.array_equal(orders.observed(bound), own)


def test_an_agent_s_order_is_the_same_whoever_else_is_permuted_and_its_own():
    """Also in every row and episode: orders are made once, from the settings alone."""
    few, all_of_them = (Permutations(MpeSpread(N=60, heterogeneity=share)) for share in (0.5, 1.0))
    actions, numbers = np.arange(5)[:, None].repeat(60, 1), np.arange(60 * 360.0, dtype=np.float32).reshape(60, 360)
    assert np.array_equal(few.meant(actions)[:, :30], all_of_them.meant(actions)[:, :30])
    assert np.array_equal(few.observed(numbers)[:30], all_of_them.observed(numbers)[:30])
    orders = {tuple(order) for order in all_of_them.meant(actions).T.tolist()}
    # Of 120 orders, 60 draws find 120 · (1 − (119/120)^60) = 47.4 ± 2.6.
    assert abs(len(orders) - factorial(5) * (1 - (1 - 1 / factorial(5)) ** 60)) < 4 * 2.6


def test_one_pettingzoo_environment_speaks_as_the_batch_does():
    settings = {"players": 3, "field_size": (5, 5), "max_num_food": 1, "sight": 5, "heterogeneity": 1.0}
    env, batch = parallel_env(LevelBasedForaging, **settings), LevelBasedForaging(**settings, row_seeds=(4,))
    (observations, _), (state, seen) = env.reset(seed=4), batch.reset(None)
    for action in (1, 2, 3, 4, 5, 0):
        assert np.array_equal([*observations.values()], seen[0])
        observations, rewards, *_ = env.step(dict.fromkeys(env.possible_agents, action))
        state, seen, gained, _ = batch.step(state, np.full((1, 3), action))
        assert list(rewards.values()) == gained[0].tolist()
