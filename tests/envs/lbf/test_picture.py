import torch

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging
from dvdn_sim.envs.lbf.picture import FOOD, PLAYERS


def test_a_frame_shows_foods_and_players_where_they_are():
    field = torch.zeros(2, 4, 8, dtype=torch.int64)
    field[1, 1, 6] = 3
    state = LbfState(
        field,
        positions=torch.tensor([[[0, 0], [0, 0]], [[3, 0], [2, 5]]]),
        levels=torch.tensor([[1, 2], [1, 2]]),
        food_spawned=torch.tensor([3, 3]),
        step=torch.tensor([0, 0]),
    )
    env = LevelBasedForaging(players=2, field_size=(4, 8), max_num_food=1, sight=2)
    picture = env.frame(state, 1)
    assert picture.shape == (200, 400, 3)
    at = lambda row, column: picture[int(row * 50), int(column * 50)].tolist()  # noqa: E731
    assert at(1.2, 6.2) == list(FOOD)
    assert at(3.3, 0.3) == list(PLAYERS[0])
    assert at(2.3, 5.3) == list(PLAYERS[1])
    assert at(0.5, 0.5) == [255, 255, 255]
    # Two on one cell share it, side by side.
    shared = env.frame(state)
    assert shared[25, 5].tolist() == list(PLAYERS[0])
    assert shared[25, 45].tolist() == list(PLAYERS[1])
