"""What ``predict`` and ``consensus`` print: tables for people, objects for programs."""

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli_figure import error_figure
from dvdn_sim.errors import Mistake, ScenarioError, StorageError
from dvdn_sim.network.figures import Figure
from dvdn_sim.network.prediction import Prediction
from dvdn_sim.network.trials import Measurement, Setting
from dvdn_sim.records.durable import write_durably
from dvdn_sim.scenario import Scenario, headline

SHARED = (
    "delivered_fraction",
    "late_fraction",
    "round_time_s",
    "round_time_p50_s",
    "round_time_p99_s",
    "bytes_per_update",
    "a_eff",
    "mse_after_rounds",
    "disagreement_after_rounds",
    "mean_drift_var",
)
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


def setting_of(
    scenario: Scenario, *, agents: int | None = None, links: int | None = None, values: str | None = None
) -> Setting:
    """Return what is to be exchanged, over what; values are a list such as ``3,0,-1.5``.

    Raises:
        ScenarioError: A scenario that sends nothing, or values that do not fit it.
    """
    try:
        given = None if values is None else [float(part) for part in values.split(",")]
    except ValueError as error:
        mistake = Mistake("--values", None, f"{values!r} is no list of numbers", "write it as `3,0,-1.5`")
        raise ScenarioError.of(scenario.name, (mistake,)) from error
    return Setting.of(scenario, agents=agents, links=links, values=given)


Predicted = Sequence[tuple[Setting, Prediction]]
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
        "sampler": prediction.sampler,
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


def write_measurement(
    out: Path, setting: Setting, measured: Measurement, predicted: Prediction, warnings: Sequence[str] = ()
) -> None:
    """Write consensus.json and consensus.svg into a folder.

    Raises:
        StorageError: The disk refuses.
    """
    found = json.dumps(measurement_json(setting, measured, predicted, warnings), allow_nan=False, indent=2)
    start = 1.0 - 1.0 / setting.n_agents if setting.values is None else float(np.var(setting.values))
    drawn = error_figure(_headline(setting), measured.curves, predicted.figures, start)
    try:
        for name, text in (("consensus.json", found + "\n"), ("consensus.svg", drawn)):
            write_durably(out / name, partial(_write, text.encode()))
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror or error}") from error


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def print_predictions(scenario: Scenario, predicted: Predicted, console: Console) -> None:
    """Print predictions, one block for each kind of message: every line says how it was found."""
    if not predicted:
        kind = headline(scenario).partition(",")[0]
        console.print(Text.assemble((scenario.name, "bold"), f": {kind}'s agents send no messages: 0 bytes per update"))
        return
    console.print(Text.assemble((scenario.name, "bold"), ": ", _who(predicted[0][0])))
    for setting, prediction in predicted:
        console.print(Text.assemble((setting.carries, "bold"), f": {_exchange(setting)}"))
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
    graphs, count = prediction.graphs, len(prediction.graphs.sequences)
    met = {"closed": "one graph", "enumerated": f"all {count} graphs", "sampled": f"a sample of {count} graphs"}
    _print_notes([f"Over {met[graphs.how]}; {prediction.sampled} exchanges sampled ({prediction.sampler})."], console)
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
    carries = "" if setting.kind == "td" else f" with {setting.carries}"
    return f"{setting.name}: {_who(setting)}; {_exchange(setting)}{carries}{from_given}"


def _who(setting: Setting) -> str:
    return f"{setting.n_agents} agents, {setting.network.topology.describe()}"


def _exchange(setting: Setting) -> str:
    rounds = "1 round" if setting.rounds == 1 else f"{setting.rounds} rounds"
    return f"{rounds} of {setting.policy}{_often(setting)}"


def _often(setting: Setting) -> str:
    """Return how many exchanges there are in an update, in words, if it is not one.

    >>> from types import SimpleNamespace
    >>> [_often(SimpleNamespace(exchanges=exchanges)) for exchanges in (1.0, 2.0, 0.2, 0.4)]
    ['', ', 2 times an update', ', once in 5 updates', ', 0.4 times an update']
    """
    if setting.exchanges == 1.0:
        return ""
    once = 1.0 / setting.exchanges
    return f", once in {once:.0f} updates" if once.is_integer() else f", {setting.exchanges:.3g} times an update"


def _print_notes(notes: Iterable[str], console: Console) -> None:
    for note in notes:
        for line in textwrap.wrap(note, max(console.width - 2, 20)):
            console.print(Text(f"  {line}"))


def _rows(figures: Mapping[str, Figure], rounds: int) -> list[tuple[str, str, str, int]]:
    """(figure, label, unit, round) of every line of a table; 0 where there is one figure for all rounds."""
    rows = [(name, label, unit, 0) for name, (label, unit) in ROWS.items() if name in figures]
    shown = [k for k in range(rounds) if k < 3 or k == rounds - 1 or k + 1 in {5, 10, 20, 50, 100, 200, 500}]
    errors = [("mse_after_rounds", f"mean-square error, round {k + 1}", "number", k) for k in shown]
    place = next(index for index, row in enumerate(rows) if row[0] == "mean_drift_var")
    return rows[:place] + errors + rows[place:]


def _heading(setting: Setting) -> dict[str, object]:
    return {
        "name": setting.name,
        "n_agents": setting.n_agents,
        "topology": setting.network.topology.describe(),
        "kind": setting.kind,
        "carries": setting.carries,
        "exchanges_per_update": setting.exchanges,
        "rounds": setting.rounds,
        "policy": setting.policy,
        "weights": setting.weights,
    }


def _values(figures: Mapping[str, Figure]) -> dict[str, object]:
    return {name: _finite(figure.value) for name, figure in figures.items()}


def _errors(figures: Mapping[str, Figure]) -> dict[str, object]:
    return {name: _finite(figure.error) for name, figure in figures.items()}


def _finite(value: float | tuple[float, ...]) -> object:
    """Return what JSON can hold: None for what is infinite."""
    if isinstance(value, tuple):
        return [_finite(each) for each in value]
    return value if math.isfinite(value) else None


def _at(value: float | tuple[float, ...], index: int) -> float:
    return value[index] if isinstance(value, tuple) else value


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
