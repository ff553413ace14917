"""Episodes begin as ``lbforaging``'s do: in closed form where there is one, against its own resets elsewhere."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch

from dvdn_sim.envs.lbf import LevelBasedForaging

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


def foods_of(state):
    """Per row, the cells and levels of the foods, in row-major order."""
    row, column, level = state.foods.permute(0, 2, 1).tolist()
    return [
        tuple((r, c, k) for r, c, k in zip(*each, strict=True) if k) for each in zip(row, column, level, strict=True)
    ]


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
    inner = state.field[:, 1:-1, 1:-1].flatten(1) > 0
    assert bool((inner.sum(1) == 1).all())
    assert sigmas(inner.sum(0), [20_000 / 12] * 12) < SIGMAS


def test_foods_keep_apart():
    """Never within two cells in a row or column, nor in one block of nine, nor on the border, nor under a player."""
    state = beginnings(3_000, players=4, field_size=(8, 7), max_num_food=6, sight=4)
    foods, places = state.field > 0, torch.zeros_like(state.field, dtype=torch.bool)
    assert not foods[:, [0, -1]].any()
    assert not foods[:, :, [0, -1]].any()
    padded = torch.nn.functional.pad(foods.double(), (2, 2, 2, 2))
    for down, right in [(0, 1), (0, 2), (1, 0), (2, 0), (1, 1), (1, -1)]:
        shifted = padded[:, 2 + down : 10 + down, 2 + right : 9 + right] > 0
        assert not (foods & shifted).any()
    rows = torch.arange(3_000)[:, None]
    places[rows, state.positions[..., 0], state.positions[..., 1]] = True
    assert not (foods & places).any()
    counts = Counter(foods.sum((1, 2)).tolist())
    assert counts[6] < 3_000, "six foods do not always fit"
    assert min(counts) >= 3


def test_where_foods_do_not_fit_there_are_fewer():
    """In a 3x3 block of inner cells two foods fit only in opposite corners, or where one has no room for a second."""
    state = beginnings(2_000, players=1, field_size=(5, 5), max_num_food=4, sight=5)
    counts = Counter((state.field > 0).sum((1, 2)).tolist())
    assert set(counts) == {1, 2}
    assert torch.equal(state.food_spawned, state.field.sum((1, 2)))


@pytest.mark.parametrize("food_levels", ["v3", "legacy"])
@pytest.mark.parametrize("players", [1, 2, 4])
def test_food_levels_depend_on_the_three_weakest_players(players, food_levels):
    """Uniform from 1 to the sum L of the three lowest levels; `legacy` leaves L out, unless it is 1."""
    state = beginnings(30_000, players=players, field_size=(10, 10), max_num_food=1, sight=2, food_levels=food_levels)
    assert sigmas(torch.bincount(state.levels[:, 0])[1:], [15_000, 15_000]) < SIGMAS
    top = state.levels.sort(1).values[:, :3].sum(1)
    levels = state.field.amax((1, 2))
    for sum_of_levels in top.unique().tolist():
        found = torch.bincount(levels[top == sum_of_levels])[1:]
        highest = max(1, sum_of_levels - (food_levels == "legacy"))
        assert len(found) == highest
        if highest > 1:
            assert sigmas(found, [int(found.sum()) / highest] * highest) < SIGMAS


SETTINGS = {
    "usual": {"players": 3, "field_size": (10, 10), "max_num_food": 3},
    "crowded": {"players": 3, "field_size": (6, 7), "max_num_food": 3, "max_player_level": 3},
    "coop": {"players": 2, "field_size": (8, 8), "max_num_food": 2, "force_coop": True},
    "one by one": {
        "players": 3, "field_size": (6, 5), "max_num_food": 2, "min_player_level": [1, 2, 4],
        "max_player_level": [2, 3, 4], "min_food_level": [1, 5], "max_food_level": [2, 6],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_levels_and_foods_are_those_of_the_original(name, original):
    settings = SETTINGS[name] | {"sight": 2}
    state = beginnings(20_000, **settings)
    levels = map(tuple, state.levels.tolist())
    foods = foods_of(state)
    game = original(**settings)
    theirs, their_levels = [], []
    for seed in range(2_000):
        game.begin(seed)
        field = game.game.field
        theirs.append(tuple((int(r), int(c), int(field[r, c])) for r, c in zip(*field.nonzero(), strict=True)))
        their_levels.append(tuple(int(player.level) for player in game.game.players))

    def strengths(of_players, of_foods):
        return Counter((own, tuple(food[2] for food in each)) for own, each in zip(of_players, of_foods, strict=True))

    assert sigmas_between(strengths(levels, foods), strengths(their_levels, theirs)) < SIGMAS
    cells = [Counter(food[:2] for each in every for food in each) for every in (foods, theirs)]
    assert sigmas_between(*cells) < SIGMAS


def test_where_two_foods_stand_together_is_as_in_the_original(original):
    settings = {"players": 2, "field_size": (5, 6), "max_num_food": 2, "sight": 2}
    ours = Counter(tuple(food[:2] for food in each) for each in foods_of(beginnings(20_000, **settings)))
    game, theirs = original(**settings), Counter()
    for seed in range(2_000):
        game.begin(seed)
        # Where the first leaves no room for a second, there is one.
        theirs[tuple(zip(*(each.tolist() for each in game.game.field.nonzero()), strict=True))] += 1
    assert sigmas_between(ours, theirs) < SIGMAS


def test_an_episode_depends_on_row_seed_and_number_alone():
    settings = {"players": 3, "field_size": (9, 9), "max_num_food": 3, "sight": 2}
    env = LevelBasedForaging(**settings, row_seeds=[7, 8, 7, 2**40])
    first, seen = env.reset(None)
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])
    second, _ = env.reset(first)
    third, _ = env.reset(second, torch.tensor([False, True, True, False]))
    assert third.episode.tolist() == [1, 2, 2, 1]
    alone = LevelBasedForaging(**settings, row_seeds=[8])
    state, _ = alone.reset(None)
    for _ in range(2):
        state, _ = alone.reset(state)
    assert torch.equal(state.field[0], third.field[1])
    assert torch.equal(state.positions[0], third.positions[1])
    # What was made ahead for later episodes does not change earlier ones.
    again, _ = env.reset(first)
    assert torch.equal(again.field, second.field)
    assert torch.equal(again.positions, second.positions)
    assert torch.equal(again.levels, second.levels)
