import torch

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging
from dvdn_sim.envs.lbf.picture import FOOD, PLAYERS

ENV = LevelBasedForaging(players=2, field_size=(4, 8), max_num_food=1, sight=2)


def placed(food_level=3, level=2):
    field = torch.zeros(2, 4, 8, dtype=torch.int64)
    field[1, 1, 6] = food_level
    return LbfState(
        field,
        positions=torch.tensor([[[0, 0], [0, 0]], [[3, 0], [2, 5]]]),
        levels=torch.tensor([[1, 2], [1, level]]),
        food_spawned=torch.tensor([3, 3]),
        step=torch.tensor([0, 0]),
    )


def test_a_frame_shows_foods_and_players_where_they_are():
    state = placed()
    picture = ENV.frame(state, 1)
    assert picture.shape == (200, 400, 3)
    at = lambda row, column: picture[int(row * 50), int(column * 50)].tolist()  # noqa: E731
    assert at(1.2, 6.2) == list(FOOD)
    assert at(3.3, 0.3) == list(PLAYERS[0])
    assert at(2.3, 5.3) == list(PLAYERS[1])
    assert at(0.5, 0.5) == [255, 255, 255]
    # Two on one cell share it, side by side.
    shared = ENV.frame(state)
    assert shared[25, 5].tolist() == list(PLAYERS[0])
    assert shared[25, 45].tolist() == list(PLAYERS[1])


def test_levels_are_written_where_they_belong():
    plain = ENV.frame(placed(), 1).astype(int)
    for other, row, column in ((placed(food_level=4), 1, 6), (placed(level=5), 2, 5)):
        changed = abs(ENV.frame(other, 1) - plain).any(2)
        assert changed.any()
        changed[50 * row : 50 * row + 50, 50 * column : 50 * column + 50] = False
        assert not changed.any()
