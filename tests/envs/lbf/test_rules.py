"""The rules of Level-Based Foraging by hand: what is done, seen and refused; and what holds whatever is done."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from our_envs import FORAGING

from dvdn_sim.envs.lbf import LevelBasedForaging

LOAD = 5


def make(row_seeds=(0,), **changes):
    return LevelBasedForaging(**FORAGING | changes, row_seeds=row_seeds)


def placed(env, positions, foods, levels=None, **more):
    """One field for each list of foods, (row, column, level), with the same players on all; levels count from 1."""
    field = np.zeros((len(foods), *env.spec.field_size), int)
    for row, each in enumerate(foods):
        for food in each:
            field[row, food[0], food[1]] = food[2]
    return env.place(field, positions, range(1, env.n_agents + 1) if levels is None else levels, **more)


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
).filter(lambda game: not any(LevelBasedForaging.settings(**game).broken_rules()))
SEEDS = st.lists(st.integers(0, 2**40), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(game=GAMES, seeds=SEEDS, data=st.data())
def test_whatever_is_done_the_game_stays_whole(game, seeds, data):
    """And a row of a batch is the same alone."""
    env, alone = make(seeds, **game), make(seeds[-1:], **game)
    (state, observations), (own, _) = env.reset(None), alone.reset(None)
    low, high = env.observation_bounds
    earned, each = np.zeros(len(seeds)), np.arange(len(seeds))[:, None]
    for number in data.draw(st.lists(st.integers(0, 2**32), min_size=14, max_size=14)):
        chosen = np.random.default_rng(number).choice(6, (len(seeds), env.n_agents), p=[0.1, *[0.125] * 4, 0.4])
        before = state
        state, observations, rewards, done = env.step(state, chosen)
        own, *found = alone.step(own, chosen[-1:])
        assert all(np.array_equal(a[0], b[-1]) for a, b in zip(found, (observations, rewards, done), strict=True))
        assert np.array_equal(state.step, before.step + ~before.done)
        assert (state.positions >= 0).all()
        assert (state.positions < game["field_size"]).all()
        assert ((state.field == before.field) | (state.field == 0)).all(), "food appears"
        assert not state.field[each, state.positions[..., 0], state.positions[..., 1]].any()
        assert np.array_equal(state.levels, before.levels)
        assert (observations >= low).all()
        assert (observations <= high).all()
        assert np.isfinite(rewards).all()
        assert (rewards >= -game["penalty"]).all()
        cleared, late = ~state.field.any((1, 2)), state.step >= env.episode_limit
        assert np.array_equal(done, cleared | late)
        assert np.array_equal(env.timed_out(state), late & ~cleared)
        earned += rewards.clip(min=0).sum(1)
    loaded = state.food_spawned - state.field.sum((1, 2))
    assert np.allclose(earned * state.food_spawned, loaded), "what is loaded is what is earned"


def test_a_load_that_fails_costs_the_penalty_and_one_that_succeeds_is_shared_by_level():
    """By hand: levels 1 and 2 load a food of 3 of 8 spawned; a third of level 2 fails at a food of 5."""
    env, every = make(penalty=0.5), np.full((1, 3), LOAD)
    state = placed(env, [[1, 2], [2, 1], [4, 5]], [[(2, 2, 3), (4, 4, 5)]], levels=(1, 2, 2))
    after, _, rewards, done = env.step(state, every)
    assert rewards.tolist() == [[1 * 3 / (3 * 8), 2 * 3 / (3 * 8), -0.5]]
    assert np.argwhere(after.field).tolist() == [[0, 4, 4]]
    assert done.tolist() == [False]
    _, _, rewards, _ = make(normalize_reward=False).step(state, every)
    assert rewards.tolist() == [[3.0, 6.0, 0.0]]
    # Beside the food but idle, one counts for nothing: the other two fail.
    _, _, rewards, _ = env.step(state, np.array([[0, LOAD, 0]]))
    assert rewards.tolist() == [[0.0, -0.5, 0.0]]


def test_two_may_swap_and_one_may_walk_onto_another():
    """By hand: (2,2) east and (2,3) east, whose way is barred by (2,5) west, end on one cell; two others swap."""
    env = make(players=5, field_size=(8, 8))
    state = placed(env, [[2, 2], [2, 3], [2, 5], [4, 4], [5, 4]], [[(6, 6, 3)]])
    state, _, _, _ = env.step(state, np.array([[4, 4, 3, 2, 1]]))
    assert state.positions.tolist() == [[[2, 3], [2, 3], [2, 5], [5, 4], [4, 4]]]


def test_the_end_of_a_game_and_the_end_of_time_are_told_apart():
    """A field whose last food is loaded in the last step, one where it is not, and one that was put in without any."""
    env, foods = make(), [(2, 2, 1)]
    state = placed(env, [[1, 2], [5, 5], [5, 6]], [foods, foods, []], levels=1, food_spawned=1, step=11)
    state, seen, rewards, done = env.step(state, np.array([[LOAD, 0, 0], [0, 0, 0], [0, 3, 0]]))
    assert done.tolist() == [True, True, True]
    assert env.timed_out(state).tolist() == [False, True, False]
    assert not rewards[1:].any()
    assert state.positions[2].tolist() == [[1, 2], [5, 5], [5, 6]]  # over before it began: nobody moves
    assert seen[2, 0, :6].tolist() == [-1, -1, 0, -1, -1, 0]


def observed(positions, foods, size, **changes):
    """What everybody sees, as triplets."""
    env = make(players=len(positions), field_size=size, max_num_food=len(foods), **changes)
    return [triplets(each) for each in env.observe(placed(env, positions, [foods]))[0].tolist()]


def triplets(numbers):
    return [tuple(numbers[i : i + 3]) for i in range(0, len(numbers), 3)]


def test_near_the_corner_players_are_seen_further_than_foods():
    """By hand, sight 2. The window of (0, 0) is rows and columns 0 to 2, but players are seen up to 4."""
    first, second = observed([[0, 0], [4, 4]], [(1, 2, 3), (3, 3, 5)], size=(10, 10))
    assert first == [(1, 2, 3), (-1, -1, 0), (0, 0, 1), (4, 4, 2)]
    # The window of (4, 4) begins at (2, 2).
    assert second == [(1, 1, 5), (-1, -1, 0), (2, 2, 2), (-1, -1, 0)]


def test_what_is_seen_leaves_no_gap():
    """The second player is hidden, so the third takes its place; foods come in row-major order."""
    first, _, third = observed([[5, 5], [9, 9], [5, 6]], [(8, 1, 7), (6, 4, 2), (4, 5, 1)], size=(10, 10))
    assert first == [(1, 2, 1), (3, 1, 2), (-1, -1, 0), (2, 2, 1), (2, 3, 3), (-1, -1, 0)]
    assert third == [(1, 1, 1), (3, 0, 2), (-1, -1, 0), (2, 2, 3), (2, 1, 1), (-1, -1, 0)]


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (9, [[(6, 4, 2), (5, 5, 5), (6,)], [(6, 4, 2), (5, 6, 5), (5,)]]),
        (1, [[(2, 0, 2), (1, 1, 1), (2,)], [(-1, -1, 0), (1, 1, 1), (0,)]]),
    ],
)
def test_levels_of_players_may_be_hidden(sight, expected):
    assert observed([[5, 5], [5, 6]], [(6, 4, 2)], (10, 10), sight=sight, observe_agent_levels=False) == expected


def test_full_sight_is_the_sight_of_the_longest_side():
    """From side - 1 on everything is seen; one less and a corner hides the one opposite."""
    scene = {"positions": [[0, 0], [4, 11], [2, 3]], "foods": [(1, 1, 2), (3, 10, 1)], "size": (5, 12)}
    whole = observed(**scene, sight=11)
    assert whole == observed(**scene, sight=12) == observed(**scene, sight=200)
    assert whole[1] == [(1, 1, 2), (3, 10, 1), (4, 11, 2), (0, 0, 1), (2, 3, 3)]
    assert observed(**scene, sight=10)[1] != whole[1]


SIZE = {"players": 2, "field_size": (4, 5), "sight": 5}
FIELD = np.zeros((2, 4, 5), int)
FIELD[0, 1, 1], FIELD[1, 2, 1], FIELD[1, 1, 3] = 2, 1, 3
PARTS = {
    "field": FIELD,
    "positions": np.array([[[0, 0], [3, 4]], [[1, 2], [1, 1]]]),
    "levels": np.array([[1, 2], [2, 2]]),
    "food_spawned": np.array([4, 5]),
    "step": np.array([7, 0]),
    "episode": np.array([3, 4]),
}
"""Two fields of 4 x 5 with two players."""


def test_what_is_put_in_can_be_read_and_is_not_changed_by_steps():
    env, kept = make(**SIZE), {name: value.copy() for name, value in PARTS.items()}
    state = env.place(**PARTS)
    env.step(state, np.array([[2, 3], [5, 5]]))
    for name, value in kept.items():
        assert np.array_equal(PARTS[name], value), name
        assert np.array_equal(getattr(state, name), value), name
    usual = env.place(FIELD, PARTS["positions"], 1)
    assert (usual.food_spawned.tolist(), usual.step.tolist(), usual.episode.tolist()) == ([2, 4], [0, 0], [0, 0])
    assert usual.levels.tolist() == [[1, 1], [1, 1]]


def with_food(*places):
    field = FIELD.copy()
    for row, column in places:
        field[1, row, column] = 1
    return field


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"field": FIELD[..., 1:]}, "could not broadcast"),
        ({"positions": PARTS["positions"][:, [0, 1, 1]]}, "could not broadcast"),
        ({"field": FIELD + 0.5}, "field found that holds other than whole numbers, or too high ones"),
        ({"field": FIELD * 20_000}, "field found that holds other than whole numbers, or too high ones"),
        ({"step": 0.5}, "step found that holds other than whole numbers, or too high ones"),
        ({"levels": [[1, 0], [1, 1]]}, r"row 0, player 1 at \(3, 4\): of a level below 1"),
        ({"field": -FIELD}, "row 0: a food of a level below 0"),
        ({"food_spawned": [1, 4]}, "row 0: foods that add up to more than food_spawned"),
        ({"field": with_food((0, 0)), "food_spawned": 9}, "row 1: more foods than there may be"),
        ({"positions": [[[0, 0], [4, 0]]] * 2}, r"row 0, player 1 at \(4, 0\): outside the field"),
        ({"positions": [[[0, 0], [0, -1]]] * 2}, r"row 0, player 1 at \(0, -1\): outside the field"),
        ({"positions": [[[0, 0], [3, 0]], [[2, 1], [0, 0]]]}, r"row 1, player 0 at \(2, 1\): on a food"),
    ],
)
def test_states_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**SIZE).place(**PARTS | changes)


def test_a_player_beside_two_foods_is_refused():
    """Foods are never spaced so, and whom the original would then let load depends on addresses in memory."""
    with pytest.raises(ValueError, match=r"row 0, player 0 at \(1, 2\): beside several foods"):
        placed(make(players=2), [[1, 2], [0, 0]], [[(1, 1, 1), (1, 3, 1)]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"field_size": (7, 6)}, r"field int16 \[2, 7, 6\] found; int16 \[2, 6, 7\], contiguous, expected"),
        ({"players": 2}, r"positions int64 \[2, 2, 2\] found; int64 \[2, 3, 2\], contiguous, expected"),
        ({"field_size": (6, 7), "max_num_food": 3}, "row 0: more foods than there may be"),
    ],
)
def test_states_of_other_games_are_refused(changes, message):
    env, (other, _) = make(range(2)), make(range(2), **changes).reset(None)
    for call in (env.observe, env.reset, lambda state: env.step(state, np.zeros((2, 3), np.int64))):
        with pytest.raises(ValueError, match=message):
            call(other)
