"""From folders to what a page is about: the finished cells of a sweep, or runs side by side, and what was left out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from dvdn_sim.errors import RunFolderError, ScenarioError, os_errors_as
from dvdn_sim.records import (
    CELLS_FILE,
    MANIFEST_FILE,
    METRICS,
    SCENARIO_FILE,
    Columns,
    HealthWarning,
    Run,
    SweepTable,
    contents,
    health_warnings,
    load_run,
    read_cells,
)
from dvdn_sim.reporting.curves import COLUMNS, Curve, Exchanges, curves_of, exchanges_of, tracking_of
from dvdn_sim.scenario import Scenario, parse_scenario
from dvdn_sim.statistics import UNBOUNDED, Bounds
from dvdn_sim.wording import printable

MAX_TASK = 60
RUN_AXIS = "run"
"""The axis of runs that belong to no one sweep."""


@dataclass(frozen=True)
class LeftOut:
    """A folder whose run enters no statistic, and why: its state ("killed", "failed: …"), or why it cannot be read.

    Or a seed of it alone, which diverged.
    """

    run_dir: Path
    why: str


def finished_runs(run_dirs: Iterable[Path | str], columns: Columns | None = None) -> tuple[list[Run], list[LeftOut]]:
    """Read run folders in the order given, and leave out runs that did not come to their end.

    Their last return is not a final one. `columns` are all that is wanted of the records; None for everything.
    """
    finished: list[Run] = []
    left_out: list[LeftOut] = []
    for run_dir in run_dirs:
        try:
            run = load_run(run_dir, columns)
            if run.finished:
                finished.append(run)
            else:
                left_out.append(LeftOut(Path(run_dir), str(contents(run_dir)["state"])))
        except RunFolderError as error:
            left_out.append(LeftOut(Path(run_dir), str(error)))
    return finished, left_out


@dataclass(frozen=True)
class Cell:
    """A finished run, what its records come to, and where it stands among the others."""

    id: str
    at: Mapping[str, str]  # its label on every axis
    run_dir: Path
    manifest: Mapping[str, Any]
    scenario_text: str  # resolved
    task: str  # the scenario's environment, or the name of the one that Python gave in its place
    curves: Mapping[int, Curve]  # the evaluations of every seed
    random_return: float | None  # of uniform random play; None if that was not recorded
    points: pl.DataFrame  # steps, updates, episodes and clock at each evaluation of the first seed
    health: Sequence[HealthWarning]
    exchanges: Exchanges | None  # what became of its messages; None without a network
    tracking: pl.DataFrame | None  # how gradient tracking went, over training; None without it
    bounds: "Mapping[str, Cell]" = field(default_factory=dict)
    """By kind, *central* and *silent*: what it is held against; without those that are not finished."""

    @cached_property
    def scenario(self) -> Scenario | None:
        """The scenario; None if its environment was given from Python, or another version of the program wrote it."""
        if self.task == self.manifest.get("env"):
            return None
        try:
            return parse_scenario(self.scenario_text, folder=self.run_dir)
        except ScenarioError:
            return None

    @property
    def returns_within(self) -> Bounds:
        """What a return cannot be below, and above; infinite where nobody knows."""
        return UNBOUNDED if self.scenario is None else self.scenario.env.returns_within


@dataclass(frozen=True)
class Study:
    """The cells that a page is about."""

    name: str  # of the sweep, or of the runs
    question: str  # of the sweep; empty for runs of no sweep
    axes: Mapping[str, Sequence[str]]  # labels on every axis, in order, of those that have a finished cell
    compare: tuple[str, ...]  # axis and label of the baseline; empty if there is none
    cells: Sequence[Cell]  # the finished ones
    left_out: Sequence[LeftOut]

    @property
    def bounds(self) -> list[Cell]:
        """The bounds of all cells, each once."""
        return list({bound.id: bound for cell in self.cells for bound in cell.bounds.values()}.values())

    @property
    def varied(self) -> tuple[str, ...]:
        """The axes on which cells differ, that of the baseline first."""
        names = [name for name, labels in self.axes.items() if len(labels) > 1] or list(self.axes)[:1]
        return tuple(sorted(names, key=lambda name: name not in self.compare[:1]))

    @cached_property
    def tasks(self) -> dict[str, list[Cell]]:
        """The cells by their task, in words: cells of one have the same environment, and returns on one scale."""
        by_task: dict[tuple[str, ...], list[Cell]] = {}
        for cell in self.cells:
            by_task.setdefault((cell.task, *cell.manifest.get("env_identity", ())), []).append(cell)
        found: dict[str, list[Cell]] = {}
        for number, ((task, *_), cells) in enumerate(by_task.items(), 1):
            words = task if cells[0].scenario is None else cells[0].scenario.env.title
            found[words if len(words) <= MAX_TASK and words not in found else f"task {number}"] = cells
        return found

    @property
    def one_task(self) -> bool:
        """True if all cells have the same environment, so that their returns may be pooled."""
        return len(self.tasks) == 1

    @cached_property
    def returns_within(self) -> Bounds:
        """What no team's return can be below, and above."""
        low, high = zip(*(cell.returns_within for cell in self.cells), strict=True)
        return min(low), max(high)

    def along(self, axis: str) -> dict[str, list[Cell]]:
        """Return the cells by their label on an axis, in its order."""
        return {label: [cell for cell in self.cells if cell.at[axis] == label] for label in self.axes[axis]}


Progress = Callable[[int, int], None]
"""Gets how many folders have been read, and how many there are."""
Wanted = dict[Path, tuple[str, Mapping[str, str]]]
"""The folder of each run with the name and the labels of its cell."""


def read_study(folders: Sequence[Path | str], progress: Progress = lambda _done, _total: None) -> Study:
    """Read the folders of sweeps, of runs, or of folders that hold such folders; one sweep keeps its axes.

    Raises `RunFolderError` if a folder holds neither, if the table of a sweep is damaged, or if no run can be reported.
    """
    inside = (each for folder in folders for each in _expanded(Path(folder)))
    found = list({each.resolve(): each for each in inside}.values())  # whatever is given twice is one
    sweeps = {folder: read_cells(folder) for folder in found if (folder / CELLS_FILE).exists()}
    not_begun = {
        folder / row.id: row.error or row.state
        for folder, table in sweeps.items()
        for row in table.rows
        if not (folder / row.id).is_dir()
    }
    if len(found) == 1 and sweeps:
        (table,) = sweeps.values()
        all_cells, left_out = _read({found[0] / row.id: (row.id, row.axes) for row in table.rows}, not_begun, progress)
        by_id = {cell.id: cell for cell in all_cells}
        cells = [
            replace(by_id[row.id], bounds={kind: by_id[of] for kind, of in row.bounds.items() if of in by_id})
            for row in table.rows
            if row.id in by_id and not row.bound
        ]
        seen = {name: {cell.at[name] for cell in cells} for name in table.axes}
        axes = {name: [label for label in labels if label in seen[name]] for name, labels in table.axes.items()}
        study = Study(table.name, table.question, axes, table.compare, cells, left_out)
    else:
        cells, left_out = _read(_side_by_side(found, sweeps), not_begun, progress)
        title = ", ".join(table.name for table in sweeps.values())
        title = title or (cells[0].id if len(cells) == 1 else f"{len(cells)} runs")
        study = Study(title, "", {RUN_AXIS: [cell.id for cell in cells]}, (), cells, left_out)
    if not study.cells:
        left = "; ".join(f"{each.run_dir}: {each.why}" for each in study.left_out)
        raise RunFolderError(f"no run came to its end{f' ({left})' if left else ''}; there is nothing to report yet")
    return study


def _expanded(folder: Path) -> Iterator[Path]:
    """Yield the folder if it is that of a sweep or run; else those in it that are."""
    with os_errors_as(RunFolderError, f"{folder} cannot be read"):
        itself = [folder] if _holds(folder) else []
        found = itself or sorted(path for path in folder.iterdir() if path.is_dir() and _holds(path))
    if not found:
        raise RunFolderError(f"{folder} holds neither a sweep nor runs: no {CELLS_FILE}, {SCENARIO_FILE} or records")
    yield from found


def _holds(folder: Path) -> bool:
    return any((folder / name).exists() for name in (CELLS_FILE, SCENARIO_FILE, MANIFEST_FILE, METRICS.name))


def _side_by_side(folders: Iterable[Path], sweeps: Mapping[Path, SweepTable]) -> Wanted:
    """Return the runs of folders, on one axis; runs of one name in different folders are told apart."""
    wanted: Wanted = {}
    for folder in folders:
        rows = sweeps[folder].rows if folder in sweeps else ()
        named = {folder / row.id: f"{sweeps[folder].name}: {row.id}" for row in rows} or {
            folder: printable(folder.resolve().name)
        }
        for run_dir, given in named.items():
            taken = given in {name for name, _ in wanted.values()}
            name = printable(f"{given} ({run_dir.parent})") if taken else given
            wanted[run_dir] = name, {RUN_AXIS: name}
    return wanted


def _read(wanted: Wanted, not_begun: Mapping[Path, str], progress: Progress) -> tuple[list[Cell], list[LeftOut]]:
    """Read runs one by one, so that the records of one at a time are in memory."""
    cells: list[Cell] = []
    left_out: list[LeftOut] = []
    for number, (run_dir, (name, at)) in enumerate(wanted.items()):
        progress(number, len(wanted))
        if run_dir in not_begun:
            left_out.append(LeftOut(run_dir, not_begun[run_dir]))
            continue
        finished, others = finished_runs([run_dir], COLUMNS)
        left_out += others
        try:
            for run in finished:
                cells.append(_cell(name, at, run))
                left_out += [LeftOut(run_dir, str(sign)) for sign in cells[-1].health if sign.name == "diverged"]
        except RunFolderError as error:
            left_out.append(LeftOut(run_dir, str(error)))
    return cells, left_out


def _cell(name: str, at: Mapping[str, str], run: Run) -> Cell:
    if not run.seeds:
        raise RunFolderError(f"{run.path / MANIFEST_FILE} is damaged: no seeds")
    try:
        env = yaml.safe_load(run.scenario)["env"]
        played = run.manifest.get("env", env["kind"])
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise RunFolderError(f"{run.path / SCENARIO_FILE} is damaged: it has no environment") from error
    evaluations = run.metrics.filter(phase="evaluation", seed=run.seeds[0]).sort("env_steps")
    random = run.metrics.filter(phase="random")["return_mean"].mean()
    return Cell(
        id=name,
        at=at,
        run_dir=run.path,
        manifest=run.manifest,
        scenario_text=run.scenario,
        task=str(env if played == env["kind"] else played),
        curves=curves_of(run),
        random_return=random if isinstance(random, float) else None,
        points=evaluations.select("env_steps", "updates", "episodes", "sim_time_s"),
        health=health_warnings(run.manifest),
        exchanges=exchanges_of(run),
        tracking=tracking_of(run),
    )
