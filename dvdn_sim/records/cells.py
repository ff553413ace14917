"""What a sweep leaves behind: a folder that can be read alone.

::

    sweep.yaml      the sweep, with all that it includes; `dvdn-sim sweep` takes it
    cells.json      the cells: what each is, how it ended, what it found
    <cell id>/      the run of each cell, as `dvdn-sim run` leaves it

What a cell's own folder says is the truth; ``cells.json`` is a table of contents, at most a few seconds behind. It has
the checksums of the sweep and of every cell's scenario, so that no folder is taken for that of another cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.durable import Checksums, read_sealed, write_sealed
from dvdn_sim.records.read import FILES, read_manifest
from dvdn_sim.records.schema import FINISHED, MANIFEST_FILE, SCENARIO_FILE
from dvdn_sim.wording import printable

SWEEP_FILE = "sweep.yaml"
CELLS_FILE = "cells.json"

FOUND = ("return", "best_return", "network", "consensus", "digest", "wall_s")
"""What the table has of a finished run's summary: the rest is in its folder."""

CellState = Literal["waiting", "running", "finished", "failed", "interrupted"]


@dataclass
class SweepRow:
    """A cell in the table.

    `axes` has its label on every axis, `set` what these change, by dotted path, `error` why it failed, and `found` what
    the summary of a finished run says under `FOUND`; it is empty for any other. `scenario` is the checksum of the
    scenario that its folder holds, or will hold. `bound` is the kind of a cell that is a bound of others, central or
    silent, with labels where these agree; `bounds` names a cell's own, by kind.
    """

    id: str
    axes: Mapping[str, str]
    set: Mapping[str, Any]
    seeds: tuple[int, ...]
    state: CellState = "waiting"
    error: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)
    scenario: str = ""
    bound: str = ""
    bounds: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the cell as `dvdn-sim sweep --json` prints it."""
        said = {"id": self.id, "axes": dict(self.axes), "set": dict(self.set), "seeds": list(self.seeds)}
        said |= ({"bound": self.bound} if self.bound else {}) | ({"bounds": dict(self.bounds)} if self.bounds else {})
        return {**said, "state": self.state, "error": self.error or None, **dict.fromkeys(FOUND), **self.found}


@dataclass
class SweepTable:
    """The cells of a sweep, in order; `compare`: axis and label of the baseline, or empty; `wall_s`: of all calls.

    `files` are the checksums of the sweep's own; whoever goes on with it looks at them.
    """

    name: str
    question: str
    axes: Mapping[str, tuple[str, ...]]
    compare: tuple[str, ...]
    rows: list[SweepRow]
    wall_s: float = 0.0
    files: Checksums = field(default_factory=dict)

    def count(self, state: CellState) -> int:
        """Return how many cells are in a state."""
        return sum(row.state == state for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Return the table as `dvdn-sim sweep --json` prints it."""
        return {
            "name": self.name,
            "question": self.question,
            "axes": {name: list(labels) for name, labels in self.axes.items()},
            "compare": list(self.compare) or None,
            "cells": [row.as_json() for row in self.rows],
            "done": self.count("finished"),
            "failed": self.count("failed"),
            "wall_s": self.wall_s,
        }


def write_cells(folder: Path, table: SweepTable) -> None:
    """Write or replace ``cells.json``, whole or not at all."""
    scenarios = {row.id: row.scenario for row in table.rows}
    write_sealed(folder / CELLS_FILE, {**table.as_json(), "scenarios": scenarios, FILES: table.files})


def read_cells(folder: Path) -> SweepTable:
    """Read the folder of a sweep, whatever became of it; a cell is finished if its own folder says so.

    Of a cell that finished just before the sweep was killed, nothing may be in `found`; its folder has it. A cell whose
    own folder is damaged has failed, and says why: it keeps no other from being read.

    Raises:
        RunFolderError: It holds no sweep, or a damaged one.
    """
    path = folder / CELLS_FILE
    if not path.exists():
        raise RunFolderError(f"{folder} holds no sweep: no {CELLS_FILE}")
    said: Any = printable(read_sealed(path))
    try:
        rows = [_row(each, said["scenarios"]) for each in said["cells"]]
        axes = {name: tuple(labels) for name, labels in said["axes"].items()}
        compare, files = tuple(said["compare"] or ()), said[FILES]
        table = SweepTable(said["name"], said["question"], axes, compare, rows, said["wall_s"], files)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    for row in table.rows:
        try:
            digest = finished_digest(folder / row.id, row.scenario)
        except RunFolderError as error:
            row.state, row.error, row.found = "failed", str(error), {}
            continue
        if digest != row.found.get("digest"):
            row.found = {}
            row.state = "waiting" if digest is None else "finished"
    return table


def _row(said: Mapping[str, Any], scenarios: Mapping[str, str]) -> SweepRow:
    found = {name: said[name] for name in FOUND} if said["state"] == "finished" else {}
    of, error, seeds = said["id"], said["error"] or "", tuple(said["seeds"])
    row = SweepRow(of, said["axes"], said["set"], seeds, said["state"], error, found, scenarios[of])
    row.bound, row.bounds = said.get("bound", ""), dict(said.get("bounds", {}))
    return row


def finished_digest(run_dir: Path, scenario: str = "") -> str | None:
    """Return the digest of a run that came to its end; None if it did not, or there is none.

    Raises:
        RunFolderError: Its manifest is damaged, or it is a run of another scenario than that of this checksum.
    """
    manifest = read_manifest(run_dir)
    if scenario and manifest and manifest.get(FILES, {}).get(SCENARIO_FILE) != scenario:
        raise RunFolderError(f"{run_dir} holds the run of another scenario than this cell of the sweep has")
    if manifest.get("state") != FINISHED:
        return None
    if "digest" not in manifest:
        raise RunFolderError(f"{run_dir / MANIFEST_FILE} is damaged: no digest")
    return str(manifest["digest"])
