"""Steps are those of ``lbforaging`` 2.0.0, bit for bit, and episodes begin as its own do, or as closed forms say."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from lbforaging_scenes import Original, Scenes, foraging_env

from dvdn_sim.envs.lbf import LevelBasedForaging

LIMIT = 50
PARTS, CASES, SCENES = 8, 16, 800  # games in each part, scenes of each game: more than 100 000 transitions


def settings_of(case):
    """One of many games: sizes from 5 to 19, sight from 1 to full, all switches."""
    rng = np.random.default_rng([case, 0])
    rows, columns = (int(side) for side in rng.integers(5, 20, 2))
    if case % 2:
        columns = rows
    return {
        "players": int(rng.choice([2, 2, 2, 3, 3, 4, 5])),
        "field_size": (rows, columns),
        "max_num_food": min(int(rng.integers(1, 6)), rows * columns // 7),  # more do not fit
        "sight": int(rng.choice([1, 2, rng.integers(1, max(rows, columns) + 1), max(rows, columns)])),
        "max_episode_steps": LIMIT,
        "force_coop": case % 4 == 0,
        "penalty": (0.0, 0.1)[case // 2 % 2],
        "normalize_reward": case % 5 != 0,
        "observe_agent_levels": case % 7 != 0,
    }


def assert_same_bits(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))])
def test_steps_are_those_of_the_original(part):
    happened = dict.fromkeys(COUNTERS, 0)
    for case in range(part * CASES, (part + 1) * CASES):
        settings = settings_of(case)
        before = Scenes.drawn(
            np.random.default_rng([case, 1]),
            SCENES,
            settings["field_size"],
            settings["players"],
            settings["max_num_food"],
            limit=LIMIT,
            coop=settings["force_coop"],
        )
        expected = Original(**settings).after(before)
        env = LevelBasedForaging(**settings)
        state, observations, rewards, done = env.step(before.state(env), before.actions)
        assert_same_bits(observations, expected["observations"])
        assert_same_bits(rewards, expected["rewards"])
        assert_same_bits(done, expected["done"])
        assert np.array_equal(state.field, expected["field"])
        assert np.array_equal(state.positions, expected["positions"])
        assert np.array_equal(state.step, before.step + 1)
        for name, count in COUNTERS.items():
            happened[name] += int(count(before, expected).sum())
    # What makes the game hard to get right has been there, often.
    assert min(happened.values()) > 100, happened


def pairs(players):
    return [(i, j) for i in range(players) for j in range(i)]


def meet(positions):
    """Per pair, whether two stand on one cell."""
    return np.stack([(positions[:, i] == positions[:, j]).all(axis=1) for i, j in pairs(positions.shape[1])], axis=1)


def swapped(before, after):
    was, now = before.positions, after["positions"]
    each = [(was[:, i] == now[:, j]).all(axis=1) & (was[:, j] == now[:, i]).all(axis=1) for i, j in pairs(was.shape[1])]
    return np.stack(each, axis=1) & ~meet(was)


def loaded(before, after):
    return (after["rewards"] > 0).sum(axis=1)


COUNTERS = {
    "overlaps begin": lambda before, after: meet(after["positions"]) & ~meet(before.positions),
    "overlaps are left": lambda before, after: meet(before.positions) & ~meet(after["positions"]),
    "swaps": swapped,
    "loads alone": lambda before, after: loaded(before, after) == 1,
    "loads of two": lambda before, after: loaded(before, after) == 2,
    "loads of three or more": lambda before, after: loaded(before, after) > 2,
    "loads that fail": lambda before, after: after["rewards"] < 0,
    "foods are left": lambda before, after: (loaded(before, after) > 0) & after["field"].any(axis=(1, 2)),
    "cleared": lambda before, after: ~after["field"].any(axis=(1, 2)),
    "time is up": lambda before, after: after["done"] & after["field"].any(axis=(1, 2)),
    "players hidden": lambda before, after: after["observations"][..., -1] <= 0,
}


@pytest.mark.parametrize("sight", [1, 2, 6])
def test_whole_episodes_are_those_of_the_original(sight):
    """From our own beginnings to the end, in one state after the other."""
    settings = {"players": 3, "field_size": (6, 7), "max_num_food": 2, "sight": sight, "max_food_level": 2}
    env, other = LevelBasedForaging(**settings, row_seeds=range(40)), Original(**settings)
    state, _ = env.reset(None)
    rng = np.random.default_rng(sight)
    done = np.zeros(40, bool)
    while not done.all():
        actions = rng.choice(6, (40, 3), p=[0.05, 0.15, 0.15, 0.15, 0.15, 0.35])
        going, before = ~done, Scenes.of(state, actions)
        state, observations, rewards, done = env.step(state, actions)
        expected = other.after(before)
        assert_same_bits(observations[going], expected["observations"][going])
        assert_same_bits(rewards[going], expected["rewards"][going])
        assert_same_bits(done[going], expected["done"][going])
    assert 0 < int(env.timed_out(state).sum()) < 40, "some fields are cleared, some are not"


@pytest.mark.parametrize("square", [8, 11])
def test_bounds_are_those_of_the_original(square):
    given = {"players": 4, "field_size": (square, square), "max_num_food": 3, "sight": 2, "max_player_level": 4}
    for more in ({"max_food_level": None}, {"max_food_level": 9, "observe_agent_levels": False}, {"players": 2}):
        box = foraging_env(**given | more).observation_space[0]
        low, high = LevelBasedForaging(**given | more).observation_bounds
        assert np.array_equal(low[0], box.low)
        assert np.array_equal(high[-1], box.high)


SIGMAS = 4.5


def beginnings(rows, **settings):
    env = LevelBasedForaging(**settings, row_seeds=range(rows))
    return env.reset(None)[0]


def sigmas(found, expected):
    """How far counts are from what is expected: chi-square, in standard deviations above its mean."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    degrees = len(found) - 1
    return (((found - expected) ** 2 / expected).sum() - degrees) / np.sqrt(2 * degrees)


def sigmas_between(ours, theirs):
    """The same for two counters of different totals; what is rare is counted together."""
    kinds = sorted(set(ours) | set(theirs))
    counts = np.array([[each.get(kind, 0) for kind in kinds] for each in (ours, theirs)], float)
    rare = counts.sum(0) < 10
    counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(1)])
    counts = counts[:, counts.sum(0) > 0]
    total = counts.sum(1)
    weights = np.sqrt(total[::-1] / total)
    chi_square = ((weights @ (counts * [[1], [-1]])) ** 2 / counts.sum(0)).sum()
    degrees = counts.shape[1] - 1
    assert degrees > 2
    return (chi_square - degrees) / np.sqrt(2 * degrees)


def foods_of(field):
    """Row, column and level of the foods on each field, in row-major order."""
    found = [[] for _ in field]
    for row, *cell in np.argwhere(field > 0).tolist():
        found[row].append((*cell, int(field[row, *cell])))
    return [tuple(each) for each in found]


def test_players_are_anywhere():
    """Every ordered choice of cells is as likely, so no cell and no pair of cells is favoured."""
    state = beginnings(40_000, players=3, field_size=(3, 4), max_num_food=1, sight=4)
    cells = state.positions[..., 0] * 4 + state.positions[..., 1]
    found = Counter(map(tuple, cells.tolist()))
    every = list(permutations(range(12), 3))
    assert sigmas([found[each] for each in every], [40_000 / len(every)] * len(every)) < SIGMAS
    assert sum(found[each] for each in every) == 40_000


def test_the_first_food_is_on_any_empty_cell_off_the_border():
    state = beginnings(20_000, players=1, field_size=(5, 6), max_num_food=1, sight=4)
    inner = state.field[:, 1:-1, 1:-1].reshape(20_000, -1) > 0
    assert (inner.sum(1) == 1).all()
    assert sigmas(inner.sum(0), [20_000 / 12] * 12) < SIGMAS


def test_foods_keep_apart():
    """Never within two cells in a row or column, nor in one block of nine, nor on the border, nor under a player."""
    state = beginnings(3_000, players=4, field_size=(8, 7), max_num_food=6, sight=4)
    foods = state.field > 0
    assert not foods[:, [0, -1]].any()
    assert not foods[:, :, [0, -1]].any()
    padded = np.pad(foods, ((0, 0), (2, 2), (2, 2)))
    for down, right in [(0, 1), (0, 2), (1, 0), (2, 0), (1, 1), (1, -1)]:
        shifted = padded[:, 2 + down : 10 + down, 2 + right : 9 + right]
        assert not (foods & shifted).any()
    assert not foods[np.arange(3_000)[:, None], state.positions[..., 0], state.positions[..., 1]].any()
    counts = Counter(foods.sum((1, 2)).tolist())
    assert counts[6] < 3_000, "six foods do not always fit"
    assert min(counts) >= 3


def test_where_foods_do_not_fit_there_are_fewer():
    """In a 3x3 block of inner cells two foods fit only in opposite corners, or where one has no room for a second."""
    state = beginnings(2_000, players=1, field_size=(5, 5), max_num_food=3, sight=5)
    counts = Counter((state.field > 0).sum((1, 2)).tolist())
    assert set(counts) == {1, 2}
    assert np.array_equal(state.food_spawned, state.field.sum((1, 2)))


@pytest.mark.parametrize("food_levels", ["v3", "legacy"])
@pytest.mark.parametrize("players", [1, 2, 4])
def test_food_levels_depend_on_the_three_weakest_players(players, food_levels):
    """Uniform from 1 to the sum L of the three lowest levels; `legacy` leaves L out, unless it is 1."""
    state = beginnings(30_000, players=players, field_size=(10, 10), max_num_food=1, sight=2, food_levels=food_levels)
    assert sigmas(np.bincount(state.levels[:, 0])[1:], [15_000, 15_000]) < SIGMAS
    top = np.sort(state.levels)[:, :3].sum(1)
    levels = state.field.max((1, 2))
    for sum_of_levels in np.unique(top):
        found = np.bincount(levels[top == sum_of_levels])[1:]
        highest = max(1, sum_of_levels - (food_levels == "legacy"))
        assert len(found) == highest
        if highest > 1:
            assert sigmas(found, [int(found.sum()) / highest] * highest) < SIGMAS


SETTINGS = {
    "usual": {"players": 3, "field_size": (10, 10), "max_num_food": 3},
    "crowded": {"players": 3, "field_size": (6, 7), "max_num_food": 3, "max_player_level": 3},
    "coop": {"players": 2, "field_size": (8, 8), "max_num_food": 2, "force_coop": True},
    "levels given": {
        "players": 3, "field_size": (6, 5), "max_num_food": 2, "min_player_level": 2, "max_player_level": 4,
        "min_food_level": 3, "max_food_level": 5,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "name", ["usual", *(pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS if name != "usual")]
)
def test_levels_and_foods_are_those_of_the_original(name):
    settings = SETTINGS[name] | {"sight": 2}
    state = beginnings(20_000, **settings)
    levels = map(tuple, state.levels.tolist())
    foods = foods_of(state.field)
    game = Original(**settings)
    theirs, their_levels = [], []
    for seed in range(2_000):
        game.begin(seed)
        theirs += foods_of(game.game.field[None])
        their_levels.append(tuple(int(player.level) for player in game.game.players))

    def strengths(of_players, of_foods):
        return Counter((own, tuple(food[2] for food in each)) for own, each in zip(of_players, of_foods, strict=True))

    assert sigmas_between(strengths(levels, foods), strengths(their_levels, theirs)) < SIGMAS
    cells = [Counter(food[:2] for each in every for food in each) for every in (foods, theirs)]
    assert sigmas_between(*cells) < SIGMAS


@pytest.mark.slow
def test_where_two_foods_stand_together_is_as_in_the_original():
    settings = {"players": 2, "field_size": (5, 6), "max_num_food": 2, "sight": 2}
    ours = Counter(tuple(food[:2] for food in each) for each in foods_of(beginnings(20_000, **settings).field))
    game, theirs = Original(**settings), Counter()
    for seed in range(2_000):
        game.begin(seed)
        # Where the first leaves no room for a second, there is one.
        theirs[tuple(food[:2] for food in foods_of(game.game.field[None])[0])] += 1
    assert sigmas_between(ours, theirs) < SIGMAS
