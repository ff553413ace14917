"""The commands ``predict`` and ``consensus``: tables for people, objects for programs, and a figure."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli.output import AsJson, Changes, Display, Quiet, option, print_warnings, refuse_used_folder
from dvdn_sim.errors import Mistake, ScenarioError, StorageError

if TYPE_CHECKING:
    from dvdn_sim.consensus import Trajectory
    from dvdn_sim.network import Measurement, Number, Prediction, Setting
    from dvdn_sim.scenario import Scenario

Agents = Annotated[int | None, option("N", "Agents in place of the scenario's.", minimum=2)]
Links = Annotated[int | None, option("N", "Links of a random connected topology.", minimum=1)]


def predict(
    scenario: Annotated[Path, typer.Argument(help="A YAML file.", show_default=False)],
    *,
    changes: Changes = None,
    agents: Agents = None,
    links: Links = None,
    as_json: AsJson = False,
) -> None:
    """Say what a scenario's exchanges will be like, before anything is trained."""
    from dvdn_sim.network import Setting, predict_every
    from dvdn_sim.scenario import load_scenario, warnings_of

    loaded = load_scenario(scenario, changes or [])
    settings = Setting.all_from_scenario(loaded, agents=agents, links=links)
    warnings = warnings_of(loaded, n_agents=agents)
    print_warnings(warnings)
    found = list(zip(settings, predict_every(settings), strict=True))
    if as_json:
        typer.echo(json.dumps(prediction_json(loaded, found, warnings), allow_nan=False))
    else:
        print_predictions(loaded, found, Console(highlight=False))


def consensus(
    scenario: Annotated[Path, typer.Argument(help="A YAML file.", show_default=False)],
    *,
    changes: Changes = None,
    trials: Annotated[int | None, option("N", "Exchanges.", otherwise="some seconds' worth", minimum=1)] = None,
    agents: Agents = None,
    links: Links = None,
    values: Annotated[
        str | None, option("LIST", "What agents hold at first: 3,0,-1.5.", otherwise="random values")
    ] = None,
    out: Annotated[Path | None, option("DIR", "Folder for consensus.svg and consensus.json.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Exchange values, without learning: what was measured beside what was predicted."""
    refuse_used_folder(out)
    from dvdn_sim.network import Setting, measure
    from dvdn_sim.network import predict as work_out
    from dvdn_sim.records import create_run_dir
    from dvdn_sim.scenario import load_scenario, warnings_of

    loaded = load_scenario(scenario, changes or [])
    setting = Setting.from_scenario(loaded, agents=agents, links=links, values=_numbers(loaded, values))
    warnings = warnings_of(loaded, n_agents=agents)
    print_warnings(warnings)
    if out is not None:
        create_run_dir(out, loaded.name)  # a folder that cannot be made is reported before the work, not after
    predicted = work_out(setting)
    with Display(quiet=quiet, of="trials") as display:
        measured = measure(setting, trials, lambda done, total: display.show(done, total, {}))
    found = measurement_json(setting, measured, predicted, warnings)
    if out is not None:
        _write(out / "consensus.json", json.dumps(found, allow_nan=False, indent=2) + "\n")
        _write(out / "consensus.svg", error_figure(setting, measured.curves, predicted.figures))
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        print_measurement(setting, measured, predicted, Console(highlight=False))


def _numbers(scenario: Scenario, values: str | None) -> list[float] | None:
    """Read a list such as ``3,0,-1.5``."""
    try:
        return None if values is None else [float(part) for part in values.split(",")]
    except ValueError as error:
        mistake = Mistake("--values", None, f"{values!r} is no list of numbers", "write it as `3,0,-1.5`")
        raise ScenarioError.from_mistakes(scenario.name, (mistake,)) from error


def _write(path: Path, text: str) -> None:
    from dvdn_sim.records import write_durably

    try:
        write_durably(path, text)
    except OSError as error:
        raise StorageError(f"{path.parent} cannot be written: {error.strerror or error}") from error


# Objects for programs.

SHARED = (
    "delivered_fraction", "late_fraction", "round_time_s", "round_time_p50_s", "round_time_p99_s", "bytes_per_update",
    "a_eff", "mse_after_rounds", "disagreement_after_rounds", "mean_drift_var",
)  # fmt: skip
"""Figures that are both predicted and measured, and so laid side by side."""

ROWS: Mapping[str, tuple[str, str]] = {
    "payload_bytes": ("longest message", "bytes"),
    "packets": ("  packets", "count"),
    "wire_bytes": ("  with headers", "bytes"),
    "airtime_s": ("  time on the wire", "time"),
    "completion_p50_s": ("complete within, half of them", "time"),
    "completion_p99_s": ("  99% of them", "time"),
    "completion_p999_s": ("  99.9% of them", "time"),
    "whole_probability": ("arrives whole", "share"),
    "delivered_fraction": ("held in time", "share"),
    "late_fraction": ("too late", "share"),
    "round_time_s": ("round time, mean", "time"),
    "round_time_p50_s": ("  median", "time"),
    "round_time_p99_s": ("  99%", "time"),
    "bytes_per_update": ("bytes per update, team", "bytes"),
    "utilisation": ("busiest transmitter sends", "share"),
    "a_eff": ("a_eff (0 the mean, 1 alone)", "number"),
    "mean_drift_var": ("variance of the mean's drift", "number"),
    "jtd_relative_error": ("error of the joint TD error", "share"),
}
"""Of the tables: figure, what it is called there, and its unit."""


Predicted = Sequence["tuple[Setting, Prediction]"]
"""What is exchanged, over what, and what to expect of it: for each kind of message, in the order of the exchanges."""


def prediction_json(scenario: Scenario, predicted: Predicted, warnings: Sequence[str]) -> dict[str, object]:
    """Return predictions as one object: the first kind of message at the top, and a list of all."""
    kinds = [_prediction_json(setting, prediction) for setting, prediction in predicted]
    nothing = {
        "name": scenario.name,
        "n_agents": scenario.env.n_agents,
        **dict.fromkeys(SHARED),
        "bytes_per_update": 0.0,
    }
    first = kinds[0] if kinds else nothing
    said = [warning for _, prediction in predicted for warning in prediction.warnings]
    return {
        **first,
        "wires": kinds,
        "total_bytes_per_update": total_bytes(predicted),
        "warnings": list(dict.fromkeys([*warnings, *said])),
    }


def total_bytes(predicted: Predicted) -> float:
    """Return the bytes of an update, of all kinds of messages together."""
    return sum((_at(prediction.figures["bytes_per_update"].value, 0) for _, prediction in predicted), 0.0)


def _prediction_json(setting: Setting, prediction: Prediction) -> dict[str, object]:
    return {
        **_heading(setting),
        **_values(prediction.figures),
        "rounds_to_10_percent": prediction.rounds_to_target,
        "lambda_min": prediction.lambda_min,
        "how": {name: figure.how for name, figure in prediction.figures.items()},
        "standard_error": _errors(prediction.figures),
        "sampled_exchanges": prediction.sampled,
        "sampler": "simulator",
    }


def measurement_json(
    setting: Setting, measured: Measurement, predicted: Prediction, warnings: Sequence[str] = ()
) -> dict[str, object]:
    """Return a measurement as one object, with what was predicted beside it."""
    shared = {name: predicted.figures[name] for name in SHARED}
    return {
        **_heading(setting),
        "values": setting.values,
        "trials": measured.trials,
        **_values(measured.figures),
        "standard_error": _errors(measured.figures),
        "predicted": {
            **_values(shared),
            "standard_error": _errors(shared),
            "how": {name: figure.how for name, figure in shared.items()},
        },
        "policies": {
            name: {
                "mse_after_rounds": curve.mse.tolist(),
                "disagreement_after_rounds": curve.disagreement.tolist(),
                "mean_drift_var": float(curve.drift[-1]),
            }
            for name, curve in measured.curves.items()
        },
        "audit": "ok",
        "warnings": [*warnings, *predicted.warnings],
    }


def _heading(setting: Setting) -> dict[str, object]:
    return {
        "name": setting.name,
        "n_agents": setting.n_agents,
        "topology": setting.network.topology.describe(),
        "kind": setting.sent.kind,
        "carries": setting.sent.carries,
        "exchanges_per_update": setting.sent.exchanges,
        "rounds": setting.rounds,
        "policy": setting.sent.policy,
        "weights": setting.sent.weights,
    }


def _values(figures: Mapping[str, Number]) -> dict[str, object]:
    return {name: _finite(figure.value) for name, figure in figures.items()}


def _errors(figures: Mapping[str, Number]) -> dict[str, object]:
    return {name: _finite(figure.error) for name, figure in figures.items()}


def _finite(value: float | tuple[float, ...]) -> object:
    """Return what JSON can hold: None for what is infinite."""
    if isinstance(value, tuple):
        return [_finite(each) for each in value]
    return value if math.isfinite(value) else None


def _at(value: float | tuple[float, ...], index: int) -> float:
    return value[index] if isinstance(value, tuple) else value


# Tables for people.


def print_predictions(scenario: Scenario, predicted: Predicted, console: Console) -> None:
    """Print predictions, one block for each kind of message: every line says how it was found."""
    from dvdn_sim.scenario import headline

    if not predicted:
        kind = headline(scenario).partition(",")[0]
        console.print(Text.assemble((scenario.name, "bold"), f": {kind}'s agents send no messages: 0 bytes per update"))
        return
    console.print(Text.assemble((scenario.name, "bold"), ": ", _who(predicted[0][0])))
    for setting, prediction in predicted:
        console.print(Text.assemble((setting.sent.carries, "bold"), f": {_exchange(setting)}"))
        _print_prediction(setting, prediction, console)
    if len(predicted) > 1:
        console.print(Text(f"All together {_said(total_bytes(predicted), 'bytes')} per update."))


def _print_prediction(setting: Setting, prediction: Prediction, console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (("", "left"), ("predicted", "right"), ("± s.e.", "right"), ("", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for name, label, unit, index in _rows(prediction.figures, setting.rounds):
        figure = prediction.figures[name]
        value, error = _at(figure.value, index), _at(figure.error, index)
        table.add_row(
            label, _said(value, unit), _said(error, unit) if error > 0.0 else "", Text(figure.how, style="dim")
        )
    if prediction.rounds_to_target is not None:
        how = Text(prediction.figures["mse_after_rounds"].how, style="dim")
        table.add_row("rounds for an rms error of 10%", str(prediction.rounds_to_target), "", how)
    if prediction.lambda_min is not None:
        table.add_row("λ_min of the weights", f"{prediction.lambda_min:.3f}", "", Text("closed", style="dim"))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    graphs = "one graph" if prediction.graphs == 1 else f"a sample of {prediction.graphs} graphs"
    _print_notes([f"Over {graphs}; {prediction.sampled} exchanges sampled (simulator)."], console)
    _print_notes([f"Mind: {warning}." for warning in prediction.warnings], console)


def print_measurement(setting: Setting, measured: Measurement, predicted: Prediction, console: Console) -> None:
    """Print a measurement beside what was predicted, and how far they are apart."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "predicted", "measured", "± s.e.", "apart, s.e."):
        table.add_column(name, justify="right" if name else "left")
    for name, label, unit, index in _rows(measured.figures, setting.rounds):
        ours, theirs = measured.figures[name], predicted.figures[name]
        value, error = _at(ours.value, index), _at(ours.error, index)
        expected, doubt = _at(theirs.value, index), _at(theirs.error, index)
        both = math.hypot(error, doubt)
        apart = f"{(value - expected) / both:+.1f}" if both > 0.0 else ""
        table.add_row(
            label, _said(expected, unit), _said(value, unit), _said(error, unit) if error > 0.0 else "", apart
        )
    name, _, said = _headline(setting).partition(": ")
    console.print(Text.assemble((name, "bold"), ": ", said))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    final = {name: math.sqrt(curve.mse[-1]) for name, curve in measured.curves.items()}
    said = ", ".join(f"{name} {error:.3g}" for name, error in final.items())
    trials = "1 trial, hence no standard errors." if measured.trials == 1 else f"{measured.trials} trials."
    _print_notes([f"{trials} Rms error after the last round: {said}."], console)
    _print_notes([f"Mind: {warning}." for warning in predicted.warnings], console)


def _headline(setting: Setting) -> str:
    from_given = "" if setting.values is None else ", from given values"
    carries = "" if setting.sent.kind == "td" else f" with {setting.sent.carries}"
    return f"{setting.name}: {_who(setting)}; {_exchange(setting)}{carries}{from_given}"


def _who(setting: Setting) -> str:
    return f"{setting.n_agents} agents, {setting.network.topology.describe()}"


def _exchange(setting: Setting) -> str:
    rounds = "1 round" if setting.rounds == 1 else f"{setting.rounds} rounds"
    return f"{rounds} of {setting.sent.policy}{_often(setting.sent.exchanges)}"


def _often(exchanges: float) -> str:
    """Return how many exchanges there are in an update, in words, if it is not one.

    >>> [_often(exchanges) for exchanges in (1.0, 2.0, 0.2, 0.4)]
    ['', ', 2 times an update', ', once in 5 updates', ', 0.4 times an update']
    """
    if exchanges == 1.0:
        return ""
    once = 1.0 / exchanges
    return f", once in {once:.0f} updates" if once.is_integer() else f", {exchanges:.3g} times an update"


def _print_notes(notes: Iterable[str], console: Console) -> None:
    for note in notes:
        for line in textwrap.wrap(note, max(console.width - 2, 20)):
            console.print(Text(f"  {line}"))


def _rows(figures: Mapping[str, Number], rounds: int) -> list[tuple[str, str, str, int]]:
    """(figure, label, unit, round) of every line of a table; 0 where there is one figure for all rounds."""
    rows = [(name, label, unit, 0) for name, (label, unit) in ROWS.items() if name in figures]
    shown = [k for k in range(rounds) if k < 3 or k == rounds - 1 or k + 1 in {5, 10, 20, 50, 100, 200, 500}]
    errors = [("mse_after_rounds", f"mean-square error, round {k + 1}", "number", k) for k in shown]
    place = next(index for index, row in enumerate(rows) if row[0] == "mean_drift_var")
    return rows[:place] + errors + rows[place:]


def _said(value: float, unit: str) -> str:
    """Return a figure in words.

    >>> _said(0.00553, "time"), _said(0.893, "share"), _said(6424, "bytes"), _said(5, "number"), _said(1042, "count")
    ('5.53 ms', '89.3%', '6.42 kB', '5', '1042')
    """
    if not math.isfinite(value):
        return "never"
    if unit == "share":
        return f"{100 * value:.3g}%"
    if unit == "count":
        return f"{value:.0f}"
    scales = {"time": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")), "bytes": ((1e6, "MB"), (1e3, "kB"), (1.0, "B"))}
    if unit not in scales:
        return f"{value:.3g}"
    scale, name = next((pair for pair in scales[unit] if value >= pair[0]), scales[unit][-1])
    return f"{value / scale:.3g} {name}"


# The figure, without a library that would have to be installed for it.

WIDTH, HEIGHT = 860, 440
TOP, BOTTOM, LEFT, PANEL, GAP = 84, 66, 62, 350, 66
FLOOR = 1e-6
# Okabe and Ito's colours, which colour-blind readers tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
PANELS: tuple[tuple[str, str, Literal["mse", "disagreement"]], ...] = (
    ("error about the true mean (rms)", "mse_after_rounds", "mse"),
    ("disagreement (rms)", "disagreement_after_rounds", "disagreement"),
)


def error_figure(setting: Setting, curves: Mapping[str, Trajectory], predicted: Mapping[str, Number]) -> str:
    """Return an SVG of what is left after every round, in root mean square: error, and disagreement.

    A line for each policy that was measured, the scenario's own first, and circles for what was predicted of that.
    """
    import numpy as np

    start = 1.0 - 1.0 / setting.n_agents if setting.values is None else float(np.var(setting.values))

    def rms(squares: Iterable[float]) -> list[float]:
        return [max(math.sqrt(max(square, 0.0)), FLOOR) for square in (start, *squares)]

    drawn = [{name: rms(getattr(curve, part).tolist()) for name, curve in curves.items()} for _, _, part in PANELS]
    every = [value for panel in drawn for curve in panel.values() for value in curve]
    powers = math.floor(math.log10(min(every)) + 1e-9), max(math.ceil(math.log10(max(every)) - 1e-9), 0)
    name, _, subtitle = _headline(setting).partition(": ")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{escape(name)}</text>',
        f'<text x="{LEFT}" y="46" fill="#555">{escape(subtitle)}</text>',
    ]
    for index, (label, figure, _) in enumerate(PANELS):
        circles = rms(np.atleast_1d(predicted[figure].value).tolist())
        parts += _panel(LEFT + index * (PANEL + GAP), label, drawn[index], circles, powers)
    return "\n".join([*parts, *_legend(list(curves)), "</svg>"]) + "\n"


def _panel(
    left: int, label: str, curves: Mapping[str, Sequence[float]], circles: Sequence[float], powers: tuple[int, int]
) -> list[str]:
    """One pair of axes with all its curves; the vertical one is logarithmic, between two powers of 10."""
    rounds, height, (bottom, top) = len(circles) - 1, HEIGHT - TOP - BOTTOM, powers

    def across(k: int) -> float:
        return round(left + PANEL * k / rounds, 1)

    def down(value: float) -> float:
        return round(TOP + height * (math.log10(value) - top) / (bottom - top), 1)

    parts = [f'<text x="{left}" y="{TOP - 12}" font-weight="600">{label}</text>']
    for power in range(top, bottom - 1, -1):
        y = down(10.0**power)
        parts.append(f'<path d="M{left} {y}H{left + PANEL}" stroke="#ddd"/>')
        shown = "1" if power == 0 else f'10<tspan dy="-5" font-size="9">{power}</tspan>'
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{shown}</text>')
    for k in _ticks(rounds):
        x, y = across(k), TOP + height
        parts.append(f'<path d="M{x} {y}v5" stroke="#888"/><text x="{x}" y="{y + 19}" text-anchor="middle">{k}</text>')
    parts.append(f'<path d="M{left} {TOP}V{TOP + height}H{left + PANEL}" fill="none" stroke="#888"/>')
    parts.append(f'<text x="{left + PANEL}" y="{TOP + height + 36}" text-anchor="end">rounds</text>')
    for index, curve in reversed(list(enumerate(curves.values()))):  # the scenario's own on top
        points = " ".join(f"{across(k)},{down(value)}" for k, value in enumerate(curve))
        parts.append(f'<polyline points="{points}" fill="none" {_style(index)}/>')
    for k in range(1, rounds + 1):
        if rounds <= 40 or k % (rounds // 20) == 0:
            at = f'cx="{across(k)}" cy="{down(circles[k])}"'
            parts.append(f"<circle {at} {CIRCLE}/>")
    return parts


def _ticks(rounds: int) -> list[int]:
    """Round numbers to mark, at most 7 or so, from 0.

    >>> _ticks(3), _ticks(50)
    ([0, 1, 2, 3], [0, 10, 20, 30, 40, 50])
    """
    step = next(s for power in range(6) for s in (10**power, 2 * 10**power, 5 * 10**power) if rounds / s <= 6)
    return list(range(0, rounds + 1, step))


CIRCLE = f'r="3.5" fill="white" stroke="{COLOURS[0]}" stroke-width="1.5"'


def _style(index: int) -> str:
    dashes = 'stroke-width="2.5"' if index == 0 else 'stroke-width="1.5" stroke-dasharray="5 2"'
    return f'stroke="{COLOURS[index % len(COLOURS)]}" {dashes}'


def _legend(names: Sequence[str]) -> list[str]:
    """All policies under the panels, and what the circles are."""
    parts, x, y = [], float(LEFT), HEIGHT - 12
    for index, name in enumerate(names):
        parts.append(f'<path d="M{x:g} {y - 4}h18" {_style(index)}/>')
        parts.append(f'<text x="{x + 23:g}" y="{y}">{escape(name)}</text>')
        x += 38 + 7 * len(name)
    parts.append(f'<circle cx="{x + 6:g}" cy="{y - 4}" {CIRCLE}/>')
    parts.append(f'<text x="{x + 15:g}" y="{y}">predicted</text>')
    return parts
