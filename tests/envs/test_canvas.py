import numpy as np
import pytest

from dvdn_sim.envs import Canvas

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
