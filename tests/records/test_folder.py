"""Which folder a run writes to, one process in it whatever became of the one before, and files that are whole."""

import hashlib
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dvdn_sim.errors import DvdnSimError, RunFolderError
from dvdn_sim.records import LOCK_FILE, create_run_dir, locked, run_dir_to_resume, write_durably, write_scenario

CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_nothing_to_resume_where_nothing_was_begun(here):
    assert run_dir_to_resume(None, "lossy") is None
    assert run_dir_to_resume(here / "new", "lossy") is None
    (here / "empty").mkdir()
    assert run_dir_to_resume(here / "empty", "lossy") is None


def test_the_latest_run_of_a_name_is_resumed():
    """By number, not by spelling, and not that of another name."""
    for _ in range(11):
        create_run_dir(None, "lossy")
    create_run_dir(None, "lossy-lbf")
    create_run_dir(None, "lossy[1]")
    assert run_dir_to_resume(None, "lossy") == Path("runs/lossy-11")
    assert run_dir_to_resume(None, "lossy-lbf") == Path("runs/lossy-lbf")
    assert run_dir_to_resume(None, "lossy[1]") == Path("runs/lossy[1]")


def test_a_run_called_as_the_second_of_another_name_is_not_that():
    for name in ("ring", "ring-2", "ring-2-2", "ring"):  # the last becomes ring-3
        write_scenario(create_run_dir(None, name), f"name: {name}\n")
    assert run_dir_to_resume(None, "ring") == Path("runs/ring-3")
    (Path("runs/ring-3/scenario.yaml")).write_text("name: ring-3\n")
    assert run_dir_to_resume(None, "ring") == Path("runs/ring")
    assert run_dir_to_resume(None, "ring-2") == Path("runs/ring-2")
    create_run_dir(None, "ring")  # killed as it began
    assert run_dir_to_resume(None, "ring") == Path("runs/ring-4")


@pytest.mark.parametrize("file", ["scenario.yaml", "manifest.json", ".lock", ".scenario.yaml.tmp"])
def test_a_folder_is_resumed_however_early_its_run_was_killed(here, file):
    (here / "run").mkdir()
    (here / "run" / file).touch()
    assert run_dir_to_resume(here / "run", "x") == here / "run"


def test_what_is_no_run_is_left_alone(here):
    (here / "notes").write_text("mine")
    with pytest.raises(RunFolderError, match="holds no run"):
        run_dir_to_resume(here, "x")
    with pytest.raises(RunFolderError, match="is a file"):
        run_dir_to_resume(here / "notes", "x")
    with pytest.raises(RunFolderError, match="cannot name a folder"):
        run_dir_to_resume(None, "../x")
    assert (here / "notes").read_text() == "mine"


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


def _hold(folder: Path, held, done) -> None:
    with locked(folder):
        held.set()
        done.wait()


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path):
    """Killed with -9 it lets go, too: the system takes the lock away, nothing has to be cleaned up."""
    held, done = CONTEXT.Event(), CONTEXT.Event()
    other = CONTEXT.Process(target=_hold, args=(tmp_path, held, done))
    other.start()
    try:
        assert held.wait(60)
        with pytest.raises(RunFolderError, match="is being written by another process"), locked(tmp_path):
            pass
    finally:
        other.kill()
        other.join()
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path):
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(RunFolderError, match="cannot be locked: Is a directory"), locked(tmp_path):
        pass


def test_write_durably_replaces_whole_files(tmp_path):
    path = tmp_path / "file"
    write_durably(path, b"old")

    def fails():
        yield b"half of the n"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_durably(path, fails())
    assert path.read_bytes() == b"old"
    assert write_durably(path, "new") == hashlib.sha256(b"new").hexdigest() == write_durably(path, [b"n", b"ew"])
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
