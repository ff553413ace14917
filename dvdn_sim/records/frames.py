"""The tables of `dvdn_sim.records.schema` as polars frames."""

import polars as pl

from dvdn_sim.records.schema import ColumnType, Table

_TYPES: dict[ColumnType, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "floats": pl.List(pl.Float64()),
}


def frame_schema(table: Table) -> pl.Schema:
    """Return the polars type of each column, in order.

    >>> from dvdn_sim.records.schema import METRICS
    >>> frame_schema(METRICS)["return_mean"]
    Float64
    """
    return pl.Schema({column.name: _TYPES[column.type] for column in table.columns})
