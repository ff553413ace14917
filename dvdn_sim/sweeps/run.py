"""Running a sweep: every cell to its end, and a table of what they found."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dvdn_sim.errors import RunFolderError, StorageError
from dvdn_sim.interruption import stopping_when_asked
from dvdn_sim.records import (
    CELLS_FILE,
    SCENARIO_FILE,
    SWEEP_FILE,
    SweepRow,
    SweepTable,
    locked,
    read_cells,
    refuse_links,
    write_cells,
    write_durably,
)
from dvdn_sim.scenario import resolved_yaml
from dvdn_sim.scenario.compare import differences
from dvdn_sim.sweeps.grid import Cell
from dvdn_sim.sweeps.jobs import Began, Ended, Event, Executor, Job
from dvdn_sim.sweeps.sweep import Sweep

WRITTEN_EVERY_S = 2.0


class Watch(Protocol):
    """Is told how a sweep comes on."""

    def begin(self, table: SweepTable, jobs: Sequence[Job]) -> None:
        """Take what there is, and what of it is still to be done."""

    def take(self, event: Event) -> None:
        """Take what happened to a job, after the table was changed accordingly."""

    def stop(self) -> None:
        """Take that somebody asked for an end, and that jobs under way are being stopped."""


def run_sweep(
    sweep: Sweep,
    cells: Sequence[Cell],
    executor: Executor,
    out: Path,
    *,
    device: str = "auto",
    checkpoint_every_s: float = 60.0,
    watch: Watch | None = None,
) -> SweepTable:
    """Run every cell that is not finished yet, and leave the folder of a sweep.

    A sweep that was interrupted or killed goes on: finished cells are kept as they are, others go on from their
    checkpoints. One signal to stop ends all jobs with a checkpoint; Ctrl-C after it ends them at once.

    Args:
        sweep: What the file says.
        cells: Of it.
        executor: Does the jobs.
        out: The folder: a new or empty one, or that of the same sweep.
        device: As in `dvdn_sim.run`.
        checkpoint_every_s: As in `dvdn_sim.run`.
        watch: Is told how it comes on.

    Returns:
        The cells with their states: finished; failed; or, if the sweep was stopped, interrupted or waiting.

    Raises:
        RunFolderError: `out` holds something else, another process writes there, or it cannot be made. Nothing was
            changed.
        StorageError: The disk refuses the table; the cells' own folders are as they are.
        KeyboardInterrupt: Ctrl-C after a signal to stop.
    """
    refuse_foreign(out, sweep)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{out} cannot be made: {error.strerror or error}") from error
    with locked(out), _storing(out):
        table = _table(sweep, cells, out)
        jobs = [
            Job(cell.id, cell.scenario, out / cell.id, device, checkpoint_every_s)
            for cell, row in zip(cells, table.rows, strict=True)
            if row.state != "finished"
        ]
        write_cells(out, table)  # first: it is what makes the folder that of a sweep
        write_durably(out / SWEEP_FILE, lambda file: file.write(sweep.resolved().encode()))
        _Course(table, out, watch).follow(executor, jobs)
    return table


def refuse_foreign(out: Path, sweep: Sweep) -> None:
    """Refuse a folder that holds anything but this sweep.

    Raises:
        RunFolderError: It does, or links within it lead elsewhere.
    """
    try:
        _refuse_foreign(out, sweep)
    except OSError as error:
        raise RunFolderError(f"{out} cannot be read: {error.strerror or error}") from error


def _refuse_foreign(out: Path, sweep: Sweep) -> None:
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is a file; a new or empty folder, or that of a sweep, expected")
    refuse_links(out)
    if not out.exists() or all(path.name.startswith(".") for path in out.iterdir()):
        return
    if not (out / CELLS_FILE).exists():
        raise RunFolderError(f"{out} is not empty and holds no sweep that was run; a new or empty folder expected")
    if (name := read_cells(out).name) != sweep.name:
        raise RunFolderError(f"{out} holds the sweep {name}; that of {sweep.name}, or a new or empty folder, expected")


def _table(sweep: Sweep, cells: Sequence[Cell], out: Path) -> SweepTable:
    """Return the cells as they stand."""
    earlier = read_cells(out) if (out / CELLS_FILE).exists() else None
    known = {} if earlier is None else {row.id: row for row in earlier.rows}
    rows = []
    for cell in cells:
        run_dir = out / cell.id
        if run_dir.exists():
            check_same(run_dir, resolved_yaml(cell.scenario))
        row = SweepRow(cell.id, cell.at, cell.changes, cell.scenario.seeds)
        before = known.get(cell.id)
        if before is not None and before.found:
            row.state, row.found = "finished", before.found
        rows.append(row)
    return SweepTable(
        name=sweep.name,
        question=sweep.question,
        axes={axis.name: tuple(point.label for point in axis.points) for axis in sweep.axes},
        compare=sweep.compare or (),
        rows=rows,
        wall_s=0.0 if earlier is None else earlier.wall_s,
    )


def check_same(run_dir: Path, scenario: str) -> None:
    """Refuse a folder that holds the run of another scenario.

    Args:
        run_dir: of a cell; it need not exist.
        scenario: what the cell is now, resolved.

    Raises:
        RunFolderError: Something changed; the message tells what.
    """
    try:
        before = (run_dir / SCENARIO_FILE).read_text(encoding="utf-8")
        changed = [] if before == scenario else differences(before, scenario)
    except (FileNotFoundError, ValueError):
        return  # what is damaged fails when its turn comes, and refuses no other cell
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        raise RunFolderError(f"{run_dir} holds another run; the same sweep, or another folder, expected{lines}")


@dataclass
class _Course:
    """One invocation: events, and the table that follows from them."""

    table: SweepTable
    out: Path
    watch: Watch | None
    _written_s: float = field(init=False, default=0.0)
    _stopped: bool = field(init=False, default=False)

    def follow(self, executor: Executor, jobs: Sequence[Job]) -> None:
        """Have the jobs done."""
        rows = {row.id: row for row in self.table.rows}
        began_s, earlier_s = time.monotonic(), self.table.wall_s
        if self.watch is not None:
            self.watch.begin(self.table, jobs)
        try:
            with stopping_when_asked() as stop:
                for event in executor.run(jobs, lambda: self._stopping(stop.asked)):
                    _note(rows[event.id], event)
                    self.table.wall_s = earlier_s + time.monotonic() - began_s
                    self._write_now_and_then()
                    if self.watch is not None:
                        self.watch.take(event)
        finally:
            for row in self.table.rows:
                if row.state == "running":
                    row.state = "interrupted"
            self.table.wall_s = earlier_s + time.monotonic() - began_s
            write_cells(self.out, self.table)

    def _stopping(self, asked: bool) -> bool:  # noqa: FBT001 (whether)
        """Pass on whether to stop, and say so once."""
        if asked and not self._stopped and self.watch is not None:
            self.watch.stop()
        self._stopped = asked
        return asked

    def _write_now_and_then(self) -> None:
        now_s = time.monotonic()
        if now_s - self._written_s >= WRITTEN_EVERY_S:
            with suppress(OSError):  # which is no reason to stop the cells: there will be another time
                write_cells(self.out, self.table)
            self._written_s = now_s


@contextmanager
def _storing(out: Path) -> Iterator[None]:
    """Say what the disk refuses."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"the disk does not take {out / CELLS_FILE}: {error.strerror or error}") from error


def _note(row: SweepRow, event: Event) -> None:
    """Change a cell's row as an event has it."""
    if isinstance(event, Began):
        row.state = "running"
    elif isinstance(event, Ended):
        row.state, row.error, row.found = event.outcome.state, event.outcome.error, event.outcome.found
