"""What the teams came to: the final return of every cell with its interval, and every number of the cells as a map."""

import math
from collections.abc import Callable, Mapping, Sequence

from dvdn_sim.reporting import plots
from dvdn_sim.reporting.headroom import headroom, levels, share
from dvdn_sim.reporting.measures import LAST, MEASURES, WHOLE, best, estimate_text, score, seed_scores
from dvdn_sim.reporting.plots import Choice, Figure, Json, Panels, View
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Estimate

Found = tuple[Estimate, Sequence[float]]
"""An estimate, and the seeds that it is of."""
COUNTED: Mapping[str, Callable[[Cell], Found]] = {
    LAST: lambda cell: (score(cell, LAST), seed_scores(cell, LAST)),
    WHOLE: lambda cell: (score(cell, WHOLE), seed_scores(cell, WHOLE)),
    "best checkpoint (optimistic)": lambda cell: (best(cell).estimate, best(cell).per_seed.tolist()),
}


def final_returns(study: Study) -> Figure:
    """Draw what all cells came to, by three ways of counting."""
    panels = Panels(study, across=True, apart=True)
    found = {counted: {cell.id: measure(cell) for cell in study.cells} for counted, measure in COUNTED.items()}

    def draw(counted: str, cells: list[tuple[int, Cell]]) -> View:
        if not cells:
            return View([], {})
        beside = panels.beside(cells)
        lines = levels(beside, lambda bound: COUNTED[counted](bound)[0].value)
        heights = [*(y for cell in beside for y in _heights(found[counted][cell.id])), *(y for _, y in lines)]
        layout = plots.axes(
            panels.across or panels.series, "return", panels.series, xaxis_type="category",
            yaxis_range=plots.around(heights), shapes=plots.level_lines(lines),
            scattermode="group", scattergap=0.8, showlegend=panels.across is not None,
        )  # fmt: skip
        return View(_traces(panels, cells, found[counted]), layout)

    return Figure(
        id="ends",
        title="What the teams came to",
        caption="Interquartile mean over seeds with its 95 % interval, and a small dot for each seed; dashed,"
        " random play and the bounds. The best of all"
        " checkpoints is what the paper's tables have; it is optimistic, and more so for a method that is noisier.",
        alt=f"Returns of {len(study.cells)} cells with intervals, also in the table of scores.",
        choices=[Choice("return of", list(COUNTED)), *panels.choices],
        views=panels.views(COUNTED, draw),
        table=plots.table(_scores(cell) for cell in study.cells),
    )


def _heights(found: Found) -> list[float]:
    """Return all that is drawn: the seeds, among which the estimate is, and the ends of its interval."""
    return [*found[1], *(found[0].interval or ())]


def _traces(panels: Panels, cells: list[tuple[int, Cell]], found: Mapping[str, Found]) -> list[Json]:
    """Return one line of dots for each series, and one dot for each seed; cells of one axis are dots of one."""
    along = panels.across or panels.series
    series: dict[tuple[str, int], list[Cell]] = {}
    for number, cell in cells:
        series.setdefault(("return", 0) if panels.across is None else (panels.label(cell), number), []).append(cell)
    traces = []
    for (label, number), of in series.items():
        seeds = [(cell.at[along], each) for cell in of if len(found[cell.id][1]) > 1 for each in found[cell.id][1]]
        traces += (
            [plots.scattered([x for x, _ in seeds], plots.plain([y for _, y in seeds]), label, number)] if seeds else []
        )
        dots = [(cell.at[along], found[cell.id][0], f"{cell.id}<br>{estimate_text(found[cell.id][0])}") for cell in of]
        traces.append(plots.points(dots, label, number, joined=panels.across is not None))
    return traces


def _scores(cell: Cell) -> Json:
    top = best(cell)
    return plots.row(cell.at, {
        "seeds": len(cell.curves),
        **score_columns(cell),
        "best_checkpoint_mean": top.estimate.value,
        "best_checkpoint_optimism": top.optimism,
        **_bounds(cell),
    })  # fmt: skip


def _bounds(cell: Cell) -> Json:
    """Return what the cell is held against, and how much of the headroom it has; nothing without bounds."""
    worth, part = headroom(cell), share(cell)
    if worth is None:
        return {}
    return {
        "random_return": cell.random_return,
        **{kind: score(bound, LAST).value for kind, bound in cell.bounds.items()},
        **plots.estimate_columns("headroom", "headroom", worth.difference),
        **plots.estimate_columns("share", "share", part or Estimate(math.nan, None)),
        "share": None if part is None else part.value,
    }


def score_columns(cell: Cell) -> Json:
    """Return both scores of a cell as columns of a table."""
    return {
        **plots.estimate_columns("return_iqm", "return", score(cell, LAST)),
        **plots.estimate_columns("area_iqm", "area", score(cell, WHOLE)),
    }


def heatmap_of_cells(study: Study) -> Figure | None:
    """Draw every number of the cells over their two main axes; None if they differ on one axis alone."""
    panels = Panels(study, across=True, apart=True)
    series, across = panels.series, panels.across
    if across is None:
        return None
    columns, lines = list(study.axes[across]), list(study.axes[series])

    def draw(name: str, cells: list[tuple[int, Cell]]) -> View:
        measure, layout = MEASURES[name], plots.axes(
            across, series, xaxis_type="category", yaxis_type="category", showlegend=False,
            height=140 + 56 * len(lines),
        )  # fmt: skip
        if all(measure.of(cell) is None for _, cell in cells):
            return View([], layout)
        at = {(cell.at[series], cell.at[across]): cell for _, cell in cells}
        grid = [[at.get((label, column)) for column in columns] for label in lines]
        values = [[None if cell is None else measure.of(cell) for cell in line] for line in grid]
        text = [["" if cell is None else measure.text(cell) for cell in line] for line in grid]
        return View(
            [plots.heatmap(columns, lines, values, text, f"{series}=%{{y}}, {across}=%{{x}}: %{{text}}")], layout
        )

    views = panels.views(MEASURES, draw)
    names = {name: name.replace(" ", "_").replace("(", "").replace(")", "") for name in MEASURES}
    return Figure(
        id="heat",
        title=f"{series} × {across}",
        caption="One number for each cell; of returns it is the interquartile mean over seeds.",
        alt=f"Heat map of {series} against {across}; the numbers are written in it, and in the table.",
        choices=[Choice("number", [name for name in MEASURES if any(state[0] == name for state in views)]),
                 *panels.choices],
        views=views,
        table=plots.table(plots.row(cell.at, {names[name]: measure.of(cell) for name, measure in MEASURES.items()})
                    for cell in study.cells),
    )  # fmt: skip
