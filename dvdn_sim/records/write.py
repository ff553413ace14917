"""Adding to a run folder so that it can be read at any instant."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import polars as pl

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.durable import write_durably
from dvdn_sim.records.frames import frame_schema
from dvdn_sim.records.schema import (
    MANIFEST_FILE,
    METRICS,
    NETWORK,
    PART_GLOB,
    SCENARIO_FILE,
    TABLES,
    TRACE,
    Column,
    ColumnType,
    Table,
)

MOST_ROWS_WAITING = 200_000
"""Messages of a trace that wait in memory, some 100 MB, before a part is written."""


@dataclass(frozen=True)
class _Pending:
    """Rows of a table that wait for their part; replaced as a whole, so that an interrupt finds old or new."""

    part: int
    rows: list[tuple[object, ...]]


class RecordWriter:
    """Adds rows to the tables of one run folder. One writer per folder at a time.

    Rows wait in memory until `flush`. A writer on a folder that has parts goes on after the last one.

    Args:
        run_dir: The run folder; it must exist.
        traced: Whether there will be rows of `TRACE`.
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
        """Remove all that was recorded after some moment, and go on from there.

        Args:
            parts: What `parts` was at that moment; tables that are not in it had none.

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
        """Add one row of `METRICS`.

        Raises:
            ValueError: An unknown or missing column, or a missing value where the column always applies.
            TypeError: A value of another type than the column's.
        """
        self._pending[METRICS.name].rows.append(_values(METRICS, row))

    def network(self, row: Mapping[str, object]) -> None:
        """Add one row of `NETWORK`; raises what `metrics` raises."""
        self._pending[NETWORK.name].rows.append(_values(NETWORK, row))

    def trace(self, row: tuple[object, ...]) -> None:
        """Add one row of `TRACE`, its values in the order of the columns; unchecked, for there may be millions.

        Raises:
            OSError: A part was due, and the disk refuses.
        """
        rows = self._pending[TRACE.name].rows
        rows.append(row)
        if len(rows) >= MOST_ROWS_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write the waiting rows, one part per table that has any.

        Raises:
            OSError: The disk refuses. The rows still wait; call again.
        """
        for table in self._tables:
            pending = self._pending[table.name]
            if not pending.rows:
                continue
            frame = pl.DataFrame(pending.rows, schema=frame_schema(table), orient="row")
            write_durably(self.run_dir / table.name / f"part-{pending.part:06d}.parquet", frame.write_parquet)
            self._pending[table.name] = _Pending(pending.part + 1, [])

    def write_manifest(self, manifest: Mapping[str, object]) -> None:
        """Write or replace ``manifest.json``.

        Args:
            manifest: What JSON can say; `seeds` (a list) and `state` (`FINISHED` at the end) are read by `load_run`.

        Raises:
            TypeError: A value that JSON cannot say.
            ValueError: A number that is not finite.
        """
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_durably(self.run_dir / MANIFEST_FILE, lambda file: file.write(text.encode()))


def write_scenario(run_dir: Path, text: str) -> None:
    """Write or replace ``scenario.yaml``: the first thing in a folder, by which it is a run's."""
    write_durably(run_dir / SCENARIO_FILE, lambda file: file.write(text.encode()))


def _parts_in(folder: Path) -> dict[int, Path]:
    """The parts of a table, by number."""
    return {int(path.stem.removeprefix("part-")): path for path in folder.glob(PART_GLOB)}


def _values(table: Table, row: Mapping[str, object]) -> tuple[object, ...]:
    """Return the values of `row` in the order of the columns, as plain Python values."""
    if len(row) != len(table.columns) or any(column.name not in row for column in table.columns):
        _refuse_columns(table, row)
    return tuple([_value(table, column, row[column.name]) for column in table.columns])


def _refuse_columns(table: Table, row: Mapping[str, object]) -> None:
    names = [column.name for column in table.columns]
    missing = [name for name in names if name not in row]
    unknown = []
    for name in row:
        if name not in names:
            nearest = get_close_matches(str(name), names, n=1)
            unknown.append(f"{name!r}" + (f" (did you mean {nearest[0]!r}?)" if nearest else ""))
    raise ValueError(f"{table.name} row: unknown columns [{', '.join(unknown)}], missing columns {missing}")


def _value(table: Table, column: Column, value: object) -> object:
    if value is None:
        if not column.nullable:
            raise ValueError(f"{table.name} row: {column.name} is None; it applies to every row")
        return None
    try:
        return _PLAIN[column.type](value)
    except TypeError:
        raise TypeError(f"{table.name} row: {column.name} is {value!r}; {column.type} expected") from None


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not -(2**63) <= int(value) < 2**63:
        raise TypeError
    return int(value)


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _floats(value: object) -> list[float]:
    parts = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(parts, (list, tuple)):
        raise TypeError
    return [_float(part) for part in parts]


_PLAIN: dict[ColumnType, Callable[[object], object]] = {"int": _int, "float": _float, "text": _text, "floats": _floats}
