import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dvdn_sim.errors import DvdnSimError, RunFolderError
from dvdn_sim.records.digest import digest
from dvdn_sim.records.durable import write_durably
from dvdn_sim.records.folder import create_run_dir
from dvdn_sim.records.read import load_run
from dvdn_sim.records.schema import FINISHED, METRICS, NETWORK, TABLES
from dvdn_sim.records.write import RecordWriter, write_scenario


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_folder_never_overwrites_another(here):
    made = [create_run_dir(None, "lossy") for _ in range(3)]
    assert made == [Path("runs/lossy"), Path("runs/lossy-2"), Path("runs/lossy-3")]
    assert all(folder.is_dir() for folder in made)


def test_processes_that_ask_at_once_get_different_folders(here):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create_run_dir(None, "lossy"), range(40)))
    assert len(set(made)) == 40


def test_a_chosen_folder_may_be_new_or_empty_but_not_taken(here):
    assert create_run_dir(here / "a" / "b", "x") == here / "a" / "b"
    assert create_run_dir(here / "a" / "b", "x") == here / "a" / "b"
    (here / "a" / "b" / "kept").write_text("mine")
    with pytest.raises(RunFolderError, match="is not empty"):
        create_run_dir(here / "a" / "b", "x")
    with pytest.raises(RunFolderError, match="is a file"):
        create_run_dir(here / "a" / "b" / "kept", "x")
    assert (here / "a" / "b" / "kept").read_text() == "mine"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a"])
def test_a_name_that_cannot_name_a_folder_is_refused(here, name):
    with pytest.raises(RunFolderError, match="cannot name a folder"):
        create_run_dir(None, name)
    assert list(here.iterdir()) == []
    assert issubclass(RunFolderError, DvdnSimError)


def test_what_was_written_is_read(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    write_scenario(tmp_path, "name: größe\n")
    writer.write_manifest({"seeds": [3, 1], "state": "running"})
    first = rows.metrics_example(seed=3, loss=None, q_mean=np.float32(0.1), env_steps=np.int64(5))
    writer.metrics(first)
    writer.network(rows.network_example(round_time_s=np.array([0.5, np.nan]), lambda_min=None))
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
    assert sorted(path.name for path in (tmp_path / "metrics").iterdir()) == [
        "part-000001.parquet",
        "part-000002.parquet",
    ]
    assert len(list((tmp_path / "network").iterdir())) == 1
    writer.write_manifest({"seeds": [3, 1], "state": FINISHED})
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


def test_a_wrong_row_is_refused_at_the_call(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    row = rows.metrics_example()
    misspelt = {("los" if name == "loss" else name): value for name, value in row.items()}
    with pytest.raises(
        ValueError, match=r"unknown columns \['los' \(did you mean 'loss'\?\)\], missing columns \['loss'\]"
    ):
        writer.metrics(misspelt)
    with pytest.raises(ValueError, match=r"unknown columns.*'zzz'"):
        writer.metrics(row | {"zzz": 1})
    with pytest.raises(ValueError, match=r"network row: .*missing columns \['kind'\]"):
        writer.network({name: value for name, value in rows.network_example().items() if name != "kind"})
    with pytest.raises(ValueError, match="epsilon is None; it applies to every row"):
        writer.metrics(row | {"epsilon": None})
    writer.flush()
    assert load_run(tmp_path).metrics.is_empty()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("sent", 1.0),
        ("sent", True),
        ("sent", 2**63),
        ("duration_s", "1"),
        ("duration_s", True),
        ("kind", 1),
        ("round_time_s", 0.5),
        ("round_time_s", ["a"]),
        ("round_time_s", [None]),
        ("round_time_s", np.zeros((2, 2))),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path, rows, column, value):
    with pytest.raises(TypeError, match=f"network row: {column} is"):
        RecordWriter(tmp_path).network(rows.network_example(**{column: value}))


@pytest.mark.parametrize("manifest", [{"x": float("nan")}, {"x": Path("a")}])
def test_a_manifest_that_json_cannot_say_leaves_the_old_one(tmp_path, manifest):
    writer = RecordWriter(tmp_path)
    writer.write_manifest({"seeds": [1]})
    with pytest.raises((TypeError, ValueError)):
        writer.write_manifest(manifest)
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
from dvdn_sim.records.write import RecordWriter, write_scenario
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


def test_write_durably_replaces_whole_files(tmp_path):
    path = tmp_path / "file"
    write_durably(path, lambda file: file.write(b"old"))

    def fails(file):
        file.write(b"half of the n")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_durably(path, fails)
    assert path.read_bytes() == b"old"
    write_durably(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_columns_are_documented_and_unlike():
    for table in TABLES:
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        assert all(column.meaning for column in table.columns)
        assert table.columns[0].name == "seed"
    assert (METRICS.name, NETWORK.name) == ("metrics", "network")
