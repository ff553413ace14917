"""Small sweeps, an executor without processes, and jobs for tests, in a module that workers can import."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dvdn_sim.scenario import parse_scenario, resolved_yaml
from dvdn_sim.sweeps import Began, Ended, Event, Job, JobReport, Moved, Outcome, work

BASE = """\
name: tiny
seeds: [0]
env: {kind: lbf, field_size: [5, 5], players: 2, max_num_food: 1, max_food_level: 1, sight: 4, max_episode_steps: 6}
algorithm: {kind: dvdn, hidden: 4, lr: 3e-3, consensus: {rounds: 1}}
network:
  topology: {kind: complete}
  link: {rate: 1 Mbit/s, delay: 5 ms, loss: 10%}
  deadline: 50 ms
  control_period: 100 ms
  compute: 10 ms
training: {steps: 30, batch: 2, buffer: 8, epsilon: {steps: 100}, target_update: 3}
evaluation: {every: 30, episodes: 1}
"""
SWEEP = """\
name: small
question: Does the network matter?
base: base.yaml
set: {algorithm.hidden: 5}
axes:
  - {path: algorithm.consensus.rounds, values: [1, 2]}
  - {path: network.link.loss, values: [0%, 20%]}
seeds: 0-1
compare: {rounds: 1}
quick:
  seeds: [3]
  set: {training.steps: 12}
  axes: {loss: [20%]}
"""


def write_sweep(folder: Path, text: str = SWEEP, base: str = BASE) -> Path:
    """Write a sweep and its base; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return path


_FOLDER = tempfile.TemporaryDirectory()
_DONE: dict[str, Outcome] = {}


def work_once(job: Job, report: JobReport) -> Outcome:
    """Do a job as `work` does; in a new folder by copying what came of the same scenario before, if anything did."""
    scenario = resolved_yaml(job.scenario)
    if job.run_dir.exists() or scenario not in _DONE:
        outcome = work(job, report)
        if outcome.state == "finished" and scenario not in _DONE:
            shutil.copytree(job.run_dir, Path(_FOLDER.name, str(len(_DONE))))
            _DONE[scenario] = outcome
        return outcome
    shutil.copytree(Path(_FOLDER.name, str(list(_DONE).index(scenario))), job.run_dir)
    return _DONE[scenario]


@dataclass
class InProcess:
    """Does jobs one after the other, here."""

    do: Callable[[Job, JobReport], Outcome] = work_once
    begun: list[str] = field(default_factory=list)  # by name
    stop_after: int = 10**9  # jobs after which to behave as if asked to stop

    def places(self, jobs: Sequence[Job]) -> int:
        return 2

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        for job in jobs:
            if stop() or len(self.begun) >= self.stop_after:
                return
            self.begun.append(job.id)
            yield Began(job.id)
            report = Kept(stop)
            outcome = self.do(job, report)
            yield from report.events
            yield Ended(job.id, outcome)


@dataclass
class Kept:
    """A report that is kept."""

    stopping: Callable[[], bool] = lambda: False
    events: list[Event] = field(default_factory=list)

    def send(self, event: Event) -> None:
        self.events.append(event)


def job(name: str, folder: Path) -> Job:
    """A job for the functions below, which read what to do from its name."""
    return Job(name, _SCENARIO, folder / name)


_SCENARIO = parse_scenario(BASE)


def nothing() -> None:
    """Prepares for nothing."""


def do_as_named(job: Job, report: JobReport) -> Outcome:
    """Die in the first two attempts of ``die_2``; ``wait`` until told to stop, ``hold`` until ``release``."""
    what, _, number = job.id.partition("-")[0].partition("_")
    job.run_dir.mkdir(parents=True, exist_ok=True)
    attempts = job.run_dir / "attempts"
    count = len(attempts.read_text()) if attempts.exists() else 0
    attempts.write_text("x" * (count + 1))
    released = job.run_dir.parent / "released"
    if what == "hold":
        until_s = time.monotonic() + 300.0  # many, for a machine that does much else
        while not released.exists() and time.monotonic() < until_s:
            time.sleep(0.01)
    elif what == "release":
        released.touch()
    elif what == "die" and count < int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "asked" and count == 0:
        return Outcome("interrupted", "by somebody")
    elif what == "wait":
        while not report.stopping():
            report.send(Moved(job.id, 1, 2, {name: str(value) for name, value in _process().items()}))
            time.sleep(0.01)
        return Outcome("interrupted", "told to")
    return Outcome("finished", found={**_process(), "attempt": count + 1, "released": released.exists()})


def _process() -> dict[str, object]:
    """What a job's process is like."""
    if not hasattr(signal, "pthread_sigmask"):
        return {"pid": os.getpid()}
    return {"pid": os.getpid(), "ctrl_c_blocked": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


def cannot_prepare() -> None:
    """Fails as a broken installation would."""
    os._exit(9)


MIXED = ("hold", "quick-1", "die_1", "quick-2", "asked", "die_99", "quick-3", "release")
"""All kinds of jobs at once."""


def refuse_lost_jobs(events: list[Event]) -> None:
    """Refuse what became of `MIXED` unless every job ended once, and what was killed or asked to stop began again."""
    assert sorted(event.id for event in events if isinstance(event, Ended)) == sorted(MIXED)
    outcomes = ended(events)
    assert {name: each.state for name, each in outcomes.items() if each.state != "finished"} == {"die_99": "failed"}
    assert outcomes["die_1"].found["attempt"] == outcomes["asked"].found["attempt"] == 2
    assert outcomes["die_99"].error.startswith("given up after 3 attempts: its ")
    for name, times in (("quick-1", 1), ("die_1", 2), ("asked", 2), ("die_99", 3)):
        assert events.count(Began(name)) == times
    for at, event in enumerate(events):
        assert Began(event.id) in events[: at + 1]
    found = [outcome.found for outcome in outcomes.values() if outcome.state == "finished"]
    assert len({each["pid"] for each in found}) < len(found)  # workers are used again


def never() -> bool:
    return False


def ended(events: Iterable[Event]) -> dict[str, Outcome]:
    return {event.id: event.outcome for event in events if isinstance(event, Ended)}


def gone(pid: int) -> bool:
    """Whether a process is no more; a container's first process may leave it as it is, dead."""
    state = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def until(true: Callable[[], object], timeout_s: float = 60.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.05)
    return bool(true())
