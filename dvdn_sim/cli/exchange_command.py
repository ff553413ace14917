"""The commands ``predict`` and ``consensus``: tables for people, objects for programs, and a figure."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli.output import (
    AsJson,
    Changes,
    Display,
    Quiet,
    Terminal,
    option,
    print_message,
    print_warnings,
    refuse_used_folder,
    say,
)
from dvdn_sim.errors import ScenarioError, StorageError, os_errors_as
from dvdn_sim.wording import plural, time_text

if TYPE_CHECKING:
    from dvdn_sim.network import Measurement, Number, Prediction, Setting
    from dvdn_sim.scenario import Scenario

    Figures = Mapping[str, Number]

Agents = Annotated[int | None, option("N", "Agents in place of the scenario's.", minimum=2, maximum=1_000_000)]
Threads = Annotated[
    int | None,
    option("N", "Threads.", otherwise="one, or one for each core if exchanges are large", minimum=1, maximum=1024),
]
Links = Annotated[int | None, option("N", "Links of a random connected topology.", minimum=1)]

ROUNDING = 1e-12
"""Of figures, whose values are of order 1: a standard error below says nothing about what was measured."""


def predict(
    scenario: Annotated[Path, typer.Argument(help="A YAML file; - is standard input.", show_default=False)],
    *,
    changes: Changes = None,
    agents: Agents = None,
    links: Links = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Say what a scenario's exchanges will be like, before anything is trained."""
    from dvdn_sim.compiled import compilation_told
    from dvdn_sim.network import Setting, enough_threads, predict_every
    from dvdn_sim.scenario import load_scenario, warnings_of

    loaded = load_scenario(scenario, changes or [], any_agents=agents is not None)
    settings = Setting.from_scenario(loaded, agents=agents, links=links)
    warnings = warnings_of(loaded, n_agents=agents)
    print_warnings(warnings)
    with compilation_told(print_message):
        found = list(zip(settings, predict_every(settings, threads or enough_threads(settings)), strict=True))
    if as_json:
        say(prediction_json(loaded, found, warnings))
    else:
        print_predictions(loaded, found, Terminal())


def consensus(
    scenario: Annotated[Path, typer.Argument(help="A YAML file; - is standard input.", show_default=False)],
    *,
    changes: Changes = None,
    trials: Annotated[int | None, option("N", "Exchanges.", otherwise="some seconds' worth", minimum=1)] = None,
    agents: Agents = None,
    links: Links = None,
    values: Annotated[
        str | None, option("LIST", "What agents hold at first: 3,0,-1.5.", otherwise="random values")
    ] = None,
    threads: Threads = None,
    out: Annotated[Path | None, option("DIR", "Folder for consensus.svg and consensus.json.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Exchange values, without learning: what was measured beside what was predicted."""
    refuse_used_folder(out)
    from dvdn_sim.compiled import compilation_told
    from dvdn_sim.network import Setting, enough_threads, measure
    from dvdn_sim.network import predict as work_out
    from dvdn_sim.records import create_run_dir, write_durably
    from dvdn_sim.scenario import load_scenario, warnings_of

    loaded = load_scenario(scenario, changes or [], any_agents=agents is not None)
    settings = Setting.from_scenario(loaded, agents=agents, links=links, values=_numbers(loaded, values))
    if not settings:
        remedy = "write `algorithm: {kind: dvdn}`, with one round or more"
        raise ScenarioError.of(loaded.name, "algorithm.kind", "sends no messages", remedy)
    setting = settings[0]
    warnings = warnings_of(loaded, n_agents=agents)
    print_warnings(warnings)
    if out is not None:
        create_run_dir(out, loaded.name)  # a folder that cannot be made is reported before the work, not after
    with Display(quiet=quiet, of="trials") as display, compilation_told(display.say):
        side_by_side = threads or enough_threads([setting])
        predicted = work_out(setting, side_by_side)
        measured = measure(setting, trials, lambda done, total: display.show(done, total, {}), side_by_side)
    found = measurement_json(setting, measured, predicted, warnings)
    if out is not None:
        with os_errors_as(StorageError, f"{out} cannot be written"):
            write_durably(out / "consensus.json", json.dumps(found, allow_nan=False, indent=2) + "\n")
            write_durably(out / "consensus.svg", error_figure(setting, measured.policies, predicted.figures))
    if as_json:
        say(found)
    else:
        print_measurement(setting, measured, predicted, Terminal())


def _numbers(scenario: Scenario, values: str | None) -> list[float] | None:
    """Read a list such as ``3,0,-1.5``."""
    try:
        return None if values is None else [float(part) for part in values.split(",")]
    except ValueError as error:
        message = f"{values!r} is not a list of numbers"
        raise ScenarioError.of(scenario.name, "--values", message, "write it as `3,0,-1.5`") from error


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
    "jtd_relative_error": ("error about the true JTD", "share"),
}
"""Of the tables: figure, what it is called there, and its unit."""


Predicted = Sequence["tuple[Setting, Prediction]"]
"""What is exchanged, over what, and what to expect of it: for each kind of message, in the order of the exchanges."""


def prediction_json(scenario: Scenario, predicted: Predicted, warnings: Sequence[str]) -> dict[str, object]:
    """Return predictions as one object: the first kind of message at the top, and a list of all."""
    kinds = [_prediction_json(setting, prediction) for setting, prediction in predicted]
    nothing = {"name": scenario.name, "n_agents": scenario.env.n_agents} | dict.fromkeys(SHARED)
    first = kinds[0] if kinds else nothing | {"bytes_per_update": 0.0}
    said = [warning for _, prediction in predicted for warning in prediction.warnings]
    return first | {
        "wires": kinds,
        "total_bytes_per_update": total_bytes(predicted),
        "warnings": list(dict.fromkeys([*warnings, *said])),
    }


def total_bytes(predicted: Predicted) -> float:
    """Return the bytes of an update, of all kinds of messages together."""
    return sum(prediction.figures["bytes_per_update"].at(0)[0] for _, prediction in predicted)


def _prediction_json(setting: Setting, prediction: Prediction) -> dict[str, object]:
    return {
        **_heading(setting),
        **_numbers_of(prediction.figures),
        "rounds_to_10_percent": prediction.rounds_to_target,
        "lambda_min": None if prediction.lambda_min is None else prediction.lambda_min.value,
        "how": {name: figure.how for name, figure in prediction.figures.items()},
        "sampled_exchanges": prediction.sampled,
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
        **_numbers_of(measured.figures),
        "predicted": {**_numbers_of(shared), "how": {name: figure.how for name, figure in shared.items()}},
        "policies": {
            name: {key: found[key].value for key in ("mse_after_rounds", "disagreement_after_rounds", "mean_drift_var")}
            for name, found in measured.policies.items()
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


def _numbers_of(figures: Figures) -> dict[str, object]:
    """Return the values of figures by name, and their standard errors; None for what is infinite or unknown."""
    values, errors = ({name: _finite(getattr(each, of)) for name, each in figures.items()} for of in ("value", "error"))
    return {**values, "standard_error": errors}


def _finite(value: float | tuple[float, ...]) -> object:
    if isinstance(value, tuple):
        return [_finite(each) for each in value]
    return value if math.isfinite(value) else None


# Tables for people.


def print_predictions(scenario: Scenario, predicted: Predicted, console: Terminal) -> None:
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


def _print_prediction(setting: Setting, prediction: Prediction, console: Terminal) -> None:
    table = _table("", "predicted", "± s.e.", "")
    for name, label, unit, k in _rows(prediction.figures, setting.rounds):
        figure = prediction.figures[name]
        table.add_row(label, *_with_error(figure.at(k), unit), Text(figure.how, style="dim"))
    if prediction.rounds_to_target is not None:
        how = Text(prediction.figures["mse_after_rounds"].how, style="dim")
        table.add_row("rounds for an rms error of 10%", str(prediction.rounds_to_target), "", how)
    if prediction.lambda_min is not None:
        least, how = prediction.lambda_min.at(0), Text(prediction.lambda_min.how, style="dim")
        table.add_row("λ_min of E[A]", *_with_error(least, "number"), how)
    console.print_whole(Padding(table, (0, 0, 0, 2), expand=False))
    graphs = "one graph" if prediction.graphs == 1 else f"a sample of {prediction.graphs} graphs"
    sampled = f"Over {graphs}; {prediction.sampled} exchanges sampled."
    if "jtd_relative_error" in prediction.figures:
        sampled += (
            " The error about the true JTD is that of TD errors that are independent; those of a team that learns are "
            "not (docs/predict.md)."
        )
    _print_notes(sampled, prediction.warnings, console)


def print_measurement(setting: Setting, measured: Measurement, predicted: Prediction, console: Terminal) -> None:
    """Print a measurement beside what was predicted, and how far they are apart."""
    table = _table("", "predicted", "measured", "± s.e.", "apart, s.e.")
    for name, label, unit, k in _rows(measured.figures, setting.rounds):
        (value, error), (expected, doubt) = measured.figures[name].at(k), predicted.figures[name].at(k)
        both = math.hypot(error, doubt)
        apart = f"{(value - expected) / both:+.1f}" if both > ROUNDING else ""
        table.add_row(label, _said(expected, unit), *_with_error((value, error), unit), apart)
    console.print(Text.assemble((setting.name, "bold"), ": ", _subtitle(setting)))
    console.print_whole(Padding(table, (0, 0, 0, 2), expand=False))
    final = {name: math.sqrt(found["mse_after_rounds"].at(-1)[0]) for name, found in measured.policies.items()}
    said = ", ".join(f"{name} {error:.3g}" for name, error in final.items())
    trials = "1 trial, hence no standard errors." if measured.trials == 1 else f"{measured.trials} trials."
    _print_notes(f"{trials} Rms error after the last round: {said}.", predicted.warnings, console)


def _table(*columns: str) -> Table:
    """Return an empty table whose columns are numbers, but for those without a name."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, justify="right" if name else "left")
    return table


def _subtitle(setting: Setting) -> str:
    """Return what was measured, after the scenario's name."""
    from_given = "" if setting.values is None else ", from given values"
    carries = "" if setting.sent.kind == "td" else f" with {setting.sent.carries}"
    return f"{_who(setting)}; {_exchange(setting)}{carries}{from_given}"


def _who(setting: Setting) -> str:
    return f"{setting.n_agents} agents, {setting.network.topology.describe()}"


def _exchange(setting: Setting) -> str:
    return f"{plural(setting.rounds, 'round')} of {setting.sent.policy}{_often(setting.sent.exchanges)}"


def _often(exchanges: float) -> str:
    """Return how many exchanges there are in an update, in words, if it is not one.

    >>> [_often(exchanges) for exchanges in (1.0, 2.0, 0.2, 0.4)]
    ['', ', 2 times an update', ', once in 5 updates', ', 0.4 times an update']
    """
    if exchanges == 1.0:
        return ""
    once = 1.0 / exchanges
    return f", once in {once:.0f} updates" if once.is_integer() else f", {exchanges:.3g} times an update"


def _print_notes(note: str, warnings: Iterable[str], console: Terminal) -> None:
    for each in (note, *(f"Mind: {warning}." for warning in warnings)):
        console.print(Text(textwrap.indent(textwrap.fill(each, max(console.width - 2, 20)), "  ")))


def _rows(figures: Figures, rounds: int) -> list[tuple[str, str, str, int]]:
    """(figure, label, unit, round) of every line of a table; 0 where there is one figure for all rounds."""
    rows = [(name, label, unit, 0) for name, (label, unit) in ROWS.items() if name in figures]
    shown = [k for k in range(rounds) if k < 3 or k == rounds - 1 or k + 1 in {5, 10, 20, 50, 100, 200, 500}]
    errors = [("mse_after_rounds", f"mean-square error, round {k + 1}", "number", k) for k in shown]
    place = next(index for index, row in enumerate(rows) if row[0] == "mean_drift_var")
    return rows[:place] + errors + rows[place:]


def _with_error(found: tuple[float, float], unit: str) -> tuple[str, str]:
    """Return a figure and its standard error in words; none where it is known exactly."""
    value, error = found
    return _said(value, unit), _said(error, unit) if error > 0.0 else ""


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
    if unit == "time":
        return time_text(value)
    if unit != "bytes":
        return f"{value:.3g}"
    scale, name = next((pair for pair in ((1e6, "MB"), (1e3, "kB")) if value >= pair[0]), (1.0, "B"))
    return f"{value / scale:.3g} {name}"


# The figure: `consensus.svg.j2` draws it, without a library that would have to be installed for it.

FLOOR = 1e-6
PANELS = {"error about the true mean (rms)": "mse_after_rounds", "disagreement (rms)": "disagreement_after_rounds"}


def error_figure(setting: Setting, measured: Mapping[str, Figures], predicted: Figures) -> str:
    """Return an SVG of what is left after every round, in root mean square: error, and disagreement.

    A line for each policy that was measured, the scenario's own first, and circles for what was predicted of that.
    """
    import numpy as np
    from jinja2 import Template

    start = 1.0 - 1.0 / setting.n_agents if setting.values is None else float(np.var(setting.values))

    def exponents(figure: Number) -> list[float]:
        """Turn mean squares, that at the beginning included, into powers of 10 of their roots."""
        return list(np.log10(np.maximum([start, *np.atleast_1d(figure.value)], FLOOR**2)) / 2)

    panels = [
        (label, [exponents(found[name]) for found in measured.values()], exponents(predicted[name]))
        for label, name in PANELS.items()
    ]
    every = [power for _, curves, _ in panels for curve in curves for power in curve]
    steps = (factor * 10**power for power in range(6) for factor in (1, 2, 5))
    text = Path(__file__).with_name("consensus.svg.j2").read_text("utf-8")
    drawn: str = Template(text, autoescape=True, trim_blocks=True).render(
        name=setting.name,
        subtitle=_subtitle(setting),
        policies=list(measured),
        panels=panels,
        rounds=setting.rounds,
        mark=next(step for step in steps if setting.rounds / step <= 6),
        bottom=math.floor(min(every) + 1e-9),
        top=max(math.ceil(max(every) - 1e-9), 0),
    )
    return drawn
