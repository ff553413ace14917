import pytest

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import METRICS, NETWORK, RecordWriter, load_run, read_table, write_scenario


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
    assert read_table(tmp_path, METRICS, seed=1).equals(whole.metrics.filter(seed=1))
    assert read_table(tmp_path, METRICS, seed=9).is_empty()


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
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(RunFolderError, match=r"part-000001\.parquet cannot be read"):
        load_run(tmp_path)


def test_a_part_with_other_columns_is_named(tmp_path, rows):
    writer = RecordWriter(tmp_path)
    writer.metrics(rows.metrics_example())
    writer.flush()
    part = tmp_path / "metrics" / "part-000001.parquet"
    load_run(tmp_path).metrics.rename({"loss": "old_loss"}).write_parquet(part)
    with pytest.raises(RunFolderError, match=r"other columns than this version's metrics.*'old_loss'"):
        load_run(tmp_path)
