"""A job is one cell's seeds, trained as one batch in one process. What it is, and how it is done wherever it was sent.

A job may be done again, by another process and on another machine that sees the same folder: it resumes from its
checkpoint, or returns the finished run.
"""

import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from dvdn_sim.errors import DvdnSimError, InterruptedRun, RunFolderError
from dvdn_sim.importing import uncollected
from dvdn_sim.records import FOUND, locked
from dvdn_sim.scenario import Scenario

MAX_ATTEMPTS = 3
"""How often a job is begun whose process is lost; then it has failed."""
PROGRESS_EVERY_S = 0.2
LOCK_TIMEOUT_S = 60.0
"""How long to wait for a folder that another process is about to leave."""


@dataclass(frozen=True)
class Job:
    """One cell to be trained; `device` and `checkpoint_every_s` are as in `dvdn_sim.run`."""

    id: str
    scenario: Scenario
    run_dir: Path
    device: str = "auto"
    checkpoint_every_s: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """How a job ended; it can be resumed if somebody interrupted it."""

    state: Literal["finished", "failed", "interrupted"]
    error: str = ""  # why it failed, or where it was interrupted
    found: Mapping[str, Any] = field(default_factory=dict)  # by `FOUND`, what the summary of a finished run has
    work_s: float = 0.0  # how long the last process worked on it


@dataclass(frozen=True)
class Began:
    """A process began a job."""

    id: str


@dataclass(frozen=True)
class Moved:
    """A job made progress: environment steps done and to do, all seeds together, and what else is worth showing."""

    id: str
    done: int
    total: int
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Warned:
    """A job's run gave a warning."""

    id: str
    message: str


@dataclass(frozen=True)
class Told:
    """A job's process compiles, or waits for one that does, or has compiled."""

    id: str
    message: str


@dataclass(frozen=True)
class Ended:
    """A job is over, once for each."""

    id: str
    outcome: Outcome


Event = Began | Moved | Warned | Told | Ended


class JobReport(Protocol):
    """The way from a job back to whoever sent it."""

    def send(self, event: Event) -> None:
        """Send what happened; where nobody listens any more, the next `stopping` is true."""

    def stopping(self) -> bool:
        """Return whether the job is to stop, with a checkpoint."""


class Executor(Protocol):
    """Has jobs done somewhere: in other processes, on other machines."""

    def places(self, jobs: Sequence[Job]) -> int:
        """Return how many of these jobs, at least one, can be done at once; `DvdnSimError` if there is no place."""

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield what happens to the jobs until each has ended, once; but for those not begun when asked to stop.

        A job whose process is lost is begun again, `MAX_ATTEMPTS` times in all. A job that fails, or takes long, keeps
        no other from being done. They begin in the order given. `stop` is asked now and then; once it is true no job is
        begun, and those under way stop with a checkpoint. Closing the iterator early leaves no process behind. Raises
        `DvdnSimError` if there is nothing to do them with, or not any more.
        """


def given_up(reason: str) -> Outcome:
    """Return the outcome of a job whose last attempt was lost, too."""
    return Outcome("failed", f"given up after {MAX_ATTEMPTS} attempts: {reason}")


def import_training() -> None:
    """Import what `work` needs, torch above all, which the process that sends jobs does without."""
    with uncollected():
        import dvdn_sim.training  # noqa: F401, PLC0415


def work(job: Job, report: JobReport) -> Outcome:
    """Train a cell, resume it, or return what it found; whatever goes wrong is in the outcome, and never raised.

    Runs in the main thread of its process.
    """
    began_s = time.monotonic()
    try:
        outcome = Outcome("finished", found=_train(job, report))
    except InterruptedRun as error:
        outcome = Outcome("interrupted", str(error))
    except DvdnSimError as error:
        outcome = Outcome("failed", str(error))
    except Exception:  # a defect that shows in one cell is no reason to lose the others
        outcome = Outcome("failed", traceback.format_exc().rstrip())
    return replace(outcome, work_s=time.monotonic() - began_s)


def _train(job: Job, report: JobReport) -> dict[str, Any]:
    from dvdn_sim.compiled import compilation_told  # noqa: PLC0415 (see `import_training`)
    from dvdn_sim.training import run  # noqa: PLC0415

    sent_s = 0.0

    def progress(done: int, total: int, facts: Mapping[str, str]) -> None:
        nonlocal sent_s
        if time.monotonic() - sent_s < PROGRESS_EVERY_S:
            return
        sent_s = time.monotonic()
        report.send(Moved(job.id, done, total, facts))
        if report.stopping():
            signal.raise_signal(signal.SIGTERM)  # to which a run answers with a checkpoint, after its next iteration

    _wait_until_free(job.run_dir, report)
    with compilation_told(lambda message: report.send(Told(job.id, message))):
        summary = run(
            job.scenario,
            device=job.device,
            out=job.run_dir,
            resume=True,
            checkpoint_every_s=job.checkpoint_every_s,
            progress=progress,
            warn=lambda message: report.send(Warned(job.id, message)),
        ).as_json()
    return {name: summary[name] for name in FOUND}


def _wait_until_free(run_dir: Path, report: JobReport) -> None:
    """Wait for a process that outlived the one that started it: it notices, and leaves a checkpoint."""
    until_s = time.monotonic() + LOCK_TIMEOUT_S
    while run_dir.is_dir() and time.monotonic() < until_s:
        with suppress(RunFolderError), locked(run_dir):
            return
        if report.stopping():
            raise InterruptedRun(f"{run_dir} is being written by another process")
        time.sleep(PROGRESS_EVERY_S)
