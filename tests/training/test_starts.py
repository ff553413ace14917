"""A start that is killed at any instant goes on, or begins anew, with the same command: of a run, and of a sweep."""

import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import invoke
from killing import BASE, CONTEXT
from soak import TIMES
from sweep_parts import InProcess

from dvdn_sim.records import load_run, read_cells
from dvdn_sim.sweeps import load_cells, run_sweep

KILLED = 77
SHORT = BASE.replace("steps: 150", "steps: 18")
SWEEP = "name: started\nquestion: Why?\nbase: s.yaml\naxes: [{path: network.deadline, values: [12 ms, 20 ms]}]\n"


def run(place: Path) -> int:
    words = ("s.yaml", "--out", place / "out", "--resume", "--checkpoint-every", 0, "--device", "cpu", "--quiet")
    result = invoke("run", place / words[0], *words[1:])
    sys.stderr.write(result.stderr)
    return result.exit_code


def sweep(place: Path) -> int:
    """In this process, which is the one that is killed."""
    swept, cells = load_cells(place / "sweep.yaml")
    table = run_sweep(swept, cells, InProcess(), place / "out", device="cpu", checkpoint_every_s=0.0)
    sys.stderr.write("".join(row.error for row in table.rows))
    return 0 if table.count("finished") == len(cells) else 1


def of_run(place: Path) -> object:
    return load_run(place / "out").manifest["digest"]


def of_sweep(place: Path) -> object:
    assert (place / "out" / "sweep.yaml").exists()
    return [(row.state, load_run(place / "out" / row.id).manifest["digest"]) for row in read_cells(place / "out").rows]


COMMANDS = {"run": (run, of_run), "sweep": (sweep, of_sweep)}


def dying(command, place: Path, number: int) -> None:
    """Work, and die as the number-th file or folder is about to be made, opened, renamed or removed."""
    left, out = number, str(place / "out")

    def hook(event: str, about: tuple) -> None:
        nonlocal left
        if event in {"open", "os.mkdir", "os.rename", "os.remove"} and str(about[0]).startswith(out):
            left -= 1
            if not left:
                os._exit(KILLED)

    sys.addaudithook(hook)
    sys.exit(command(place))


def ended(work, kill_after_s: float | None = None) -> int:
    process = CONTEXT.Process(target=work)
    process.start()
    process.join(kill_after_s)
    process.kill()
    process.join()
    return process.exitcode


def started(place: Path) -> Path:
    place.mkdir()
    (place / "s.yaml").write_text(SHORT)
    (place / "sweep.yaml").write_text(SWEEP)
    return place


@pytest.fixture(scope="module", params=COMMANDS)
def whole(request, tmp_path_factory):
    """A command, how to read what it leaves, and what that is where nobody kills it."""
    command, left_by = COMMANDS[request.param]
    place = started(tmp_path_factory.mktemp(request.param) / "whole")
    assert command(place) == 0
    return command, left_by, left_by(place)


def dies(whole, place: Path, number: int) -> bool:
    command, left_by, expected = whole
    place = started(place)
    code = ended(partial(dying, command, place, number))
    assert code in (KILLED, 0)
    assert command(place) == 0, f"event {number}"
    assert left_by(place) == expected, f"event {number}"
    return code == KILLED


def test_killed_at_its_first_files(whole, tmp_path):
    """Before each: the folder, the lock, the scenario, folders of records, the first manifest."""
    for number in (1, 2, 3, 5, 7, 9, 11, 14):
        assert dies(whole, tmp_path / str(number), number)


@pytest.mark.slow
def test_killed_at_its_files(whole, tmp_path):
    """Before some 130 of a run, 400 of a sweep: every eleventh, or each with SOAK=2 or more."""
    number, step = 1, 11 if TIMES == 1 else 1
    while dies(whole, tmp_path / str(number), number):
        number += step
    assert number > 50


@pytest.mark.slow
def test_killed_within_the_first_second(whole, tmp_path):
    """At random instants, twice each; the full number is SOAK=10: 100 kills of a run, and 100 of a sweep."""
    command, left_by, expected = whole
    rng = np.random.default_rng(0)
    for number in range(5 * TIMES):
        place = started(tmp_path / str(number))
        for _ in range(2):
            ended(partial(command, place), kill_after_s=float(rng.uniform(0.0, 1.0)))
        assert command(place) == 0
        assert left_by(place) == expected
