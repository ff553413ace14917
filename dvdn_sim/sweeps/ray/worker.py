"""What is done on the machines of a Ray cluster: one job, its folder, and the way back to whoever sent it.

Ray does one task at a time in a process, in its main thread, and gives the next task to the same process: torch is
imported once for many jobs. News go to a mailbox, an actor beside whoever sent the jobs, and there a worker asks
whether to stop; results go back as what the task returns.
"""

import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.exceptions import ActorUnavailableError, RayError

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.sweeps.archive import pack, unpack
from dvdn_sim.sweeps.jobs import Began, Event, Job, Outcome, Report

ANSWER_S = 60.0
"""How long the mailbox may take to answer; it holds next to nothing, so that then something is broken."""


DISTRIBUTION = "dvdn-sim"
Found = tuple[str, str, bool]
"""A machine: its name; its version of this program, or nothing; and whether it shares the storage."""


class Attempt(NamedTuple):
    """One beginning of a job: the job's id, and which it is, from 1."""

    id: str
    number: int


class Mailbox:
    """Keeps news for whoever sent the jobs, and tells workers whether to stop. A Ray actor: one call at a time."""

    def __init__(self) -> None:
        self._news: list[tuple[Attempt, Event]] = []
        self._open = True

    def admit(self, attempt: Attempt) -> bool:
        """Return whether a job may begin, and note that it did; none may, once `stop` was called."""
        if self._open:
            self.tell(attempt, Began(attempt.id))
        return self._open

    def tell(self, attempt: Attempt, event: Event) -> None:
        """Keep what happened."""
        self._news.append((attempt, event))

    def take(self) -> list[tuple[Attempt, Event]]:
        """Return what happened since the last time, in order."""
        news, self._news = self._news, []
        return news

    def stop(self) -> None:
        """Let no more jobs begin, and tell those under way to stop."""
        self._open = False

    def stopping(self) -> bool:
        """Return whether jobs are to stop."""
        return not self._open


class Done(NamedTuple):
    """What a task returns.

    Attributes:
        outcome: of the job.
        packed: its folder, where storage is not shared.
    """

    outcome: Outcome
    packed: bytes | None


@dataclass(frozen=True)
class Parcel:
    """What a task is sent.

    Attributes:
        job: to do, its folder given from the root.
        attempt: which.
        do: what does a job.
    """

    job: Job
    attempt: Attempt
    do: Callable[[Job, Report], Outcome]

    def open(self, mailbox: Any, before: list[Any], *, shared: bool) -> Done | None:
        """Do the job, here.

        Args:
            mailbox: the actor.
            before: if there is such a thing, a reference to the job's folder as it was, packed.
            shared: whether that folder can be reached from here.

        Returns:
            What became of it; None if it was not begun, for somebody asked to stop.
        """
        if not ray.get(mailbox.admit.remote(self.attempt), timeout=ANSWER_S):
            return None
        line = _Line(mailbox, self.attempt)
        done = Done(self.do(self.job, line), None) if shared else self._do_apart(line, before)
        line.flush()
        return done

    def _do_apart(self, line: "_Line", before: list[Any]) -> Done:
        """Do it in a folder of this machine's own, which is sent back packed."""
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="dvdn-sim-", ignore_cleanup_errors=True) as apart:
            run_dir = Path(apart, self.job.run_dir.name)
            try:
                if before:
                    unpack(ray.get(before[0]), run_dir)
                outcome = self.do(replace(self.job, run_dir=run_dir), line)
                packed = pack(run_dir) if run_dir.is_dir() else None
            except (DvdnSimError, OSError) as error:
                said = f"{platform.node()} cannot unpack what there was, or pack what there is: {error}"
                return Done(Outcome("failed", said, work_s=time.monotonic() - began_s), None)
            return Done(replace(outcome, error=outcome.error.replace(str(run_dir), str(self.job.run_dir))), packed)


@dataclass
class _Line:
    """A worker's line to the mailbox; it never waits for an answer while the job is under way."""

    mailbox: Any
    attempt: Attempt
    gone: bool = False
    _told: Any = field(default=None)
    _asked: Any = field(default=None)

    def tell(self, event: Event) -> None:
        """Send what happened."""
        self._told = self.mailbox.tell.remote(self.attempt, event)

    def stopping(self) -> bool:
        """Return whether to stop, as of the last time this was asked; so it is where the mailbox is no more."""
        if self._asked is None:
            self._asked = self.mailbox.stopping.remote()
        ready, _ = ray.wait([self._asked], timeout=0)
        if ready and not self.gone:
            self._asked = None
            try:
                self.gone = ray.get(ready[0])
            except ActorUnavailableError:  # for the moment
                return False
            except RayError:
                self.gone = True
        return self.gone

    def flush(self) -> None:
        """Wait until all was heard: what is told later than the end counts for nothing."""
        if self._told is not None:
            try:
                ray.get(self._told, timeout=ANSWER_S)
            except RayError:
                self.gone = True


def code_sent(version: str, token: Path) -> tuple[Callable[[], Found], Callable[[list[Any], Any, list[Any]], Any]]:
    """Return what runs in workers: its code is sent, and not its name, so that it runs where this program is missing.

    Args:
        version: of this program, without which no job is done.
        token: a file; whoever sees it, and may write beside it, shares the storage.

    Returns:
        What looks at a machine; and what does a job there, or returns what it found if the version is another one.
    """
    distribution, path = DISTRIBUTION, str(token)

    def look() -> Found:
        import importlib.metadata  # noqa: PLC0415 (in the worker)
        import os  # noqa: PLC0415
        import platform  # noqa: PLC0415

        shared = os.path.exists(path) and os.access(os.path.dirname(path), os.W_OK)  # noqa: PTH110, PTH120
        try:
            return platform.node(), importlib.metadata.version(distribution), shared
        except importlib.metadata.PackageNotFoundError:
            return platform.node(), "", shared

    def do(parcel: list[Any], mailbox: Any, before: list[Any]) -> Any:
        import ray  # noqa: PLC0415

        found = look()
        if found[1] != version:
            return found
        return ray.get(parcel[0]).open(mailbox, before, shared=found[2])

    return look, do
