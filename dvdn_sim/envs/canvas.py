"""A picture in world coordinates: what environments draw with, once for frames of pixels and for pages."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dvdn_sim.records import Picture, Point, Stroke

Colour = tuple[int, int, int]
Frame = npt.NDArray[np.uint8]
"""A picture, uint8 ``[height, width, 3]``, red, green, blue."""

OVERSAMPLING = 2  # strokes are drawn larger and scaled down: Pillow's own edges are jagged


class Canvas:
    """A blank picture of a rectangle of the world, from `low` to `high`; x to the right, y up.

    The height follows from `width_px`.

    >>> canvas = Canvas((-1.0, -1.0), (1.0, 1.0), width_px=20)
    >>> canvas.disc((0.0, 0.0), 0.5, (255, 0, 0))
    >>> canvas.frame().shape, canvas.frame()[10, 10].tolist(), canvas.frame()[0, 0].tolist()
    ((20, 20, 3), [255, 0, 0], [255, 255, 255])
    """

    def __init__(self, low: Point, high: Point, *, width_px: int = 400, background: Colour = (255, 255, 255)) -> None:
        self._low, self._high, self._width_px, self._background = low, high, width_px, background
        self._strokes: list[Stroke] = []

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """Fill a disc."""
        self._strokes.append(Stroke("disc", (centre,), colour, radius))

    def rectangle(self, low: Point, high: Point, colour: Colour) -> None:
        """Fill a rectangle from its lower left to its upper right corner."""
        self._strokes.append(Stroke("rectangle", (low, high), colour))

    def line(self, points: Sequence[Point], colour: Colour, width_px: float = 1.0) -> None:
        """Join points by straight lines."""
        self._strokes.append(Stroke("line", tuple(points), colour, width_px))

    def text(self, centre: Point, words: str, colour: Colour, height_px: float = 12.0) -> None:
        """Write words around a point."""
        self._strokes.append(Stroke("text", (centre,), colour, height_px, words))

    def picture(self, places: Sequence[Sequence[float]], radius: float) -> Picture:
        """Return what was drawn as strokes, which stay sharp at any size; with the agents' places and their radius."""
        where = tuple((float(x), float(y)) for x, y in places)
        return Picture(self._low, self._high, tuple(self._strokes), where, radius, self._width_px, self._background)

    def frame(self) -> Frame:
        """Return what was drawn as pixels."""
        from PIL import Image, ImageDraw  # noqa: PLC0415  (a run draws nothing)

        width, height = self._high[0] - self._low[0], self._high[1] - self._low[1]
        size = self._width_px, max(1, round(self._width_px * height / width))
        image = Image.new("RGB", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), self._background)
        draw, scale = ImageDraw.Draw(image), OVERSAMPLING * self._width_px / width
        for stroke in self._strokes:
            path = [((x - self._low[0]) * scale, (self._high[1] - y) * scale) for x, y in stroke.points]
            (x, y), fill, across = path[0], stroke.colour, stroke.size * scale
            if stroke.kind == "disc":
                draw.ellipse((x - across, y - across, x + across, y + across), fill=fill)
            elif stroke.kind == "rectangle":
                draw.rectangle((x, path[1][1], path[1][0], y), fill=fill)
            elif stroke.kind == "line":
                draw.line(path, fill=fill, width=max(1, round(stroke.size * OVERSAMPLING)))
            else:
                draw.text((x, y), stroke.words, fill=fill, anchor="mm", font_size=stroke.size * OVERSAMPLING)
        return np.asarray(image.reduce(OVERSAMPLING))
