"""From folders to what a page is about: the finished cells of a sweep, or runs side by side, and what was left out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.records import (
    CELLS_FILE,
    MANIFEST_FILE,
    METRICS,
    SCENARIO_FILE,
    HealthWarning,
    Run,
    SweepTable,
    health_warnings,
    read_cells,
)
from dvdn_sim.reporting.curves import Curve, curves_of
from dvdn_sim.reporting.exchanges import COLUMNS, Exchanges, exchanges_of, tracking_of
from dvdn_sim.reporting.runs import LeftOut, finished_runs
from dvdn_sim.scenario import Scenario, parse_scenario

RUN_AXIS = "run"
"""The axis of runs that belong to no one sweep."""


@dataclass(frozen=True)
class Cell:
    """A finished run, what its records come to, and where it stands among the others.

    Attributes:
        id: its name.
        at: its label on every axis.
        run_dir: its folder.
        manifest: of the run.
        scenario_text: the resolved scenario.
        task: what was played: the scenario's environment, or the name of the one that Python gave in its place.
        curves: the evaluations of every seed.
        random_return: what uniform random play returns; None if that was not recorded.
        points: how far training, clock and network were at each evaluation of the first seed.
        signs: of trouble, that the checks saw while it ran.
        exchanges: what became of its messages; None without a network.
        tracking: how gradient tracking went, over training; None without it.
    """

    id: str
    at: Mapping[str, str]
    run_dir: Path
    manifest: Mapping[str, Any]
    scenario_text: str
    task: str
    curves: Mapping[int, Curve]
    random_return: float | None
    points: pl.DataFrame
    signs: Sequence[HealthWarning]
    exchanges: Exchanges | None
    tracking: pl.DataFrame | None

    @cached_property
    def scenario(self) -> Scenario | None:
        """What was run; None if its environment was given from Python, or another version of the program wrote it."""
        if self.task == self.manifest.get("env"):
            return None
        try:
            return parse_scenario(self.scenario_text)
        except ScenarioError:
            return None


@dataclass(frozen=True)
class Study:
    """What a page is about.

    Attributes:
        name: of the sweep, or of the runs.
        question: what it is to answer; empty for runs of no sweep.
        axes: labels on every axis, in order, of those that have a finished cell.
        compare: axis and label of the baseline; empty if there is none.
        cells: the finished ones.
        left_out: the others.
    """

    name: str
    question: str
    axes: Mapping[str, Sequence[str]]
    compare: tuple[str, ...]
    cells: Sequence[Cell]
    left_out: Sequence[LeftOut]

    @property
    def varied(self) -> tuple[str, ...]:
        """The axes on which cells differ, that of the baseline first."""
        names = [name for name, labels in self.axes.items() if len(labels) > 1] or list(self.axes)[:1]
        return tuple(sorted(names, key=lambda name: name not in self.compare[:1]))

    @cached_property
    def one_task(self) -> bool:
        """Whether all cells have the same environment, so that their returns may be pooled."""
        return len({cell.task for cell in self.cells}) == 1

    def along(self, axis: str) -> dict[str, list[Cell]]:
        """Return the cells by their label on an axis, in its order."""
        return {label: [cell for cell in self.cells if cell.at[axis] == label] for label in self.axes[axis]}


Told = Callable[[int, int], None]
"""Is told how many folders have been read, and how many there are."""


def read_study(folders: Sequence[Path | str], told: Told = lambda _done, _total: None) -> Study:
    """Read the folders of one sweep, or of any number of sweeps and runs.

    Args:
        folders: each the folder of a sweep, of a run, or one that holds such folders.
        told: how it comes on.

    Raises:
        RunFolderError: A folder holds neither, or a sweep whose table is damaged, or no run can be reported.
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
        study = _of_sweep(found[0], sweeps[found[0]], not_begun, told)
    else:
        titles = [table.name for table in sweeps.values()]
        study = _of_runs(list(_named(found, sweeps)), titles, not_begun, told)
    if not study.cells:
        left = "; ".join(f"{each.run_dir}: {each.why}" for each in study.left_out)
        raise RunFolderError(f"no run came to its end{f' ({left})' if left else ''}; there is nothing to report yet")
    return study


def _expanded(folder: Path) -> Iterator[Path]:
    """Yield the folder if it is that of a sweep or run; else those in it that are."""
    try:
        itself = [folder] if _holds(folder) else []
        found = itself or sorted(path for path in folder.iterdir() if path.is_dir() and _holds(path))
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be read: {error.strerror or error}") from error
    if not found:
        raise RunFolderError(f"{folder} holds neither a sweep nor runs: no {CELLS_FILE}, {SCENARIO_FILE} or records")
    yield from found


def _holds(folder: Path) -> bool:
    return any((folder / name).exists() for name in (CELLS_FILE, SCENARIO_FILE, MANIFEST_FILE, METRICS.name))


def _of_sweep(folder: Path, table: SweepTable, not_begun: Mapping[Path, str], told: Told) -> Study:
    wanted = {folder / row.id: (row.id, row.axes) for row in table.rows}
    cells, left_out = _read(wanted, not_begun, told)
    axes = {
        name: [label for label in labels if any(cell.at[name] == label for cell in cells)]
        for name, labels in table.axes.items()
    }
    return Study(table.name, table.question, axes, table.compare, cells, left_out)


def _of_runs(
    named: Sequence[tuple[str, Path]], sweeps: Sequence[str], not_begun: Mapping[Path, str], told: Told
) -> Study:
    wanted: dict[Path, tuple[str, Mapping[str, str]]] = {}
    taken: set[str] = set()
    for given, run_dir in named:  # runs of one name in different folders are told apart
        name = f"{given} ({run_dir.parent})" if given in taken else given
        taken.add(name)
        wanted[run_dir] = name, {RUN_AXIS: name}
    cells, left_out = _read(wanted, not_begun, told)
    title = ", ".join(sweeps) or (cells[0].id if len(cells) == 1 else f"{len(cells)} runs")
    return Study(title, "", {RUN_AXIS: [cell.id for cell in cells]}, (), cells, left_out)


def _named(folders: Iterable[Path], sweeps: Mapping[Path, SweepTable]) -> Iterator[tuple[str, Path]]:
    """Yield the folder of every run, with a name."""
    for folder in folders:
        if folder in sweeps:
            yield from ((f"{sweeps[folder].name}: {row.id}", folder / row.id) for row in sweeps[folder].rows)
        else:
            yield folder.resolve().name, folder


def _read(
    wanted: Mapping[Path, tuple[str, Mapping[str, str]]], not_begun: Mapping[Path, str], told: Told
) -> tuple[list[Cell], list[LeftOut]]:
    """Read runs one by one, so that the records of one at a time are in memory."""
    cells: list[Cell] = []
    left_out: list[LeftOut] = []
    for number, (run_dir, (name, at)) in enumerate(wanted.items()):
        told(number, len(wanted))
        if run_dir in not_begun:
            left_out.append(LeftOut(run_dir, not_begun[run_dir]))
            continue
        finished, others = finished_runs([run_dir], COLUMNS)
        left_out += others
        for run in finished:
            try:
                cells.append(_cell(name, at, run))
            except RunFolderError as error:
                left_out.append(LeftOut(run_dir, str(error)))
    return cells, left_out


def _cell(name: str, at: Mapping[str, str], run: Run) -> Cell:
    if not run.seeds:
        raise RunFolderError(f"{run.path / MANIFEST_FILE} is damaged: no seeds")
    evaluations = run.metrics.filter(pl.col("phase") == "evaluation", pl.col("seed") == run.seeds[0]).sort("env_steps")
    random = run.metrics.filter(phase="random")["return_mean"].mean()
    return Cell(
        id=name,
        at=at,
        run_dir=run.path,
        manifest=run.manifest,
        scenario_text=run.scenario,
        task=_task(run),
        curves=curves_of(run),
        random_return=random if isinstance(random, float) else None,
        points=evaluations.select("env_steps", "updates", "episodes", "sim_time_s"),
        signs=health_warnings(run.manifest),
        exchanges=exchanges_of(run),
        tracking=tracking_of(run),
    )


def _task(run: Run) -> str:
    try:
        env = yaml.safe_load(run.scenario)["env"]
        kind = env["kind"]
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise RunFolderError(f"{run.path / SCENARIO_FILE} is damaged: it has no environment") from error
    played = run.manifest.get("env", kind)
    return str(env if played == kind else played)
