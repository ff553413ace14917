"""A job: one cell's seeds, trained as one batch in one process. What it is, and doing it, wherever it was sent.

A job may be done again, by another process and on another machine that sees the same folder: it goes on from its
checkpoint, or returns what it found.
"""

import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from dvdn_sim.errors import DvdnSimError, InterruptedRun, RunFolderError
from dvdn_sim.records import FOUND, locked
from dvdn_sim.scenario import Scenario

MOST_ATTEMPTS = 3
"""How often a job is begun whose process vanishes; then it counts as failed."""
SHOWN_EVERY_S = 0.2
PATIENCE_S = 60.0
"""How long to wait for a folder that another process is about to leave."""

State = Literal["finished", "failed", "interrupted"]


@dataclass(frozen=True)
class Job:
    """One cell to be trained.

    Attributes:
        id: of the cell.
        scenario: what to run, seeds included.
        run_dir: the run's folder.
        device: as in `dvdn_sim.run`.
        checkpoint_every_s: as in `dvdn_sim.run`.
    """

    id: str
    scenario: Scenario
    run_dir: Path
    device: str = "auto"
    checkpoint_every_s: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        state: finished; failed; or interrupted, because somebody asked for it: it can be gone on with.
        error: why it failed, or where it was interrupted.
        found: what the run's summary says under `dvdn_sim.records.cells.FOUND`; empty unless it finished.
        work_s: seconds that the last process worked on it.
    """

    state: State
    error: str = ""
    found: Mapping[str, Any] = field(default_factory=dict)
    work_s: float = 0.0


@dataclass(frozen=True)
class Began:
    """A process took a job up."""

    id: str


@dataclass(frozen=True)
class Moved:
    """A job came on: environment steps done and to do, all seeds together, and what else is worth showing."""

    id: str
    done: int
    total: int
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Warned:
    """There is something to mind about a job."""

    id: str
    said: str


@dataclass(frozen=True)
class Ended:
    """A job is over, once for each."""

    id: str
    outcome: Outcome


Event = Began | Moved | Warned | Ended


def given_up(why: str) -> Outcome:
    """Return how a job ends that was begun `MOST_ATTEMPTS` times, the last of them lost as it says."""
    return Outcome("failed", f"given up after {MOST_ATTEMPTS} attempts: {why}")


class Report(Protocol):
    """The way back to whoever sent a job."""

    def tell(self, event: Event) -> None:
        """Send what happened; where nobody listens any more, the next `stopping` says so."""

    def stopping(self) -> bool:
        """Return whether the job is to stop, with a checkpoint."""


class Executor(Protocol):
    """Has jobs done somewhere: in other processes, on other machines."""

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield what happens to the jobs until each has ended, once; but for those not begun when asked to stop.

        A job whose process vanishes is begun again, `MOST_ATTEMPTS` times at most. A job that fails keeps no other from
        being done, nor does one that takes long. Whoever closes the iterator early leaves no process behind.

        Args:
            jobs: What to do, in the order in which to begin.
            stop: Is asked now and then; once it says so no job is begun, and those under way stop with a checkpoint.

        Raises:
            DvdnSimError: There is nothing to do them with.
        """


def import_training() -> None:
    """Import what `work` needs, torch above all, which whoever sends jobs does without."""
    import dvdn_sim.training.run  # noqa: F401, PLC0415


def work(job: Job, report: Report) -> Outcome:
    """Do a job: train its cell, or go on with it, or return what it found. In the main thread of its process.

    Returns:
        How it ended; whatever went wrong is in there, told and not raised.
    """
    began_s = time.monotonic()
    try:
        found = _trained(job, report)
    except InterruptedRun as error:
        return Outcome("interrupted", str(error), work_s=time.monotonic() - began_s)
    except DvdnSimError as error:
        return Outcome("failed", str(error), work_s=time.monotonic() - began_s)
    except Exception:  # a defect that shows in one cell is no reason to lose the others
        return Outcome("failed", traceback.format_exc().rstrip(), work_s=time.monotonic() - began_s)
    return Outcome("finished", found=found, work_s=time.monotonic() - began_s)


def _trained(job: Job, report: Report) -> dict[str, Any]:
    from dvdn_sim.training.run import run  # noqa: PLC0415 (see `import_training`)

    _wait_for_others(job.run_dir, report)
    watch = _Watch(job, report)
    summary = run(
        job.scenario,
        device=job.device,
        out=job.run_dir,
        resume=True,
        checkpoint_every_s=job.checkpoint_every_s,
        progress=watch.show,
        warn=lambda said: report.tell(Warned(job.id, said)),
    ).as_json()
    return {name: summary[name] for name in FOUND}


def _wait_for_others(run_dir: Path, report: Report) -> None:
    """Wait for a process that outlived whoever started it: it notices, and leaves a checkpoint."""
    until_s = time.monotonic() + PATIENCE_S
    while run_dir.is_dir() and time.monotonic() < until_s:
        with suppress(RunFolderError), locked(run_dir):
            return
        if report.stopping():
            raise InterruptedRun(f"{run_dir} is being written by another process")
        time.sleep(SHOWN_EVERY_S)


@dataclass
class _Watch:
    """Tells how a run comes on, not too often, and stops it when asked."""

    job: Job
    report: Report
    _shown_s: float = 0.0

    def show(self, done: int, total: int, facts: Mapping[str, str]) -> None:
        """Take what `dvdn_sim.run` tells after every iteration."""
        now_s = time.monotonic()
        if now_s - self._shown_s < SHOWN_EVERY_S:
            return
        self._shown_s = now_s
        self.report.tell(Moved(self.job.id, done, total, facts))
        if self.report.stopping():
            signal.raise_signal(signal.SIGTERM)  # to which a run answers with a checkpoint, after its next iteration
