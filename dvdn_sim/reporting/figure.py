"""A figure of a page: what it shows in each state of its switches, in words too, and the table behind it.

Traces and layouts are those of plotly.js, as plain JSON. A colour is the name of a variable of the page's style, with
an opacity or without (``series-1``, ``muted/0.2``): light and dark are one figure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from dvdn_sim.statistics import Estimate

Json = dict[str, Any]
COLOURS = 8
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")


@dataclass(frozen=True)
class Switch:
    """A choice that a reader has.

    Attributes:
        name: what is chosen.
        options: among what, the first of them at first.
    """

    name: str
    options: Sequence[str]


@dataclass(frozen=True)
class View:
    """What a figure shows in one state of its switches: traces and layout of plotly.js."""

    traces: Sequence[Json]
    layout: Json


Views = Mapping[tuple[str, ...], View]
"""By the option of every switch."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        id: its name, that of its files and of the table's.
        title: what it shows.
        said: how to read it, in a sentence or two; plain text.
        alt: what there is to see, for whoever does not.
        switches: what a reader may choose.
        views: by the option of every switch. Where there is none, nothing is to be shown.
        table: the numbers behind it, of all views.
    """

    id: str
    title: str
    said: str
    alt: str
    switches: Sequence[Switch]
    views: Views
    table: pl.DataFrame

    def states(self) -> Iterator[tuple[str, ...]]:
        """Yield every state of the switches, in order; the first is shown at first."""
        yield from product(*(switch.options for switch in self.switches))


def colour(number: int, opacity: float | None = None) -> str:
    """Return the colour of the n-th series, from 0; after eight they begin anew, with another dash and symbol."""
    name = f"series-{number % COLOURS + 1}"
    return name if opacity is None else f"{name}/{opacity}"


def line(x: npt.ArrayLike, y: npt.ArrayLike, name: str, number: int, *, step: bool = False) -> Json:
    """A line of the n-th series."""
    style = {"color": colour(number), "width": 2, "dash": DASHES[number // COLOURS % len(DASHES)]}
    return {
        "type": "scatter", "mode": "lines", "x": plain(x), "y": plain(y), "name": name, "legendgroup": name,
        "line": style | ({"shape": "hv"} if step else {}),
    }  # fmt: skip


def band(
    x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, name: str, number: int, *, step: bool = False
) -> Json:
    """The interval around a line of the n-th series, as one closed shape."""
    along, below, above = plain(x), plain(low), plain(high)
    if step:
        along, below, above = _stairs(along, below, above)
    return {
        "type": "scatter", "mode": "lines", "x": [*along, *reversed(along)], "y": [*above, *reversed(below)],
        "fill": "toself", "fillcolor": colour(number, 0.16), "line": {"width": 0, "color": colour(number, 0.0)},
        "name": name, "legendgroup": name, "showlegend": False, "hoverinfo": "skip",
    }  # fmt: skip


def _stairs(along: list[float], *heights: list[float]) -> tuple[list[float], ...]:
    x = [each for point in along for each in (point, point)][1:]
    return x, *([each for value in curve for each in (value, value)][:-1] for curve in heights)


def points(
    x: Sequence[Any],
    y: npt.ArrayLike,
    name: str,
    number: int,
    *,
    ends: Sequence[tuple[float, float] | None] | None = None,
    joined: bool = False,
    hover: Sequence[str] | None = None,
) -> Json:
    """Dots of the n-th series, with intervals if there are any; an interval that is None is not drawn."""
    heights = plain(y)
    trace: Json = {
        "type": "scatter", "mode": "lines+markers" if joined else "markers", "x": list(x), "y": heights, "name": name,
        "legendgroup": name, "line": {"color": colour(number), "width": 1.5, "dash": "dot"},
        "marker": {"color": colour(number), "size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]},
    }  # fmt: skip
    if hover is not None:
        trace |= {"text": list(hover), "hovertemplate": "%{text}<extra></extra>"}
    if ends is not None and any(each is not None for each in ends):
        above = [0.0 if each is None else each[1] - value for value, each in zip(heights, ends, strict=True)]
        below = [0.0 if each is None else value - each[0] for value, each in zip(heights, ends, strict=True)]
        trace["error_y"] = {
            "type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": colour(number),
            "thickness": 1.5, "width": 4,
        }  # fmt: skip
    return trace


def axes(x: str, y: str, **more: Any) -> Json:
    """A layout with titled axes; ``yaxis_range`` is the range of the vertical one, ``legend`` what the series are."""
    layout: Json = {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
    if "legend" in more:
        layout["legend"] = {"title": {"text": more.pop("legend")}}
    for name, value in more.items():
        axis, _, key = name.partition("_")
        if axis in layout:
            layout[axis][key] = value
        else:
            layout[name] = value
    return layout


def around(values: npt.ArrayLike, share: float = 0.08) -> list[float]:
    """Return a range of an axis that has all values in it, and a little more."""
    found = plain(values)
    low, high = min(found), max(found)
    margin = share * ((high - low) or abs(high) or 1.0)
    return [low - margin, high + margin]


def plain(values: npt.ArrayLike) -> list[float]:
    """Return numbers as JSON has them, to six digits: more is not seen."""
    return [float(f"{value:.6g}") for value in np.asarray(values, float).ravel().tolist()]


def interval_columns(name: str, found: Estimate) -> Json:
    """Return the ends of an interval as tables have them: ``NAME_ci95_low`` and ``_high``, empty if there is none."""
    low, high = found.interval or (None, None)
    return {f"{name}_ci95_low": low, f"{name}_ci95_high": high}


def row(at: Mapping[str, str], numbers: Mapping[str, Any]) -> Json:
    """Return a row of a table: labels by axis, then numbers; an axis that is called like a number is ``axis_…``."""
    return {f"axis_{name}" if name in numbers else name: label for name, label in at.items()} | dict(numbers)
