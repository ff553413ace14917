"""A sweep from its first cell to its last: nothing is done twice, nothing is lost, and cells are what `run` makes."""

import errno
import os
import signal
from types import SimpleNamespace

import pytest
from sweep_parts import SWEEP, InProcess, Kept, work_once, write_sweep

import dvdn_sim
from dvdn_sim.errors import RunFolderError, StorageError
from dvdn_sim.records import locked, read_cells, write_cells
from dvdn_sim.scenario import load_scenario
from dvdn_sim.sweeps import Ended, Job, Outcome, execute, load_cells, run_sweep


def swept(tmp_path, executor=None, text=SWEEP, progress=None):
    sweep, cells = load_cells(write_sweep(tmp_path / "file", text))
    return run_sweep(sweep, cells, executor or InProcess(), tmp_path / "out", device="cpu", progress=progress)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a whole sweep, and its table."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, swept(folder)


def test_cells_are_what_run_makes_of_them(whole):
    """The same records, to the bit, as `dvdn-sim run BASE --set ...`."""
    folder, table = whole
    assert [row.state for row in table.rows] == ["finished"] * 4
    for row in table.rows[::3]:
        changes = [f"{path}={value}" for path, value in row.set.items()]
        scenario = load_scenario(folder / "file" / "base.yaml", ["seeds=[0, 1]", "algorithm.hidden=5", *changes])
        alone = dvdn_sim.run(scenario, device="cpu", out=folder / "alone" / row.id).as_json()
        assert row.found["digest"] == alone["digest"]
        assert row.found["return"] == alone["return"]
        assert row.found["network"] == alone["network"]


def test_the_folder_can_be_read_alone(whole):
    folder, table = whole
    assert read_cells(folder / "out") == table
    _, cells = load_cells(folder / "out" / "sweep.yaml")
    assert [cell.id for cell in cells] == [row.id for row in table.rows]
    for row in table.rows:
        assert dvdn_sim.load_run(folder / "out" / row.id).finished


def test_a_half_done_sweep_is_gone_on_with(whole, tmp_path):
    first = InProcess(stop_after=2)
    table = swept(tmp_path, first)
    assert [row.state for row in table.rows] == ["finished", "finished", "waiting", "waiting"]
    assert read_cells(tmp_path / "out").count("finished") == 2
    second = InProcess()
    table = swept(tmp_path, second)
    assert second.begun == ["rounds=2,loss=0%", "rounds=2,loss=20%"]
    assert [row.found["digest"] for row in table.rows] == [row.found["digest"] for row in whole[1].rows]


def test_a_finished_cell_that_the_table_does_not_know_is_read_and_not_trained_again(whole):
    """As one is when the sweep was killed just after it."""
    folder, table = whole
    known = read_cells(folder / "out")
    known.rows[1].state, known.rows[1].found = "running", {}
    write_cells(folder / "out", known)
    before = dvdn_sim.load_run(folder / "out" / table.rows[1].id).manifest
    executor = InProcess()
    again = swept(folder, executor)
    assert executor.begun == [table.rows[1].id]
    assert again.rows[1].found == table.rows[1].found
    assert dvdn_sim.load_run(folder / "out" / table.rows[1].id).manifest == before


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(tmp_path):
    broken = True

    def sometimes(job, report):
        if broken and job.id == "rounds=1,loss=20%":
            return Outcome("failed", "too hot")
        return work_once(job, report)

    table = swept(tmp_path, InProcess(sometimes))
    assert [row.state for row in table.rows] == ["finished", "failed", "finished", "finished"]
    assert table.rows[1].error == read_cells(tmp_path / "out").rows[1].error == "too hot"
    broken = False
    executor = InProcess(sometimes)
    table = swept(tmp_path, executor)
    assert executor.begun == ["rounds=1,loss=20%"]
    assert [row.state for row in table.rows] == ["finished"] * 4
    assert [row.error for row in table.rows] == [""] * 4


@pytest.mark.parametrize(
    ("name", "content"),
    [("manifest.json", b"{"), ("manifest.json", None), ("scenario.yaml", b"\xff")],
)
def test_a_damaged_cell_stops_no_other_and_is_named(tmp_path, name, content):
    """What it holds is left as it is: somebody may still make sense of it. A file may be a folder, too."""
    sweep, cells = load_cells(write_sweep(tmp_path / "file"))
    run_sweep(sweep, cells, InProcess(lambda *_: Outcome("interrupted")), tmp_path / "out", device="cpu")
    work_once(Job(cells[0].id, cells[0].scenario, tmp_path / "out" / cells[0].id, "cpu"), Kept())
    damaged = tmp_path / "out" / cells[0].id / name
    damaged.unlink()
    damaged.mkdir() if content is None else damaged.write_bytes(content)
    table = swept(tmp_path)
    assert [row.state for row in table.rows] == ["failed", "finished", "finished", "finished"]
    assert name in table.rows[0].error
    assert damaged.is_dir() if content is None else damaged.read_bytes() == content


def test_an_axis_may_grow(tmp_path):
    swept(tmp_path, InProcess(stop_after=2))
    executor = InProcess(lambda *_: Outcome("interrupted"))
    table = swept(tmp_path, executor, SWEEP.replace("[0%, 20%]", "[0%, 5%, 20%]"))
    assert len(table.rows) == 6
    assert not {"rounds=1,loss=0%", "rounds=1,loss=20%"} & set(executor.begun)


def test_a_sweep_that_changed_is_refused_and_nothing_is_touched(whole):
    folder, _ = whole
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.name != ".lock"}
    with pytest.raises(RunFolderError, match=r"holds another run; .*\n  algorithm.hidden: 5 before, 6 now"):
        swept(folder, text=SWEEP.replace("hidden: 5", "hidden: 6"))
    with pytest.raises(RunFolderError, match="holds the sweep small; that of other, or a new or empty folder"):
        swept(folder, text=SWEEP.replace("name: small", "name: other"))
    after = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.name != ".lock"}
    assert after == before


@pytest.mark.parametrize(
    ("make", "out", "said"),
    [
        ("out", "out", "is a file"),
        ("out/notes.txt", "out", "holds no sweep"),
        ("file.txt", "file.txt/out", "cannot be used: Not a directory"),
    ],
)
def test_a_folder_that_holds_something_else_or_cannot_be_made_is_refused(tmp_path, make, out, said):
    (tmp_path / make).parent.mkdir(exist_ok=True)
    (tmp_path / make).write_text("mine", encoding="utf-8")
    sweep, cells = load_cells(write_sweep(tmp_path / "file"))
    with pytest.raises(RunFolderError, match=said):
        run_sweep(sweep, cells, InProcess(), tmp_path / out)


def test_a_disk_that_refuses_the_table_stops_no_cell(tmp_path, monkeypatch):
    """Not while they run; at the end it is said."""
    count = 0

    def refuse(folder, table):
        nonlocal count
        count += 1
        if count > 2:  # both before the first cell
            raise OSError(errno.ENOSPC, "No space left on device")
        write_cells(folder, table)

    monkeypatch.setattr(execute, "write_cells", refuse)
    monkeypatch.setattr(execute, "WRITE_EVERY_S", 0.0)
    executor = InProcess()
    with pytest.raises(StorageError, match=r"cells\.json: No space left on device"):
        swept(tmp_path, executor)
    assert len(executor.begun) == 4
    assert count > 4
    assert read_cells(tmp_path / "out").count("finished") == 4


def test_one_process_at_a_time(tmp_path):
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"), pytest.raises(RunFolderError, match="another process"):
        swept(tmp_path)


def test_what_is_interrupted_is_said_to_be(tmp_path):
    """Ctrl-C while a cell runs: it has a checkpoint, the rest waits, and the table is written."""

    def interrupted(job, report):
        os.kill(os.getpid(), signal.SIGINT)
        assert report.stopping()
        return Outcome("interrupted", "a checkpoint of step 5")

    told = []
    progress = SimpleNamespace(begin=lambda *_: None, take=told.append, stop=lambda: told.append("stopping"))
    table = swept(tmp_path, InProcess(interrupted), progress=progress)
    assert [row.state for row in table.rows] == ["interrupted", "waiting", "waiting", "waiting"]
    assert "stopping" in told
    assert Ended("rounds=1,loss=0%", Outcome("interrupted", "a checkpoint of step 5")) in told
    assert [row.state for row in read_cells(tmp_path / "out").rows] == [row.state for row in table.rows]


def test_a_second_signal_ends_it_at_once_and_the_table_is_written_all_the_same(tmp_path):
    def impatient(job, report):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path, InProcess(impatient))
    assert read_cells(tmp_path / "out").rows[0].state == "interrupted"


def test_time_adds_up_over_invocations(tmp_path):
    first = swept(tmp_path, InProcess(stop_after=1)).wall_s
    assert swept(tmp_path, InProcess(stop_after=1)).wall_s > first > 0.0
