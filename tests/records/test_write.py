import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dvdn_sim.records import FINISHED, RecordWriter, digest, load_run, write_scenario


def test_what_was_written_is_read(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    write_scenario(tmp_path, "name: größe\n")
    writer.flush({"seeds": [3, 1], "state": "running"})
    first = rows.metrics_example(seed=3, loss=None, q_mean=np.float32(0.1), env_steps=np.int64(5))
    writer.metrics(first)
    writer.network(rows.network_example(round_time_s=[0.5, np.nan], lambda_min=None))
    writer.flush()
    writer.metrics(rows.metrics_example(seed=1))
    writer.flush()
    writer.flush()
    run = load_run(tmp_path)
    assert run.metrics["seed"].to_list() == [3, 1]
    assert run.metrics["q_mean"][0] == float(np.float32(0.1))
    assert run.metrics["loss"].to_list() == [None, 0.5]
    assert run.metrics["env_steps"].to_list() == [5, 7]
    assert run.network["round_time_s"][0].to_list() == [0.5, pytest.approx(np.nan, nan_ok=True)]
    assert (run.scenario, run.seeds, run.finished) == ("name: größe\n", (3, 1), False)
    parts = sorted(path.name for path in (tmp_path / "metrics").iterdir())
    assert parts == ["part-000001.parquet", "part-000002.parquet"]
    assert len(list((tmp_path / "network").iterdir())) == 1
    writer.flush({"seeds": [3, 1], "state": FINISHED})
    assert load_run(str(tmp_path)).finished


def test_rows_wait_until_flushed(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    assert load_run(tmp_path).metrics.is_empty()


def test_a_second_writer_goes_on_after_the_first(tmp_path, rows):
    for seed in range(3):
        writer = RecordWriter(tmp_path)
        writer.metrics(rows.metrics_example(seed=seed))
        writer.flush()
    assert load_run(tmp_path).metrics["seed"].to_list() == [0, 1, 2]


def test_a_row_with_wrong_columns_is_refused_at_the_call(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    row = rows.metrics_example()
    misspelt = {("los" if name == "loss" else name): value for name, value in row.items()}
    with pytest.raises(ValueError, match=r"metrics row: unknown or missing columns \['los', 'loss'\]"):
        writer.metrics(misspelt)
    with pytest.raises(ValueError, match=r"network row: .*\['kind'\]"):
        writer.network({name: value for name, value in rows.network_example().items() if name != "kind"})
    writer.flush()
    assert load_run(tmp_path).metrics.is_empty()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sent", 1.0),
        ("sent", 2**63),
        ("sent", None),
        ("duration_s", "1"),
        ("kind", 1),
        ("round_time_s", 0.5),
        ("round_time_s", ["a"]),
        ("round_time_s", [[0.0, 0.0]]),
    ],
)
def test_a_value_of_another_type_is_never_written(tmp_path, rows, column, value):
    writer = RecordWriter(tmp_path)
    writer.network(rows.network_example())
    writer.network(rows.network_example(**{column: value}))
    with pytest.raises(TypeError, match=f"network row: {column}"):
        writer.flush()
    assert load_run(tmp_path).network.is_empty()


@pytest.mark.parametrize("manifest", [{"x": float("nan")}, {"x": Path("a")}])
def test_a_manifest_that_json_cannot_say_leaves_the_old_one(tmp_path, manifest):
    writer = RecordWriter(tmp_path)
    writer.flush({"seeds": [1]})
    with pytest.raises((TypeError, ValueError)):
        writer.flush(manifest)
    assert load_run(tmp_path).manifest == {"seeds": [1]}


def test_an_interrupt_between_write_and_rename_loses_and_doubles_nothing(tmp_path, rows, monkeypatch):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example(seed=1))
    writer.flush()
    before = digest(tmp_path)
    writer.metrics(rows.metrics_example(seed=2))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    assert (tmp_path / "metrics" / ".part-000002.parquet.tmp").exists()
    assert load_run(tmp_path).metrics["seed"].to_list() == [1]
    assert digest(tmp_path) == before
    with monkeypatch.context() as patch:
        patch.setattr("dvdn_sim.records.durable._force_folder", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    writer.flush()
    assert load_run(tmp_path).metrics["seed"].to_list() == [1, 2]


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
@pytest.mark.parametrize("instant", ["replace", "open"])
def test_a_process_killed_while_writing_leaves_a_readable_folder(tmp_path, rows, instant):
    code = f"""
import os
from pathlib import Path
from dvdn_sim.records import RecordWriter, write_scenario
writer = RecordWriter(Path({str(tmp_path)!r}))
for seed in range(3):
    writer.metrics({rows.metrics_example()!r} | {{"seed": seed}})
    if seed == 2:
        Path.{instant} = lambda *_: os._exit(9)
    writer.flush()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 (our own code)
    assert done.returncode == 9
    run = load_run(tmp_path)
    assert run.metrics["seed"].to_list() == [0, 1]
    assert not run.finished
