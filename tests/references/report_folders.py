"""Folders of runs and sweeps whose every row a test chooses, written by the program's own recorder."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dvdn_sim.records import METRICS, NETWORK, RecordWriter, SweepRow, SweepTable, Table, write_cells, write_scenario
from dvdn_sim.reporting import Cell, Curve, Exchanges, Study

SCENARIO = """\
name: tiny
seeds: [0]
env: {kind: lbf, field_size: [5, 5], players: 3, max_num_food: 2, max_food_level: 1, sight: 4, max_episode_steps: 10}
algorithm: {kind: dvdn, hidden: 4, consensus: {rounds: 1}}
network:
  topology: {kind: random_connected, edges: 2, resample: episode}
  link: {rate: unlimited, delay: 5 ms, loss: 25%}
  deadline: 50 ms
  control_period: 100 ms
  compute: 0 ms
training: {steps: 400, batch: 2, buffer: 20, epsilon: {steps: 100}, target_update: 3}
evaluation: {every: 100, episodes: 1}
"""
BYTES_PER_STEP, SECONDS_PER_STEP, EPISODE = 100, 0.5, 10
Values = Mapping[str, Any]


def _row(table: Table, values: Values) -> Values:
    empty = {"int": 0, "float": 0.0, "text": "", "floats": []}
    return {each.name: None if each.nullable else empty[each.type] for each in table.columns} | dict(values)


def write_run(
    run_dir: Path,
    returns: Mapping[int, Sequence[float | tuple[int, float]]],
    *,
    every: int = 100,
    exchanges: Iterable[Values] = (),
    train: Iterable[Values] = (),
    random: float | None = None,
    network: bool = True,
    state: str = "finished",
    scenario: str = SCENARIO,
    **manifest: Any,
) -> Path:
    """Write a run whose evaluations, from step 0 on, are `every` steps apart.

    Args:
        run_dir: its folder.
        returns: of each seed, evaluation by evaluation; with the step, where that is another one. They are written
            backwards, for order means nothing.
        every: steps between two.
        exchanges: rows of the network's table, each what it has beside ``sent: 0`` and the like.
        train: rows of training episodes, likewise.
        random: return of uniform random play.
        network: whether there is a clock, and bytes.
        state: what the manifest says became of it.
        scenario: its text.
        manifest: what else the manifest says.
    """
    run_dir.mkdir(parents=True)
    writer = RecordWriter(run_dir)
    writer.keep(write_scenario(run_dir, scenario))
    for seed, curve in returns.items():
        for number, given in reversed(list(enumerate(curve))):
            steps, value = given if isinstance(given, tuple) else (number * every, given)
            clock = {"sim_time_s": SECONDS_PER_STEP * steps, "bytes_sent": BYTES_PER_STEP * steps} if network else {}
            counts = {"env_steps": steps, "episodes": steps // EPISODE, "updates": steps // EPISODE}
            writer.metrics(
                _row(METRICS, {"seed": seed, "phase": "evaluation", "return_mean": value, **counts, **clock})
            )
        if random is not None:
            writer.metrics(_row(METRICS, {"seed": seed, "phase": "random", "return_mean": random}))
    for row in train:
        writer.metrics(_row(METRICS, {"phase": "train", **row}))
    rows = [_row(NETWORK, row) for row in exchanges]
    for row in rows:
        writer.network(row)
    writer.flush()
    said = {"seeds": list(returns), "state": state, "audit": "ok", "digest": "0" * 64, "device": "cpu", "wall_s": 1.5}
    writer.flush({**said, "messages": _messages(rows) if network else None, "packets": [], **manifest})
    return run_dir


def _messages(rows: Sequence[Values]) -> dict[str, object]:
    total = {name: sum(row[name] for row in rows) for name in ("sent", "held", "late", "expired", "lost", "bytes")}
    lost = {"loss": total.pop("lost")}
    flying = total["sent"] - total["held"] - total["late"] - total["expired"] - lost["loss"]
    return {**total, "lost": lost if lost["loss"] else {}, "in_flight": flying, "duplicates": 0}


def packets(seed: int, sender: int, receiver: int, sent: int, held: int) -> dict[str, object]:
    """What a manifest says of one direction of a link."""
    ends = {"seed": seed, "kind": "td", "sender": sender, "receiver": receiver}
    return {**ends, "sent": sent, "held": held, "late": 0, "expired": 0, "lost": {}, "in_flight": 0, "duplicates": 0}


def write_sweep(
    folder: Path,
    axes: Mapping[str, Sequence[str]],
    cells: Mapping[tuple[str, ...], Values | str],
    *,
    name: str = "sweep",
    question: str = "Does it matter?",
    compare: tuple[str, ...] = (),
    bounds: Mapping[str, Values] | None = None,
) -> Path:
    """Write a sweep.

    Args:
        folder: its own.
        axes: labels on each.
        cells: by their labels, what `write_run` takes; or why there is no folder.
        name: of the sweep.
        question: likewise.
        compare: axis and label of the baseline.
    """
    folder.mkdir(parents=True)
    rows = []
    for labels, cell in cells.items():
        at = dict(zip(axes, labels, strict=True))
        safe = {axis: re.sub(r"[^\w%.+-]", "_", label) for axis, label in at.items()}
        row = SweepRow(",".join(f"{axis}={label}" for axis, label in safe.items()), at, {}, (0,))
        if isinstance(cell, str):
            row.state, row.error = "failed", cell
        else:
            write_run(folder / row.id, **cell)
        row.bounds = {kind: f"bound={kind}" for kind in bounds or {}}
        rows.append(row)
    for kind, cell in (bounds or {}).items():
        rows.append(SweepRow(f"bound={kind}", dict.fromkeys(axes, ""), {}, (0,), bound=kind))
        write_run(folder / rows[-1].id, **cell)
    write_cells(folder, SweepTable(name, question, {axis: tuple(axes[axis]) for axis in axes}, compare, rows))
    return folder


def study_of(
    axes: Mapping[str, Sequence[str]],
    scores: Mapping[tuple[str, ...], Mapping[int, float]],
    compare: tuple[str, ...] = (),
    tasks: Mapping[tuple[str, ...], str] | None = None,
    means: Mapping[tuple[str, ...], Mapping[str, float]] | None = None,
    *,
    bounds: Mapping[str, Mapping[int, float]] | None = None,
    random: float | None = None,
) -> Study:
    """Return a study of no folders: of each cell, by its labels, the final return of every seed.

    Args:
        axes: labels on each.
        scores: final returns.
        compare: axis and label of the baseline.
        tasks: what was played, where it differs.
        means: of the exchanges of cells that had any.
        bounds: final returns of those of all cells, by kind.
        random: return of random play.
    """
    if bounds:
        own = {(kind,): of for kind, of in bounds.items()}
        found = {cell.id.removeprefix("bound="): cell for cell in study_of({"bound": list(bounds)}, own).cells}
        plain = study_of(axes, scores, compare, tasks, means, random=random)
        return replace(plain, cells=[replace(cell, bounds=found) for cell in plain.cells])
    cells = [
        Cell(
            id=",".join(f"{axis}={label}" for axis, label in zip(axes, labels, strict=True)),
            at=dict(zip(axes, labels, strict=True)),
            run_dir=Path(),
            manifest={},
            scenario_text="",
            task=(tasks or {}).get(labels, "one"),
            curves={seed: flat(score) for seed, score in of_seeds.items()},
            random_return=random,
            points=pl.DataFrame(),
            health=(),
            exchanges=Exchanges({}, {}, {}, means[labels], pl.DataFrame()) if labels in (means or {}) else None,
            tracking=None,
        )
        for labels, of_seeds in scores.items()
    ]
    finished = {name: [label for label in axes[name] if any(cell.at[name] == label for cell in cells)] for name in axes}
    return Study("study", "", finished, compare, cells, [])


def flat(score: float) -> Curve:
    """A curve from 0 to a score, which is that of the last tenth of training."""
    return Curve(np.array([0.0, score]), {"env_steps": np.array([0.0, 100.0])})
