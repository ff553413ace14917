"""Memory that runs out is told with what to make smaller; a replay buffer that cannot fit is refused before the run."""

import subprocess
import sys
import textwrap
import weakref

import numpy as np
import pytest
import torch
from mpe2 import simple_spread_v3

import dvdn_sim
from dvdn_sim.errors import OutOfMemoryError, ScenarioError
from dvdn_sim.learners import EpisodeReplay
from dvdn_sim.training import explaining_exhaustion


def fails(allocate) -> str:
    with pytest.raises(OutOfMemoryError) as stopped, explaining_exhaustion():
        allocate()
    return str(stopped.value)


@pytest.mark.parametrize("allocate", [lambda: bytearray(2**62), lambda: np.zeros(2**59), lambda: torch.zeros(2**58)])
def test_whoever_finds_that_there_is_no_memory(allocate):
    """More than any machine has: the three allocators refuse in three ways."""
    said = fails(allocate)
    assert said.startswith("no memory left (")
    assert "make `training.buffer`, " in said
    assert said.endswith("`seeds` smaller, or leave more memory to the run")
    assert "alloc_cpu" not in said


def test_a_gpu_says_it_in_its_own_way():
    def refuse():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it.")

    assert fails(refuse).startswith("no memory left (CUDA out of memory. Tried to allocate 2.00 GiB): make")


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("can't allocate memory"), KeyError(1)])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as stopped, explaining_exhaustion():
        raise error
    assert stopped.value is error


def test_a_real_run_that_gets_too_little(tiny_text):
    """A process that may have 300 MB more than it has, and a replay of 3 GB: torch is refused by the system itself."""
    program = textwrap.dedent("""
        import resource, sys, torch
        from dvdn_sim.scenario import parse_scenario
        from dvdn_sim.training import build, explaining_exhaustion
        scenario = parse_scenario(sys.stdin.read(), ["training.buffer=700_000"])
        with open("/proc/self/statm") as statm:
            limit = int(statm.read().split()[0]) * resource.getpagesize() + 300_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with explaining_exhaustion():
            build(scenario, device=torch.device("cpu"))
    """)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=tiny_text, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert done.returncode == 1
    *_, said = done.stderr.strip().splitlines()
    assert said.startswith(
        "dvdn_sim.errors.OutOfMemoryError: no memory left (can't allocate memory: you tried to alloc"
    )


def test_run_refuses_before_it_makes_a_folder_and_an_environment_of_the_users_counts_as_itself(
    tiny, tmp_path, monkeypatch
):
    """Eight agents that see 48 numbers for 500 steps, in place of the scenario's three that see 15 for 12."""

    def make():
        return simple_spread_v3.parallel_env(N=8, max_cycles=500)

    monkeypatch.setattr("dvdn_sim.scenario.rules.memory_limit", lambda: 400_000_000)
    scenario = tiny("training.buffer=1000", "training.steps=20", "network.topology={kind: ring}")
    dvdn_sim.run(scenario, device="cpu", out=tmp_path / "small")
    with pytest.raises(ScenarioError, match=r"training\.buffer: the replay buffer takes .*, and this machine has 400"):
        dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run", make_env=make)
    assert not (tmp_path / "run").exists()


def test_a_run_under_way_that_runs_out_can_be_resumed(tiny, tmp_path, monkeypatch):
    minibatch, calls = EpisodeReplay.minibatch, iter(range(10**6))

    def refused(self, ids):
        if next(calls) == 20:
            np.zeros(2**59)
        return minibatch(self, ids)

    with monkeypatch.context() as patched:
        patched.setattr(EpisodeReplay, "minibatch", refused)
        with pytest.raises(OutOfMemoryError, match="no memory left"):
            dvdn_sim.run(tiny(), device="cpu", out=tmp_path / "run", checkpoint_every_s=0.0)
    assert str(dvdn_sim.load_run(tmp_path / "run").manifest["state"]).startswith("failed: ")
    resumed = dvdn_sim.run(tiny(), device="cpu", out=tmp_path / "run", resume=True).as_json()
    assert resumed["digest"] == dvdn_sim.run(tiny(), device="cpu", out=tmp_path / "whole").as_json()["digest"]


def test_what_was_trained_with_is_given_back_before_the_records_are_read(tiny, tmp_path, monkeypatch):
    """A long run's records may need as much as its replay did."""
    alive = []
    training_run = sys.modules["dvdn_sim.training.run"]  # the name in the package is the function
    build, summarise = training_run.build, training_run.summarise
    monkeypatch.setattr(training_run, "build", lambda *a, **k: alive.append(weakref.ref(p := build(*a, **k))) or p)

    def when_read(run, within):
        assert alive[0]() is None
        return summarise(run, within)

    monkeypatch.setattr(training_run, "summarise", when_read)
    dvdn_sim.run(tiny("training.steps=60"), device="cpu", out=tmp_path / "run")
    assert len(alive) == 1
