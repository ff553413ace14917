"""One hash of all records of a run: equal hashes, equal rows, bit for bit."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dvdn_sim.records.durable import Checksums
from dvdn_sim.records.read import FILES, read_manifest, read_table
from dvdn_sim.records.schema import TABLES, Column, Table

WORD = 16  # bytes per value: a whole number, the bits of a float, or a hash of something longer

Bytes = NDArray[np.uint8]


def digest(run_dir: Path | str) -> str:
    """Return the hash of all rows of all tables, 64 hexadecimal digits.

    It does not depend on the order of rows (they are sorted, by seed first), on how they were split into parts or how
    parquet lays them out, nor on columns that measure the machine. Floats count by their bits: 0.0 and −0.0 differ.

    Raises:
        RunFolderError: A part is damaged.
    """
    path, total = Path(run_dir), hashlib.sha256()
    files: Checksums = read_manifest(path).get(FILES, {})
    for table in TABLES:
        seeds = read_table(path, table, files, columns=["seed"])["seed"]
        total.update(_digest(table, seeds, partial(read_table, path, table, files)))
    return total.hexdigest()


def digest_rows(table: Table, rows: pl.DataFrame) -> bytes:
    """Return the hash of the rows of one table, 32 bytes; `rows` has the columns of `table`."""
    return _digest(table, rows["seed"], rows.filter)


def _digest(table: Table, seeds: pl.Series, rows_of: Callable[..., pl.DataFrame]) -> bytes:
    """Hash the rows of a table seed by seed: a long run's all at once may not fit beside what has just been trained."""
    columns = [column for column in table.columns if not column.wall_clock]
    header = f"{table.name} {len(seeds)} {[(column.name, column.type) for column in columns]}"
    total = hashlib.sha256(header.encode() + b"\n")
    for seed in sorted(seeds.unique().to_list(), key=lambda seed: seed.to_bytes(8, signed=True)):
        words = _words(columns, rows_of(seed=seed))
        ordered = words.view(f"S{words.shape[1]}").ravel()  # a row as one text: numpy sorts those
        ordered.sort()
        total.update(ordered.view(np.uint8).data)
    return total.digest()


def _words(columns: Sequence[Column], rows: pl.DataFrame) -> Bytes:
    """Return 1 + WORD bytes per value, uint8 ``[rows, columns (1 + WORD)]``: whether it is there, then what it is."""
    words = np.zeros((rows.height, len(columns), 1 + WORD), np.uint8)
    for place, column in enumerate(columns):
        values, own = rows[column.name], words[:, place]
        own[:, 0] = values.is_not_null().to_numpy()
        if column.type == "int":
            own[:, 1:9] = _big_endian(values.fill_null(0).to_numpy().astype(np.int64))
        elif column.type == "float":
            own[:, 1:9] = _big_endian(values.fill_null(0.0).to_numpy().astype(np.float64))
        else:
            hashed = (hashlib.blake2b(_bytes_of(value), digest_size=WORD).digest() for value in values.drop_nulls())
            own[own[:, 0] == 1, 1:] = np.frombuffer(b"".join(hashed), np.uint8).reshape(-1, WORD)
    return words.reshape(rows.height, len(columns) * (1 + WORD))


def _big_endian(values: NDArray[np.int64] | NDArray[np.float64]) -> Bytes:
    return values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, 8)


def _bytes_of(value: str | Sequence[float]) -> bytes:
    return value.encode() if isinstance(value, str) else np.asarray(value, dtype=">f8").tobytes()
