"""The first record in which two runs differ: where their digests part, in words."""

import math
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from dvdn_sim.records.digest import digest_rows
from dvdn_sim.records.read import Run
from dvdn_sim.records.schema import METRICS, NETWORK, Table

ABSENT = "no such record"


@dataclass(frozen=True)
class Difference:
    """The earliest record, by learner updates and then environment steps, that is not the same in two runs.

    Attributes:
        table: Name of its table.
        seed: Of its replica.
        updates: Learner updates by then.
        env_steps: Training steps of the replica's environment by then.
        what: Its phase (of metrics) or its kind (of the network).
        column: The first column that differs, with an index if it holds lists; empty if one run lacks the record.
        one: What the first run has there, as Python writes it, or that it has no such record.
        other: What the second run has there.
        apart: How far two finite numbers are apart; None for anything else.
        columns: How many columns of the record differ.
        records: How many records differ, those that one run lacks included.
    """

    table: str
    seed: int
    updates: int
    env_steps: int
    what: str
    column: str
    one: str
    other: str
    apart: float | None
    columns: int
    records: int

    def __str__(self) -> str:
        """The difference in one line."""
        head = f"{self.table}, seed {self.seed}, update {self.updates}, step {self.env_steps}, {self.what}"
        column = f"{self.column}: " if self.column else ""
        apart = "" if self.apart is None else f" ({self.apart!r} apart)"
        return f"{head}: {column}{self.one} in the first run, {self.other} in the second{apart}"


@dataclass(frozen=True)
class _Kind:
    """A table, and in which columns it says what."""

    table: Table
    rank: int
    updates: str
    what: str
    identity: tuple[str, ...]

    @property
    def compared(self) -> list[str]:
        return [column.name for column in self.table.columns if not column.wall_clock]

    def records(self, run: Run) -> "list[_Record]":
        """All of a run."""
        rows = self._frame(run).iter_rows(named=True)
        return [_Record(self, row, tuple([_bits(row[name]) for name in self.compared])) for row in rows]

    def hash(self, run: Run) -> bytes:
        """Of all of a run."""
        return digest_rows(self.table, self._frame(run))

    def _frame(self, run: Run) -> pl.DataFrame:
        return {NETWORK.name: run.network, METRICS.name: run.metrics}[self.table.name]


# Exchanges first: they come before the learner's figures of the same update.
_KINDS = (
    _Kind(NETWORK, 0, updates="update", what="kind", identity=("seed", "kind", "update")),
    _Kind(METRICS, 1, updates="updates", what="phase", identity=("seed", "phase", "episodes")),
)


@dataclass(frozen=True)
class _Record:
    """One row, and its values to the bit."""

    kind: _Kind
    values: dict[str, Any]
    bits: tuple[object, ...]

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it the same record in two runs, whatever it says."""
        return (self.kind.rank, *(self.values[name] for name in self.kind.identity))

    @property
    def when(self) -> tuple[int, ...]:
        """When it was made, among all records."""
        return self.values[self.kind.updates], self.values["env_steps"], self.kind.rank


def first_difference(one: Run, other: Run) -> Difference | None:
    """Return the earliest record in which two runs differ; None where their digests are equal.

    As in the digest, floats count by their bits, the order of rows and their parts do not, and columns that measure the
    machine stay out.
    """
    mine: list[_Record] = []
    theirs: list[_Record] = []
    for kind in _KINDS:
        if kind.hash(one) != kind.hash(other):
            records, others = kind.records(one), kind.records(other)
            mine += _without(records, others)
            theirs += _without(others, records)
    if not mine and not theirs:
        return None
    earliest = min([*mine, *theirs], key=lambda record: record.when)
    first, second = (_same(earliest, side) for side in (mine, theirs))
    return _difference(earliest, first, second, _count(mine, theirs))


def _same(record: _Record, records: list[_Record]) -> _Record | None:
    return next((each for each in records if each.identity == record.identity), None)


def _bits(value: object) -> object:
    """What is equal only for values that are the same to the bit."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    return tuple(map(_bits, value)) if isinstance(value, list) else value


def _without(records: list[_Record], others: list[_Record]) -> list[_Record]:
    """Those that the others lack, in their order; of several equal ones, as many as the others lack."""
    equal = Counter(record.bits for record in others)
    left = []
    for record in records:
        equal[record.bits] -= 1
        if equal[record.bits] < 0:
            left.append(record)
    return left


def _count(mine: list[_Record], theirs: list[_Record]) -> int:
    counts = [Counter(record.identity for record in side) for side in (mine, theirs)]
    return (counts[0] | counts[1]).total()


def _difference(earliest: _Record, first: _Record | None, second: _Record | None, records: int) -> Difference:
    kind, values = earliest.kind, earliest.values
    updates, env_steps, _ = earliest.when
    columns: list[str] = []
    column, one, other, apart = "", "there" if first else ABSENT, "there" if second else ABSENT, None
    if first and second:
        pairs = zip(kind.compared, first.bits, second.bits, strict=True)
        columns = [name for name, *pair in pairs if pair[0] != pair[1]]
        column, one, other, apart = _told(columns[0], first.values[columns[0]], second.values[columns[0]])
    return Difference(
        table=kind.table.name,
        seed=values["seed"],
        updates=updates,
        env_steps=env_steps,
        what=values[kind.what],
        column=column,
        one=one,
        other=other,
        apart=apart,
        columns=len(columns),
        records=records,
    )


def _told(column: str, one: object, other: object) -> tuple[str, str, str, float | None]:
    """Column, both values in words, and how far they are apart; of lists, the first entry that differs."""
    if isinstance(one, list) and isinstance(other, list):
        return _told_of_lists(column, one, other)
    said = [repr(one), repr(other)]
    if said[0] == said[1]:  # NaN, of which there are many
        said = [f"{value!r} (bits {struct.pack('>d', value).hex()})" for value in (one, other)]
    return column, said[0], said[1], _apart(one, other)


def _told_of_lists(column: str, one: Sequence[object], other: Sequence[object]) -> tuple[str, str, str, float | None]:
    if len(one) != len(other):
        return column, f"{len(one)} values", f"{len(other)} values", None
    at = next(at for at, pair in enumerate(zip(one, other, strict=True)) if _bits(pair[0]) != _bits(pair[1]))
    return _told(f"{column}[{at}]", one[at], other[at])


def _apart(one: object, other: object) -> float | None:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return None
    apart = abs(one - other)
    return apart if math.isfinite(apart) else None
