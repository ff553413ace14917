import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.envs import Playable
from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging

SMALL = {"players": 3, "field_size": (6, 7), "max_num_food": 2, "sight": 2, "max_episode_steps": 12}
LOAD = 5


def make(row_seeds=(0,), device="cpu", **changes):
    return LevelBasedForaging(**SMALL | changes, row_seeds=row_seeds, device=device)


@pytest.mark.parametrize("changes", [{}, {"sight": 7, "max_food_level": 1, "penalty": 0.1}, {"players": 1}])
def test_fulfils_the_contract(check_batched_env, changes):
    check_batched_env(lambda seeds: make(seeds, **changes))


def test_is_playable_to_the_type_checker():
    env: Playable[LbfState] = make(range(2))
    assert (env.n_copies, env.n_agents, env.n_actions, env.obs_dim, env.episode_limit) == (2, 3, 6, 15, 12)
    assert env.agents == ("player_0", "player_1", "player_2")
    assert env.obs_dims == (15, 15, 15)
    assert env.idle_actions.tolist() == [0, 0, 0]
    assert bool(env.available.all())


def test_positions_are_rows_and_columns():
    env = make(range(4))
    state, _ = env.reset(None)
    places = env.positions(state)
    assert places.dtype == torch.float64
    assert torch.equal(places.long(), state.positions)


GAMES = st.fixed_dictionaries(
    {
        "players": st.integers(1, 4),
        "field_size": st.tuples(st.integers(3, 7), st.integers(3, 7)),
        "max_num_food": st.integers(1, 4),
        "sight": st.integers(1, 7),
        "force_coop": st.booleans(),
        "max_player_level": st.integers(1, 3),
        "max_food_level": st.none() | st.integers(1, 3),
        "penalty": st.sampled_from([0.0, 0.25]),
        "food_levels": st.sampled_from(["v3", "legacy"]),
        "observe_agent_levels": st.booleans(),
    }
)
SEEDS = st.lists(st.integers(0, 2**40), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(game=GAMES, seeds=SEEDS, data=st.data())
def test_whatever_is_done_the_game_stays_whole(game, seeds, data):
    env = make(seeds, **game)
    state, observations = env.reset(None)
    rows, columns = game["field_size"]
    low, high = env.observation_bounds
    earned = torch.zeros(len(seeds), dtype=torch.float64)
    done = ~state.field.any(2).any(1)
    for number in data.draw(st.lists(st.integers(0, 2**32), min_size=14, max_size=14)):
        chosen = np.random.default_rng(number).choice(6, (len(seeds), env.n_agents), p=[0.1, *[0.125] * 4, 0.4])
        before, was_done = state, done
        state, observations, rewards, done = env.step(state, torch.from_numpy(chosen))
        assert torch.equal(state.step, before.step + ~was_done)
        assert bool((state.positions >= 0).all())
        assert bool((state.positions < torch.tensor([rows, columns])).all())
        assert bool(((state.field == before.field) | (state.field == 0)).all()), "food appears"
        on_food = state.field.flatten(1).gather(1, state.positions[..., 0] * columns + state.positions[..., 1])
        assert not on_food.any()
        assert torch.equal(state.levels, before.levels)
        assert bool((observations >= low).all())
        assert bool((observations <= high).all())
        assert bool(rewards.isfinite().all())
        assert bool((rewards >= -game["penalty"]).all())
        cleared, late = ~state.field.any(2).any(1), state.step >= env.episode_limit
        assert torch.equal(done, cleared | late)
        assert torch.equal(env.timed_out(state), late & ~cleared)
        earned += rewards.clamp(min=0).sum(1)
    loaded = state.food_spawned - state.field.sum((1, 2))
    assert torch.allclose(earned * state.food_spawned, loaded.double()), "what is loaded is what is earned"


@settings(max_examples=40, deadline=None)
@given(game=GAMES, seeds=SEEDS, data=st.data())
def test_a_batch_equals_its_rows_alone(game, seeds, data):
    """Whatever rows are reset, and when: in the middle of an episode, often, never."""
    rows = len(seeds)
    together, alone = make(seeds, **game), [make([seed], **game) for seed in seeds]
    state, observations = together.reset(None)
    states, firsts = zip(*(env.reset(None) for env in alone), strict=True)
    states = list(states)
    assert torch.equal(observations, torch.cat(firsts))
    for number in data.draw(st.lists(st.integers(0, 2**32), max_size=12)):
        rng = np.random.default_rng(number)
        actions, mask = torch.from_numpy(rng.integers(0, 6, (rows, together.n_agents))), rng.random(rows) < 0.3
        state, _, rewards, done = together.step(state, actions)
        state, observations = together.reset(state, torch.from_numpy(mask))
        for row, env in enumerate(alone):
            states[row], seen, gained, over = env.step(states[row], actions[row : row + 1])
            states[row], seen = env.reset(states[row], torch.tensor([bool(mask[row])]))
            assert torch.equal(seen[0], observations[row])
            assert torch.equal(gained[0], rewards[row])
            assert bool(over[0]) == bool(done[row])
            assert torch.equal(states[row].field[0], state.field[row])


def test_nothing_handed_out_is_used_again():
    """Who changes observations or rewards in place changes nothing in the game."""
    env, twin = make(range(3)), make(range(3))
    (state, seen), (same, expected) = env.reset(None), twin.reset(None)
    rng = np.random.default_rng(0)
    for _ in range(20):
        seen.fill_(9.0)
        actions = torch.from_numpy(rng.integers(0, 6, (3, 3)))
        state, seen, rewards, done = env.step(state, actions)
        same, expected, paid, _ = twin.step(same, actions)
        assert torch.equal(seen, expected)
        assert torch.equal(rewards, paid)
        seen.fill_(9.0)
        rewards.fill_(9.0)
        state, seen = env.reset(state, done)
        same, expected = twin.reset(same, done)
        assert torch.equal(seen, expected)


def test_an_older_state_goes_on_as_it_did():
    env = make(range(8))
    state, _ = env.reset(None)
    rng = np.random.default_rng(1)
    script = [torch.from_numpy(rng.integers(0, 6, (8, 3))) for _ in range(30)]

    def play(state):
        seen = []
        for actions in script:
            state, observations, rewards, done = env.step(state, actions)
            state, fresh = env.reset(state, done)
            seen += [observations, rewards, done, fresh]
        return seen

    assert all(torch.equal(a, b) for a, b in zip(play(state), play(state), strict=True))


def test_a_load_that_fails_costs_the_penalty_and_one_that_succeeds_is_shared_by_level():
    """By hand: levels 1 and 2 load a food of 3 of 4 spawned; a third of level 2 fails at a food of 5 spawned."""
    field = torch.zeros(1, 6, 7, dtype=torch.int64)
    field[0, 2, 2], field[0, 4, 4] = 3, 5
    positions, levels = torch.tensor([[[1, 2], [2, 1], [4, 5]]]), torch.tensor([[1, 2, 2]])
    state = LbfState(field, positions, levels, food_spawned=torch.tensor([8]), step=torch.tensor([3]))
    env = make(penalty=0.5)
    after, _, rewards, done = env.step(state, torch.full((1, 3), LOAD))
    assert rewards.tolist() == [[1 * 3 / (3 * 8), 2 * 3 / (3 * 8), -0.5]]
    assert after.field.nonzero().tolist() == [[0, 4, 4]]
    assert done.tolist() == [False]
    _, _, rewards, _ = make(normalize_reward=False).step(state, torch.full((1, 3), LOAD))
    assert rewards.tolist() == [[3.0, 6.0, 0.0]]
    # Beside the food but idle, one counts for nothing: the other two fail.
    _, _, rewards, _ = env.step(state, torch.tensor([[0, LOAD, 0]]))
    assert rewards.tolist() == [[0.0, -0.5, 0.0]]


def test_the_end_of_a_game_and_the_end_of_time_are_told_apart():
    field = torch.zeros(2, 6, 7, dtype=torch.int64)
    field[:, 2, 2] = 1
    positions = torch.tensor([[1, 2], [5, 5], [5, 6]]).expand(2, 3, 2)
    state = LbfState(
        field,
        positions,
        levels=torch.ones(2, 3, dtype=torch.int64),
        food_spawned=torch.tensor([1, 1]),
        step=torch.tensor([11, 11]),
    )
    env = make()
    state, _, _, done = env.step(state, torch.tensor([[LOAD, 0, 0], [0, 0, 0]]))
    assert done.tolist() == [True, True]
    assert env.timed_out(state).tolist() == [False, True]


@pytest.mark.parametrize("square", [8, 11])
def test_bounds_are_those_of_the_original(square):
    from lbforaging.foraging.environment import ForagingEnv

    given = {"players": 4, "field_size": (square, square), "max_num_food": 3, "sight": 2, "force_coop": False}
    given |= {"min_player_level": 1, "max_player_level": [1, 4, 2, 3], "min_food_level": 1, "max_episode_steps": 50}
    for more in ({"max_food_level": None}, {"max_food_level": [2, 9, 4], "observe_agent_levels": False}):
        box = ForagingEnv(**given, **more).observation_space[0]
        low, high = LevelBasedForaging(**given, **more).observation_bounds
        assert np.array_equal(low[0].numpy(), box.low)
        assert np.array_equal(high[3].numpy(), box.high)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"players": 0}, "players 0 found; 1 or more expected"),
        ({"max_num_food": 0}, "max_num_food 0 found"),
        ({"sight": 0}, "sight 0 found"),
        ({"max_episode_steps": 0}, "max_episode_steps 0 found"),
        ({"field_size": (8, 2)}, "columns 2 found; 3 or more expected"),
        ({"field_size": (8, 8, 8)}, "two numbers, rows and columns, expected"),
        ({"players": 13, "field_size": (3, 4)}, r"13 players found; at most 12 expected on a field of \(3, 4\)"),
        ({"min_player_level": 3}, "player levels from 3 to 2 found"),
        ({"max_player_level": [1, 2]}, "2 levels in max_player_level found; one, or 3, expected"),
        ({"min_food_level": 2, "max_food_level": 1}, "food levels from 2 to 1 found"),
        ({"min_food_level": 4}, "food levels from 4 to 3 found"),
        ({"min_food_level": 0}, "food levels from 0 to 3 found"),
        ({"max_player_level": 40_000}, "player levels from 1 to 40000 found; 1 to 32767 expected"),
        ({"penalty": float("nan")}, "penalty nan found; a finite number expected"),
        ({"max_player_level": 20_000}, "foods of up to level 60000 found; 32767 at most expected"),
        ({"food_levels": "v4"}, "food_levels 'v4' found; 'v3' or 'legacy' expected"),
        ({"row_seeds": ()}, "row_seeds 0 found; 1 or more expected"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_levels_are_whole_numbers():
    with pytest.raises(TypeError, match="float"):
        make(max_player_level=2.5)


@pytest.mark.parametrize("name", ["players", "max_num_food", "sight", "max_episode_steps"])
def test_counts_are_whole_numbers(name):
    with pytest.raises(TypeError, match="float"):
        make(**{name: 2.5})


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (torch.tensor([[0, 0, 0], [0, 6, 0]]), "row 1, agent 'player_1': action 6 found; 0 to 5 expected"),
        (torch.tensor([[0, 0, -1], [0, 0, 0]]), "row 0, agent 'player_2': action -1 found; 0 to 5 expected"),
        (torch.zeros((2, 2), dtype=torch.int64), r"actions int64 \[2, 2\] found; int64 \[2, 3\] expected"),
        (torch.zeros((3, 3), dtype=torch.int64), r"actions int64 \[3, 3\] found; int64 \[2, 3\] expected"),
        (torch.zeros((2, 3)), r"actions float32 \[2, 3\] found; int64 \[2, 3\] expected"),
    ],
)
def test_wrong_actions_are_refused(actions, message):
    env = make(range(2))
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=message):
        env.step(state, actions)


def test_actions_that_are_no_tensor_are_refused():
    env = make(range(2))
    state, _ = env.reset(None)
    with pytest.raises(TypeError, match=r"actions list found; a tensor, int64 \[2, 3\], expected"):
        env.step(state, [[0, 0, 0], [0, 0, 0]])


def test_wrong_masks_and_states_of_other_games_are_refused():
    env = make(range(2))
    with pytest.raises(ValueError, match="the first reset leaves rows out; all expected"):
        env.reset(None, torch.tensor([True, False]))
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=r"mask bool \[3\] found; bool \[2\] expected"):
        env.reset(state, torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"mask int64 \[2\] found; bool \[2\] expected"):
        env.reset(state, torch.ones(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="a state of 3 rows found; 2 expected"):
        env.reset(make(range(3)).reset(None)[0])
    none = torch.zeros((2, 3), dtype=torch.int64)
    for changes in ({"field_size": (7, 6)}, {"players": 2}):
        other, _ = make(range(2), **changes).reset(None)
        with pytest.raises(ValueError, match=r"found; one of \(6, 7\) with 3 expected"):
            env.step(other, none)
    crowded, _ = make(range(2), max_num_food=3).reset(None)
    with pytest.raises(ValueError, match="3 foods on a field found; at most 2 expected"):
        env.step(crowded, none)


def test_any_number_of_rows_may_be_stepped():
    env = make([0])
    state, _ = make(range(5)).reset(None)
    _, observations, rewards, done = env.step(state, torch.zeros((5, 3), dtype=torch.int64))
    assert (observations.shape, rewards.shape, done.shape) == ((5, 3, 15), (5, 3), (5,))


@pytest.mark.gpu
@pytest.mark.parametrize("sight", [2, 7])
def test_cpu_and_gpu_agree(sight, scenes):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    envs = [make(range(64), device=device, sight=sight, penalty=0.1) for device in ("cpu", "cuda")]
    states = [env.reset(None)[0] for env in envs]
    rng = np.random.default_rng(0)
    for _ in range(40):
        actions = torch.from_numpy(rng.choice(6, (64, 3), p=[0.1, *[0.125] * 4, 0.4]))
        results = [env.step(state, actions.to(env.device)) for env, state in zip(envs, states, strict=True)]
        assert all(torch.equal(a, b.cpu()) for a, b in zip(results[0][1:], results[1][1:], strict=True))
        states, fresh = zip(*(e.reset(r[0], r[3]) for e, r in zip(envs, results, strict=True)), strict=True)
        assert torch.equal(fresh[0], fresh[1].cpu())
        assert torch.equal(states[0].field, states[1].field.cpu())
    drawn = scenes.drawn(rng, 500, (6, 7), 3, 2, limit=12, coop=False)
    results = [env.step(drawn.state(env.device), torch.from_numpy(drawn.actions).to(env.device)) for env in envs]
    assert all(torch.equal(a, b.cpu()) for a, b in zip(results[0][1:], results[1][1:], strict=True))
    assert torch.equal(envs[0].visible(states[0]), envs[1].visible(states[1]).cpu())


@pytest.mark.gpu
def test_fulfils_the_contract_on_the_gpu(check_batched_env):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    check_batched_env(lambda seeds: make(seeds, device="cuda"))
