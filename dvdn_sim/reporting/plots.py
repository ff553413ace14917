"""What a figure of a page is made of: its views by the reader's choices, and the table behind it.

Traces and layouts are those of plotly.js, as plain JSON. A colour is the name of a variable of the page's style, with
an opacity or without (``series-1``, ``muted/0.2``), so that light and dark are one figure. Python's own plotly objects
refuse such names, and take ten times as long to build.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Estimate

Json = dict[str, Any]
COLOURS = 8
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star")


@dataclass(frozen=True)
class Choice:
    """A choice that a reader has; the first option is shown at first."""

    name: str
    options: Sequence[str]


@dataclass(frozen=True)
class View:
    """What a figure shows for one state of its choices: traces and layout of plotly.js."""

    traces: Sequence[Json]
    layout: Json


Views = dict[tuple[str, ...], View]
"""By the option of every choice. Where there is none, nothing is to be shown."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        id: Its name, that of its files and of the table's.
        title: What it shows.
        caption: How to read it, in a sentence or two; plain text.
        alt: What there is to see, for whoever does not.
        choices: What a reader may choose.
        views: What is shown.
        table: The numbers behind it, of all views.
    """

    id: str
    title: str
    caption: str
    alt: str
    choices: Sequence[Choice]
    views: Views
    table: pl.DataFrame

    def states(self) -> Iterator[tuple[str, ...]]:
        """Yield every state of the choices, in order; the first is shown at first."""
        yield from product(*(choice.options for choice in self.choices))


class Panels:
    """The cells of a study laid out: one axis gives the lines, the labels of the others are chosen.

    Attributes:
        series: Name of the axis whose labels are the lines: that of the baseline, or the first.
        across: Name of the axis along the horizontal one, where a figure has one; None if cells differ on one axis.
        choices: One for each axis whose label is chosen.
    """

    def __init__(self, study: Study, *, across: bool = False) -> None:
        self.study = study
        self.series, *others = study.varied
        self.across = others.pop(0) if across and others else None
        self.choices = [Choice(name, list(study.axes[name])) for name in others]

    def items(self) -> Iterator[tuple[tuple[str, ...], list[tuple[int, Cell]]]]:
        """Yield the labels that are chosen, and the cells there with the number of their line."""
        labels = list(self.study.axes[self.series])
        for state in product(*(choice.options for choice in self.choices)):
            chosen = {choice.name: label for choice, label in zip(self.choices, state, strict=True)}
            here = [cell for cell in self.study.cells if chosen.items() <= cell.at.items()]
            yield state, sorted(((labels.index(self.label(cell)), cell) for cell in here), key=lambda each: each[0])

    def label(self, cell: Cell) -> str:
        """Return the label of the line that a cell belongs to."""
        return cell.at[self.series]

    def views(self, options: Iterable[str], draw: Callable[[str, list[tuple[int, Cell]]], View]) -> Views:
        """Return what `draw` makes of each option and panel; a view without traces is left out."""
        drawn = {(option, *state): draw(option, cells) for option in options for state, cells in self.items()}
        return {state: view for state, view in drawn.items() if view.traces}


def shown(options: Iterable[str], views: Views) -> list[str]:
    """Return the options of a figure's first choice that have a view."""
    return [option for option in options if any(state[0] == option for state in views)]


def colour(number: int, opacity: float | None = None) -> str:
    """Return the colour of the n-th series, from 0; after eight they begin anew, with another dash and symbol."""
    name = f"series-{number % COLOURS + 1}"
    return name if opacity is None else f"{name}/{opacity}"


def line(x: npt.ArrayLike, y: npt.ArrayLike, name: str, number: int, *, step: bool = False) -> Json:
    """Draw the line of the n-th series."""
    style = {"color": colour(number), "width": 2, "dash": DASHES[number // COLOURS % len(DASHES)]}
    return {
        "type": "scatter", "mode": "lines", "x": plain(x), "y": plain(y), "name": name, "legendgroup": name,
        "line": style | ({"shape": "hv"} if step else {}),
    }  # fmt: skip


def dashed(x: Sequence[float], y: Sequence[float], name: str) -> Json:
    """Draw a thin grey line that is no series."""
    return {
        "type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "name": name, "hoverinfo": "skip",
        "line": {"color": "muted", "width": 1, "dash": "dash"},
    }  # fmt: skip


def band(
    x: npt.ArrayLike, low: npt.ArrayLike | None, high: npt.ArrayLike | None, name: str, number: int, *,
    step: bool = False,
) -> list[Json]:  # fmt: skip
    """Draw the interval around the line of the n-th series as one closed shape; nothing where there is none."""
    if low is None or high is None:
        return []
    along, below, above = plain(x), plain(low), plain(high)
    if step:
        along = [each for point in along for each in (point, point)][1:]
        below, above = ([each for value in end for each in (value, value)][:-1] for end in (below, above))
    return [{
        "type": "scatter", "mode": "lines", "x": [*along, *reversed(along)], "y": [*above, *reversed(below)],
        "fill": "toself", "fillcolor": colour(number, 0.16), "line": {"width": 0, "color": colour(number, 0.0)},
        "name": name, "legendgroup": name, "showlegend": False, "hoverinfo": "skip",
    }]  # fmt: skip


def points(
    x: Sequence[Any], found: Sequence[Estimate], name: str, number: int, hover: Sequence[str], *, joined: bool = False
) -> Json:
    """Draw dots of the n-th series with their intervals, if there are any."""
    trace: Json = {
        "type": "scatter", "mode": "lines+markers" if joined else "markers", "x": list(x),
        "y": plain([each.value for each in found]), "name": name, "legendgroup": name,
        "line": {"color": colour(number), "width": 1.5, "dash": "dot"}, "marker": marker(number),
        "text": list(hover), "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    return trace | ({"error_y": error_bars(found, number)} if any(each.interval for each in found) else {})


def marker(number: int) -> Json:
    """Return the marker of the n-th series."""
    return {"color": colour(number), "size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]}


def error_bars(found: Sequence[Estimate], number: int) -> Json:
    """Return the intervals of estimates as plotly has them; without one a bar has no length."""
    ends = [each.interval or (each.value, each.value) for each in found]
    values = plain([each.value for each in found])
    return {
        "type": "data", "symmetric": False, "color": colour(number), "thickness": 1.5, "width": 4,
        "array": plain([high - value for (_, high), value in zip(ends, values, strict=True)]),
        "arrayminus": plain([value - low for (low, _), value in zip(ends, values, strict=True)]),
    }  # fmt: skip


def heatmap(
    x: Sequence[str], y: Sequence[str], z: Sequence[Sequence[float | None]], text: Sequence[Sequence[str]], hover: str
) -> Json:
    """Draw numbers in a grid of labels, with their text in it."""
    return {
        "type": "heatmap", "x": list(x), "y": list(y), "z": z, "text": text, "texttemplate": "%{text}",
        "hovertemplate": f"{hover}<extra></extra>", "colorscale": "Viridis", "xgap": 2, "ygap": 2, "showscale": False,
    }  # fmt: skip


def axes(x: str, y: str, legend: str | None = None, **more: Any) -> Json:
    """Return a layout with titled axes; ``yaxis_range`` is the range of the vertical one, ``legend`` what lines are."""
    layout: Json = {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
    if legend is not None:
        layout["legend"] = {"title": {"text": legend}}
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


def around_estimates(found: Iterable[Estimate]) -> list[float]:
    """Return a range that has all estimates and their intervals in it."""
    return around([end for each in found for end in (each.value, *(each.interval or ()))])


def plain(values: npt.ArrayLike) -> list[float]:
    """Return numbers as JSON has them, to six digits: more is not seen."""
    return [float(f"{value:.6g}") for value in np.asarray(values, float).ravel().tolist()]


def table(rows: Iterable[Json]) -> pl.DataFrame:
    """Return the table of a figure."""
    return pl.DataFrame(list(rows), infer_schema_length=None)


def row(at: Mapping[str, str], numbers: Mapping[str, Any]) -> Json:
    """Return a row of a table: labels by axis, then numbers; an axis that is called like a number is ``axis_…``."""
    return {f"axis_{name}" if name in numbers else name: label for name, label in at.items()} | dict(numbers)


def interval_columns(name: str, found: Estimate) -> Json:
    """Return the ends of an interval as tables have them: ``NAME_ci95_low`` and ``_high``, empty if there is none."""
    low, high = found.interval or (None, None)
    return {f"{name}_ci95_low": low, f"{name}_ci95_high": high}
