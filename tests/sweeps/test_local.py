"""A pool of processes: no job waits for another, none is lost with its worker, and nobody outlives the sweep."""

import os
import signal
import subprocess
import sys

import pytest
from sweep_parts import (
    BASE,
    MIXED,
    cannot_prepare,
    do_as_named,
    ended,
    gone,
    job,
    never,
    nothing,
    refuse_lost_jobs,
    until,
)

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.scenario import cores, parse_scenario
from dvdn_sim.sweeps import Began, Ended, Moved, Pool, local, processes_for


def pool(processes: int) -> Pool:
    return Pool(processes, do_as_named, nothing)


def test_every_job_ends_once_and_those_that_fail_stop_no_other(tmp_path):
    """Whoever is free takes the next: the first one ends only once the last one has begun."""
    events = list(pool(2).run([job(name, tmp_path) for name in MIXED], never))
    refuse_lost_jobs(events)
    assert list(dict.fromkeys(event.id for event in events if isinstance(event, Began))) == list(MIXED)
    (hold,) = [at for at, event in enumerate(events) if isinstance(event, Ended) and event.id == "hold"]
    assert events.index(Began("release")) < hold
    assert ended(events)["hold"].found["released"]
    error = ended(events)["die_99"].error
    assert "its process was killed by SIGKILL" in error
    assert "try fewer `--jobs`" in error


def test_all_workers_stop_when_asked_and_nothing_is_begun(tmp_path):
    pids: dict[str, int] = {}
    events = []
    for event in pool(2).run([job(name, tmp_path) for name in ("wait-1", "wait-2", "quick")], lambda: len(pids) == 2):
        events.append(event)
        if isinstance(event, Moved):
            pids[event.id] = int(event.facts["pid"])
    assert {name: outcome.state for name, outcome in ended(events).items()} == dict.fromkeys(
        ("wait-1", "wait-2"), "interrupted"
    )
    assert len(set(pids.values())) == 2
    assert all(map(gone, pids.values()))


def test_who_stops_listening_leaves_no_process_behind(tmp_path):
    events = pool(1).run([job("wait", tmp_path)], never)
    pid = next(int(event.facts["pid"]) for event in events if isinstance(event, Moved))
    events.close()
    assert gone(pid)


def test_workers_that_cannot_work_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "MAX_FAILED_STARTS", 2)
    with pytest.raises(DvdnSimError, match="no worker process can be started: the last one ended with exit code 9"):
        list(Pool(1, do_as_named, cannot_prepare).run([job("quick", tmp_path)], never))


SCRIPT = """\
import signal
import sys
from pathlib import Path
from sweep_parts import do_as_named, job, nothing
from dvdn_sim.sweeps import Ended, Moved, Pool

def events(name):
    return Pool(1, do_as_named, nothing).run([job(name, Path(sys.argv[1]))], lambda: False)

def blocked_here():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

if __name__ == "__main__":
    (ended,) = [event for event in events("quick") if isinstance(event, Ended)]
    print(ended.outcome.found["ctrl_c_blocked"], blocked_here(), flush=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    for event in events("wait"):
        if isinstance(event, Moved):
            print(event.facts["ctrl_c_blocked"], blocked_here(), event.facts["pid"], flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals can't be blocked on this system")
def test_ctrl_c_is_blocked_in_workers_alone_and_one_stops_when_whoever_started_it_is_gone(tmp_path):
    """In a fresh process, where the first worker starts Python's resource tracker, which unblocks Ctrl-C."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    command = [sys.executable, str(path), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:  # noqa: S603 (ours)
        assert parent.stdout is not None
        assert parent.stdout.readline() == "True False\n"
        worker, here, pid = parent.stdout.readline().split()
        assert (worker, here) == ("True", "True")  # here, as it was
        assert not gone(int(pid))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert until(lambda: gone(int(pid)))


@pytest.mark.parametrize(
    ("cells", "bytes_", "expected"),
    [
        (100, None, 8),  # one for each core, and where the system does not say, memory is no limit
        (3, 10**12, 3),  # no more than there are cells
        (100, 3 * 10**9, 5),  # as many as fit
        (100, 10**6, 1),  # one all the same: it will say itself what is wrong
    ],
)
def test_how_many_processes(monkeypatch, cells, bytes_, expected):
    monkeypatch.setattr(local, "cores", lambda: 8)
    monkeypatch.setattr(local, "memory_limit", lambda: bytes_)
    monkeypatch.setattr(local, "job_bytes", lambda scenario: 6 * 10**8)
    assert processes_for([parse_scenario(BASE)] * cells) == expected


def test_a_containers_share_counts(monkeypatch, tmp_path):
    monkeypatch.setattr("dvdn_sim.scenario.rules.CONTAINER", tmp_path)
    every = cores()
    assert 1 <= every <= (os.cpu_count() or 1)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores() == every
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cores() == 1
