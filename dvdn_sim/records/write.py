"""Adding to a run folder so that it can be read at any instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import polars as pl

from dvdn_sim.records.durable import Checksums, refuse_changed, write_durably, write_sealed
from dvdn_sim.records.read import FILES, parts_of, read_manifest
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

    Rows wait in memory until `flush`. A writer on a folder whose manifest lists parts goes on after the last one. The
    folder must exist; `traced` says whether there will be rows of `TRACE`.
    """

    def __init__(self, run_dir: Path, *, traced: bool = False) -> None:
        self.run_dir = run_dir
        self._tables = (*TABLES, TRACE) if traced else TABLES
        self._manifest = read_manifest(run_dir)
        self._files: dict[str, str] = self._manifest.pop(FILES, {})
        self._pending: dict[str, _Pending] = {}
        for table in self._tables:
            (run_dir / table.name).mkdir(exist_ok=True)
            self._pending[table.name] = _Pending(len(parts_of(self._files, table)) + 1, [])

    @property
    def parts(self) -> Checksums:
        """Of all parts."""
        return {name: sha for table in self._tables for name, sha in parts_of(self._files, table).items()}

    def keep(self, files: Checksums) -> None:
        """List further files, which are there already, in the manifest that is written next."""
        self._files |= files

    def rewind(self, parts: Checksums) -> None:
        """Remove all that was recorded since `parts` were these, and go on from there.

        Raises:
            RunFolderError: A part from before is missing or damaged.
            OSError: The disk refuses.
        """
        refuse_changed(self.run_dir, parts, "the checkpoint")
        self._files = {name: sha for name, sha in self._files.items() if not name.endswith(".parquet")} | dict(parts)
        self._write_manifest()  # which may list no part that is gone
        for table in self._tables:
            self._pending[table.name] = _Pending(len(parts_of(parts, table)) + 1, [])
            for path in (self.run_dir / table.name).glob(PART_GLOB):
                if f"{table.name}/{path.name}" not in parts:
                    path.unlink()

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
            self._write_parts()

    def flush(self, manifest: Mapping[str, object] | None = None) -> None:
        """Write the waiting rows, one part per table that has any, then ``manifest.json``, which lists every file.

        `manifest` is what it says from now on: `seeds` (a list) and `state` (`FINISHED` at the end) are read again.

        Raises:
            TypeError: A value is not of its column's type, or missing where the column applies to every row; or JSON
                cannot say it.
            ValueError: A number in the manifest is not finite.
            OSError: The disk refuses. The rows still wait; call again.
        """
        self._write_parts()
        before = self._manifest
        try:
            self._manifest = before if manifest is None else dict(manifest)
            self._write_manifest()
        except (TypeError, ValueError):
            self._manifest = before
            raise

    def _write_parts(self) -> None:
        for table in self._tables:
            pending = self._pending[table.name]
            if not pending.rows:
                continue
            content, name = BytesIO(), f"{table.name}/part-{pending.part:06d}.parquet"
            frame_of(table, pending.rows).write_parquet(content)
            self._files[name] = write_durably(self.run_dir / name, content.getvalue())
            self._pending[table.name] = _Pending(pending.part + 1, [])

    def _write_manifest(self) -> None:
        write_sealed(self.run_dir / MANIFEST_FILE, {**self._manifest, FILES: self._files})


def write_scenario(run_dir: Path, text: str, files: Mapping[str, bytes] | None = None) -> Checksums:
    """Write or replace ``scenario.yaml``, by which a folder is a run's, and before it the files that it needs."""
    return {**write_files(run_dir, files or {}), SCENARIO_FILE: write_durably(run_dir / SCENARIO_FILE, text)}


def write_files(folder: Path, files: Mapping[str, bytes]) -> Checksums:
    """Write files under their names within a folder."""
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
    return {name: write_durably(folder / name, content) for name, content in files.items()}


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
