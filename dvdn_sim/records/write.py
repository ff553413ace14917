"""Adding to a run folder so that it can be read at any instant."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.folder import write_durably
from dvdn_sim.records.schema import MANIFEST_FILE, METRICS, NETWORK, PART_GLOB, SCENARIO_FILE, TABLES, TRACE, Table

MAX_ROWS_WAITING = 200_000
"""Messages of a trace that wait in memory, some 100 MB, before a part is written."""


@dataclass(frozen=True)
class _Pending:
    """Rows of a table that wait for their part; replaced as a whole, so that an interrupt finds old or new."""

    part: int
    rows: list[tuple[object, ...]]


class RecordWriter:
    """Adds rows to the tables of one run folder. One writer per folder at a time.

    Rows wait in memory until `flush`. A writer on a folder that has parts goes on after the last one. The folder must
    exist; `traced` says whether there will be rows of `TRACE`.
    """

    def __init__(self, run_dir: Path, *, traced: bool = False) -> None:
        self.run_dir = run_dir
        self._tables = (*TABLES, TRACE) if traced else TABLES
        self._pending: dict[str, _Pending] = {}
        for table in self._tables:
            folder = run_dir / table.name
            folder.mkdir(exist_ok=True)
            self._pending[table.name] = _Pending(max(_parts_in(folder), default=0) + 1, [])

    @property
    def parts(self) -> dict[str, int]:
        """Number of the last part of every table, 0 for none."""
        return {name: pending.part - 1 for name, pending in self._pending.items()}

    def rewind(self, parts: Mapping[str, int]) -> None:
        """Remove all that was recorded since `parts` were these, and go on from there.

        Raises:
            RunFolderError: A part from before is missing.
            OSError: The disk refuses.
        """
        for table in self._tables:
            last, folder = parts.get(table.name, 0), self.run_dir / table.name
            found = _parts_in(folder)
            missing = [number for number in range(1, last + 1) if number not in found]
            if missing:
                raise RunFolderError(f"{folder}: part {missing[0]} of {last} is missing")
            for number, path in found.items():
                if number > last:
                    path.unlink()
            self._pending[table.name] = _Pending(last + 1, [])

    def metrics(self, row: Mapping[str, object]) -> None:
        """Add one row of `METRICS`; its values are checked by `flush`.

        Raises:
            ValueError: An unknown or a missing column.
        """
        self._add(METRICS, row)

    def network(self, row: Mapping[str, object]) -> None:
        """Add one row of `NETWORK`, as `metrics` does."""
        self._add(NETWORK, row)

    def _add(self, table: Table, row: Mapping[str, object]) -> None:
        if row.keys() != table.schema.keys():
            raise ValueError(f"{table.name} row: unknown or missing columns {sorted(row.keys() ^ table.schema.keys())}")
        self._pending[table.name].rows.append(table.values_of(row))

    def trace(self, row: tuple[object, ...]) -> None:
        """Add one row of `TRACE`, its values in the order of the columns.

        Raises:
            OSError: A part was due, and the disk refuses.
        """
        rows = self._pending[TRACE.name].rows
        rows.append(row)
        if len(rows) >= MAX_ROWS_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write the waiting rows, one part per table that has any.

        Raises:
            TypeError: A value is not of its column's type, or missing where the column applies to every row.
            OSError: The disk refuses. The rows still wait; call again.
        """
        for table in self._tables:
            pending = self._pending[table.name]
            if not pending.rows:
                continue
            frame = frame_of(table, pending.rows)
            write_durably(self.run_dir / table.name / f"part-{pending.part:06d}.parquet", frame.write_parquet)
            self._pending[table.name] = _Pending(pending.part + 1, [])

    def write_manifest(self, manifest: Mapping[str, object]) -> None:
        """Write or replace ``manifest.json``: `seeds` (a list) and `state` (`FINISHED` at the end) are read again.

        Raises:
            TypeError: A value that JSON cannot say.
            ValueError: A number that is not finite.
        """
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_durably(self.run_dir / MANIFEST_FILE, text)


def write_scenario(run_dir: Path, text: str, files: Mapping[str, bytes] | None = None) -> None:
    """Write or replace ``scenario.yaml``, by which a folder is a run's, and before it the files that it needs."""
    write_files(run_dir, files or {})
    write_durably(run_dir / SCENARIO_FILE, text)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files under their names within a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_durably(folder / name, content)


def frame_of(table: Table, rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Return rows, their values in the order of the columns, as a frame of the table's types.

    Raises:
        TypeError: A value is not of its column's type, or missing where the column applies to every row.
    """
    series = []
    for column, values in zip(table.columns, zip(*rows, strict=True), strict=True):
        try:
            series.append(pl.Series(column.name, values, dtype=table.schema[column.name], strict=True))
        except TypeError as error:
            raise TypeError(f"{table.name} row: {column.name}: {error}") from error
        if not column.nullable and series[-1].null_count():
            raise TypeError(f"{table.name} row: {column.name} is None; it applies to every row")
    return pl.DataFrame(series)


def _parts_in(folder: Path) -> dict[int, Path]:
    """The parts of a table, by number."""
    return {int(path.stem.removeprefix("part-")): path for path in folder.glob(PART_GLOB)}
