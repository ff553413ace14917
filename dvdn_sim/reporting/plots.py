"""What a figure of a page is made of: its views by the reader's choices, and the table behind it.

Traces and layouts are those of plotly.js, as plain JSON. A colour is the name of a variable of the page's style, with
an opacity or without (``series-1``, ``muted/0.2``), so that light and dark are one figure. Python's own plotly objects
refuse such names, and take ten times as long to build.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Band, Estimate

Json = dict[str, Any]
COLOURS = 8
_FORMULA = r"^[=+@\t-]"
"""How a text begins that spreadsheets work out, unless it is a number."""
ENOUGH = 5
"""Seeds from which on intervals are no wider than what the seeds show."""
MARKERS = 12
"""Along a line, at most."""
DASHES = ("solid", "dash", "dot", "dashdot")
Dot = tuple[Any, Estimate, str]
"""Where it is along the horizontal axis, the estimate, and what is said of it."""
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
    """One figure."""

    id: str  # its name, that of its files and of the table's
    title: str
    caption: str  # how to read it, in a sentence or two; plain text
    alt: str  # what there is to see, for whoever does not
    choices: Sequence[Choice]
    views: Views
    table: pl.DataFrame  # the numbers behind it, of all views

    @property
    def csv(self) -> str:
        """The table as CSV."""
        return csv(self.table)

    def states(self) -> Iterator[tuple[str, ...]]:
        """Yield every state of the choices, in order; the first is shown at first."""
        yield from product(*(choice.options for choice in self.choices))


class Panels:
    """The cells of a study laid out.

    The labels of one axis, `series`, are the lines: that of the baseline, or the first. Where a figure asks for it and
    cells differ on a second axis (`across`), its labels are along the horizontal one; those of the others are chosen.
    So is the task, where a figure shows returns (`apart`) and tasks differ: there is one scale for each.
    """

    def __init__(self, study: Study, *, across: bool = False, apart: bool = False) -> None:
        self.study = study
        self.tasks = study.tasks if apart and not study.one_task else {"": study.cells}
        self.series, *others = study.varied
        others = [name for name in others if any(len({cell.at[name] for cell in of}) > 1 for of in self.tasks.values())]
        self.across = others.pop(0) if across and others else None
        self.choices = [Choice("task", list(self.tasks))] if len(self.tasks) > 1 else []
        self._axes = others
        self.choices += [Choice(name, list(study.axes[name])) for name in others]

    def items(self) -> Iterator[tuple[tuple[str, ...], list[tuple[int, Cell]]]]:
        """Yield what is chosen, and the cells there with the number of their line."""
        labels = list(self.study.axes[self.series])
        for task, *chosen in product(self.tasks, *(self.study.axes[name] for name in self._axes)):
            at = dict(zip(self._axes, chosen, strict=True)).items()
            here = [(labels.index(self.label(cell)), cell) for cell in self.tasks[task] if at <= cell.at.items()]
            yield (*([task] if len(self.tasks) > 1 else []), *chosen), sorted(here, key=lambda each: each[0])

    def beside(self, cells: Sequence[tuple[int, Cell]]) -> Sequence[Cell]:
        """Return the cells that are on one scale with some of a panel."""
        ids = {cell.id for _, cell in cells}
        return next((of for of in self.tasks.values() if any(cell.id in ids for cell in of)), ())

    def label(self, cell: Cell) -> str:
        """Return the label of the line that a cell belongs to."""
        return cell.at[self.series]

    def views(self, options: Iterable[str], draw: Callable[[str, list[tuple[int, Cell]]], View]) -> Views:
        """Return what `draw` makes of each option and panel; a view without traces is left out."""
        drawn = {(option, *state): draw(option, cells) for option in options for state, cells in self.items()}
        return {state: view for state, view in drawn.items() if view.traces}


@dataclass(frozen=True)
class Seeds:
    """Every seed by itself: where its dots are, and how many seeds there are."""

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    count: int


def colour(number: int, opacity: float | None = None) -> str:
    """Return the colour of the n-th series, from 0; after eight they begin anew, with another dash and symbol."""
    name = f"series-{number % COLOURS + 1}"
    return name if opacity is None else f"{name}/{opacity}"


def banded(found: Band, name: str, number: int, *, step: bool = False, seeds: Seeds | None = None) -> list[Json]:
    """Draw the line of the n-th series, over the interval around it as one closed shape, if there is one.

    With a dot for each seed, at each point; few seeds are dots alone, for their intervals would bury all lines.
    """
    style = {"color": colour(number), "width": 2, "dash": DASHES[(number + number // COLOURS) % len(DASHES)]}
    along = plain(found.points)
    drawn: Json = {
        "type": "scatter", "mode": "lines" if step else "lines+markers", "x": along, "y": plain(found.value),
        "name": name, "legendgroup": name, "line": style | ({"shape": "hv"} if step else {}),
        "marker": {**marker(number), "size": 8, "maxdisplayed": MARKERS},
    }  # fmt: skip
    dots = [] if seeds is None or seeds.count < 2 else [scattered(seeds.x, plain(seeds.y), name, number)]
    if found.low is None or found.high is None or (seeds is not None and seeds.count < ENOUGH):
        return [*dots, drawn]
    below, above = plain(found.low), plain(found.high)
    if step:
        along = [each for point in along for each in (point, point)][1:]
        below, above = ([each for value in end for each in (value, value)][:-1] for end in (below, above))
    band: Json = {
        "type": "scatter", "mode": "lines", "x": [*along, *reversed(along)], "y": [*above, *reversed(below)],
        "fill": "toself", "fillcolor": colour(number, 0.16), "line": {"width": 0, "color": colour(number, 0.0)},
        "name": name, "legendgroup": name, "showlegend": False, "hoverinfo": "skip",
    }  # fmt: skip
    return [band, *dots, drawn]


def scattered(x: Iterable[Any], y: Sequence[float], name: str, number: int) -> Json:
    """Draw the seeds of the n-th series, each as a small dot."""
    return {
        "type": "scatter", "mode": "markers", "x": list(x), "y": y, "name": name, "legendgroup": name,
        "offsetgroup": name, "showlegend": False, "hoverinfo": "skip", "cliponaxis": False,
        "marker": {**marker(number), "size": 6, "line": {"width": 1, "color": "card"}},
    }  # fmt: skip


def dashed(x: Sequence[float], y: Sequence[float], name: str) -> Json:
    """Draw a thin grey line that is no series."""
    return {
        "type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "name": name, "hoverinfo": "skip",
        "line": {"color": "muted", "width": 1, "dash": "dash"},
    }  # fmt: skip


def level_lines(levels: Iterable[tuple[str, float]]) -> list[Json]:
    """Return lines across a figure, each with its name, that are no series; for its layout."""
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "layer": "below",
         "line": {"color": "muted", "width": 1, "dash": "dash"},
         "label": {"text": name, "textposition": "end" if name == "random" else "start",  # silence is often near it
                   "yanchor": "bottom" if name == "central" else "top", "font": {"size": 11, "color": "muted"}}}
        for name, value in levels
    ]  # fmt: skip


def points(dots: Sequence[Dot], name: str, number: int, *, joined: bool = False) -> Json:
    """Draw dots of the n-th series with their intervals, if there are any."""
    found = [y for _, y, _ in dots]
    trace: Json = {
        "type": "scatter", "mode": "lines+markers" if joined else "markers", "x": [x for x, _, _ in dots],
        "y": plain([each.value for each in found]), "name": name, "legendgroup": name, "offsetgroup": name,
        "line": {"color": colour(number), "width": 1.5, "dash": "dot"}, "marker": marker(number),
        "text": [hover for *_, hover in dots], "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip
    return trace | ({"error_y": error_bars(found, number)} if any(each.interval for each in found) else {})


def marker(number: int) -> Json:
    """Return the marker of the n-th series."""
    return {"color": colour(number), "size": 9, "symbol": SYMBOLS[(number + number // COLOURS) % len(SYMBOLS)]}


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
    """Return the table of a figure; a column in which nothing is known is one of numbers all the same."""
    found = pl.DataFrame(list(rows), infer_schema_length=None)
    return found.with_columns(pl.col(pl.Null).cast(pl.Float64))


def csv(of: pl.DataFrame) -> str:
    """Return a table as CSV; no label in it is a formula to a spreadsheet, which takes one after ``'`` as it stands."""
    text = pl.col(pl.String)
    formula = text.str.contains(_FORMULA) & text.cast(pl.Float64, strict=False).is_null()
    values = of.with_columns(pl.when(formula).then("'" + text).otherwise(text).name.keep())
    return values.rename(lambda name: f"'{name}" if re.match(_FORMULA, name) else name).write_csv()


def row(at: Mapping[str, str], numbers: Mapping[str, Any]) -> Json:
    """Return a row of a table: labels by axis, then numbers; an axis that is called like a number is ``axis_…``."""
    return {f"axis_{name}" if name in numbers else name: label for name, label in at.items()} | dict(numbers)


def rows(at: Mapping[str, str], numbers: Mapping[str, Any]) -> pl.DataFrame:
    """Return rows of a table: columns of numbers, beside labels that are repeated."""
    return pl.DataFrame(row(at, numbers))  # polars repeats what stands alone


def estimate_columns(value: str, ends: str, found: Estimate) -> Json:
    """Return an estimate as columns of a table: `value`, and ``ENDS_ci95_low`` and ``_high``, which may be empty."""
    low, high = found.interval or (None, None)
    return {value: found.value, f"{ends}_ci95_low": low, f"{ends}_ci95_high": high}


def band_columns(points: str, value: str, found: Band) -> Json:
    """Return a band as columns of a table."""
    ends = {"ci95_low": found.low, "ci95_high": found.high}
    none = pl.Series([None] * len(found.points), dtype=pl.Float64)
    columns = {name: none if end is None else end for name, end in ends.items()}
    return {points: found.points, value: found.value, **columns}
