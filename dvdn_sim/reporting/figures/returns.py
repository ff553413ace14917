"""What the teams came to: the final return of every cell with its interval, and every number of the cells as a map."""

from collections.abc import Callable, Mapping

import polars as pl

from dvdn_sim.reporting.measures import LAST, MEASURES, WHOLE, best, estimate_text, score
from dvdn_sim.reporting.plots import (
    Choice,
    Figure,
    Json,
    Panels,
    View,
    around_estimates,
    axes,
    heatmap,
    interval_columns,
    points,
    row,
    shown,
    table,
)
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Estimate

COUNTED: Mapping[str, Callable[[Cell], Estimate]] = {
    LAST: lambda cell: score(cell, LAST),
    WHOLE: lambda cell: score(cell, WHOLE),
    "best checkpoint (optimistic)": lambda cell: best(cell).estimate,
}


def final_returns(study: Study) -> Figure:
    """Draw what all cells came to, by three ways of counting."""
    panels = Panels(study, across=True)
    found = {counted: {cell.id: measure(cell) for cell in study.cells} for counted, measure in COUNTED.items()}

    def draw(counted: str, cells: list[tuple[int, Cell]]) -> View:
        layout = axes(
            panels.across or panels.series, "return", panels.series, xaxis_type="category",
            yaxis_range=around_estimates(found[counted].values()),
            scattermode="group", scattergap=0.8, showlegend=panels.across is not None,
        )  # fmt: skip
        return View(_traces(panels, [cell for _, cell in cells], found[counted]), layout)

    return Figure(
        id="ends",
        title="What the teams came to",
        caption="Interquartile mean over seeds with its 95 % interval. The best of all checkpoints is what the"
        " paper's tables have; it is optimistic, and more so for a method that is noisier.",
        alt=f"Returns of {len(study.cells)} cells with intervals, also in the table of scores.",
        choices=[Choice("return of", list(COUNTED)), *panels.choices],
        views=panels.views(COUNTED, draw),
        table=table(_scores(cell) for cell in study.cells),
    )


def _traces(panels: Panels, cells: list[Cell], found: Mapping[str, Estimate]) -> list[Json]:
    """Return one line of dots for each series; cells of one axis are dots of one."""

    def dots(here: list[Cell], axis: str, name: str, number: int) -> Json:
        hover = [f"{cell.id}<br>{estimate_text(found[cell.id])}" for cell in here]
        estimates = [found[cell.id] for cell in here]
        return points([cell.at[axis] for cell in here], estimates, name, number, hover, joined=bool(panels.across))

    if panels.across is None:
        return [dots(cells, panels.series, "return", 0)] if cells else []
    order = list(panels.study.axes[panels.across])
    cells = sorted(cells, key=lambda cell: order.index(cell.at[panels.across or ""]))
    labels = panels.study.axes[panels.series]
    series = [[cell for cell in cells if panels.label(cell) == label] for label in labels]
    return [dots(here, panels.across, labels[number], number) for number, here in enumerate(series) if here]


def _scores(cell: Cell) -> Json:
    last, whole, top = score(cell, LAST), score(cell, WHOLE), best(cell)
    return row(cell.at, {
        "seeds": len(cell.curves),
        "return_iqm": last.value,
        **interval_columns("return", last),
        "area_iqm": whole.value,
        **interval_columns("area", whole),
        "best_checkpoint_mean": top.estimate.value,
        "best_checkpoint_optimism": top.optimism,
    })  # fmt: skip


def heatmap_of_cells(study: Study) -> Figure | None:
    """Draw every number of the cells over their two main axes; None if they differ on one axis alone."""
    panels = Panels(study, across=True)
    series, across = panels.series, panels.across
    if across is None:
        return None
    columns, lines = list(study.axes[across]), list(study.axes[series])

    def draw(name: str, cells: list[tuple[int, Cell]]) -> View:
        measure, layout = MEASURES[name], axes(
            across, series, xaxis_type="category", yaxis_type="category", showlegend=False,
            height=140 + 56 * len(lines),
        )  # fmt: skip
        if all(measure.of(cell) is None for _, cell in cells):
            return View([], layout)
        at = {(cell.at[series], cell.at[across]): cell for _, cell in cells}
        grid = [[at.get((label, column)) for column in columns] for label in lines]
        values = [[None if cell is None else measure.of(cell) for cell in line] for line in grid]
        text = [["" if cell is None else measure.text(cell) for cell in line] for line in grid]
        return View([heatmap(columns, lines, values, text, f"{series}=%{{y}}, {across}=%{{x}}: %{{text}}")], layout)

    views = panels.views(MEASURES, draw)
    return Figure(
        id="heat",
        title=f"{series} × {across}",
        caption="One number for each cell; of returns it is the interquartile mean over seeds.",
        alt=f"Heat map of {series} against {across}; the numbers are written in it, and in the table.",
        choices=[Choice("number", shown(MEASURES, views)), *panels.choices],
        views=views,
        table=_measured(study),
    )


def _measured(study: Study) -> pl.DataFrame:
    names = {name: name.replace(" ", "_").replace("(", "").replace(")", "") for name in MEASURES}
    return table(
        row(cell.at, {names[name]: measure.of(cell) for name, measure in MEASURES.items()}) for cell in study.cells
    )
