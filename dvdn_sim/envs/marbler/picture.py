"""The arena from above: y upwards, robots as discs with a line to where they look."""

import math
from collections.abc import Sequence
from typing import Final

from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT, HALF_WIDTH, LOOK_AHEAD

RED: Final[Colour] = (208, 72, 58)
GREEN: Final[Colour] = (58, 150, 88)
BLUE: Final[Colour] = (52, 112, 190)
ORANGE: Final[Colour] = (226, 142, 40)
GREY: Final[Colour] = (120, 124, 130)
PALE_RED: Final[Colour] = (246, 214, 208)
PALE_GREEN: Final[Colour] = (212, 238, 218)
PALE_BLUE: Final[Colour] = (206, 224, 246)
PALE_GREY: Final[Colour] = (228, 230, 233)
SAND: Final[Colour] = (240, 230, 210)
BLACK: Final[Colour] = (30, 32, 36)
WHITE: Final[Colour] = (255, 255, 255)

RADIUS: Final = 0.055  # metres, of a robot
MARGIN: Final = 0.1


def arena() -> Canvas:
    """An empty arena with a margin around it."""
    canvas = Canvas(
        (-HALF_WIDTH - MARGIN, -HALF_HEIGHT - MARGIN),
        (HALF_WIDTH + MARGIN, HALF_HEIGHT + MARGIN),
        width_px=680,
        background=PALE_GREY,
    )
    canvas.rectangle((-HALF_WIDTH, -HALF_HEIGHT), (HALF_WIDTH, HALF_HEIGHT), WHITE)
    return canvas


def ring(canvas: Canvas, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """A circle."""
    angles = [2.0 * math.pi * part / 60 for part in range(61)]
    canvas.line([(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles], colour)


def robots(canvas: Canvas, poses: Sequence[Sequence[float]], colours: Sequence[Colour]) -> None:
    """Robots of poses (x, y, θ), with their numbers and a line to their look-ahead points and on."""
    for number, ((x, y, theta), colour) in enumerate(zip(poses, colours, strict=True)):
        canvas.disc((x, y), RADIUS, colour)
        reach = 1.6 * LOOK_AHEAD
        canvas.line([(x, y), (x + reach * math.cos(theta), y + reach * math.sin(theta))], BLACK, width_px=2.5)
        canvas.text((x - 0.015 * math.cos(theta), y - 0.015 * math.sin(theta)), str(number), WHITE)
