import pytest
import torch

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging


def parts(**changes):
    """Two fields of 4 x 5 with two players."""
    field = torch.zeros(2, 4, 5, dtype=torch.int32)
    field[0, 1, 1], field[1, 2, 3], field[1, 1, 1] = 2, 1, 3
    return {
        "field": field,
        "positions": torch.tensor([[[0, 0], [3, 4]], [[1, 2], [1, 2]]]),
        "levels": torch.tensor([[1, 2], [2, 2]]),
        "food_spawned": torch.tensor([4, 4]),
        "step": torch.tensor([7, 0]),
    } | changes


def test_what_is_put_in_can_be_read():
    given = parts()
    state = LbfState(**given)
    for name, value in given.items():
        assert torch.equal(getattr(state, name), value.long()), name
        assert getattr(state, name).dtype == torch.int64
    assert state.episode.tolist() == [0, 0]
    assert (state.n_rows, state.size) == (2, (4, 5))
    again = LbfState(*(getattr(state, name) for name in given), episode=torch.tensor([3, 4]))
    assert again.episode.tolist() == [3, 4]


def test_a_field_without_food_may_be_put_in():
    state = LbfState(**parts(field=torch.zeros(2, 4, 5, dtype=torch.int64)))
    env = LevelBasedForaging(players=2, field_size=(4, 5), max_num_food=2, sight=2)
    assert env.timed_out(state).tolist() == [False, False]
    after, observations, rewards, done = env.step(state, torch.full((2, 2), 4))
    assert done.tolist() == [True, True]
    assert not rewards.any()
    assert torch.equal(after.positions, state.positions)
    assert observations[0, 0, :6].tolist() == [-1, -1, 0, -1, -1, 0]


def test_what_is_put_in_is_not_changed_by_steps():
    given = parts()
    kept = {name: value.clone() for name, value in given.items()}
    state = LbfState(**given)
    env = LevelBasedForaging(players=2, field_size=(4, 5), max_num_food=2, sight=5)
    env.step(state, torch.tensor([[2, 3], [5, 5]]))
    assert all(torch.equal(given[name], kept[name]) for name in given)
    assert all(torch.equal(getattr(state, name), kept[name].long()) for name in given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"field": torch.zeros(2, 4)}, r"field float32 \[2, 4\] found; whole numbers \[E, rows, columns\] expected"),
        ({"field": torch.zeros(2, 4, 5)}, r"field float32 \[2, 4, 5\] found; whole numbers"),
        ({"positions": torch.zeros(2, 2, 3).long()}, r"positions int64 \[2, 2, 3\] found; whole numbers \[2, N, 2\]"),
        ({"positions": torch.zeros(1, 2, 2).long()}, r"positions int64 \[1, 2, 2\] found; whole numbers \[2, N, 2\]"),
        ({"positions": torch.zeros(2, 2, 2)}, r"positions float32 \[2, 2, 2\] found; whole numbers"),
        ({"positions": torch.tensor(0)}, r"positions int64 \[\] found; whole numbers \[2, N, 2\]"),
        ({"levels": torch.ones(2, 3).long()}, r"levels int64 \[2, 3\] found; whole numbers \[2, 2\] expected"),
        ({"levels": torch.ones(2, 2) > 0}, r"levels bool \[2, 2\] found; whole numbers \[2, 2\] expected"),
        ({"food_spawned": torch.tensor([4])}, r"food_spawned int64 \[1\] found; whole numbers \[2\] expected"),
        ({"step": torch.zeros(2, 1).long()}, r"step int64 \[2, 1\] found; whole numbers \[2\] expected"),
        ({"step": torch.zeros(2)}, r"step float32 \[2\] found; whole numbers \[2\] expected"),
        ({"episode": torch.zeros(3).long()}, r"episode int64 \[3\] found; whole numbers \[2\] expected"),
        ({"levels": torch.tensor([[1, 0], [1, 1]])}, "levels from 0 to 1 found; levels from 1 to 32767 expected"),
        ({"levels": torch.full((2, 2), 40_000)}, "levels from 40000 to 40000 found"),
        ({"field": torch.full((2, 4, 5), -1)}, "field from -1 to -1 found; levels from 0 to 32767 expected"),
        (
            {"positions": torch.tensor([[[0, 0], [4, 0]], [[1, 2], [1, 2]]])},
            r"row 0, player 1 at \(4, 0\) found; a cell of a field of \(4, 5\) expected",
        ),
        (
            {"positions": torch.tensor([[[0, 0], [3, 4]], [[1, -1], [1, 2]]])},
            r"row 1, player 0 at \(1, -1\) found; a cell",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        LbfState(**parts(**changes))


def test_a_player_beside_two_foods_is_refused():
    """Foods are never spaced so, and whom the original would then let load depends on addresses in memory."""
    field = torch.zeros(2, 4, 5, dtype=torch.int64)
    field[1, 1, 1] = field[1, 1, 3] = 1
    with pytest.raises(ValueError, match="row 1, player 0 beside several foods found; one at most expected"):
        LbfState(**parts(field=field))
