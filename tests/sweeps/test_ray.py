"""Sweeps on a Ray cluster of three machines, all of them here: whatever is lost, they end as they do without Ray.

One of the machines shows the sweep and does no jobs. The folder of a sweep is named by way of ``/proc/self/cwd``, so
that a machine whose processes stand in another folder sees nothing of it: one that shares no storage.
"""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sweep_parts import BASE, MIXED, Kept, do_as_named, ended, gone, job, never, refuse_lost_jobs, until, write_sweep

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.records import finished_digest
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.sweeps import Began, Event, Job, Moved, RayCluster, ray_executor, work

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray, which is optional"),
    pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/cwd, and what Ray's test cluster runs on"),
]

HERE = Path("/proc/self/cwd")
LOSSES = ("0%", "20%")
HEAD = {
    "num_cpus": 0,
    "include_dashboard": False,
    "_system_config": {"health_check_period_ms": 500, "health_check_failure_threshold": 3},  # a loss is soon noticed
}


@dataclass
class Machines:
    """A cluster, and its machines that do jobs."""

    cluster: Any
    here: Path
    elsewhere: Path
    near: Any = None
    far: Any = None

    @property
    def address(self) -> str:
        return self.cluster.address

    def add(self, folder: Path, **has: int) -> Any:
        with contextlib.chdir(folder):
            return self.cluster.add_node(object_store_memory=80 * 2**20, **has)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    here, elsewhere = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(each for each in sys.path if each))  # where jobs for tests are
        from ray.cluster_utils import Cluster

        with contextlib.chdir(here):
            cluster = Cluster(initialize_head=True, head_node_args=HEAD)
        found = Machines(cluster, here, elsewhere)
        found.near, found.far = found.add(here, num_cpus=1), found.add(elsewhere, num_cpus=1)
        try:
            yield found
        finally:
            cluster.shutdown()


def both_under_way(events):
    """Whether two jobs have begun, and one of them came on."""
    begun = {event.id for event in events if isinstance(event, Began)}
    return len(begun) == 2 and not ended(events) and any(isinstance(event, Moved) for event in events)


def cells(folder: Path) -> list[Job]:
    """Two runs of some seconds, which leave a checkpoint often."""
    changes = ("training.steps=900", "evaluation.every=300")
    scenarios = {loss: parse_scenario(BASE, [f"network.link.loss={loss}", *changes]) for loss in LOSSES}
    return [Job(f"loss={loss}", each, folder / f"loss={loss}", "cpu", 0.2) for loss, each in scenarios.items()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What the runs come to without Ray."""
    return {each.id: work(each, Kept()).found["digest"] for each in cells(tmp_path_factory.mktemp("alone"))}


def test_every_job_ends_once_and_those_that_fail_stop_no_other(machines, tmp_path):
    events = list(RayCluster(machines.address, do_as_named).run([job(name, tmp_path) for name in MIXED], never))
    refuse_lost_jobs(events)
    assert "its worker died; this happens" in ended(events)["die_99"].error


def test_a_machine_is_lost_and_the_sweep_ends_as_without_ray(machines, tmp_path, alone):
    """Lost without a word; another one joins later. Its cell goes on from the checkpoint, or from the beginning."""
    events: list[Event] = []
    for event in RayCluster(machines.address).run(cells(tmp_path), never):
        events.append(event)
        if both_under_way(events) and machines.near is not None:
            machines.cluster.remove_node(machines.near, allow_graceful=False)
            machines.near = None
    machines.near = machines.add(machines.here, num_cpus=1)
    assert sorted(events.count(Began(name)) for name in alone) == [1, 2]
    assert {name: outcome.found["digest"] for name, outcome in ended(events).items()} == alone
    assert {name: finished_digest(tmp_path / name) for name in alone} == alone


def test_storage_that_is_not_shared_and_a_stop(machines, monkeypatch, alone):
    """One cell is trained where the folder can be seen, one where it cannot. Both stop, each with its folder back; then
    both go on, wherever.
    """
    monkeypatch.chdir(machines.here)
    events: list[Event] = []
    for event in RayCluster(machines.address).run(cells(HERE / "out"), lambda: both_under_way(events)):
        events.append(event)  # noqa: PERF402 (is read meanwhile)
    assert {name: outcome.state for name, outcome in ended(events).items()} == dict.fromkeys(alone, "interrupted")
    for name, outcome in ended(events).items():
        assert "a checkpoint of step" in outcome.error
        assert list((machines.here / "out" / name / "checkpoint").iterdir())
    again = ended(RayCluster(machines.address).run(cells(HERE / "out"), never))
    assert {name: outcome.found["digest"] for name, outcome in again.items()} == alone
    assert {name: finished_digest(machines.here / "out" / name) for name in alone} == alone
    assert sorted(path.name for path in (machines.here / "out").iterdir()) == sorted(alone)
    assert list(machines.elsewhere.iterdir()) == []


def test_all_stop_when_asked_and_nothing_is_begun(machines, tmp_path):
    events: list[Event] = []
    jobs = [job(name, tmp_path) for name in ("wait-1", "wait-2", "quick-1", "quick-2")]
    for event in RayCluster(machines.address, do_as_named).run(jobs, lambda: both_under_way(events)):
        events.append(event)  # noqa: PERF402 (is read meanwhile)
    assert {name: each.state for name, each in ended(events).items()} == dict.fromkeys(
        ("wait-1", "wait-2"), "interrupted"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wait-1", "wait-2"]


def test_who_stops_listening_leaves_no_process_behind(machines, tmp_path):
    events = RayCluster(machines.address, do_as_named).run([job("wait", tmp_path)], never)
    pid = next(int(event.facts["pid"]) for event in events if isinstance(event, Moved))
    assert not gone(pid)
    events.close()
    assert until(lambda: gone(pid))
    assert [path.name for path in tmp_path.iterdir()] == ["wait"]


def test_a_machine_with_another_version_is_refused_by_name(machines, tmp_path):
    with pytest.raises(DvdnSimError, match=rf"^{socket.gethostname()}, a machine of .* dvdn-sim 9\.9 expected on all$"):
        list(RayCluster(machines.address, version="9.9").run(cells(tmp_path), never))
    assert list(tmp_path.iterdir()) == []


def test_what_no_machine_can_do_is_refused_at_once_or_once_the_last_one_is_lost(machines, tmp_path):
    on_gpu = replace(job("wait", tmp_path), device="cuda")
    cluster = RayCluster(machines.address, do_as_named, patience_s=0.0)
    with pytest.raises(
        DvdnSimError, match=r"can take a cell: 1 CPU, a GPU and \d+\.\d MB of memory needed; .*1 CPU, 0 GPU"
    ):
        list(cluster.run([on_gpu], never))
    gpu = machines.add(machines.here, num_cpus=1, num_gpus=1)

    def lose():
        for event in cluster.run([on_gpu], never):
            if isinstance(event, Moved) and gpu in machines.cluster.worker_nodes:
                machines.cluster.remove_node(gpu, allow_graceful=False)

    with pytest.raises(DvdnSimError, match="no machine of the Ray cluster can take a cell"):
        lose()


def test_how_many_at_a_time(machines, tmp_path):
    assert RayCluster(machines.address).places([job(str(number), tmp_path) for number in range(9)]) == 2


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "--ray 127.0.0.1:1: nobody answers there: .*refused"),
        ("head", "--ray head: host:port expected"),
        ("ray://head:10001", "host:port expected"),
    ],
)
def test_an_address_at_which_nobody_answers(tmp_path, address, said):
    with pytest.raises(DvdnSimError, match=said):
        list(RayCluster(address).run(cells(tmp_path), never))


def test_an_address_at_which_somebody_listens_and_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_executor, "JOIN_TIMEOUT_S", 4.0)
    monkeypatch.setattr(ray_executor, "LEAVE_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(DvdnSimError, match="no Ray cluster could be joined within 4 s"):
            list(RayCluster(address).run(cells(tmp_path), never))


def test_ray_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_executor.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DvdnSimError, match=r"Ray is not installed; try: pip install 'dvdn-sim\[ray\]'"):
        list(RayCluster("auto").run(cells(tmp_path), never))


def test_nothing_to_do_needs_no_cluster():
    assert list(RayCluster("127.0.0.1:1").run([], never)) == []


TWO = """\
name: two
question: Is what Ray has to say kept apart?
base: base.yaml
axes: [{path: training.steps, values: [30, 60_000]}]
"""


def test_the_command_starts_a_cluster_and_stops(tmp_path):
    """One cell ends; Ctrl-C, which reaches all processes of a terminal at once, stops the other one with a checkpoint.
    What Ray has to say is no part of the answer.
    """
    write_sweep(tmp_path, TWO)
    long = tmp_path / "out" / "steps=60000"
    words = ["sweep", "sweep.yaml", "--out", "out", "--device", "cpu", "--ray", "auto", "--json"]
    answer, told = tmp_path / "stdout", tmp_path / "stderr"

    def one_is_told_and_one_runs() -> bool:
        return "steps=30  finished" in told.read_text() and (long / "manifest.json").exists()

    with (
        answer.open("w") as stdout_file,
        told.open("w") as stderr_file,
        subprocess.Popen(  # noqa: S603 (ours)
            [sys.executable, "-m", "dvdn_sim.cli", *words],
            cwd=tmp_path,
            stdout=stdout_file,
            stderr=stderr_file,
            start_new_session=True,
        ) as ran,
    ):
        assert until(lambda: ran.poll() is not None or one_is_told_and_one_runs(), 300.0)
        os.killpg(ran.pid, signal.SIGINT)
        ran.wait(timeout=60)
    stdout, stderr = answer.read_text(), told.read_text()
    assert ran.returncode == 3, stderr
    said = json.loads(stdout)["cells"]
    assert [cell["state"] for cell in said] == ["finished", "interrupted"]
    assert said[0]["digest"] == work(replace(cells(tmp_path)[0], scenario=parse_scenario(BASE)), Kept()).found["digest"]
    assert list((long / "checkpoint").iterdir())
    # Where nothing has run before, it tells that it compiles.
    *others, going_on = [line for line in stderr.splitlines() if "compil" not in line]
    finished, interrupted, stopping = sorted(others, key=lambda line: ("Stopping" in line, "interrupted" in line))
    assert finished.startswith("1 of 2  steps=30  finished in ")
    assert interrupted.startswith("1 of 2  steps=60000  interrupted")
    assert stopping == "Stopping: running cells write a checkpoint; Ctrl-C again stops them at once"
    assert going_on.startswith("Interrupted. 1 of 2 cells are finished; to go on: dvdn-sim sweep out/sweep.yaml")
