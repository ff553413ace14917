import hashlib
import struct
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
from edited_folders import reseal
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.records import (
    METRICS,
    NETWORK,
    Column,
    RecordWriter,
    Table,
    digest,
    digest_rows,
    load_run,
    write_scenario,
)


def written(metrics, network, cuts=()):
    """Write the rows, flushing before each position in cuts, and return the digest."""
    with tempfile.TemporaryDirectory() as folder:
        writer = RecordWriter(Path(folder))
        for position in range(max(len(metrics), len(network))):
            if position in cuts:
                writer.flush()
            for add, rows in ((writer.metrics, metrics), (writer.network, network)):
                if position < len(rows):
                    add(rows[position])
        writer.flush()
        return digest(folder)


def hashed(table, rows):
    return digest_rows(table, pl.DataFrame(rows, schema=table.schema))


def bits(value):
    """Tell values apart as the digest does: floats by their bits."""
    if isinstance(value, list):
        return [bits(part) for part in value]
    return struct.pack("<d", value) if isinstance(value, float) else value


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_order_and_parts_do_not_matter(rows, data):
    metrics = data.draw(st.lists(rows.metrics, max_size=6))
    network = data.draw(st.lists(rows.network, max_size=6))
    cuts = data.draw(st.sets(st.integers(0, 5)))
    expected = written(metrics, network)
    assert written(metrics, network, cuts) == expected
    assert written(data.draw(st.permutations(metrics)), data.draw(st.permutations(network)), cuts) == expected


@settings(max_examples=200, deadline=None)
@given(data=st.data(), table=st.sampled_from([METRICS, NETWORK]))
def test_any_change_of_a_value_matters(rows, data, table):
    column = data.draw(st.sampled_from(table.columns))
    before = data.draw(st.lists(getattr(rows, table.name), min_size=1, max_size=3))
    position = data.draw(st.integers(0, len(before) - 1))
    old = before[position][column.name]
    new = data.draw(rows.values(column).filter(lambda value: bits(value) != bits(old)))
    after = [row | {column.name: new} if i == position else row for i, row in enumerate(before)]
    assert hashed(table, before) != hashed(table, after)


def test_a_row_less_more_or_twice_matters(rows):
    row = rows.metrics_example()
    digests = {written([row] * count, []) for count in range(4)}
    assert len(digests) == 4
    assert written([row], []) != written([], [rows.network_example()])


def test_lists_are_told_apart(rows):
    lists = [[], [0.0], [-0.0], [0.0, 0.0], [0.5, 0.25], [0.25, 0.5], [float("nan")]]
    assert len({written([], [rows.network_example(round_time_s=each)]) for each in lists}) == len(lists)


def plain_words(table, row):
    """A row as its definition has it: a byte that says whether there is a value, and 16 of what it is."""
    words = b""
    for column in table.columns:
        value = row[column.name]
        if value is None:
            content = b""
        elif column.type in ("int", "float"):
            content = struct.pack(">q" if column.type == "int" else ">d", value)
        else:
            long = value.encode() if column.type == "text" else struct.pack(f">{len(value)}d", *value)
            content = hashlib.blake2b(long, digest_size=16).digest()
        words += bytes([value is not None]) + content.ljust(16, b"\0")
    return words


@settings(max_examples=50, deadline=None)
@given(data=st.data(), table=st.sampled_from([METRICS, NETWORK]))
def test_the_digest_is_that_of_all_rows_sorted_at_once(rows, data, table):
    """What it was defined as; done seed by seed it takes a fraction of the memory."""
    some = data.draw(st.lists(getattr(rows, table.name), max_size=8))
    some = [row | {"seed": row["seed"] % 3} for row in some]
    header = f"{table.name} {len(some)} {[(column.name, column.type) for column in table.columns]}"
    ordered = sorted(plain_words(table, row) for row in some)
    assert hashed(table, some) == hashlib.sha256(header.encode() + b"\n" + b"".join(ordered)).digest()


def test_layout_of_parquet_does_not_matter(rows, tmp_path):
    writer = RecordWriter(tmp_path)
    for seed in range(50):
        writer.metrics(rows.metrics_example(seed=seed))
    writer.flush()
    before = digest(tmp_path)
    part = tmp_path / "metrics" / "part-000001.parquet"
    load_run(tmp_path).metrics.write_parquet(part, row_group_size=7, compression="snappy", statistics=False)
    reseal(tmp_path)
    assert digest(str(tmp_path)) == before


def test_manifest_scenario_and_wall_clock_columns_stay_out(rows, tmp_path):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    writer.flush()
    before = digest(tmp_path)
    writer.flush({"wall_s": 12.5})
    write_scenario(writer.run_dir, "name: x\n")
    assert digest(tmp_path) == before
    timed = Table("timed", (Column("seed", "int", "seed"), Column("wall_s", "float", "time", wall_clock=True)))
    slow, fast = (pl.DataFrame([(1, wall)], schema=timed.schema, orient="row") for wall in (2.0, 1.0))
    assert digest_rows(timed, slow) == digest_rows(timed, fast)
    counted = replace(timed, columns=(timed.columns[0], replace(timed.columns[1], wall_clock=False)))
    assert digest_rows(counted, slow) != digest_rows(counted, fast)


def test_the_digest_is_the_same_everywhere(rows, tmp_path):
    """Golden: a change of this value means that digests of earlier runs can no longer be compared."""
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example(loss=None))
    writer.network(rows.network_example())
    writer.flush()
    assert load_run(tmp_path).metrics.height == 1
    assert digest(tmp_path) == "14544dea5017bc706c0f9c68d76d8430028e8eac9818b8f8b6cda924f6ef7c2e"
