"""The exchanges of every cell as `dvdn-sim predict` has them, beside what was measured while the team learnt."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dvdn_sim.errors import ScenarioError
from dvdn_sim.network import Number, Setting, predict
from dvdn_sim.reporting import plots
from dvdn_sim.reporting.curves import QUANTILES
from dvdn_sim.reporting.plots import Choice, Dot, Figure, Panels, View, Views
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Estimate


@dataclass(frozen=True)
class Pair:
    """A number as it was predicted and as it was measured."""

    predicted: float
    error: float
    measured: float
    how: str


NUMBERS: Mapping[str, tuple[str, float, str]] = {
    "held in time": ("delivered_fraction", 100.0, "messages held in time (%)"),
    "median round time": ("round_time_p50_s", 1e3, "median round time (ms)"),
    "99 % round time": ("round_time_p99_s", 1e3, "99 % of rounds are over after (ms)"),
    "a_eff": ("a_eff", 1.0, "a_eff"),
    "bytes per update": ("bytes_per_update", 1e-3, "bytes per update of the team (kB)"),
    "error about the true JTD": ("jtd_relative_error", 1.0, "relative error about the true JTD"),
}
"""What is compared: its name where it is predicted, the unit in which it is drawn, and what the axes are called."""


def predicted(study: Study, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Figure | None:
    """Draw measured against predicted; None where no cell exchanges TD errors."""
    found: dict[str, dict[str, Pair]] = {}
    for number, cell in enumerate(study.cells):
        progress(number, len(study.cells))
        found[cell.id] = pairs(cell)
    by_name = {name: {cell: each[name] for cell, each in found.items() if name in each} for name in NUMBERS}
    panels = Panels(study)
    views: Views = {(name,): _view(panels, name, of_cells) for name, of_cells in by_name.items() if of_cells}
    if not views:
        return None
    return Figure(
        id="predicted",
        title="Predicted before, measured after",
        caption="On the line, training met what dvdn-sim predict says of the scenario without training. The error about"
        " the JTD is predicted for TD errors that are independent between agents; where they are alike, it is smaller.",
        alt="Measured against predicted numbers of every cell; all of them are in the table.",
        choices=[Choice("number", [state[0] for state in views])],
        views=views,
        table=plots.table(
            plots.row(cell.at, {
                "number": NUMBERS[name][0],
                "predicted": pair.predicted,
                "standard_error": pair.error if math.isfinite(pair.error) else None,
                "how": pair.how,
                "measured": pair.measured,
            })
            for cell in study.cells for name, pair in found[cell.id].items()
        ),
    )  # fmt: skip


def pairs(cell: Cell) -> dict[str, Pair]:
    """Return what was predicted and measured of a cell's exchanges of TD errors; empty if there were none."""
    measured = _measured(cell)
    if cell.scenario is None or not measured:
        return {}
    try:
        td = [setting for setting in Setting.from_scenario(cell.scenario) if setting.sent.kind == "td"]
    except ScenarioError:  # a topology that only training knows, by positions from the environment
        return {}
    figures = {key: figure for setting in td for key, figure in predict(setting).figures.items()}
    both = {name: key for name, (key, _, _) in NUMBERS.items() if key in figures and key in measured}
    return {name: _pair(figures[key], measured[key]) for name, key in both.items()}


def _pair(number: Number, measured: float) -> Pair:
    value, error = (each[-1] if isinstance(each, tuple) else each for each in (number.value, number.error))
    return Pair(value, error, measured, number.how)


def _measured(cell: Cell) -> dict[str, float]:
    """Return what was measured, by the names of what is predicted; empty if no TD errors were exchanged."""
    if cell.exchanges is None or "td" not in cell.exchanges.messages:
        return {}
    messages, times = cell.exchanges.messages["td"], cell.exchanges.round_time_s["td"]
    found = {"bytes_per_update": messages["bytes"] / messages["exchanges"], **cell.exchanges.means}
    if messages["sent"]:
        found["delivered_fraction"] = messages["held"] / messages["sent"]
    if times is not None:
        found |= {f"round_time_p{100 * q:.0f}_s": value for q, value in zip(QUANTILES, times, strict=True)}
    return found


def _view(panels: Panels, name: str, found: Mapping[str, Pair]) -> View:
    _, unit, title = NUMBERS[name]
    series: dict[str, list[Dot]] = {label: [] for label in panels.study.axes[panels.series]}
    for cell in panels.study.cells:
        if cell.id in found:
            x, y = unit * found[cell.id].predicted, unit * found[cell.id].measured
            hover = f"{cell.id}<br>predicted {x:.4g}, measured {y:.4g}"
            series[panels.label(cell)].append((x, Estimate(y, None), hover))
    span = plots.around([unit * value for pair in found.values() for value in (pair.predicted, pair.measured)])
    traces = [plots.points(dots, label, number) for number, (label, dots) in enumerate(series.items()) if dots]
    layout = plots.axes(f"predicted: {title}", "measured", panels.series, xaxis_range=span, yaxis_range=span)
    return View([plots.dashed(span, span, "as predicted"), *traces], layout)
