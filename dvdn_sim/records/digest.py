"""One hash of all records of a run: equal hashes, equal rows, bit for bit."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dvdn_sim.records.read import read_table
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
    total = hashlib.sha256()
    for table in TABLES:
        total.update(digest_rows(table, read_table(Path(run_dir), table)))
    return total.hexdigest()


def digest_rows(table: Table, rows: pl.DataFrame) -> bytes:
    """Return the hash of the rows of one table, 32 bytes; `rows` has the columns of `table`."""
    columns = [column for column in table.columns if not column.wall_clock]
    words = np.concatenate([_words(column, rows[column.name]) for column in columns], axis=1)
    ordered = np.sort(np.ascontiguousarray(words).view(f"S{words.shape[1]}").ravel())
    header = f"{table.name} {rows.height} {[(column.name, column.type) for column in columns]}"
    return hashlib.sha256(header.encode() + b"\n" + ordered.tobytes()).digest()


def _words(column: Column, values: pl.Series) -> Bytes:
    """Return one row of 1 + WORD bytes per value, uint8 [rows, 1 + WORD]: whether it is there, then what it is."""
    words = np.zeros((len(values), 1 + WORD), np.uint8)
    words[:, 0] = values.is_not_null().to_numpy()
    if column.type == "int":
        words[:, 1:9] = _big_endian(values.fill_null(0).to_numpy().astype(np.int64))
    elif column.type == "float":
        words[:, 1:9] = _big_endian(values.fill_null(0.0).to_numpy().astype(np.float64))
    else:
        present = [bytes_of(value) for value in values.drop_nulls()]
        hashed = b"".join(hashlib.blake2b(each, digest_size=WORD).digest() for each in present)
        words[words[:, 0] == 1, 1:] = np.frombuffer(hashed, np.uint8).reshape(-1, WORD)
    return words


def _big_endian(values: NDArray[np.int64] | NDArray[np.float64]) -> Bytes:
    return values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, 8)


def bytes_of(value: object) -> bytes:
    """Return the bytes of a text or of a list of floats.

    >>> bytes_of("td"), bytes_of([0.5]).hex()
    (b'td', '3fe0000000000000')
    """
    if isinstance(value, str):
        return value.encode()
    return np.asarray(value, dtype=">f8").tobytes()
