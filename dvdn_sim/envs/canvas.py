"""A picture in world coordinates: what environments draw a frame with."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int]
Frame = npt.NDArray[np.uint8]
"""A picture, uint8 ``[height, width, 3]``, red, green, blue."""

OVERSAMPLING = 2  # shapes are drawn larger and scaled down: Pillow's own edges are jagged


class Canvas:
    """A blank picture of a rectangle of the world; x to the right, y up.

    Args:
        low: Lower left corner of the rectangle, x and y.
        high: Its upper right corner.
        width_px: Width of the picture; the height follows.
        background: Red, green, blue, 0 to 255.

    >>> canvas = Canvas((-1.0, -1.0), (1.0, 1.0), width_px=20)
    >>> canvas.disc((0.0, 0.0), 0.5, (255, 0, 0))
    >>> canvas.frame().shape, canvas.frame()[10, 10].tolist(), canvas.frame()[0, 0].tolist()
    ((20, 20, 3), [255, 0, 0], [255, 255, 255])
    """

    def __init__(
        self,
        low: tuple[float, float],
        high: tuple[float, float],
        *,
        width_px: int = 400,
        background: Colour = (255, 255, 255),
    ) -> None:
        from PIL import Image, ImageDraw  # noqa: PLC0415  (a run draws nothing)

        width, height = high[0] - low[0], high[1] - low[1]
        size = width_px, max(1, round(width_px * height / width))
        self._scale = OVERSAMPLING * width_px / width
        self._left, self._top = low[0], high[1]
        self._image = Image.new("RGB", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), background)
        self._draw = ImageDraw.Draw(self._image)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """Fill a disc."""
        x, y = self._pixel(centre)
        across = radius * self._scale
        self._draw.ellipse((x - across, y - across, x + across, y + across), fill=colour)

    def rectangle(self, low: tuple[float, float], high: tuple[float, float], colour: Colour) -> None:
        """Fill a rectangle from its lower left to its upper right corner."""
        (left, bottom), (right, top) = self._pixel(low), self._pixel(high)
        self._draw.rectangle((left, top, right, bottom), fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width_px: float = 1.0) -> None:
        """Join points by straight lines."""
        path = [self._pixel(point) for point in points]
        self._draw.line(path, fill=colour, width=max(1, round(width_px * OVERSAMPLING)))

    def text(self, centre: tuple[float, float], words: str, colour: Colour, height_px: float = 12.0) -> None:
        """Write words around a point."""
        self._draw.text(self._pixel(centre), words, fill=colour, anchor="mm", font_size=height_px * OVERSAMPLING)

    def frame(self) -> Frame:
        """The picture so far."""
        return np.asarray(self._image.reduce(OVERSAMPLING))

    def _pixel(self, point: tuple[float, float]) -> tuple[float, float]:
        return (point[0] - self._left) * self._scale, (self._top - point[1]) * self._scale
