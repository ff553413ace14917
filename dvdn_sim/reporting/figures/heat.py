"""A map of the two main axes."""

import polars as pl

from dvdn_sim.reporting.figure import Figure, Switch, View, axes, row
from dvdn_sim.reporting.measures import MEASURES, Measure
from dvdn_sim.reporting.panels import Panels
from dvdn_sim.reporting.study import Cell, Study


def heat(study: Study) -> Figure | None:
    """Draw every number of the cells over their two main axes; None if they differ on one axis alone."""
    panels = Panels(study, across=True)
    if panels.across is None:
        return None
    views = {
        (measure.name, *state): _view(study, panels.across, panels.series, [cell for _, cell in cells], measure)
        for measure in MEASURES.values()
        for state, cells in panels.items()
        if any(measure.of(cell) is not None for _, cell in cells)
    }
    shown = [name for name in MEASURES if any(state[0] == name for state in views)]
    return Figure(
        id="heat",
        title=f"{panels.series} × {panels.across}",
        said="One number for each cell; of returns it is the interquartile mean over seeds.",
        alt=f"Heat map of {panels.series} against {panels.across}; the numbers are written in it, and in the table.",
        switches=[Switch("number", shown), *panels.switches],
        views=views,
        table=measured(study),
    )


def _view(study: Study, across: str, series: str, cells: list[Cell], measure: Measure) -> View:
    columns, rows = list(study.axes[across]), list(study.axes[series])
    by_place = {(cell.at[series], cell.at[across]): cell for cell in cells}
    grid = [[by_place.get((label, column)) for column in columns] for label in rows]
    values = [[None if cell is None else measure.of(cell) for cell in line] for line in grid]
    text = [["" if cell is None else measure.text(cell) for cell in line] for line in grid]
    trace = {
        "type": "heatmap", "x": columns, "y": rows, "z": values, "text": text, "texttemplate": "%{text}",
        "hovertemplate": f"{series}=%{{y}}, {across}=%{{x}}: %{{text}}<extra></extra>", "colorscale": "Viridis",
        "xgap": 2, "ygap": 2, "showscale": False,
    }  # fmt: skip
    layout = axes(across, series, xaxis_type="category", yaxis_type="category", showlegend=False)
    return View([trace], layout | {"height": 140 + 56 * len(rows)})


def measured(study: Study) -> pl.DataFrame:
    """Return every number of every cell."""
    names = {name: name.replace(" ", "_").replace("(", "").replace(")", "") for name in MEASURES}
    rows = [row(cell.at, {names[name]: measure.of(cell) for name, measure in MEASURES.items()}) for cell in study.cells]
    return pl.DataFrame(rows, infer_schema_length=None)
