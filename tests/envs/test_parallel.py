"""Every environment of ours is a PettingZoo environment, and back in a batch it is what it was."""

import numpy as np
import pytest
from gymnasium import spaces
from our_envs import FORAGING, KINDS, make, random_actions
from pettingzoo.test import parallel_api_test, parallel_seed_test, render_test
from pettingzoo.utils import parallel_to_aec

from dvdn_sim.envs import BatchedParallelEnv, SingleParallelEnv, parallel_env
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.mpe import SimpleAdversary
from netmodels.streams import stream

PLAYED = [name for name in KINDS if not name.endswith((" of the paper", "at random"))]
EACH = pytest.mark.parametrize("kind", PLAYED)


def single(kind, **more):
    cls, settings = KINDS[kind]
    return parallel_env(cls, **settings | more)


def foraging(**changes):
    return parallel_env(LevelBasedForaging, **FORAGING | changes)


@EACH
def test_passes_pettingzoos_own_tests(kind, capsys):
    parallel_api_test(single(kind), num_cycles=60)
    parallel_seed_test(lambda: single(kind), num_cycles=30)
    assert "Passed Parallel API test" in capsys.readouterr().out


@EACH
def test_observations_lie_in_their_spaces_and_pictures_change(kind):
    render_test(lambda render_mode: parallel_to_aec(single(kind, render_mode="rgb_array")))
    env, rng = single(kind, render_mode="rgb_array"), np.random.default_rng(0)
    for seed in range(2):
        observations, _ = env.reset(seed=seed)
        first = env.render()
        assert (first.ndim, first.dtype, first.std() > 0) == (3, np.uint8, True)
        while env.agents:
            assert list(observations) == env.possible_agents
            for agent, seen in observations.items():
                assert env.observation_space(agent).contains(seen), agent
            observations, *_ = env.step({agent: int(rng.integers(env.action_space(agent).n)) for agent in env.agents})
        assert not np.array_equal(first, env.render())


@EACH
def test_back_in_a_batch_it_is_what_it_was(kind):
    """The adapter names episodes by seeds of its own, so the twin is made from those."""
    row_seeds, rng = (3, 4, 3), np.random.default_rng(2)
    there_and_back = BatchedParallelEnv(lambda: single(kind, max_episode_steps=12), row_seeds, None)
    seeds = [int(stream(seed, "reset", 0).integers(2**31)) for seed in row_seeds]
    batch = make(kind, seeds, max_episode_steps=12)
    for name in ("n_agents", "n_actions", "obs_dim", "obs_dims", "episode_limit", "agents"):
        assert getattr(there_and_back, name) == getattr(batch, name), name
    assert np.array_equal(there_and_back.available, batch.available)
    (state, seen), (twin, expected) = there_and_back.reset(None), batch.reset(None)
    assert np.array_equal(seen, expected)
    for _ in range(batch.episode_limit + 1):
        actions = random_actions(batch, rng, 3)
        state, *results = there_and_back.step(state, actions)
        twin, *wanted = batch.step(twin, actions)
        assert all(np.array_equal(a, b) for a, b in zip(results, wanted, strict=True))
        assert np.array_equal(there_and_back.timed_out(state), batch.timed_out(twin))
    assert bool(results[2].all())


def test_spaces_and_agents():
    env = foraging()
    assert env.possible_agents == ["player_0", "player_1", "player_2"]
    assert env.action_space("player_1") == spaces.Discrete(6)
    box = env.observation_space("player_2")
    assert (box.shape, box.dtype) == ((15,), np.float32)
    assert box.high[:3].tolist() == [5.0, 6.0, 6.0]
    assert env.episode_limit == 12
    assert env.metadata["name"] == "LevelBasedForaging"


def test_agents_that_differ_have_spaces_that_differ():
    env = parallel_env(SimpleAdversary, opponent="agent")
    assert len({env.observation_space(agent).shape for agent in env.possible_agents}) == 2


def test_a_seed_names_an_episode_and_reset_goes_on_to_the_next():
    batch = LevelBasedForaging(**FORAGING, row_seeds=[5])
    state, first = batch.reset(None)
    _, second = batch.reset(state)
    env = foraging()
    for _ in range(2):
        assert np.array_equal(np.stack(list(env.reset(seed=5)[0].values())), first[0])
        assert np.array_equal(np.stack(list(env.reset()[0].values())), second[0])
    unseeded, _ = foraging().reset()
    named, _ = foraging().reset(seed=0)
    assert all(np.array_equal(unseeded[agent], named[agent]) for agent in named)


def test_the_end_of_the_game_terminates_and_the_end_of_time_truncates():
    easy = {"players": 1, "field_size": (3, 3), "max_num_food": 1, "max_food_level": 1, "max_episode_steps": 1}
    ends = set()
    for seed in range(60):
        env = foraging(**easy)
        env.reset(seed=seed)
        _, rewards, terminated, truncated, _ = env.step({"player_0": 5})
        assert env.agents == []
        assert terminated["player_0"] != truncated["player_0"]
        ends.add((rewards["player_0"], terminated["player_0"]))
    # With the food loaded at the last moment the game is over, not the time; no food was ever there in the third case.
    assert ends >= {(1.0, True), (0.0, False)}


def test_positions_are_those_of_the_batch():
    env, batch = foraging(), LevelBasedForaging(**FORAGING, row_seeds=[9])
    with pytest.raises(RuntimeError, match="no episode has begun: call reset first"):
        env.positions()
    env.reset(seed=9)
    assert np.array_equal(env.positions(), batch.positions(batch.reset(None)[0])[0])


def test_what_is_handed_out_is_the_callers_own():
    env, twin = foraging(), foraging()
    seen, _ = env.reset(seed=1)
    twin.reset(seed=1)
    assert all(row.flags.owndata for row in seen.values())
    seen["player_0"][:] = 77.0
    actions = dict.fromkeys(env.agents, 0)
    again, *_ = env.step(actions)
    expected, *_ = twin.step(actions)
    assert np.array_equal(again["player_0"], expected["player_0"])


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match="render_mode 'human' found; None or 'rgb_array' expected"):
        foraging(render_mode="human")
    with pytest.raises(ValueError, match="make returned 2 rows for one row seed; 1 expected"):
        SingleParallelEnv(lambda seeds: LevelBasedForaging(**FORAGING, row_seeds=[*seeds, 1]))
    env = foraging()
    with pytest.raises(RuntimeError, match="call reset first"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(RuntimeError, match="no render_mode found"):
        env.render()
    with pytest.raises(ValueError, match=r"actions of \['player_0'\] found; of \['player_0', 'player_1', 'player_2'\]"):
        env.step({"player_0": 0})
    with pytest.raises(ValueError, match=r"actions of \['captain', 'player_0'"):
        env.step(dict.fromkeys([*env.agents, "captain"], 0))
    with pytest.raises(ValueError, match="agent 'player_1': action 6 found; 0 to 5 expected"):
        env.step({"player_0": 0, "player_1": 6, "player_2": 0})
    with pytest.raises(TypeError, match="integer"):
        env.step({"player_0": 0, "player_1": 0.5, "player_2": 0})
