"""The rules of Level-Based Foraging by hand: what is done, seen and refused; and what holds whatever is done."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from our_envs import FORAGING

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging

LOAD = 5


def make(row_seeds=(0,), **changes):
    return LevelBasedForaging(**FORAGING | changes, row_seeds=row_seeds)


def placed(positions, foods, size=(6, 7), levels=None, **more):
    """One field for each list of foods, (row, column, level), with the same players on all; levels count from 1."""
    field = torch.zeros(len(foods), *size, dtype=torch.int64)
    for row, each in enumerate(foods):
        for food in each:
            field[row, food[0], food[1]] = food[2]
    positions = torch.tensor([positions] * len(foods))
    levels = range(1, positions.shape[1] + 1) if levels is None else levels
    zeros = torch.zeros(len(foods), dtype=torch.int64)
    parts = {"levels": torch.tensor([list(levels)] * len(foods)), "food_spawned": zeros + 9, "step": zeros}
    return LbfState(field, positions, **parts | more)


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


@settings(max_examples=25, deadline=None)
@given(game=GAMES, seeds=SEEDS, data=st.data())
def test_whatever_is_done_the_game_stays_whole(game, seeds, data):
    """And a row of a batch is the same alone."""
    env = make(seeds, **game)
    state, observations = env.reset(None)
    alone = make(seeds[-1:], **game)
    own, _ = alone.reset(None)
    rows, columns = game["field_size"]
    low, high = env.observation_bounds
    earned = torch.zeros(len(seeds), dtype=torch.float64)
    done = ~state.field.any(2).any(1)
    for number in data.draw(st.lists(st.integers(0, 2**32), min_size=14, max_size=14)):
        chosen = np.random.default_rng(number).choice(6, (len(seeds), env.n_agents), p=[0.1, *[0.125] * 4, 0.4])
        before, was_done = state, done
        state, observations, rewards, done = env.step(state, torch.from_numpy(chosen))
        own, *found = alone.step(own, torch.from_numpy(chosen[-1:]))
        assert all(torch.equal(a[0], b[-1]) for a, b in zip(found, (observations, rewards, done), strict=True))
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


def test_a_load_that_fails_costs_the_penalty_and_one_that_succeeds_is_shared_by_level():
    """By hand: levels 1 and 2 load a food of 3 of 8 spawned; a third of level 2 fails at a food of 5."""
    state = placed([[1, 2], [2, 1], [4, 5]], [[(2, 2, 3), (4, 4, 5)]], levels=(1, 2, 2), food_spawned=torch.tensor([8]))
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


def test_two_may_swap_and_one_may_walk_onto_another():
    """By hand: (2,2) east and (2,3) east, whose way is barred by (2,5) west, end on one cell; two others swap."""
    state = placed([[2, 2], [2, 3], [2, 5], [4, 4], [5, 4]], [[(6, 6, 3)]], size=(8, 8))
    env = make(players=5, field_size=(8, 8))
    state, _, _, _ = env.step(state, torch.tensor([[4, 4, 3, 2, 1]]))
    assert state.positions.tolist() == [[[2, 3], [2, 3], [2, 5], [5, 4], [4, 4]]]


def test_the_end_of_a_game_and_the_end_of_time_are_told_apart():
    """A field whose last food is loaded in the last step, one where it is not, and one that was put in without any."""
    foods, ones = [(2, 2, 1)], torch.ones(3, dtype=torch.int64)
    state = placed([[1, 2], [5, 5], [5, 6]], [foods, foods, []], levels=(1, 1, 1), food_spawned=ones, step=ones * 11)
    state, seen, rewards, done = make().step(state, torch.tensor([[LOAD, 0, 0], [0, 0, 0], [0, 3, 0]]))
    assert done.tolist() == [True, True, True]
    assert make().timed_out(state).tolist() == [False, True, False]
    assert not rewards[1:].any()
    assert state.positions[2].tolist() == [[1, 2], [5, 5], [5, 6]]  # over before it began: nobody moves
    assert seen[2, 0, :6].tolist() == [-1, -1, 0, -1, -1, 0]


def observed(state, sight, foods, **changes):
    """What everybody sees after a step in which nobody does anything."""
    players = state.positions.shape[1]
    env = LevelBasedForaging(players=players, field_size=state.size, max_num_food=foods, sight=sight, **changes)
    return env.step(state, torch.zeros(1, players, dtype=torch.int64))[1][0].tolist()


def triplets(numbers):
    return [tuple(numbers[i : i + 3]) for i in range(0, len(numbers), 3)]


def test_near_the_corner_players_are_seen_further_than_foods():
    """By hand, sight 2. The window of (0, 0) is rows and columns 0 to 2, but players are seen up to 4."""
    state = placed([[0, 0], [4, 4]], foods=[[(1, 2, 3), (3, 3, 5)]], size=(10, 10))
    first, second = observed(state, sight=2, foods=2)
    assert triplets(first) == [(1, 2, 3), (-1, -1, 0), (0, 0, 1), (4, 4, 2)]
    # The window of (4, 4) begins at (2, 2).
    assert triplets(second) == [(1, 1, 5), (-1, -1, 0), (2, 2, 2), (-1, -1, 0)]


def test_what_is_seen_leaves_no_gap():
    """The second player is hidden, so the third takes its place; foods come in row-major order."""
    state = placed([[5, 5], [9, 9], [5, 6]], foods=[[(8, 1, 7), (6, 4, 2), (4, 5, 1)]], size=(10, 10))
    first, _, third = observed(state, sight=2, foods=3)
    assert triplets(first) == [(1, 2, 1), (3, 1, 2), (-1, -1, 0), (2, 2, 1), (2, 3, 3), (-1, -1, 0)]
    assert triplets(third) == [(1, 1, 1), (3, 0, 2), (-1, -1, 0), (2, 2, 3), (2, 1, 1), (-1, -1, 0)]


def test_levels_of_players_may_be_hidden():
    state = placed([[5, 5], [5, 6]], foods=[[(6, 4, 2)]], size=(10, 10))
    for sight, expected in (
        (9, [[6, 4, 2, 5, 5, 5, 6], [6, 4, 2, 5, 6, 5, 5]]),
        (1, [[2, 0, 2, 1, 1, 1, 2], [-1, -1, 0, 1, 1, 1, 0]]),
    ):
        assert observed(state, sight=sight, foods=1, observe_agent_levels=False) == expected


def test_full_sight_is_the_sight_of_the_longest_side():
    """From side - 1 on everything is seen, by another way; one less and a corner hides the one opposite."""
    state = placed([[0, 0], [4, 11], [2, 3]], foods=[[(1, 1, 2), (3, 10, 1)]], size=(5, 12))
    whole = observed(state, sight=11, foods=2)
    assert whole == observed(state, sight=12, foods=2) == observed(state, sight=1000, foods=2)
    assert triplets(whole[1]) == [(1, 1, 2), (3, 10, 1), (4, 11, 2), (0, 0, 1), (2, 3, 3)]
    assert observed(state, sight=10, foods=2)[1] != whole[1]


def test_a_large_field_with_many_players_is_seen_as_well():
    """Here a place and a triplet need more than 32 bits."""
    rng = np.random.default_rng(0)
    cells = rng.permutation(300 * 300)[:40]
    state = placed(np.stack([cells // 300, cells % 300], 1).tolist(), foods=[[(150, 150, 30_000)]], size=(300, 300))
    seen = np.array(observed(state, sight=290, foods=1))[:, 3:].reshape(40, 40, 3)
    visible = LevelBasedForaging(players=40, field_size=(300, 300), max_num_food=1, sight=290).visible(state)[0]
    for player, others in enumerate(visible.numpy()):
        expected = [player + 1, *(np.flatnonzero(others) + 1)]
        assert seen[player, : len(expected), 2].tolist() == expected
        assert not seen[player, len(expected) :, 2].any()


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(3, 12), st.integers(3, 12)),
    players=st.integers(1, 5),
    sight=st.integers(1, 12),
    seed=st.integers(0, 2**32),
)
def test_who_sees_whom_is_what_observations_show(size, players, sight, seed):
    env = LevelBasedForaging(players=players, field_size=size, max_num_food=1, sight=sight, row_seeds=[seed])
    state, observations = env.reset(None)
    visible = env.visible(state)[0]
    assert visible.shape == (players, players)
    assert not visible.diagonal().any()
    shown = (observations[0, :, 3:].view(players, players, 3)[..., 2] > 0).sum(1)
    assert torch.equal(visible.sum(1) + 1, shown)
    if sight >= max(size) - 1:
        assert int(visible.sum()) == players * (players - 1)


STATE = {
    "field": torch.zeros(2, 4, 5, dtype=torch.int32).index_put(
        tuple(torch.tensor([[0, 1, 1], [1, 2, 1], [1, 3, 1]])), torch.tensor([2, 1, 3], dtype=torch.int32)
    ),
    "positions": torch.tensor([[[0, 0], [3, 4]], [[1, 2], [1, 2]]]),
    "levels": torch.tensor([[1, 2], [2, 2]]),
    "food_spawned": torch.tensor([4, 4]),
    "step": torch.tensor([7, 0]),
}  # two fields of 4 x 5 with two players


def test_what_is_put_in_can_be_read_and_is_not_changed_by_steps():
    kept = {name: value.clone() for name, value in STATE.items()}
    state = LbfState(**STATE, episode=torch.tensor([3, 4]))
    make(players=2, field_size=(4, 5), sight=5).step(state, torch.tensor([[2, 3], [5, 5]]))
    for name, value in kept.items():
        assert torch.equal(STATE[name], value), name
        assert torch.equal(getattr(state, name), value.long()), name
        assert getattr(state, name).dtype == torch.int64
    assert (state.n_rows, state.size, state.episode.tolist()) == (2, (4, 5), [3, 4])
    assert LbfState(**STATE).episode.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"field": torch.zeros(2, 4)}, r"field float32 \[2, 4\] found; whole numbers \[E, rows, columns\] expected"),
        ({"positions": torch.zeros(1, 2, 2).long()}, r"positions int64 \[1, 2, 2\] found; whole numbers \[2, N, 2\]"),
        ({"positions": torch.tensor(0)}, r"positions int64 \[\] found; whole numbers \[2, N, 2\]"),
        ({"levels": torch.ones(2, 2) > 0}, r"levels bool \[2, 2\] found; whole numbers \[2, 2\] expected"),
        ({"food_spawned": torch.tensor([4])}, r"food_spawned int64 \[1\] found; whole numbers \[2\] expected"),
        ({"step": torch.zeros(2)}, r"step float32 \[2\] found; whole numbers \[2\] expected"),
        ({"episode": torch.zeros(3).long()}, r"episode int64 \[3\] found; whole numbers \[2\] expected"),
        ({"levels": torch.tensor([[1, 0], [1, 1]])}, "levels from 0 to 1 found; levels from 1 to 32767 expected"),
        ({"field": torch.full((2, 4, 5), -1)}, "field from -1 to -1 found; levels from 0 to 32767 expected"),
        (
            {"positions": torch.tensor([[[0, 0], [4, 0]], [[1, 2], [1, 2]]])},
            r"row 0, player 1 at \(4, 0\) found; a cell of a field of \(4, 5\) expected",
        ),
    ],
)
def test_states_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        LbfState(**STATE | changes)


def test_a_player_beside_two_foods_is_refused():
    """Foods are never spaced so, and whom the original would then let load depends on addresses in memory."""
    with pytest.raises(ValueError, match="row 0, player 0 beside several foods found; one at most expected"):
        placed([[1, 2], [0, 0]], [[(1, 1, 1), (1, 3, 1)]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"players": 0}, "players 0 found; 1 or more expected"),
        ({"field_size": (8, 2)}, "columns 2 found; 3 or more expected"),
        ({"field_size": (8, 8, 8)}, "two numbers, rows and columns, expected"),
        ({"players": 13, "field_size": (3, 4)}, r"13 players found; at most 12 expected on a field of \(3, 4\)"),
        ({"min_player_level": 3}, "player levels from 3 to 2 found"),
        ({"max_player_level": [1, 2]}, "2 levels in max_player_level found; one, or 3, expected"),
        ({"min_food_level": 2, "max_food_level": 1}, "food levels from 2 to 1 found"),
        ({"min_food_level": 0}, "food levels from 0 to 3 found"),
        ({"max_player_level": 40_000}, "player levels from 1 to 40000 found; 1 to 32767 expected"),
        ({"penalty": float("nan")}, "penalty nan found; a finite number expected"),
        ({"max_player_level": 20_000}, "foods of up to level 60000 found; 32767 at most expected"),
        ({"food_levels": "v4"}, "food_levels 'v4' found; 'v3' or 'legacy' expected"),
        ({"row_seeds": ()}, "no row_seeds found; 1 or more expected"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.parametrize("name", ["players", "sight", "max_player_level"])
def test_numbers_that_are_not_whole_are_refused(name):
    with pytest.raises(TypeError, match="float"):
        make(**{name: 2.5})


def test_states_of_other_games_are_refused():
    none = torch.zeros((2, 3), dtype=torch.int64)
    for changes, message in (
        ({"field_size": (7, 6)}, r"found; one of \(6, 7\) with 3 expected"),
        ({"players": 2}, r"found; one of \(6, 7\) with 3 expected"),
        ({"max_num_food": 3}, "3 foods on a field found; at most 2 expected"),
    ):
        other, _ = make(range(2), **changes).reset(None)
        with pytest.raises(ValueError, match=message):
            make(range(2)).step(other, none)
