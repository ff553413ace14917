import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging


def placed(positions, foods, size=(10, 10)):
    field = torch.zeros(1, *size, dtype=torch.int64)
    for row, column, level in foods:
        field[0, row, column] = level
    positions = torch.tensor([positions])
    levels = torch.arange(1, positions.shape[1] + 1)[None]
    return LbfState(field, positions, levels, food_spawned=torch.tensor([9]), step=torch.tensor([0]))


def observed(state, sight, foods, **changes):
    """What everybody sees after a step in which nobody does anything."""
    players = state.positions.shape[1]
    env = LevelBasedForaging(players=players, field_size=state.size, max_num_food=foods, sight=sight, **changes)
    return env.step(state, torch.zeros(1, players, dtype=torch.int64))[1][0].tolist()


def triplets(numbers):
    return [tuple(numbers[i : i + 3]) for i in range(0, len(numbers), 3)]


def test_near_the_corner_players_are_seen_further_than_foods():
    """By hand, sight 2. The window of (0, 0) is rows and columns 0 to 2, but players are seen up to 4."""
    state = placed([[0, 0], [4, 4]], foods=[(1, 2, 3), (3, 3, 5)])
    first, second = observed(state, sight=2, foods=2)
    assert triplets(first) == [(1, 2, 3), (-1, -1, 0), (0, 0, 1), (4, 4, 2)]
    # The window of (4, 4) begins at (2, 2).
    assert triplets(second) == [(1, 1, 5), (-1, -1, 0), (2, 2, 2), (-1, -1, 0)]


def test_what_is_seen_leaves_no_gap():
    """The second player is hidden, so the third takes its place; foods come in row-major order."""
    state = placed([[5, 5], [9, 9], [5, 6]], foods=[(8, 1, 7), (6, 4, 2), (4, 5, 1)])
    first, _, third = observed(state, sight=2, foods=3)
    assert triplets(first) == [(1, 2, 1), (3, 1, 2), (-1, -1, 0), (2, 2, 1), (2, 3, 3), (-1, -1, 0)]
    assert triplets(third) == [(1, 1, 1), (3, 0, 2), (-1, -1, 0), (2, 2, 3), (2, 1, 1), (-1, -1, 0)]


def test_levels_of_players_may_be_hidden():
    state = placed([[5, 5], [5, 6]], foods=[(6, 4, 2)])
    assert observed(state, sight=9, foods=1, observe_agent_levels=False) == [
        [6, 4, 2, 5, 5, 5, 6],
        [6, 4, 2, 5, 6, 5, 5],
    ]
    assert observed(state, sight=1, foods=1, observe_agent_levels=False) == [
        [2, 0, 2, 1, 1, 1, 2],
        [-1, -1, 0, 1, 1, 1, 0],
    ]


def test_full_sight_is_the_sight_of_the_longest_side():
    """From side - 1 on everything is seen, by another way; one less and a corner hides the one opposite."""
    state = placed([[0, 0], [4, 11], [2, 3]], foods=[(1, 1, 2), (3, 10, 1)], size=(5, 12))
    whole = observed(state, sight=11, foods=2)
    assert whole == observed(state, sight=12, foods=2) == observed(state, sight=1000, foods=2)
    assert triplets(whole[1]) == [(1, 1, 2), (3, 10, 1), (4, 11, 2), (0, 0, 1), (2, 3, 3)]
    assert observed(state, sight=10, foods=2)[1] != whole[1]


def test_a_large_field_with_many_players_is_seen_as_well():
    """Here a place and a triplet need more than 32 bits."""
    rng = np.random.default_rng(0)
    cells = rng.permutation(300 * 300)[:40]
    state = placed(np.stack([cells // 300, cells % 300], 1).tolist(), foods=[(150, 150, 30_000)], size=(300, 300))
    seen = np.array(observed(state, sight=290, foods=1))[:, 3:].reshape(40, 40, 3)
    visible = LevelBasedForaging(players=40, field_size=(300, 300), max_num_food=1, sight=290).visible(state)[0]
    for player, others in enumerate(visible.numpy()):
        expected = [player + 1, *(np.flatnonzero(others) + 1)]
        assert seen[player, : len(expected), 2].tolist() == expected
        assert not seen[player, len(expected) :, 2].any()


@settings(max_examples=60, deadline=None)
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
