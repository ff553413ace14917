"""Compiled code on disk: made anew when what it calls has changed, by one process of several, and told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from inputs import LOSSY, ROOT

CALLED = """\
from dvdn_sim.compiled import compiled
FACTOR = {factor}
@compiled
def scaled(x):
    return x * {number}
"""
CALLER = """\
import time
from dvdn_sim.compiled import compilation_told, compiled
from called import FACTOR, scaled
@compiled
def total(values):
    found = 0.0
    for value in values:
        found += FACTOR * scaled(value)
    return found
with compilation_told(print):
    print(total((1.0, 2.0)))
"""


AHEAD = """\
from dvdn_sim.compiled import compiled
@compiled
def scaled(x):
    return 2.0 * x
def prepare():
    scaled(1.0)
"""
MEANWHILE = """\
import ahead
from dvdn_sim.compiled import compilation_told, compile_elsewhere
compile_elsewhere(ahead.scaled, "ahead").wait()
assert compile_elsewhere(ahead.scaled, "ahead") is None
with compilation_told(print):
    print(ahead.scaled(3.0))
"""
TRAIN = "from dvdn_sim.cli import main; main()"
SHORT = ["--steps=200", "--seeds=0", "--set", "training.batch=4", "--set", "evaluation.episodes=2"]


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"} | variables
    words = (sys.executable, *(words or [str(folder / "caller.py")]))
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 (ours)


def said(process: subprocess.Popen[str]) -> list[str]:
    lines, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return [line.split(":")[0].split(" in ")[0] for line in lines.splitlines()]


@pytest.fixture
def program(tmp_path):
    def write(number: float, factor: float = 1.0) -> Path:
        (tmp_path / "called.py").write_text(CALLED.format(number=number, factor=factor))
        (tmp_path / "caller.py").write_text(CALLER)
        return tmp_path

    return write


def test_what_is_on_disk_is_used_until_something_that_it_calls_changes(program):
    """The file of the caller stays as it is; numba alone would then go on with the old function, or number, in it."""
    folder = program(2.0)
    assert said(start(folder)) == ["compiling, once", "6.0", "compiled"]
    assert said(start(folder)) == ["6.0"]
    program(2.5)
    assert said(start(folder)) == ["compiling, once", "7.5", "compiled"]
    program(2.5, factor=3.0)
    assert said(start(folder)) == ["compiling, once", "22.5", "compiled"]
    assert said(start(folder)) == ["22.5"]


def test_one_of_several_processes_compiles(program):
    folder = program(2.0)
    found = [said(process) for process in [start(folder) for _ in range(3)]]
    assert all("6.0" in lines for lines in found)
    data = list((folder / "cache").rglob("*.nbc"))
    assert len(data) == 2, "each function once"
    assert said(start(folder)) == ["6.0"]


def test_where_the_folder_of_the_source_cannot_be_written_the_users_cache_is_used(program, tmp_path):
    """No cache is asked for, and the folder that numba would make beside the source cannot be one."""
    folder = program(2.0)
    (folder / "__pycache__").write_text("")
    own = {"NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": str(tmp_path / "own"), "HOME": str(tmp_path / "own")}
    assert said(start(folder, **own)) == ["compiling, once", "6.0", "compiled"]
    assert said(start(folder, **own)) == ["6.0"]
    (tmp_path / "none").write_text("")
    none = own | {"XDG_CACHE_HOME": str(tmp_path / "none"), "HOME": str(tmp_path / "none")}
    for _ in range(2):
        assert said(start(folder, **none)) == ["compiling, once", "6.0", "compiled"], "in every process"


def test_who_waits_for_another_that_compiles_is_told(program):
    folder = program(2.0)
    assert said(start(folder)) == ["compiling, once", "6.0", "compiled"]
    (lock,) = (folder / "cache").rglob("compiling.lock")
    with FileLock(lock):
        waiting = start(folder)
        assert waiting.stdout.readline().startswith("compiling, once")
    assert said(waiting) == ["6.0", "compiled"]


def test_another_process_compiles_what_is_not_needed_yet(tmp_path):
    """This one finds it on disk, and says nothing."""
    (tmp_path / "ahead.py").write_text(AHEAD)
    (tmp_path / "caller.py").write_text(MEANWHILE)
    assert said(start(tmp_path, PYTHONPATH=str(tmp_path))) == ["6.0"]


@pytest.mark.slow
def test_a_run_is_the_same_to_the_bit_whether_its_code_was_compiled_or_read(tmp_path):
    """Two runs begin at once without a cache, each function is compiled by one of them; a third finds all there is."""

    def run(name: str) -> subprocess.Popen[str]:
        words = ["-c", TRAIN, "run", str(ROOT / LOSSY), *SHORT, "--out", str(tmp_path / name), "--json"]
        return start(tmp_path, *words, OMP_NUM_THREADS="1")

    def result(process: subprocess.Popen[str]) -> str:
        lines, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        return json.loads(lines)["digest"]

    digests = [result(each) for each in [run("one"), run("other")]]
    kept = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.nb?"))
    assert len({path.name for path in kept if path.suffix == ".nbi"}) > 20
    digests.append(result(run("third")))
    assert len(set(digests)) == 1
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.nb?")) == kept
