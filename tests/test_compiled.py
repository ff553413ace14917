"""Compiled code on disk: made anew when what it calls has changed, by one process of several, and told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def start(folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, str(folder / "caller.py")]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 (ours)


def said(process: subprocess.Popen[str]) -> list[str]:
    lines, _ = process.communicate(timeout=120)
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
