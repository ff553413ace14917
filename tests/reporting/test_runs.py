"""Statistics are of finished runs; all others are named, with what became of them."""

from dvdn_sim.records import locked
from dvdn_sim.reporting.curves import COLUMNS
from dvdn_sim.reporting.runs import finished_runs

ROWS = {0: [(0, 0.0)]}


def test_only_finished_runs_are_taken_in_the_order_given(folder, tmp_path):
    good = [folder(name, ROWS) for name in ("b", "a")]
    bad = {
        folder("stopped", ROWS, state="interrupted"): "interrupted",
        folder(
            "broken", ROWS, state="failed: seed 0, update 7: the loss is nan"
        ): "failed: seed 0, update 7: the loss is nan",
        folder("killed", ROWS, state="running"): "killed",
        tmp_path
        / "nowhere": f"{tmp_path / 'nowhere'} holds no run: no scenario.yaml, manifest.json, metrics or network",
    }
    finished, left_out = finished_runs([good[0], *bad, str(good[1])], COLUMNS)
    assert [run.path for run in finished] == good
    assert {each.run_dir: each.why for each in left_out} == bad


def test_a_run_under_way_is_said_to_be(folder):
    under_way = folder("under_way", ROWS, state="running")
    (under_way / ".lock").touch()
    with locked(under_way):
        _, (left_out,) = finished_runs([under_way])
    assert left_out.why == "running"


def test_a_damaged_run_is_left_out_with_the_file_at_fault(folder):
    damaged = folder("damaged", ROWS)
    (damaged / "metrics" / "part-000001.parquet").write_bytes(b"PAR1")
    finished, (left_out,) = finished_runs([damaged])
    assert not finished
    assert "part-000001.parquet cannot be read" in left_out.why
