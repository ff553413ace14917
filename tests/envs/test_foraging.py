import subprocess
import sys

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo.test import parallel_api_test, parallel_seed_test

from dvdn_sim.envs import BatchedParallelEnv, ForagingParallelEnv

SMALL = {"players": 3, "field_size": (8, 8), "max_num_food": 3, "sight": 8}


def make(**changes):
    return ForagingParallelEnv(**(SMALL | changes))


def original(**changes):
    from lbforaging.foraging.environment import ForagingEnv

    defaults = {
        "max_episode_steps": 50,
        "force_coop": False,
        "min_player_level": 1,
        "max_player_level": 2,
        "min_food_level": 1,
        "max_food_level": None,
    }
    return ForagingEnv(**(defaults | SMALL | changes))


def rows(observations):
    return np.stack(list(observations.values()))


def test_passes_pettingzoos_own_tests(capsys):
    parallel_api_test(make(), num_cycles=200)
    parallel_api_test(make(max_episode_steps=7, field_size=(5, 9)), num_cycles=20)
    parallel_seed_test(make, num_cycles=100)
    assert "Passed Parallel API test" in capsys.readouterr().out


def test_fulfils_the_contract(check_batched_env):
    check_batched_env(lambda seeds: BatchedParallelEnv(lambda: make(max_episode_steps=12), seeds, None))


SETTINGS = st.fixed_dictionaries(
    {
        "players": st.integers(1, 4),
        "field_size": st.integers(5, 9).map(lambda side: (side, side)),
        "max_num_food": st.integers(1, 5),
        "sight": st.integers(1, 9),
        "max_episode_steps": st.integers(1, 15),
        "force_coop": st.booleans(),
        "max_player_level": st.integers(1, 3),
        "max_food_level": st.one_of(st.none(), st.integers(1, 3)),
        "penalty": st.sampled_from([0.0, 0.1]),
    }
)


@settings(max_examples=60, deadline=None)
@given(changes=SETTINGS, seed=st.integers(0, 2**31 - 1), eager=st.booleans())
def test_an_episode_is_that_of_lbforaging(changes, seed, eager):
    ours, theirs = make(**changes), original(**changes)
    observations, _ = ours.reset(seed=seed)
    expected, _ = theirs.reset(seed=seed)
    assert np.array_equal(rows(observations), np.stack(expected))
    rng = np.random.default_rng(seed)
    while ours.agents:
        agents = ours.agents
        actions = rng.integers(0, 6, len(agents)).tolist()
        if eager:  # load wherever possible, so that food is taken
            actions = [
                5 if len(theirs._valid_actions[p]) and _can_load(theirs, p) else a for p, a in _pairs(theirs, actions)
            ]
        observations, rewards, terminated, truncated, _ = ours.step(dict(zip(agents, actions, strict=True)))
        expected, gained, over, _, _ = theirs.step(actions)
        assert np.array_equal(rows(observations), np.stack(expected))
        assert list(rewards.values()) == gained
        assert bool(over) == (not ours.agents)
        cleared = theirs.field.sum() == 0
        assert set(terminated.values()) == {bool(over and cleared)}
        assert set(truncated.values()) == {bool(over and not cleared)}


def _pairs(game, actions):
    return zip(game.players, actions, strict=True)


def _can_load(game, player):
    return game.adjacent_food(*player.position) > 0


def test_the_batch_steps_as_lbforaging():
    env = BatchedParallelEnv(make, [11], None)
    state, observations = env.reset(None)
    theirs = original()
    expected, _ = theirs.reset(seed=int(env_seed(11)))
    rng = np.random.default_rng(1)
    done = False
    while not done:
        assert np.array_equal(observations[0].numpy(), np.stack(expected))
        actions = rng.integers(0, 6, 3)
        state, observations, rewards, over = env.step(state, torch.from_numpy(actions)[None])
        expected, gained, done, _, _ = theirs.step(actions.tolist())
        assert rewards[0].tolist() == gained
        assert bool(over[0]) == bool(done)
    assert (env.n_agents, env.n_actions, env.obs_dim, env.episode_limit) == (3, 6, 18, 50)
    assert bool(env.available.all())


def env_seed(row_seed):
    from netmodels.streams import stream

    return stream(row_seed, "reset", 0).integers(2**31)


def test_a_seed_names_an_episode_whatever_was_played_before():
    used, rng = make(), np.random.default_rng(0)
    original_differs = 0
    stale = original()
    for seed in range(300):
        fresh, _ = make().reset(seed=seed)
        again, _ = used.reset(seed=seed)
        assert np.array_equal(rows(again), rows(fresh))
        original_differs += not np.array_equal(np.stack(stale.reset(seed=seed)[0]), rows(fresh))
        for _ in range(5):
            used.step(dict(zip(used.agents, rng.integers(0, 6, 3).tolist(), strict=True)))
    assert original_differs > 5, "the trap has gone: the original's resets no longer depend on the past"


def test_clearing_the_field_terminates_and_pays_one():
    for seed in range(200):
        env = make(players=1, max_num_food=1, field_size=(3, 3), sight=3, max_food_level=1)
        env.reset(seed=seed)
        (agent,) = env.agents
        _, rewards, terminated, truncated, _ = env.step({agent: 5})
        if terminated[agent]:
            assert rewards == {agent: 1.0}
            assert truncated == {agent: False}
            assert env.agents == []
            break
    else:
        pytest.fail("no player started beside the food in 200 episodes")


def test_the_time_limit_truncates():
    env = make(max_episode_steps=2)
    env.reset(seed=0)
    idle = dict.fromkeys(env.agents, 0)
    _, _, terminated, truncated, _ = env.step(idle)
    assert not any(terminated.values())
    assert not any(truncated.values())
    _, rewards, terminated, truncated, _ = env.step(idle)
    assert not any(terminated.values())
    assert all(truncated.values())
    assert list(rewards.values()) == [0.0, 0.0, 0.0]
    with pytest.raises(RuntimeError, match="call reset first"):
        env.step(idle)


def test_a_field_that_is_not_square_works():
    with pytest.raises(AssertionError, match="obs space error"):
        [original(field_size=(5, 12)).reset(seed=seed) for seed in range(50)]
    env = make(field_size=(5, 12))
    high = env.observation_space("player_0").high
    assert high[:3].tolist() == [4.0, 11.0, 6.0]
    for seed in range(50):
        observations, _ = env.reset(seed=seed)
        assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())


def test_spaces():
    env = make()
    assert env.action_space("player_1") == spaces.Discrete(6)
    assert env.observation_space("player_1") == original().observation_space[1]
    assert env.possible_agents == ["player_0", "player_1", "player_2"]


def test_levels_may_be_given_one_by_one():
    env = make(
        min_player_level=[1, 2, 3], max_player_level=[1, 2, 3], min_food_level=[1, 1, 2], max_food_level=[1, 1, 2]
    )
    observations, _ = env.reset(seed=0)
    own_levels = sorted(float(seen[9 + 2]) for seen in observations.values())
    assert own_levels == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"players": 0}, "players is 0; 1 or more expected"),
        ({"max_num_food": 0}, "max_num_food is 0"),
        ({"sight": 0}, "sight is 0"),
        ({"max_episode_steps": 0}, "max_episode_steps is 0"),
        ({"field_size": (8, 2)}, r"field_size\[1\] is 2; 3 or more expected"),
        ({"field_size": (8, 8, 8)}, "two numbers, rows and columns, expected"),
        ({"players": 5, "field_size": (3, 3)}, "at least two cells per player"),
        ({"min_player_level": 3}, "player levels from 3 to 2"),
        ({"max_player_level": [1, 2]}, "max_player_level has 2 levels; one, or 3, expected"),
        ({"min_food_level": 2, "max_food_level": 1}, "food levels from 2 to 1"),
        ({"min_food_level": 4}, "food levels from 4 to 3"),
        ({"min_food_level": 0}, "food levels from 0 to 3"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_lbforaging_is_imported_when_a_game_is_built_and_warns_of_nothing():
    code = (
        "import sys; from dvdn_sim.envs import ForagingParallelEnv as Env;"
        "assert 'lbforaging' not in sys.modules;"
        "Env(players=2, field_size=(5, 5), max_num_food=1, sight=2).reset(seed=0); assert 'lbforaging' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)  # noqa: S603 (our own code)
