"""What the teams came to: return of every cell with its interval, by three ways of counting."""

from collections.abc import Callable, Mapping

import polars as pl

from dvdn_sim.reporting.figure import Figure, Json, Switch, View, around, axes, interval_columns, points, row
from dvdn_sim.reporting.measures import LAST, WHOLE, best, final, whole
from dvdn_sim.reporting.panels import Panels
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Estimate

COUNTED: Mapping[str, Callable[[Cell], Estimate]] = {
    LAST: final,
    WHOLE: whole,
    "best checkpoint (optimistic)": lambda cell: best(cell).estimate,
}


def ends(study: Study) -> Figure:
    """Draw what all cells came to."""
    panels = Panels(study, across=True)
    views = {}
    for counted, score in COUNTED.items():
        found = {cell.id: score(cell) for cell in study.cells}
        heights = around([end for each in found.values() for end in (each.value, *(each.interval or ()))])
        for state, cells in panels.items():
            traces = list(_traces(panels, cells, found).values())
            if traces:
                title = panels.across or panels.series
                layout = axes(title, "return", yaxis_range=heights, xaxis_type="category", legend=panels.series)
                layout |= {"scattermode": "group", "scattergap": 0.8, "showlegend": panels.across is not None}
                views[counted, *state] = View(traces, layout)
    return Figure(
        id="ends",
        title="What the teams came to",
        said="Interquartile mean over seeds with its 95 % interval. The best of all checkpoints is what the"
        " paper's tables have; it is optimistic, and more so for a method that is noisier.",
        alt=f"Returns of {len(study.cells)} cells with intervals, also in the table of scores.",
        switches=[Switch("return of", list(COUNTED)), *panels.switches],
        views=views,
        table=scores(study),
    )


def _traces(panels: Panels, cells: list[tuple[int, Cell]], found: Mapping[str, Estimate]) -> dict[str, Json]:
    """One line of dots for each series; cells of one axis are dots of one."""
    if panels.across is None:
        here = [cell for _, cell in cells]
        return {"": _dots([panels.series_of(cell) for cell in here], here, found, "return", 0, joined=False)}
    traces = {}
    across, order = panels.across, list(panels.study.axes[panels.across])
    for number, label in enumerate(panels.study.axes[panels.series]):
        here = [cell for _, cell in cells if panels.series_of(cell) == label]
        here.sort(key=lambda cell: order.index(cell.at[across]))
        if here:
            traces[label] = _dots([cell.at[across] for cell in here], here, found, label, number, joined=True)
    return traces


def _dots(
    x: list[str], cells: list[Cell], found: Mapping[str, Estimate], name: str, number: int, *, joined: bool
) -> Json:
    estimates = [found[cell.id] for cell in cells]
    hover = [f"{cell.id}<br>{text(each)}" for cell, each in zip(cells, estimates, strict=True)]
    heights = [each.value for each in estimates]
    return points(x, heights, name, number, ends=[each.interval for each in estimates], joined=joined, hover=hover)


def text(found: Estimate, digits: int = 3) -> str:
    """Say an estimate with its interval: ``0.71 (0.64 to 0.78)``."""
    ends = "" if found.interval is None else " ({:.{d}f} to {:.{d}f})".format(*found.interval, d=digits)
    return f"{found.value:.{digits}f}{ends}"


def scores(study: Study) -> pl.DataFrame:
    """Return what every cell came to, by all ways of counting; of the best checkpoint its optimism, too."""
    rows = []
    for cell in study.cells:
        last, mean, top = final(cell), whole(cell), best(cell)
        rows.append(
            row(cell.at, {
                "seeds": len(cell.curves),
                "return_iqm": last.value,
                **interval_columns("return", last),
                "area_iqm": mean.value,
                **interval_columns("area", mean),
                "best_checkpoint_mean": top.estimate.value,
                "best_checkpoint_optimism": top.optimism,
            })
        )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)
