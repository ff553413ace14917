"""``lbforaging`` as a PettingZoo environment: the original's episodes without its traps, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from lbforaging_scenes import foraging_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

from dvdn_sim.envs import BatchedParallelEnv, ForagingParallelEnv
from dvdn_sim.scenario import LbForaging

SMALL = {"players": 3, "field_size": (8, 8), "max_num_food": 3, "sight": 8}


def make(**changes):
    return ForagingParallelEnv(**(SMALL | changes))


def original(**changes):
    return foraging_env(**SMALL | changes)


def rows(observations):
    return np.stack(list(observations.values()))


def test_passes_pettingzoos_own_tests(capsys):
    parallel_api_test(make(), num_cycles=100)
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
).filter(lambda changes: not any(LbForaging(**SMALL | changes).broken_rules()))


@settings(max_examples=40, deadline=None)
@given(changes=SETTINGS, seed=st.integers(0, 2**31 - 1), eager=st.booleans())
def test_an_episode_is_that_of_lbforaging(changes, seed, eager):
    """Ended by a cleared field (terminated), or by the time (truncated)."""
    ours, theirs = make(**changes), original(**changes)
    for agent, space in zip(ours.possible_agents, theirs.observation_space, strict=True):
        assert (ours.observation_space(agent), ours.action_space(agent)) == (space, spaces.Discrete(6))
    observations, _ = ours.reset(seed=seed)
    expected, _ = theirs.reset(seed=seed)
    assert np.array_equal(rows(observations), np.stack(expected))
    rng = np.random.default_rng(seed)
    while ours.agents:
        agents = ours.agents
        actions = rng.integers(0, 6, len(agents)).tolist()
        if eager:  # load wherever possible, so that food is taken
            beside = [theirs.adjacent_food(*player.position) > 0 for player in theirs.players]
            actions = [5 if can else action for can, action in zip(beside, actions, strict=True)]
        observations, rewards, terminated, truncated, _ = ours.step(dict(zip(agents, actions, strict=True)))
        expected, gained, over, _, _ = theirs.step(actions)
        assert np.array_equal(rows(observations), np.stack(expected))
        assert list(rewards.values()) == gained
        assert bool(over) == (not ours.agents)
        cleared = theirs.field.sum() == 0
        assert set(terminated.values()) == {bool(over and cleared)}
        assert set(truncated.values()) == {bool(over and not cleared)}
    with pytest.raises(RuntimeError, match="call reset first"):
        ours.step(dict.fromkeys(ours.possible_agents, 0))


def test_a_seed_names_an_episode_whatever_was_played_before():
    used, rng = make(), np.random.default_rng(0)
    original_differs = 0
    stale = original()
    for seed in range(80):
        fresh, _ = make().reset(seed=seed)
        again, _ = used.reset(seed=seed)
        assert np.array_equal(rows(again), rows(fresh))
        original_differs += not np.array_equal(np.stack(stale.reset(seed=seed)[0]), rows(fresh))
        for _ in range(5):
            used.step(dict(zip(used.agents, rng.integers(0, 6, 3).tolist(), strict=True)))
    assert original_differs > 2, "the trap has gone: the original's resets no longer depend on the past"


def test_a_field_that_is_not_square_works():
    with pytest.raises(AssertionError, match="obs space error"):
        [original(field_size=(5, 12)).reset(seed=seed) for seed in range(50)]
    env = make(field_size=(5, 12))
    high = env.observation_space("player_0").high
    assert high[:3].tolist() == [4.0, 11.0, 6.0]
    for seed in range(50):
        observations, _ = env.reset(seed=seed)
        assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())


@pytest.mark.slow
def test_lbforaging_is_imported_when_a_game_is_built_and_warns_of_nothing():
    code = (
        "import sys; from dvdn_sim.envs import ForagingParallelEnv as Env;"
        "assert 'lbforaging' not in sys.modules;"
        "Env(players=2, field_size=(5, 5), max_num_food=1, sight=2).reset(seed=0); assert 'lbforaging' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)  # noqa: S603 (our own code)
