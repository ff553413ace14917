"""Whatever becomes of a folder's files: the right numbers, or an error that names a file. Never other numbers.

`MUTATIONS=10000 pytest -m '' tests/properties/test_damage.py` is the full number; `MUTATION_SEED` draws others.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import invoke
from damage import Damager, Tree
from soak import TIMES
from sweep_parts import BASE, InProcess, write_sweep

import dvdn_sim
from dvdn_sim.errors import DvdnSimError
from dvdn_sim.records import contents
from dvdn_sim.reporting import read_study
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.sweeps import load_cells, run_sweep

FEW = 90
MANY = int(os.environ.get("MUTATIONS", str(500 * TIMES)))
SEED = int(os.environ.get("MUTATION_SEED", "0"))
PATIENCE_S = 60
SCENARIO = BASE.replace("seeds: [0]", "seeds: [3, 4]").replace("steps: 30", "steps: 60")
SCENARIO = SCENARIO.replace("every: 30, episodes: 1", "every: 20, episodes: 2")
MEASURED = {"wall_s", "env_steps_per_s", "disk", "run_dir"}  # by a clock, or what else lies there


class Stopped(BaseException):
    pass


def plain(value: Any) -> Any:
    """What JSON says of it, without what is measured or depends on the place."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name not in MEASURED}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def shown(folder: Path) -> Any:
    return plain(contents(folder))


def shown_by_the_command(folder: Path) -> Any:
    return told(invoke("show", folder, "--json"))


def evaluated(folder: Path) -> Any:
    return dvdn_sim.evaluate(folder, episodes=2, device="cpu").returns.tolist()


def evaluated_by_the_command(folder: Path) -> Any:
    return told(invoke("evaluate", folder, "--episodes", 2, "--device", "cpu", "--json"))


def told(result: Any) -> Any:
    """What a command printed; its error as one, if it ended as an error should."""
    assert "Traceback" not in result.stderr, result.stderr
    if result.exit_code:
        assert result.exit_code in (1, 2), (result.exit_code, result.exception)
        raise DvdnSimError(result.stderr)
    return plain(json.loads(result.stdout))


def acted(folder: Path) -> Any:
    teams = [dvdn_sim.load_policy(folder, seed) for seed in (3, 4)]
    return [
        {name: layer.tolist() for name, layer in team.state_dicts()[agent].items()}
        for team in teams
        for agent in team.agents
    ]


def read(folder: Path) -> Any:
    run = dvdn_sim.load_run(folder)
    return [run.metrics.rows(), run.network.rows(), run.trace.rows(), run.seeds, run.finished]


def resumed(folder: Path) -> Any:
    """What goes on before the first damage that it must not survive, it tells as a warning."""
    scenario = parse_scenario(SCENARIO)
    return plain(dvdn_sim.run(scenario, device="cpu", out=folder, resume=True, trace=True).as_json())


def studied(folder: Path) -> Any:
    """By cell, what a page says of it; or why it was left out, which raises where nothing is left."""
    study = read_study([folder])
    found: dict[str, Any] = {
        cell.id: [{seed: repr(curve) for seed, curve in cell.curves.items()}, cell.scenario_text, repr(cell.exchanges)]
        for cell in study.cells
    }
    return found | {each.run_dir.name: LeftOut(each.why) for each in study.left_out}


@dataclass(frozen=True)
class LeftOut:
    why: str


READERS: dict[str, tuple[Callable[[Path], Any], ...]] = {
    "finished": (
        shown, evaluated, acted, read, resumed, studied, shown_by_the_command, evaluated_by_the_command
    ),
    "stopped": (resumed, resumed, shown),
    "swept": (studied,),
}  # fmt: skip


def stopping(count: int) -> Callable[..., None]:
    left = [count]

    def show(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    return show


def made(kind: str, folder: Path, changes: tuple[str, ...]) -> Tree:
    scenario = parse_scenario(SCENARIO, changes)
    if kind == "swept":
        sweep, cells = load_cells(write_sweep(folder.parent / f"of_{folder.name}"), [*changes, "training.steps=12"])
        run_sweep(sweep, cells, InProcess(), folder, device="cpu")
    elif kind == "finished":
        dvdn_sim.run(scenario, device="cpu", out=folder, trace=True)
    else:
        with pytest.raises(Stopped):
            dvdn_sim.run(scenario, device="cpu", out=folder, trace=True, checkpoint_every_s=0.0, progress=stopping(7))
    return Tree.of(folder)


@pytest.fixture(scope="module", params=READERS)
def trees(request, tmp_path_factory):
    """A folder of a kind, others of its kind, and what each reader says of the first."""
    place = tmp_path_factory.mktemp(request.param)
    own = made(request.param, place / "run", ())
    others = [made(request.param, place / "other", ("algorithm.gamma=0.5",)), own]
    expected = {}
    for reader in READERS[request.param]:
        own.restore()
        expected[reader] = reader(own.folder)
    return request.param, own, others, expected


@contextmanager
def patience():
    """A hang is a failure."""

    def late(*_: object) -> None:
        raise AssertionError(f"no end within {PATIENCE_S} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def mutate(trees: tuple, numbers: range) -> dict[str, int]:
    """Damage the folder again and again, and read it; how often that went well, and how often it was refused."""
    kind, own, others, expected = trees
    counts = {"right": 0, "refused": 0}
    for number in numbers:
        rng = np.random.default_rng([SEED, number, sorted(READERS).index(kind)])
        reader = READERS[kind][number % len(READERS[kind])]
        own.restore()
        what, names = Damager(rng, own, others).damage()
        names = {Path(name).name for name in names}
        where = f"MUTATION_SEED={SEED}, number {number}: {what}, {reader.__name__}"
        with patience():
            try:
                found = reader(own.folder)
            except DvdnSimError as error:
                found = LeftOut(str(error))
            except BaseException as error:  # polars panics are no exceptions
                raise AssertionError(where) from error
        counts["refused" if check(found, expected[reader], names, where) else "right"] += 1
    return counts


def check(found: Any, expected: Any, names: set[str], where: str) -> bool:
    """Refuse other numbers, and errors that name no file; return whether there was one."""
    if isinstance(found, LeftOut):
        assert any(name in found.why for name in names), f"{where}: {found.why}"
        return True
    if isinstance(found, dict) and any(isinstance(each, LeftOut) for each in found.values()):
        return sum(check(each, expected[name], names, where) for name, each in found.items()) > 0
    assert found == expected, where
    return False


def test_some(trees):
    counts = mutate(trees, range(FEW // len(READERS)))
    assert min(counts.values()) > 0


@pytest.mark.slow
def test_many(trees):
    counts = mutate(trees, range(MANY // len(READERS)))
    sys.stderr.write(f"{trees[0]}: {counts}\n")
