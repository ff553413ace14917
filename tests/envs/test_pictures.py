"""Pictures: what a canvas draws, and what frames of games show (that every environment draws: see `test_parallel`)."""

import numpy as np
import pytest

from dvdn_sim.envs import Canvas
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.lbf.env import FOOD, PLAYERS
from dvdn_sim.envs.mpe import SimpleAdversary

RED, BLUE, WHITE, GREY = (255, 0, 0), (0, 0, 255), (255, 255, 255), (200, 200, 200)


def at(canvas, row, column):
    return tuple(canvas.frame()[row, column].tolist())


def test_the_world_is_drawn_to_scale_with_y_up():
    canvas = Canvas((-2.0, 0.0), (2.0, 1.0), width_px=80, background=GREY)
    assert canvas.frame().shape == (20, 80, 3)
    assert canvas.frame().dtype == np.uint8
    assert (canvas.frame() == 200).all()
    canvas.rectangle((-2.0, 0.0), (-1.0, 0.5), RED)
    canvas.rectangle((1.0, 0.5), (2.0, 1.0), BLUE)
    assert (at(canvas, 15, 5), at(canvas, 5, 5), at(canvas, 5, 75), at(canvas, 15, 75)) == (RED, GREY, BLUE, GREY)


def test_a_disc_covers_its_area():
    canvas = Canvas((0.0, 0.0), (1.0, 1.0), width_px=100)
    canvas.disc((0.25, 0.75), 0.2, RED)
    covered = (255.0 - canvas.frame()[..., 1]) / 255  # an edge covers a part of its pixel
    assert covered.sum() == pytest.approx(np.pi * 20**2, rel=0.03)
    row, column = np.indices(covered.shape)
    assert (covered * row).sum() / covered.sum() == pytest.approx(25, abs=0.6)
    assert (covered * column).sum() / covered.sum() == pytest.approx(25, abs=0.6)


def test_a_line_is_as_wide_as_it_is_said_to_be():
    canvas = Canvas((0.0, 0.0), (1.0, 1.0), width_px=50)
    canvas.line([(0.0, 0.5), (1.0, 0.5)], RED, width_px=4)
    column = (255.0 - canvas.frame()[:, 25, 1]) / 255
    assert column.sum() == pytest.approx(4, abs=1)
    assert at(canvas, 25, 40) == RED
    assert at(canvas, 10, 40) == WHITE


def test_words_are_written_around_their_point():
    canvas = Canvas((0.0, 0.0), (1.0, 1.0), width_px=60)
    canvas.text((0.5, 0.5), "8", (0, 0, 0), height_px=30)
    ink = 255.0 - canvas.frame()[..., 0]
    row, column = np.indices(ink.shape)
    assert ink.max() > 200
    assert (ink * row).sum() / ink.sum() == pytest.approx(30, abs=4)
    assert (ink * column).sum() / ink.sum() == pytest.approx(30, abs=4)


def test_a_frame_is_not_changed_by_what_is_drawn_later():
    canvas = Canvas((0.0, 0.0), (1.0, 1.0), width_px=10)
    before = canvas.frame()
    canvas.disc((0.5, 0.5), 0.5, RED)
    assert (before == 255).all()
    assert not (canvas.frame() == 255).all()


FORAGING = LevelBasedForaging(players=2, field_size=(4, 8), max_num_food=1, sight=2)


def placed(food_level=3, level=2):
    field = np.zeros((2, 4, 8), int)
    field[1, 1, 6] = food_level
    return FORAGING.place(field, [[[0, 0], [0, 0]], [[3, 0], [2, 5]]], [[1, 2], [1, level]])


def test_a_frame_shows_foods_and_players_where_they_are():
    state = placed()
    picture = FORAGING.frame(state, 1)
    assert picture.shape == (200, 400, 3)
    at = lambda row, column: picture[int(row * 50), int(column * 50)].tolist()  # noqa: E731
    assert at(1.2, 6.2) == list(FOOD)
    assert at(3.3, 0.3) == list(PLAYERS[0])
    assert at(2.3, 5.3) == list(PLAYERS[1])
    assert at(0.5, 0.5) == [255, 255, 255]
    # Two on one cell share it, side by side.
    shared = FORAGING.frame(state)
    assert shared[25, 5].tolist() == list(PLAYERS[0])
    assert shared[25, 45].tolist() == list(PLAYERS[1])


def test_levels_are_written_where_they_belong():
    plain = FORAGING.frame(placed(), 1).astype(int)
    for other, row, column in ((placed(food_level=4), 1, 6), (placed(level=5), 2, 5)):
        changed = abs(FORAGING.frame(other, 1) - plain).any(2)
        assert changed.any()
        changed[50 * row : 50 * row + 50, 50 * column : 50 * column + 50] = False
        assert not changed.any()


def test_a_frame_shows_who_is_where():
    """Scale: ± 1.35 m on 400 pixels, y up."""
    env = SimpleAdversary(row_seeds=(0, 1))
    places = np.array([[[0.0, 0.9], [-0.9, 0.0], [0.9, 0.0]]] * 2)
    state = env.place(places, [[[0.0, 0.0], [0.0, -0.9]]] * 2, goal=[0, 1])
    frame = env.frame(state, 1)
    assert frame.shape == (400, 400, 3)

    def colour(x, y):
        return frame[round(200 - y * 400 / 2.7), round(200 + x * 400 / 2.7)].tolist()

    red, blue, goal, landmark = [217, 89, 89], [89, 89, 217], [60, 160, 60], [90, 90, 90]
    assert [colour(0.0, 0.9), colour(-0.9, 0.0), colour(0.9, 0.0)] == [red, blue, blue]
    assert [colour(0.0, -0.9), colour(0.0, 0.0)] == [goal, landmark]
    assert colour(0.5, 0.5) == [255, 255, 255]
    far = env.place(10 * places, np.zeros((2, 2, 2)))
    assert [217, 89, 89] in env.frame(far).reshape(-1, 3).tolist()  # who has gone far is still in the picture
