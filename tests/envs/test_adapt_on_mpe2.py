"""The adapter on games that it was not made for: those of PyPI's ``mpe2``."""

import importlib

import numpy as np
import pytest
import torch

from dvdn_sim.envs import BatchedParallelEnv
from netmodels.streams import stream


@pytest.mark.parametrize("game", ["simple_spread_v3", "simple_adversary_v3", "simple_tag_v3"])
def test_takes_games_that_it_was_not_made_for(game, check_batched_env):
    """mpe2's: teams whose observations differ in length, truncated after 25 steps."""
    make = importlib.import_module(f"mpe2.{game}").parallel_env
    env = BatchedParallelEnv(make, [4], None)
    check_batched_env(lambda seeds: BatchedParallelEnv(make, seeds, None))
    twin = make()
    expected, _ = twin.reset(seed=int(stream(4, "reset", 0).integers(2**31)))
    state, observations = env.reset(None)
    rng = np.random.default_rng(0)
    while twin.agents:
        for agent, row in zip(env.agents, observations[0].numpy(), strict=True):
            assert np.array_equal(row[: len(expected[agent])], expected[agent].astype(np.float32))
            assert not row[len(expected[agent]) :].any()
        actions = rng.integers(0, 5, env.n_agents)
        expected, gained, _, _, _ = twin.step(dict(zip(env.agents, actions.tolist(), strict=True)))
        state, observations, rewards, done = env.step(state, torch.from_numpy(actions)[None])
        assert rewards[0].tolist() == [gained[agent] for agent in env.agents]
    assert (done.tolist(), env.timed_out(state).tolist(), state.step) == ([True], [True], (25,))


def test_continuous_actions_are_refused():
    from mpe2 import simple_spread_v3

    with pytest.raises(TypeError, match=r"agent 'agent_0': action space Box.* found; Discrete expected"):
        BatchedParallelEnv(lambda: simple_spread_v3.parallel_env(continuous_actions=True), [0], None)
