"""Run a sweep: every cell to its end, and a table of what they found."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dvdn_sim.errors import RunFolderError, ScenarioError, StorageError, os_errors_as
from dvdn_sim.interruption import stopping_when_asked
from dvdn_sim.records import (
    CELLS_FILE,
    SCENARIO_FILE,
    SWEEP_FILE,
    SweepRow,
    SweepTable,
    listed,
    locked,
    read_cells,
    refuse_changed,
    refuse_links,
    write_cells,
    write_files,
)
from dvdn_sim.scenario import differences, read_document, resolved_yaml
from dvdn_sim.sweeps.grid import SweepCell
from dvdn_sim.sweeps.jobs import Began, Ended, Event, Executor, Job
from dvdn_sim.sweeps.progress import SweepProgress
from dvdn_sim.sweeps.sweep import Sweep

WRITE_EVERY_S = 2.0


def run_sweep(
    sweep: Sweep,
    cells: Sequence[SweepCell],
    executor: Executor,
    out: Path,
    *,
    device: str = "auto",
    checkpoint_every_s: float = 60.0,
    progress: SweepProgress | None = None,
) -> SweepTable:
    """Run every cell that is not finished yet, and leave the folder of a sweep; return the cells with their states.

    A sweep that was interrupted or killed is resumed: finished cells are kept as they are, others resume from their
    checkpoints. One signal to stop ends all jobs with a checkpoint; Ctrl-C after it ends them at once, and raises
    `KeyboardInterrupt`. `device` and `checkpoint_every_s` are as in `dvdn_sim.run`.

    Raises `ScenarioError` for a sweep that could not be read again with all that it includes; `RunFolderError` where
    `out` holds something else, another process writes there, or it cannot be made, in which case nothing was changed;
    and `StorageError` if the disk refuses the table.
    """
    files: dict[str, bytes] = {}
    files[SWEEP_FILE] = _stored(sweep, files).encode()
    with os_errors_as(RunFolderError, f"{out} cannot be used"):
        _earlier(out, sweep)
        out.mkdir(parents=True, exist_ok=True)
    with locked(out), os_errors_as(StorageError, f"the disk refuses {out / CELLS_FILE}"):
        table = _table(sweep, cells, out)
        jobs = [
            Job(cell.id, cell.scenario, out / cell.id, device, checkpoint_every_s)
            for cell, row in zip(cells, table.rows, strict=True)
            if row.state != "finished"
        ]
        table.files = {}
        write_cells(out, table)  # first: it is what makes the folder that of a sweep
        table.files = write_files(out, files)
        write_cells(out, table)
        _follow(executor, jobs, table, out, progress or SweepProgress(quiet=True))
    return table


def _stored(sweep: Sweep, files: dict[str, bytes]) -> str:
    """Return the sweep as its folder keeps it, and the files that it names; refuse what nobody could read again."""
    text = sweep.resolved(files)
    for mistake in read_document(text).mistakes:
        said = f"with its base and all that it includes is {mistake.message}"
        raise ScenarioError.of(sweep.name, "", said, "keep recordings in files, or make several sweeps of it")
    return text


def _earlier(out: Path, sweep: Sweep) -> SweepTable | None:
    """Return what earlier invocations left; refuse a folder that holds anything else, or links that lead elsewhere."""
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is a file; a new or empty folder, or that of a sweep, expected")
    refuse_links(out)
    if not (out / CELLS_FILE).exists():
        if out.exists() and not all(path.name.startswith(".") for path in out.iterdir()):
            raise RunFolderError(f"{out} is not empty and holds no sweep that was run; a new or empty folder expected")
        return None
    table = read_cells(out)
    if table.name != sweep.name:
        name = f"that of {sweep.name}, or a new or empty folder, expected"
        raise RunFolderError(f"{out} holds the sweep {table.name}; {name}")
    if (out / SWEEP_FILE).exists():  # it may well be what is run now
        refuse_changed(out, listed(table.files, SWEEP_FILE), CELLS_FILE)
    return table


def _table(sweep: Sweep, cells: Sequence[SweepCell], out: Path) -> SweepTable:
    """Return the cells with the states that earlier invocations left."""
    earlier = _earlier(out, sweep)
    found = {row.id: row.found for row in earlier.rows} if earlier else {}
    rows = []
    for cell in cells:
        scenario = _scenario_of(out / cell.id, resolved_yaml(cell.scenario))
        row = SweepRow(cell.id, cell.at, cell.changes, cell.scenario.seeds, found=found.get(cell.id, {}))
        row.bound, row.bounds = cell.bound, cell.bounds
        row.scenario = hashlib.sha256(scenario.encode()).hexdigest()
        row.state = "finished" if row.found else "waiting"
        rows.append(row)
    axes, wall_s = {axis.name: tuple(axis.values) for axis in sweep.axes}, earlier.wall_s if earlier else 0.0
    return SweepTable(sweep.name, sweep.question, axes, sweep.compare or (), rows, wall_s)


def _scenario_of(run_dir: Path, scenario: str) -> str:
    """Return a cell's resolved scenario, in the words of its folder, if there is one; refuse that of another run."""
    try:
        before = (run_dir / SCENARIO_FILE).read_text(encoding="utf-8")
        changed = [] if before == scenario else differences(before, scenario)
    except (OSError, ValueError):
        return scenario  # what is damaged fails when its turn comes, and refuses no other cell
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        raise RunFolderError(f"{run_dir} holds another run; the same sweep, or another folder, expected{lines}")
    return before


def _follow(executor: Executor, jobs: Sequence[Job], table: SweepTable, out: Path, progress: SweepProgress) -> None:
    """Have the jobs done, and keep the table up to date."""
    rows = {row.id: row for row in table.rows}
    began_s, written_s = time.monotonic() - table.wall_s, 0.0
    progress.begin(table, jobs)
    with stopping_when_asked() as stop:

        def stopping() -> bool:
            if stop.asked:
                progress.stop()
            return stop.asked

        try:
            for event in executor.run(jobs, stopping):
                _note(rows[event.id], event)
                now_s = time.monotonic()
                table.wall_s = now_s - began_s
                if now_s - written_s >= WRITE_EVERY_S:
                    with suppress(OSError):  # which is no reason to stop the cells: there will be another time
                        write_cells(out, table)
                    written_s = now_s
                progress.take(event)
        finally:
            for row in table.rows:
                if row.state == "running":
                    row.state = "interrupted"
            table.wall_s = time.monotonic() - began_s
            write_cells(out, table)


def _note(row: SweepRow, event: Event) -> None:
    if isinstance(event, Began):
        row.state = "running"
    elif isinstance(event, Ended):
        row.state, row.error, row.found = event.outcome.state, event.outcome.error, event.outcome.found
