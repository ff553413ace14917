"""The command `sweep`: exit codes, what goes to stdout and what to stderr, and stopping and going on for real."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import invoke
from inputs import LOSSY, ROOT
from sweep_parts import SWEEP, InProcess, Kept, work_once, write_sweep
from typer.testing import Result

from dvdn_sim import sweeps
from dvdn_sim.records import load_run
from dvdn_sim.sweeps import Job, Outcome, load_cells, work

CELLS = ["rounds=1,loss=0%", "rounds=1,loss=20%", "rounds=2,loss=0%", "rounds=2,loss=20%"]


def sweep(*words: object) -> Result:
    return invoke("sweep", *words, columns=100)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a sweep to stand in, and jobs done in this process."""
    write_sweep(tmp_path)
    monkeypatch.chdir(tmp_path)
    install(monkeypatch, InProcess())
    return tmp_path


def install(monkeypatch, executor, processes=None):
    def pool(count):
        if processes is not None:
            processes.append(count)
        return executor

    monkeypatch.setattr(sweeps, "Pool", pool)


def test_a_sweep_runs_all_cells_and_prints_what_they_found(here):
    result = sweep("sweep.yaml", "--device", "cpu")
    assert result.exit_code == 0, result.output
    head, question, columns, *rows, records = result.stdout.splitlines()
    assert head.startswith("small: 4 of 4 cells finished, ")
    assert question == "  Does the network matter?"
    assert columns.split() == ["rounds", "loss", "return", "95%", "interval", "held", "in", "time", "a_eff"]
    assert [row.split()[:2] for row in rows] == [["1", "0%"], ["1", "20%"], ["2", "0%"], ["2", "20%"]]
    assert "100.0%" in rows[0]
    assert records == "  records    sweeps/small"
    assert [line.split("  ")[0] for line in result.stderr.splitlines()] == [f"{count} of 4" for count in (1, 2, 3, 4)]
    again = sweep("sweep.yaml", "--device", "cpu")
    assert again.exit_code == 0
    assert again.stderr == "4 of 4 cells finished before\n"
    assert again.stdout.splitlines()[2:] == result.stdout.splitlines()[2:]


def test_json_is_one_object_on_stdout_and_nothing_else(here):
    result = sweep("sweep.yaml", "--quick", "--json", "--quiet", "--out", "o", "--device", "cpu")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    said = json.loads(result.stdout)
    assert (said["sweep_dir"], said["done"], said["failed"]) == ("o", 2, 0)
    assert said["wall_s"] > 0.0
    assert [cell["id"] for cell in said["cells"]] == ["rounds=1,loss=20%", "rounds=2,loss=20%"]
    for cell in said["cells"]:
        assert cell["state"] == "finished"
        assert cell["seeds"] == [3]
        assert set(cell["set"]) == {"algorithm.consensus.rounds", "network.link.loss"}
        assert len(cell["return"]["per_seed"]) == 1
        assert cell["network"]["delivered_fraction"] <= 1.0
        assert 0.0 <= cell["consensus"]["a_eff"] <= 1.0


def test_options_reach_the_cells(here, monkeypatch):
    seen, processes = [], []

    def keep(job, report):
        seen.append(job)
        return Outcome("failed", "not tried")

    install(monkeypatch, InProcess(keep), processes)
    words = "--set algorithm.hidden=9 --seeds 5-6 --device cpu --checkpoint-every 7 --jobs 3"
    sweep("sweep.yaml", *words.split())
    assert processes == [3]
    assert [job.id for job in seen] == CELLS
    assert {(job.device, job.checkpoint_every_s, job.scenario.seeds) for job in seen} == {("cpu", 7.0, (5, 6))}
    assert {job.scenario.algorithm.hidden for job in seen} == {9}
    assert seen[0].run_dir == Path("sweeps/small/rounds=1,loss=0%")


def test_mistakes_are_listed_on_stderr_and_nothing_is_written(here):
    (here / "sweep.yaml").write_text(SWEEP.replace("[1, 2]", "[1, x]").replace("hidden", "hiden"), encoding="utf-8")
    result = sweep("sweep.yaml", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "sweep.yaml: 2 mistakes",
        "  line 4  algorithm.hiden",
        "      unknown key; did you mean `hidden`?",
        "  line 6  algorithm.consensus.rounds",
        "      must be a whole number, not `x`",
    ]
    assert sorted(path.name for path in here.iterdir()) == ["base.yaml", "sweep.yaml"]


def test_a_cell_that_cannot_fit_is_refused_by_name_and_nothing_is_written(here):
    axes = "axes: [{path: training.buffer, values: [40, 1_000_000]}]"
    (here / "sweep.yaml").write_text(SWEEP[: SWEEP.index("axes:")] + axes, encoding="utf-8")
    result = sweep("sweep.yaml", "--device", "cpu", "--set", "env.max_episode_steps=10_000")
    assert result.exit_code == 2
    assert result.stderr.startswith("buffer=1000000: 1 mistake\n  training.buffer\n")
    assert "the replay buffer takes" in result.stderr
    assert not (here / "sweeps").exists()


def test_cells_that_fail_are_exit_1_each_with_its_command(here, monkeypatch):
    """The run alone, where it left a scenario; else the sweep."""

    def sometimes(job, report):
        done = work_once(job, report) if job.id != CELLS[1] else None
        return done if done and job.id != CELLS[3] else Outcome("failed", "too hot")

    install(monkeypatch, InProcess(sometimes))
    result = sweep("sweep.yaml", "--device", "cpu", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert (said["done"], said["failed"]) == (2, 2)
    assert said["cells"][1]["error"] == "too hot"
    assert "Error: rounds=1,loss=20%: too hot\nTo reproduce: dvdn-sim sweep sweeps/small/sweep.yaml" in result.stderr
    assert f"To reproduce: dvdn-sim run sweeps/small/{CELLS[3]}/scenario.yaml\n" in result.stderr


def test_a_damaged_cell_is_exit_1_and_what_to_remove(here, monkeypatch):
    install(monkeypatch, InProcess(stop_after=1))
    sweep("sweep.yaml", "--device", "cpu")
    (here / "sweeps" / "small" / "rounds=1,loss=0%" / "manifest.json").write_text("{", encoding="utf-8")
    install(monkeypatch, InProcess())
    result = sweep("sweep.yaml", "--device", "cpu", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert (said["done"], said["failed"]) == (3, 1)
    assert "manifest.json" in said["cells"][0]["error"]
    way_out = "To train it anew: remove sweeps/small/rounds=1,loss=0%; then dvdn-sim sweep sweeps/small/sweep.yaml"
    assert way_out in result.stderr


def test_an_interruption_is_exit_3_with_the_command_that_goes_on(here, monkeypatch):
    install(monkeypatch, InProcess(stop_after=1))
    result = sweep("sweep.yaml", "--device", "cpu", "--json")
    assert result.exit_code == 3
    assert [cell["state"] for cell in json.loads(result.stdout)["cells"]] == ["finished", *["waiting"] * 3]
    *_, last = result.stderr.splitlines()
    go_on = "dvdn-sim sweep sweeps/small/sweep.yaml --out sweeps/small"
    assert last == f"Interrupted. 1 of 4 cells are finished; to go on: {go_on}"
    install(monkeypatch, InProcess())
    assert sweep(*go_on.split()[2:], "--device", "cpu").exit_code == 0


def test_impatience_is_exit_3_too(here, monkeypatch):
    def impatient(job, report):
        raise KeyboardInterrupt

    install(monkeypatch, InProcess(impatient))
    result = sweep("sweep.yaml", "--device", "cpu", "--quiet")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Interrupted. Stopped at once; to go on: dvdn-sim sweep sweeps/small/sweep.yaml")


def test_warnings_are_told_once_with_the_cells_they_are_about(here):
    axes = (
        "axes: [{path: network.topology.kind, values: [ring, complete]}, "
        "{path: network.link.delay, values: [5 ms, 6 ms]}]"
    )
    text = SWEEP[: SWEEP.index("axes:")] + axes
    (here / "sweep.yaml").write_text(
        text.replace("set: {", "set: {env.players: 4, algorithm.consensus.weights: metropolis, "), encoding="utf-8"
    )
    result = sweep("sweep.yaml", "--device", "cpu")
    warnings = [line for line in result.stderr.splitlines() if line.startswith("Warning")]
    assert len(warnings) == 1
    assert warnings[0].startswith("Warning: topology=ring,delay=5ms and 1 more: DVDN can diverge")


def test_a_dry_run_lists_what_would_run_and_writes_nothing(here, monkeypatch):
    result = sweep("sweep.yaml", "--dry-run")
    assert (result.exit_code, result.stderr) == (0, "")
    head, count, *cells, jobs, records = result.stdout.splitlines()
    assert head == "small: Does the network matter?"
    assert count == "  4 cells, 0 finished; seeds 0, 1; 30 steps each"
    assert [line.strip() for line in cells] == CELLS
    assert jobs == "  jobs       2 at a time"
    assert records == "  records    sweeps/small"
    assert not (here / "sweeps").exists()
    install(monkeypatch, InProcess(stop_after=3))
    sweep("sweep.yaml", "--device", "cpu")
    said = json.loads(sweep("sweep.yaml", "--dry-run", "--json").stdout)
    assert [cell["state"] for cell in said["cells"]] == ["finished"] * 3 + ["waiting"]
    assert said["jobs"] == 2
    assert set(said) == {"sweep_dir", "name", "question", "cells", "jobs"}


def test_the_number_of_processes_is_ray_s_own_business(here):
    result = sweep("sweep.yaml", "--ray", "auto", "--jobs", "2")
    assert result.exit_code == 2
    assert "is for processes of this machine" in result.stderr


TWO = """\
name: two
question: Is it the same, whatever happens on the way?
base: base.yaml
set: {training.steps: 900, evaluation.every: 300}
axes: [{path: network.link.loss, values: [0%, 20%]}]
"""


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """The command itself, in a process group of its own, as a terminal would have it."""
    words = ["sweep", "sweep.yaml", "--out", "out", "--device", "cpu", "--jobs", "2", "--json", *options]
    return subprocess.Popen(  # noqa: S603 (ours)
        [sys.executable, "-m", "dvdn_sim.cli", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers_of(folder: Path) -> dict[str, int]:
    """Process of each cell that has begun, from its manifest."""
    return {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))["process"]["pid"]
        for path in folder.glob("out/*/manifest.json")
    }


def wait_for(true, process) -> None:
    end_s = time.monotonic() + 90.0
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end_s
        time.sleep(0.05)


@pytest.mark.slow
def test_ctrl_c_and_a_killed_worker_for_real(tmp_path):
    """Ctrl-C reaches all processes of a terminal at once: all stop with a checkpoint. Going on, a worker is killed with
    -9, and the sweep ends with the records of one that nothing happened to.
    """
    write_sweep(tmp_path, TWO)
    names = ["loss=0%", "loss=20%"]
    with start(tmp_path) as first:
        wait_for(lambda: len(workers_of(tmp_path)) == 2, first)
        os.killpg(first.pid, signal.SIGINT)
        stdout, stderr = first.communicate(timeout=60)
    assert first.returncode == 3, stderr
    assert "Traceback" not in stderr
    assert "Stopping: running cells write a checkpoint" in stderr
    assert "0 of 2 cells are finished; to go on: dvdn-sim sweep out/sweep.yaml --out out" in stderr
    assert [cell["state"] for cell in json.loads(stdout)["cells"]] == ["interrupted"] * 2
    for name in names:
        assert load_run(tmp_path / "out" / name).manifest["state"] == "interrupted"
        assert list((tmp_path / "out" / name / "checkpoint").iterdir())
    before = workers_of(tmp_path)
    with start(tmp_path) as second:
        wait_for(lambda: workers_of(tmp_path)[names[0]] != before[names[0]], second)
        victim = workers_of(tmp_path)[names[0]]
        os.kill(victim, signal.SIGKILL)
        stdout, stderr = second.communicate(timeout=120)
    assert second.returncode == 0, stderr
    assert workers_of(tmp_path)[names[0]] != victim
    _, cells = load_cells(tmp_path / "sweep.yaml")
    for cell, found in zip(cells, json.loads(stdout)["cells"], strict=True):
        assert (
            found["digest"] == work(Job(cell.id, cell.scenario, tmp_path / "alone" / cell.id), Kept()).found["digest"]
        )


def test_a_sweep_that_could_not_be_read_again_is_refused_before_anything_is_written(tmp_path):
    """Each of its files can be read; the one that the folder keeps, which has all of them, could not."""
    recorded = ", ".join(["0", "1", "0"] * 6000)
    (tmp_path / "base.yaml").write_text(
        (ROOT / LOSSY).read_text().replace("kind: gemodel, p: 3%, r: 25%", f"kind: trace, values: [{recorded}]")
    )
    (tmp_path / "sweep.yaml").write_text(
        "name: long\nquestion: too long?\nbase: base.yaml\naxes:\n  - name: loss\n    values:\n      none: {}\n"
        f"      other: {{network.link.loss: {{kind: trace, values: [{recorded}]}}}}\n"
    )
    result = invoke("sweep", tmp_path / "sweep.yaml", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "with its base and all that it includes is more than 30_000 keys" in result.stderr
    assert not (tmp_path / "out").exists()
