"""Run folders on their way between machines: what arrives is what was sent, whole or not at all, and never over a
finished run.
"""

import errno
from pathlib import Path

import pytest
from edited_folders import sealed
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import locked

pytest.importorskip("ray", reason="Ray, which is optional")

from dvdn_sim.sweeps import ray_tasks
from dvdn_sim.sweeps.ray_tasks import files_of, put_in_place

FINISHED = {"manifest.json": sealed(state="finished", digest="abc")}
BEGUN = {"manifest.json": sealed(state="running")}

names = st.from_regex(r"[a-zA-Z0-9_=,%~\u00e9][a-zA-Z0-9_=,%~. \u00e9]{0,120}", fullmatch=True)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def content_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def run_dir(tmp_path):
    """A folder for a run, and nothing beside it."""
    yield tmp_path / "run"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@settings(max_examples=25)
@given(files=st.dictionaries(paths, st.binary(max_size=2000), max_size=6))
def test_what_arrives_was_sent(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    whole = {name: each for name, each in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    (folder / "a").mkdir()
    put_in_place(files_of(write(folder / "a", whole)), folder / "deep" / "b")
    assert content_of(folder / "deep" / "b") == whole
    assert [path.name for path in (folder / "deep").iterdir()] == ["b"]


def test_locks_links_and_what_was_cut_off_stay_behind(run_dir):
    write(run_dir, {".lock": b"", "kept": b"1", "in/.x.tmp": b"half", ".hidden/y": b"2"})
    (run_dir / "link").symlink_to("/etc/hostname")
    assert files_of(run_dir) == {"kept": b"1"}


def test_a_run_that_was_begun_is_replaced_with_all_that_was_in_it(run_dir):
    write(run_dir, {**BEGUN, "checkpoint/old": b"old"})
    put_in_place(FINISHED, run_dir)
    assert content_of(run_dir) == FINISHED


def test_a_finished_run_is_never_replaced(run_dir):
    write(run_dir, FINISHED)
    put_in_place({**FINISHED, "more": b"1"}, run_dir)
    assert files_of(run_dir) == FINISHED


def test_a_folder_that_another_process_writes_is_left_alone(run_dir):
    write(run_dir, BEGUN)
    with locked(run_dir), pytest.raises(RunFolderError, match="being written by another process"):
        put_in_place(FINISHED, run_dir)
    assert files_of(run_dir) == BEGUN


@pytest.mark.parametrize("call", [1, 2])
def test_a_disk_that_refuses_to_rename_leaves_the_folder_as_it_was(run_dir, monkeypatch, call):
    write(run_dir, BEGUN)
    rename, count = Path.rename, 0

    def refuse(self, target):
        nonlocal count
        count += 1
        if count == call:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        put_in_place(FINISHED, run_dir)
    assert files_of(run_dir) == BEGUN


def test_a_full_disk_leaves_the_folder_as_it_was(run_dir, monkeypatch):
    write(run_dir, BEGUN)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ray_tasks, "write_durably", full)
    with pytest.raises(OSError, match="No space left"):
        put_in_place(FINISHED, run_dir)
    assert files_of(run_dir) == BEGUN
