"""The contract of a batched environment as one function."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from our_envs import random_actions

Make = Callable[[Sequence[int]], Any]


def _check_shapes(env: Any, observations: np.ndarray) -> None:
    assert observations.shape == (env.n_copies, env.n_agents, env.obs_dim)
    assert observations.dtype == np.float32
    assert env.available.shape == (env.n_agents, env.n_actions)
    assert env.available.dtype == bool
    assert bool(env.available[:, 0].all())
    assert bool(env.available.any(axis=0).all())
    assert len(env.agents) == env.n_agents


def check_batched_env(make: Make) -> None:
    """Assert the contract of `BatchedEnv` for the environment that ``make(row_seeds)`` builds."""
    seeds = (3, 4, 3)
    together, alone = make(seeds), [make([seed]) for seed in seeds]
    rng = np.random.default_rng(0)
    state, seen = together.reset(None)
    states, firsts = zip(*(env.reset(None) for env in alone), strict=True)
    states = list(states)
    _check_shapes(together, seen)
    assert np.array_equal(seen, np.concatenate(firsts))
    assert np.array_equal(seen[0], seen[2])
    done = np.zeros(3, dtype=bool)
    steps = np.zeros(3, dtype=np.int64)
    handed_out = []
    for _ in range(3 * together.episode_limit + 3):
        before, was_done = seen.copy(), done
        actions = random_actions(together, rng, 3)
        state, seen, rewards, done = together.step(state, actions)
        handed_out += [(part, part.copy()) for part in (seen, rewards, done)]
        assert rewards.dtype == np.float64
        assert done.dtype == bool
        for row, env in enumerate(alone):
            states[row], obs, reward, over = env.step(states[row], actions[row : row + 1])
            assert np.array_equal(obs[0], seen[row])
            assert np.array_equal(reward[0], rewards[row])
            assert bool(over[0]) == bool(done[row])
        assert np.array_equal(seen[was_done], before[was_done])
        assert not rewards[was_done].any()
        assert bool(done[was_done].all())
        steps = np.where(was_done, steps, steps + 1)
        assert bool(done[steps >= together.episode_limit].all())
        assert bool(done[together.timed_out(state)].all())
        if bool(rng.random() < 0.3):
            mask = (done | (rng.random(3) < 0.1)) & (rng.random(3) < 0.7)
            kept = seen.copy()
            state, seen = together.reset(state, mask)
            assert np.array_equal(seen[~mask], kept[~mask])
            for row in np.flatnonzero(mask):
                states[row], obs = alone[row].reset(states[row])
                assert np.array_equal(obs[0], seen[row])
            done, steps = done & ~mask, np.where(mask, 0, steps)
    assert all(np.array_equal(part, copy) for part, copy in handed_out), "what was handed out has changed"
    _check_resumed(make, seeds, rng)


def _check_resumed(make: Make, seeds: tuple[int, ...], rng: np.random.Generator) -> None:
    """Another process goes on from the numbers of the episodes alone, whichever rows come next."""
    latest = (2, 0, 1)
    resumed = make(seeds)
    state = resumed.resume(np.array(latest))
    mask = np.array([True, False, True])
    state, _ = resumed.reset(state, mask)
    state, seen = resumed.reset(state, ~mask)
    actions = random_actions(resumed, rng, len(seeds))
    _, after, rewards, done = resumed.step(state, actions)
    for row, (seed, episode) in enumerate(zip(seeds, latest, strict=True)):
        uninterrupted = make([seed])
        own = None
        for _ in range(episode + 2):
            own, first = uninterrupted.reset(own)
        _, obs, reward, over = uninterrupted.step(own, actions[row : row + 1])
        assert np.array_equal(first[0], seen[row])
        assert np.array_equal(obs[0], after[row])
        assert np.array_equal(reward[0], rewards[row])
        assert bool(over[0]) == bool(done[row])
    for wrong in (np.zeros(3), np.zeros(2, dtype=np.int64), np.array([0, -1, 0])):
        with pytest.raises(ValueError, match=r"episode .* found; .* expected"):
            resumed.resume(wrong)


@pytest.fixture(scope="session", name="check_batched_env")
def _check_batched_env() -> Callable[[Make], None]:
    return check_batched_env
