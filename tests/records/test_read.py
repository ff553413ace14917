import pytest
from edited_folders import reseal

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import METRICS, NETWORK, RecordWriter, digest, load_run, read_table, write_scenario, write_sealed


def test_a_folder_without_a_run_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunFolderError, match="holds no run"):
            load_run(folder)


def test_a_run_killed_at_once_is_an_empty_run(tmp_path):
    write_scenario(tmp_path, "name: x\n")
    run = load_run(tmp_path)
    assert run.metrics.columns == [column.name for column in METRICS.columns]
    assert run.network.columns == [column.name for column in NETWORK.columns]
    assert run.metrics.is_empty()
    assert (run.scenario, dict(run.manifest), run.seeds, run.finished) == ("name: x\n", {}, (), False)


def test_some_columns_or_the_rows_of_a_seed_are_those_of_the_whole(tmp_path, rows):
    """What is asked for of a long run, all of which may not fit into memory."""
    writer = RecordWriter(tmp_path)
    for number in range(7):
        writer.metrics(rows.metrics_example(seed=number % 3, loss=float(number)))
        writer.network(rows.network_example(seed=number % 3))
        if number % 2:
            writer.flush()
    writer.flush()
    whole = load_run(tmp_path)
    some = {"metrics": ("loss", "seed"), "network": ("a_eff",)}
    lean = load_run(tmp_path, some)
    for name, frame, all_of_it in (("metrics", lean.metrics, whole.metrics), ("network", lean.network, whole.network)):
        assert frame.equals(all_of_it.select(some[name]))
    assert read_table(tmp_path, METRICS, whole.files, seed=1).equals(whole.metrics.filter(seed=1))
    assert read_table(tmp_path, METRICS, whole.files, seed=9).is_empty()


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_damaged_manifest_is_named(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"manifest\.json is damaged"):
        load_run(tmp_path)


def test_a_damaged_part_is_named(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    writer.flush()
    part = tmp_path / "metrics" / "part-000001.parquet"
    content = part.read_bytes()
    for damaged in (content[:-20], b"", content[:-1] + b"!", bytes([*content[:9], content[9] ^ 16, *content[10:]])):
        part.write_bytes(damaged)
        with pytest.raises(RunFolderError, match=r"part-000001\.parquet is damaged: it is not what was written"):
            load_run(tmp_path)
    part.unlink()
    with pytest.raises(RunFolderError, match=r"part-000001\.parquet is missing"):
        load_run(tmp_path)


def test_a_part_that_the_run_did_not_write_means_nothing(tmp_path, rows):
    """It may be of another run, or was written just before the process was killed."""
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    writer.flush()
    before = load_run(tmp_path)
    (tmp_path / "metrics" / "part-000002.parquet").write_bytes((tmp_path / "metrics/part-000001.parquet").read_bytes())
    assert load_run(tmp_path).metrics.equals(before.metrics)
    assert digest(tmp_path) == digest(before.path)


def test_records_without_a_manifest_are_refused(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    writer.flush()
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(RunFolderError, match=r"manifest\.json is missing"):
        load_run(tmp_path)


def test_another_file_with_a_checksum_is_no_manifest(tmp_path):
    for name in ("000001.json", "cells.json", "manifest.json"):
        write_sealed(tmp_path / name, {"state": "finished", "seeds": [1]})
    assert load_run(tmp_path).finished
    for name in ("000001.json", "cells.json"):
        (tmp_path / "manifest.json").write_bytes((tmp_path / name).read_bytes())
        with pytest.raises(RunFolderError, match=r"manifest\.json is damaged"):
            load_run(tmp_path)


def test_a_manifest_without_a_checksum_is_told_to_be_old(tmp_path):
    (tmp_path / "manifest.json").write_text('{"seeds": [1], "state": "finished"}')
    with pytest.raises(RunFolderError, match=r"it has no checksum; versions before 0\.2 wrote none"):
        load_run(tmp_path)


def test_a_part_with_other_columns_is_named(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    writer.flush()
    part = tmp_path / "metrics" / "part-000001.parquet"
    load_run(tmp_path).metrics.rename({"loss": "old_loss"}).write_parquet(part)
    reseal(tmp_path)
    with pytest.raises(RunFolderError, match=r"other columns than this version's metrics.*'old_loss'"):
        load_run(tmp_path)
