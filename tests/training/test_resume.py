"""A run that is stopped, killed or refused: what is left, and that it ends as if nothing had happened (invariant 8)."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from edited_folders import edit
from killing import CASES, CONTEXT, Left, attempt, timed, work
from safetensors.torch import load_file
from soak import TIMES

import dvdn_sim
from dvdn_sim.errors import DivergedError, InterruptedRun, RunFolderError, StorageError
from dvdn_sim.records import digest, durable, load_run, locked
from dvdn_sim.reporting import read_study
from dvdn_sim.training import Loop

GT = ("algorithm={kind: dvdn_gt, hidden: 4, lr: 3e-3}", "network.deadline=300 ms")


class Stopped(BaseException):
    """Stands for whatever ends a process without its being asked."""


def stop_every(iterations: int):
    """A progress callback that ends the run at every so many iterations."""
    count = 0

    def show(*_: object) -> None:
        nonlocal count
        count += 1
        if count % iterations == 0:
            raise Stopped

    return show


def to_the_end(scenario, out: Path, show, **options) -> dict:
    """Resume until it is over; the summary."""
    for _ in range(1000):
        try:
            return dvdn_sim.run(scenario, device="cpu", out=out, resume=True, progress=show, **options).as_json()
        except Stopped:
            pass
    raise AssertionError("no end")


def interrupted(scenario, out: Path, iterations: int) -> None:
    """Run so many iterations, each with a checkpoint."""
    with pytest.raises(Stopped):
        dvdn_sim.run(scenario, device="cpu", out=out, progress=stop_every(iterations), checkpoint_every_s=0.0)


@pytest.fixture(scope="module")
def whole(tiny, lossy, tmp_path_factory):
    """A scenario with a bad network and permuted agents, and the folder of its run in one piece, traced."""
    scenario, out = (
        tiny(*lossy, "training.steps=200", "env.heterogeneity=0.5"),
        tmp_path_factory.mktemp("whole") / "run",
    )
    dvdn_sim.run(scenario, device="cpu", out=out, trace=True)
    return scenario, out


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A short scenario, the folder of its run, and what it said."""
    scenario, out = tiny("training.steps=60"), tmp_path_factory.mktemp("finished") / "run"
    return scenario, out, dvdn_sim.run(scenario, device="cpu", out=out).as_json()


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_a_run_in_pieces_ends_as_one_in_one_piece(whole, tmp_path, every):
    """With a checkpoint after every iteration; and with none at all, from the beginning each time."""
    scenario, out = whole
    show = stop_every(5) if every == 0.0 else _twice(stop_every(4))
    to_the_end(scenario, tmp_path / "pieces", show, checkpoint_every_s=every, trace=True)
    Left.of(tmp_path / "pieces").check_equals(Left.of(out))
    assert load_run(out).manifest["digest"] == digest(tmp_path / "pieces")
    assert {path.name for path in (tmp_path / "pieces").iterdir()} == {path.name for path in out.iterdir()}


def test_a_run_of_few_or_many_updates_an_iteration_is_gone_on_with(tiny, lossy, tmp_path):
    for updates in (1, 5):
        changes = ("training.episodes_per_iteration=3", f"training.updates_per_iteration={updates}")
        scenario, whole, pieces = tiny(*lossy, *changes), tmp_path / f"whole{updates}", tmp_path / f"pieces{updates}"
        dvdn_sim.run(scenario, device="cpu", out=whole)
        to_the_end(scenario, pieces, stop_every(4), checkpoint_every_s=0.0)
        Left.of(pieces).check_equals(Left.of(whole))


def _twice(show):
    """Let the third attempt through."""
    stops = 0

    def limited(*facts: object) -> None:
        nonlocal stops
        if stops < 2:
            try:
                show(*facts)
            except Stopped:
                stops += 1
                raise

    return limited


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_killed_at_random_instants_and_resumed(case, tmp_path):
    """Kill -9 between the start and the usual end, twice, then to the end; in a soak again and again."""
    usual_s = timed(case, tmp_path / "whole")
    rng = np.random.default_rng(sorted(CASES).index(case))
    for number in range(TIMES):
        out = tmp_path / f"killed_{number}"
        for _ in range(2):
            attempt(case, out, kill_after_s=float(rng.uniform(0.2, 0.9)) * usual_s)
        assert attempt(case, out)
        Left.of(out).check_equals(Left.of(tmp_path / "whole"))


def _die_at(number: int, before: bool, out: Path) -> None:
    """Work, and die where the number-th file is renamed to its place: just before or just after."""
    force, count = durable._force_folder, 0

    def counted(folder: Path) -> None:
        nonlocal count
        count += 1
        if count == number and not before:
            os._exit(77)
        force(folder)

    durable._force_folder = counted
    replace = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        if count == number - 1 and before:
            os._exit(77)
        return replace(self, target)

    Path.replace = replaced
    work("self", out, trace=True)


@pytest.mark.slow
def test_dying_at_any_write_of_an_iteration_loses_nothing(tmp_path):
    """Every durable write, just before and just after it counts; over a checkpoint and a half, and at the end."""
    assert attempt("self", tmp_path / "whole")
    whole = Left.of(tmp_path / "whole")
    out = tmp_path / "dying"
    deaths = 0
    for number in range(1, 14):
        for before in (True, False):
            process = CONTEXT.Process(target=partial(_die_at, number, before, out))
            process.start()
            process.join(60)
            assert process.exitcode in (77, 0)
            deaths += process.exitcode == 77
            if (out / "scenario.yaml").exists():
                load_run(out)  # reads at any time
            else:
                assert number == 1
    assert deaths > 10
    assert attempt("self", out)
    Left.of(out).check_equals(whole)


def test_a_finished_run_is_returned_as_it_is(finished):
    scenario, out, first = finished
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert dvdn_sim.run(scenario, device="cpu", out=out, resume=True).as_json() == first
    assert times == {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}


def test_a_changed_scenario_is_refused_and_what_changed_is_said(finished, tiny):
    scenario, out, first = finished
    changed = tiny("training.steps=90", "seeds=[0, 5]", "network.link.delay=1 ms")
    with pytest.raises(RunFolderError, match="holds another run") as refused:
        dvdn_sim.run(changed, device="cpu", out=out, resume=True)
    lines = str(refused.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["seeds", "network.link.delay.mean", "training.steps"]
    assert "  training.steps: 60 before, 90 now" in lines
    with pytest.raises(RunFolderError, match="traced: False before, True now"):
        dvdn_sim.run(scenario, device="cpu", out=out, resume=True, trace=True)
    assert digest(out) == first["digest"]


def test_other_versions_and_a_damaged_checkpoint_are_told_and_the_run_still_ends_right(whole, tmp_path):
    (scenario, complete), out, warnings = whole, tmp_path / "run", []
    interrupted(scenario, out, 9)
    newest = max((out / "checkpoint").glob("*.tensors.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-1])
    edit(out / "manifest.json", versions=load_run(out).manifest["versions"] | {"torch": "0.1"})
    found = dvdn_sim.run(scenario, device="cpu", out=out, resume=True, warn=warnings.append).as_json()
    assert found["digest"] == digest(complete)
    for said in (f"torch 0.1 before, {torch.__version__} now", "is damaged and not used"):
        assert [line for line in warnings if said in line]


def test_records_that_are_missing_are_told(tiny, tmp_path):
    scenario, out = tiny("training.steps=100"), tmp_path / "run"
    interrupted(scenario, out, 5)
    (out / "metrics" / "part-000002.parquet").unlink()
    with pytest.raises(RunFolderError, match=r"part-000002\.parquet is missing"):
        dvdn_sim.run(scenario, device="cpu", out=out, resume=True)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux knows where an open folder is")
@pytest.mark.parametrize("every", [0.0, 1e9])
def test_a_folder_that_is_renamed_while_it_runs_is_followed(finished, tmp_path, every):
    """Even if another folder is made in its place, into which nothing is written."""
    (scenario, _, first), warnings = finished, []
    out, moved = tmp_path / "run", tmp_path / "moved"

    def rename(*_: object) -> None:
        if not moved.exists():
            out.rename(moved)
            out.mkdir()

    found = dvdn_sim.run(
        scenario, device="cpu", out=out, progress=rename, warn=warnings.append, checkpoint_every_s=every
    ).as_json()
    assert (found["digest"], found["run_dir"]) == (first["digest"], str(moved))
    assert [said for said in warnings if "was moved" in said] == [f"{out} was moved to {moved}, where the run goes on"]
    assert list(out.iterdir()) == []
    assert dvdn_sim.evaluate(moved, episodes=1, device="cpu").seeds == (0, 1)


def test_two_runs_into_one_folder(tiny, tmp_path):
    """The second is refused while the first works, whether it would begin or go on."""
    scenario, out = tiny("training.steps=60"), tmp_path / "run"
    (tmp_path / "run").mkdir()
    with locked(out):
        for resume in (False, True):
            with pytest.raises(RunFolderError, match=r"another process|is not empty"):
                dvdn_sim.run(scenario, device="cpu", out=out, resume=resume)
        assert [path.name for path in out.iterdir()] == [".lock"]
    dvdn_sim.run(scenario, device="cpu", out=out, resume=True)


# What goes wrong while it runs.


def test_a_full_disk_keeps_what_was_recorded(whole, tmp_path, monkeypatch):
    """The disk refuses, for good: an error that says so; and with room again the run ends right."""
    (scenario, complete), out = whole, tmp_path / "run"
    fsync, writes = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal writes
        writes += 1
        if writes > 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"No space left on device.*a checkpoint of step .* --resume"):
            dvdn_sim.run(scenario, device="cpu", out=out, checkpoint_every_s=0.0)
    assert not load_run(out).finished
    dvdn_sim.run(scenario, device="cpu", out=out, resume=True)
    assert digest(out) == digest(complete)


def poison(monkeypatch, value, replicas, update=5):
    """Give agent 2 of replicas such parameters, once they have made so many updates."""
    act = Loop._act

    def poisoned(loop, active):
        for replica in replicas:
            if loop.parts.learner.updates[replica] == update:
                loop.parts.learner.parameters[0, replica, 2, :] = value
        return act(loop, active)

    monkeypatch.setattr(Loop, "_act", poisoned)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e13])
def test_values_that_explode_in_all_seeds_stop_the_run(tiny, tmp_path, monkeypatch, value):
    """Update, agent and tensor are named, and the last checkpoint is from before it."""
    scenario, out = tiny("training.steps=400"), tmp_path / "run"
    poison(monkeypatch, value, (0, 1))
    with pytest.raises(DivergedError) as stopped:
        dvdn_sim.run(scenario, device="cpu", out=out, checkpoint_every_s=0.0)
    said = str(stopped.value)
    assert "seed 0, update 6: " in said
    assert "; seed 1, update 6: " in said
    if value == 1e13:
        assert "the largest |Q| is" in said
    else:
        assert "TD errors of agent 2 are not finite" in said
        assert "learner.parameters of seed 0, agent 2" in said
    newest = load_file(max((out / "checkpoint").glob("*.tensors.*")))
    assert newest["learner.updates"].tolist() == [5, 5]
    assert float(newest["learner.parameters"].abs().max()) < 10
    run = load_run(out)
    assert str(run.manifest["state"]).startswith("failed: seed 0, update 6")
    assert run.metrics.filter(seed=1)["updates"].max() == 6


@pytest.mark.parametrize("value", [float("nan"), 1e13])
@pytest.mark.parametrize("changes", [(), ("training.episodes_per_iteration=3",), ("network.schedule=overlap",), GT])
def test_a_seed_that_diverges_ends_alone(tiny, tmp_path, monkeypatch, value, changes):
    """The others end as if nothing had happened, to the bit, resumed or not; which one fell is told."""
    scenario, warnings = tiny("training.steps=120", "seeds=[0, 1, 2]", *changes), []
    whole = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "whole")
    poison(monkeypatch, value, [1], update=6)
    summary = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run", warn=warnings.append)
    (fallen,) = [said for said in warnings if "diverged" in said]
    assert re.match(r"seed 1, step \d+: it has diverged at update 7, and ends here: .*; likely: a smaller `lr`", fallen)
    assert "2 seeds (1 more diverged)" in summary.text()
    assert "sign       seed 1: it has diverged" in summary.text()
    found, expected = summary.as_json(), whole.as_json()
    assert found["seeds"] == [0, 2]
    assert found["return"]["per_seed"] == [expected["return"]["per_seed"][index] for index in (0, 2)]
    json.dumps(found, allow_nan=False)
    before, after = load_run(tmp_path / "whole"), load_run(tmp_path / "run")
    for seed in (0, 2):
        assert after.metrics.filter(seed=seed).equals(before.metrics.filter(seed=seed))
        assert after.network.filter(seed=seed).equals(before.network.filter(seed=seed))
    teams = {path.name: path.read_bytes() for path in (tmp_path / "run" / "policies").iterdir()}
    assert teams == {name: (tmp_path / "whole" / "policies" / name).read_bytes() for name in teams}
    assert sorted(teams) == ["seed-0.safetensors", "seed-2.safetensors"]
    assert dvdn_sim.evaluate(tmp_path / "run", episodes=2, device="cpu").seeds == (0, 2)
    study = read_study([tmp_path / "run"])
    assert [(sorted(cell.curves), [each.why for each in study.left_out]) for cell in study.cells] == [
        ([0, 2], [fallen])
    ]
    assert dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run", resume=True).as_json() == found
    pieces = to_the_end(scenario, tmp_path / "pieces", stop_every(4), checkpoint_every_s=0.0)
    assert pieces["digest"] == found["digest"]
    assert pieces["signs"] == found["signs"]


def test_a_clock_that_steps_back_changes_nothing(finished, tmp_path, monkeypatch):
    """Wall time is only ever measured by a clock that does not."""
    scenario, _, first = finished
    times = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    back = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "back", checkpoint_every_s=0.0).as_json()
    assert back["digest"] == first["digest"]
    assert 0 < back["wall_s"] < 600


def test_in_a_thread_signals_are_somebody_elses_business(finished, tmp_path):
    thread = threading.Thread(target=partial(dvdn_sim.run, finished[0], device="cpu", out=tmp_path / "run"))
    thread.start()
    thread.join(60)
    assert digest(tmp_path / "run") == finished[2]["digest"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_checkpoints_and_says_how_to_go_on(tiny_text, tmp_path, number):
    """Exit 3; the command that it prints goes on, and ends with the records of an uninterrupted run."""
    scenario, out = tmp_path / "tiny.yaml", tmp_path / "a run"
    scenario.write_text(tiny_text)
    command = [sys.executable, "-m", "dvdn_sim.cli", "run", str(scenario), "--out", str(out), "--steps", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        first = process.stderr.readline()
        while "compil" in first:  # which it tells where nothing has run before
            first = process.stderr.readline()  # comes after the first iteration
        process.send_signal(number)
        said, errors = process.communicate(timeout=60)
    assert "of 6 000 steps" in first
    assert process.returncode == 3, first + errors
    assert (said, "Traceback" in errors, "Interrupted" in errors) == ("", False, True)
    run = load_run(out)
    assert (run.manifest["state"], run.finished, run.seeds) == ("interrupted", False, (0, 1))
    for seed in run.seeds:
        rows = run.metrics.filter(seed=seed, phase="train")
        assert rows["episodes"].to_list() == list(range(1, rows.height + 1))
    assert (run.network["update"].max() or 0) == run.metrics["updates"].max()
    assert list((out / "checkpoint").glob("*.json"))
    again = errors.split("to go on: dvdn-sim ")[1].splitlines()[0]
    done = subprocess.run(  # noqa: S602  (our own words, quoted for a shell)
        f"{sys.executable} -m dvdn_sim.cli {again} --quiet", shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    whole = dvdn_sim.run(
        dvdn_sim.load_scenario(scenario, ["training.steps=3000"]), device="cpu", out=tmp_path / "whole"
    )
    assert digest(out) == whole.as_json()["digest"]


def test_nohup_is_obeyed(finished, tmp_path):
    """A terminal that is closed ends no run that was told not to mind."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        dvdn_sim.run(
            finished[0], device="cpu", out=tmp_path / "run", progress=lambda *_: signal.raise_signal(signal.SIGHUP)
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    assert digest(tmp_path / "run") == finished[2]["digest"]


@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGTERM] * 2, [signal.SIGINT, signal.SIGTERM], [signal.SIGHUP] * 2, [signal.SIGUSR1, signal.SIGTERM]],
)
def test_whatever_asks_may_come_twice(tiny, tmp_path, numbers):
    """From a scheduler to all processes and from a sweep to its workers: it stops with a checkpoint all the same.

    A terminal that is closed asks, too, and a scheduler that warns beforehand.
    """

    def asked(*_: object) -> None:
        for number in numbers:
            signal.raise_signal(number)

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may have been begun by nohup, which ignores it
    try:
        with pytest.raises(InterruptedRun, match="a checkpoint of step"):
            dvdn_sim.run(tiny(), device="cpu", out=tmp_path / "run", progress=asked)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert list((tmp_path / "run" / "checkpoint").glob("*.json"))


def test_every_start_is_told_with_its_time_and_command(tiny, tmp_path, monkeypatch):
    def asked(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(sys, "argv", ["/usr/bin/dvdn-sim", "run", "a b.yaml"])
    with pytest.raises(InterruptedRun):
        dvdn_sim.run(tiny(), out=tmp_path / "run", device="cpu", progress=asked)
    monkeypatch.setattr(sys, "argv", ["dvdn-sim", "run", "--resume"])
    dvdn_sim.run(tiny(), out=tmp_path / "run", device="cpu", resume=True)
    first, second = load_run(tmp_path / "run").manifest["starts"]
    assert (first["command"], second["command"]) == ("dvdn-sim run 'a b.yaml'", "dvdn-sim run --resume")
    assert datetime.fromisoformat(first["at"]) <= datetime.fromisoformat(second["at"]) <= datetime.now(UTC)
    assert first.keys() == {"at", "command", "commit"}


@pytest.mark.parametrize("in_a_signal", [True, False])
def test_a_second_ctrl_c_ends_at_once(tiny, tmp_path, in_a_signal):
    """Without a checkpoint, and it says so; as Ctrl-C does where nobody listens to signals."""

    def impatient(*_: object) -> None:
        if not in_a_signal:
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedRun, match="there was no checkpoint yet"):
        dvdn_sim.run(tiny(), device="cpu", out=tmp_path / "run", progress=impatient)
    assert load_run(tmp_path / "run").manifest["state"] == "interrupted"
