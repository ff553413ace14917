"""A run that is stopped, killed or refused: what is left, and that it ends as if nothing had happened (invariant 8)."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import CASES, CONTEXT, Left, attempt, timed, work
from safetensors.torch import load_file

import dvdn_sim
from dvdn_sim.errors import DivergedError, InterruptedRun, RunFolderError, StorageError
from dvdn_sim.records import digest, folder, load_run, locked


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


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_a_run_in_pieces_ends_as_one_in_one_piece(tiny, lossy, tmp_path, every):
    """With a checkpoint after every iteration; and with none at all, from the beginning each time."""
    scenario = tiny(*lossy, "training.steps=200")
    whole = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "whole", trace=True)
    show = stop_every(5) if every == 0.0 else _twice(stop_every(4))
    to_the_end(scenario, tmp_path / "pieces", show, checkpoint_every_s=every, trace=True)
    Left.of(tmp_path / "pieces").check_equals(Left.of(tmp_path / "whole"))
    assert whole.as_json()["digest"] == digest(tmp_path / "pieces")
    assert {path.name for path in (tmp_path / "pieces").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


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
    """Kill -9 between the start and the usual end, twice, then to the end; the soak does more (tests/soak/kill.py)."""
    usual_s = timed(case, tmp_path / "whole")
    rng = np.random.default_rng(sorted(CASES).index(case))
    for _ in range(2):
        attempt(case, tmp_path / "killed", kill_after_s=float(rng.uniform(0.2, 0.9)) * usual_s)
    assert attempt(case, tmp_path / "killed")
    Left.of(tmp_path / "killed").check_equals(Left.of(tmp_path / "whole"))


def _die_at(number: int, before: bool, out: Path) -> None:
    """Work, and die where the number-th file is renamed to its place: just before or just after."""
    force, count = folder._force_folder, 0

    def counted(folder: Path) -> None:
        nonlocal count
        count += 1
        if count == number and not before:
            os._exit(77)
        force(folder)

    folder._force_folder = counted
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


def test_a_finished_run_is_returned_as_it_is(tiny, tmp_path):
    scenario = tiny("training.steps=60")
    first = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run").as_json()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.parquet")}
    again = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run", resume=True).as_json()
    assert again == first
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.parquet")}


def test_a_changed_scenario_is_refused_and_what_changed_is_said(tiny, tmp_path):
    scenario = tiny("training.steps=60")
    dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run")
    before = digest(tmp_path / "run")
    changed = tiny("training.steps=90", "seeds=[0, 5]", "network.link.delay=1 ms")
    with pytest.raises(RunFolderError, match="holds another run") as refused:
        dvdn_sim.run(changed, device="cpu", out=tmp_path / "run", resume=True)
    lines = str(refused.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["seeds", "network.link.delay.mean", "training.steps"]
    assert "  training.steps: 60 before, 90 now" in lines
    with pytest.raises(RunFolderError, match="traced: False before, True now"):
        dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run", resume=True, trace=True)
    assert digest(tmp_path / "run") == before


def test_other_versions_are_told(tiny, tmp_path):
    scenario, out, warnings = tiny("training.steps=100"), tmp_path / "run", []
    with pytest.raises(Stopped):
        dvdn_sim.run(scenario, device="cpu", out=out, progress=stop_every(5), checkpoint_every_s=0.0)
    manifest = out / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"torch": "{torch.__version__}"', '"torch": "0.1"'))
    dvdn_sim.run(scenario, device="cpu", out=out, resume=True, warn=warnings.append)
    assert [said for said in warnings if f"torch 0.1 before, {torch.__version__} now" in said]


def test_a_damaged_checkpoint_is_told_and_the_run_still_ends_right(tiny, lossy, tmp_path):
    scenario, out, warnings = tiny(*lossy, "training.steps=200"), tmp_path / "run", []
    whole = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "whole").as_json()
    with pytest.raises(Stopped):
        dvdn_sim.run(scenario, device="cpu", out=out, progress=stop_every(9), checkpoint_every_s=0.0)
    newest = max((out / "checkpoint").glob("*.tensors.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-1])
    found = dvdn_sim.run(scenario, device="cpu", out=out, resume=True, warn=warnings.append).as_json()
    assert found["digest"] == whole["digest"]
    assert "is damaged and not used" in warnings[0]


def test_records_that_are_missing_are_told(tiny, tmp_path):
    scenario, out = tiny("training.steps=100"), tmp_path / "run"
    with pytest.raises(Stopped):
        dvdn_sim.run(scenario, device="cpu", out=out, progress=stop_every(5), checkpoint_every_s=0.0)
    (out / "metrics" / "part-000002.parquet").unlink()
    with pytest.raises(RunFolderError, match="metrics: part 2 of 5 is missing"):
        dvdn_sim.run(scenario, device="cpu", out=out, resume=True)


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


def test_a_full_disk_keeps_what_was_recorded(tiny, tmp_path, monkeypatch):
    """The disk refuses, for good: an error that says so; and with room again the run ends right."""
    scenario, out = tiny("training.steps=200"), tmp_path / "run"
    whole = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "whole").as_json()
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
    assert dvdn_sim.run(scenario, device="cpu", out=out, resume=True).as_json()["digest"] == whole["digest"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e13])
def test_values_that_explode_stop_the_run(tiny, tmp_path, value):
    """Update, agent and tensor are named, and the last checkpoint is from before it."""
    scenario, out = tiny("training.steps=400"), tmp_path / "run"

    def poison(loop) -> None:
        if loop.parts.learner.updates[1] == 5:
            loop.parts.learner.parameters[0, 1, 2, :] = value

    with _each_iteration(poison), pytest.raises(DivergedError) as stopped:
        dvdn_sim.run(scenario, device="cpu", out=out, checkpoint_every_s=0.0)
    said = str(stopped.value)
    assert "seed 1, update 6" in said
    if value == 1e13:
        assert "the largest |Q| is" in said
    else:
        assert "TD errors of agent 2 are not finite" in said
        assert "learner.parameters of seed 1, agent 2" in said
    newest = load_file(max((out / "checkpoint").glob("*.tensors.*")))
    assert newest["learner.updates"].tolist() == [5, 5]
    assert float(newest["learner.parameters"].abs().max()) < 10
    run = load_run(out)
    assert str(run.manifest["state"]).startswith("failed: seed 1, update 6")
    assert run.metrics.filter(seed=1)["updates"].max() == 6


class _each_iteration:  # noqa: N801  (a context manager)
    """Lets somebody look at the loop at the beginning of every iteration."""

    def __init__(self, look) -> None:
        self._look = look

    def __enter__(self) -> None:
        from dvdn_sim.training import Loop

        self._act, look = Loop._act, self._look

        def act(loop, active):
            look(loop)
            return self._act(loop, active)

        Loop._act = act

    def __exit__(self, *_: object) -> None:
        from dvdn_sim.training import Loop

        Loop._act = self._act


def test_a_clock_that_steps_back_changes_nothing(tiny, tmp_path, monkeypatch):
    """Wall time is only ever measured by a clock that does not."""
    scenario = tiny("training.steps=100")
    whole = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "whole").as_json()
    times = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    back = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "back", checkpoint_every_s=0.0).as_json()
    assert back["digest"] == whole["digest"]
    assert 0 < back["wall_s"] < 600


def test_in_a_thread_signals_are_somebody_elses_business(tiny, tmp_path):
    summaries = []
    scenario = tiny("training.steps=60")
    thread = threading.Thread(
        target=lambda: summaries.append(dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run"))
    )
    thread.start()
    thread.join(60)
    assert len(summaries) == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_checkpoints_and_says_how_to_go_on(tiny_text, tmp_path, number):
    """Exit 3; the command that it prints goes on, and ends with the records of an uninterrupted run."""
    scenario, out = tmp_path / "tiny.yaml", tmp_path / "a run"
    scenario.write_text(tiny_text)
    command = [sys.executable, "-m", "dvdn_sim.cli", "run", str(scenario), "--out", str(out), "--steps", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
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


@pytest.mark.parametrize("numbers", [[signal.SIGTERM] * 2, [signal.SIGINT, signal.SIGTERM]])
def test_sigterm_may_come_twice(tiny, tmp_path, numbers):
    """From a scheduler to all processes and from a sweep to its workers: it stops with a checkpoint all the same."""

    def asked(*_: object) -> None:
        for number in numbers:
            signal.raise_signal(number)

    with pytest.raises(InterruptedRun, match="a checkpoint of step"):
        dvdn_sim.run(tiny(), device="cpu", out=tmp_path / "run", progress=asked)
    assert list((tmp_path / "run" / "checkpoint").glob("*.json"))


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
