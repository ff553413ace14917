"""Rows of both tables, whole and drawn at random."""

import struct
from types import SimpleNamespace

import pytest
from hypothesis import strategies as st

from dvdn_sim.records import METRICS, NETWORK, Column, Table

# Every bit pattern of a float, NaN payloads and −0.0 among them.
FLOATS = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])
VALUES = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.one_of(st.sampled_from([0.0, -0.0, 1.0]), FLOATS),
    "text": st.sampled_from(["train", "evaluation", "td", ""]),
    "floats": st.lists(st.one_of(st.just(0.0), FLOATS), max_size=3),
}
EXAMPLES = {"int": 7, "float": 0.5, "text": "td", "floats": [0.25, 0.5]}


def values(column: Column) -> st.SearchStrategy:
    drawn = VALUES[column.type]
    return st.one_of(st.none(), drawn) if column.nullable else drawn


def row_of(table: Table) -> st.SearchStrategy:
    return st.fixed_dictionaries({column.name: values(column) for column in table.columns})


def example(table: Table, **changes: object) -> dict:
    return {column.name: EXAMPLES[column.type] for column in table.columns} | changes


@pytest.fixture(scope="session")
def rows() -> SimpleNamespace:
    return SimpleNamespace(
        values=values,
        metrics=row_of(METRICS),
        network=row_of(NETWORK),
        metrics_example=lambda **changes: example(METRICS, **changes),
        network_example=lambda **changes: example(NETWORK, **changes),
    )
