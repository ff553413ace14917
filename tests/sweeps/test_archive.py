"""Run folders as archives: what comes out is what went in, whole or not at all, and never over a finished run."""

import errno
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import locked
from dvdn_sim.sweeps import archive
from dvdn_sim.sweeps.archive import pack, unpack


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def content_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def beside(folder):
    return sorted(path.name for path in folder.parent.iterdir())


def a_tar(*members):
    """An archive as nobody here packs it: of names, kinds and what a link leads to."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name, kind, to in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, to, 3 if kind == tarfile.REGTYPE else 0
            packed.addfile(member, io.BytesIO(b"abc"))
    return buffer.getvalue()


FINISHED = {"manifest.json": json.dumps({"state": "finished", "digest": "abc"}).encode()}
BEGUN = {"manifest.json": json.dumps({"state": "running"}).encode()}

names = st.from_regex(r"[a-zA-Z0-9_=,%~\u00e9][a-zA-Z0-9_=,%~. \u00e9]{0,120}", fullmatch=True)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@given(files=st.dictionaries(paths, st.binary(max_size=2000), max_size=6))
def test_what_comes_out_went_in(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    whole = {name: each for name, each in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    (folder / "a").mkdir()
    packed = pack(write(folder / "a", whole))
    assert unpack(packed, folder / "deep" / "b")
    assert content_of(folder / "deep" / "b") == whole
    assert beside(folder / "deep" / "b") == ["b"]


def test_locks_and_what_was_cut_off_stay_behind(tmp_path):
    packed = pack(write(tmp_path / "a", {".lock": b"", "kept": b"1", "in/.x.tmp": b"half", ".hidden/y": b"2"}))
    unpack(packed, tmp_path / "b")
    assert content_of(tmp_path / "b") == {"kept": b"1"}


def test_empty_folders_are_kept(tmp_path):
    (tmp_path / "a" / "checkpoint").mkdir(parents=True)
    unpack(pack(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "b" / "checkpoint").is_dir()


def test_a_run_that_was_begun_is_replaced_with_all_that_was_in_it(tmp_path):
    packed = pack(write(tmp_path / "a", FINISHED))
    write(tmp_path / "b", {**BEGUN, "checkpoint/old": b"old"})
    assert unpack(packed, tmp_path / "b")
    assert content_of(tmp_path / "b") == FINISHED
    assert beside(tmp_path / "b") == ["a", "b"]


def test_a_finished_run_is_never_replaced(tmp_path):
    packed = pack(write(tmp_path / "a", {**FINISHED, "more": b"1"}))
    write(tmp_path / "b", FINISHED)
    assert not unpack(packed, tmp_path / "b")
    assert {name: each for name, each in content_of(tmp_path / "b").items() if name != ".lock"} == FINISHED
    assert beside(tmp_path / "b") == ["a", "b"]


def test_a_folder_that_another_process_writes_is_left_alone(tmp_path):
    packed = pack(write(tmp_path / "a", FINISHED))
    write(tmp_path / "b", BEGUN)
    with locked(tmp_path / "b"), pytest.raises(RunFolderError, match="being written by another process"):
        unpack(packed, tmp_path / "b")
    assert (tmp_path / "b" / "manifest.json").read_bytes() == BEGUN["manifest.json"]


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "in/../../out", "..", "..\\out"])  # noqa: S108
def test_names_that_lead_out_are_refused(tmp_path, name):
    write(tmp_path / "inner" / "b", BEGUN)
    with pytest.raises(RunFolderError, match="leads out of it"):
        unpack(a_tar(("fine", tarfile.REGTYPE, ""), (name, tarfile.REGTYPE, "")), tmp_path / "inner" / "b")
    assert content_of(tmp_path) == {"inner/b/manifest.json": BEGUN["manifest.json"]}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    """A link within the archive, too: what is written there later must be the run's own."""
    with pytest.raises(RunFolderError, match="is a link or a device; files and folders expected"):
        unpack(a_tar(("fine", tarfile.REGTYPE, ""), ("link", kind, "fine")), tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_links_are_not_packed_unseen(tmp_path):
    write(tmp_path / "a", {"kept": b"1"})
    (tmp_path / "a" / "link").symlink_to("/etc/hostname")
    with pytest.raises(RunFolderError, match="'link' in an archive is a link"):
        unpack(pack(tmp_path / "a"), tmp_path / "b")


TWO = {"one": b"1" * 6000, "two": b"2" * 3500}


@given(cut=st.integers(0, 20479))
@example(cut=512 + 6144)  # just before the second file: to tarfile, an archive of one
@example(cut=10240)
def test_what_was_cut_off_is_refused_and_nothing_is_touched(cut, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("cut")
    packed = pack(write(tmp_path / "a", TWO))
    assert len(packed) == 20480
    write(tmp_path / "b", BEGUN)
    with pytest.raises(RunFolderError, match="damaged"):
        unpack(packed[:cut], tmp_path / "b")
    assert content_of(tmp_path / "b") == BEGUN
    assert beside(tmp_path / "b") == ["a", "b"]


def test_the_same_name_twice_is_refused(tmp_path):
    with pytest.raises(OSError, match="File exists"):
        unpack(a_tar(("x", tarfile.REGTYPE, ""), ("x", tarfile.REGTYPE, "")), tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path):
    packed = pack(write(tmp_path / "a", FINISHED))
    write(tmp_path / ".b.incoming", {"half": b"1"})
    write(tmp_path / ".b.before", {"old": b"1"})
    unpack(packed, tmp_path / "b")
    assert content_of(tmp_path / "b") == FINISHED
    assert beside(tmp_path / "b") == ["a", "b"]


@pytest.mark.parametrize("call", range(1, 3))
def test_a_disk_that_refuses_to_rename_leaves_the_folder_as_it_was(tmp_path, monkeypatch, call):
    packed = pack(write(tmp_path / "a", FINISHED))
    write(tmp_path / "b", BEGUN)
    rename, count = Path.rename, 0

    def refuse(self, target):
        nonlocal count
        count += 1
        if count == call:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        unpack(packed, tmp_path / "b")
    assert (tmp_path / "b" / "manifest.json").read_bytes() == BEGUN["manifest.json"]


def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    packed = pack(write(tmp_path / "a", FINISHED))
    write(tmp_path / "b", BEGUN)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(packed, tmp_path / "b")
    assert content_of(tmp_path / "b") == BEGUN
    assert beside(tmp_path / "b") == ["a", "b"]
