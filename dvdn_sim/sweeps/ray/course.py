"""All jobs of a sweep on a Ray cluster, from the first to the last.

Every job is a task of Ray's, with a CPU, the memory that it is estimated to take, and a GPU if it trains on one; Ray
looks for a place. All are sent at once, so that a cluster that can grow sees what there is to do. Ray tries nothing
again by itself: a task whose worker or machine is lost is sent once more from here, where attempts are counted.
"""

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.sweeps.archive import pack, unpack
from dvdn_sim.sweeps.jobs import MOST_ATTEMPTS, Began, Ended, Event, Job, Outcome, Report, given_up
from dvdn_sim.sweeps.local import TICK_S
from dvdn_sim.sweeps.ray.cluster import Need, line_of, look_around, machines, refuse_other_version
from dvdn_sim.sweeps.ray.worker import ANSWER_S, Attempt, Done, Mailbox, Parcel, code_sent

LOOK_S = 5.0
"""How often it is looked which machines there are."""


@dataclass(frozen=True)
class Terms:
    """How jobs are done.

    Attributes:
        do: what does a job, in a worker.
        version: of this program, which every machine must have.
        patience_s: how long to wait for a machine that can do what is left, once there is none.
    """

    do: Callable[[Job, Report], Outcome]
    version: str
    patience_s: float


def follow(jobs: Sequence[Job], terms: Terms, stop: Callable[[], bool]) -> Generator[Event, None, None]:
    """Yield what happens to the jobs; see `dvdn_sim.sweeps.jobs.Executor`. This process is part of a cluster.

    Args:
        jobs: at least one, their folders given from the root.
        terms: how to do them.
        stop: whether to stop.

    Raises:
        DvdnSimError: No machine can do what is left; or one lacks this program, or has another version of it.
    """
    with _token(jobs) as token:
        shared = look_around(terms.version, token)
        course = _Course(terms, token, {job.id: job for job in jobs}, {job.id: Need.of(job) for job in jobs}, shared)
        try:
            course.begin()
            while course.sent:
                if stop() and not course.stopping:
                    yield from course.stop()
                yield from course.hear()
        finally:
            course.leave()


@contextmanager
def _token(jobs: Sequence[Job]) -> Iterator[Path]:
    """Leave a file in the folder of all jobs' folders, for as long as they are done: who sees it shares the storage."""
    folder = Path(os.path.commonpath([job.run_dir.parent for job in jobs]))
    token = folder / f".shared-{secrets.token_hex(16)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".shared-*"):  # by a process that was killed
            left.unlink(missing_ok=True)
        token.touch()
        yield token
    finally:
        token.unlink(missing_ok=True)


@dataclass
class _Course:
    """All jobs, from the first to the last."""

    terms: Terms
    token: Path
    jobs: Mapping[str, Job]
    needs: Mapping[str, Need]
    shared: bool
    sent: dict[Any, Attempt] = field(default_factory=dict)
    begun: set[Attempt] = field(default_factory=set)
    attempts: Counter[str] = field(default_factory=Counter)
    stopping: bool = False
    _looked_s: float = field(default_factory=time.monotonic)
    _hopeless_since_s: float | None = None

    def begin(self) -> None:
        """Send all jobs."""
        nodes = machines()
        for name, need in self.needs.items():
            need.refuse_if_hopeless(name, nodes)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._mailbox = ray.remote(num_cpus=0, max_restarts=0)(Mailbox).options(scheduling_strategy=here).remote()
        self._do = ray.remote(max_retries=0)(code_sent(self.terms.version, self.token)[1])
        for job in self.jobs.values():
            self._send(job)

    def _send(self, job: Job) -> None:
        self.attempts[job.id] += 1
        attempt = Attempt(job.id, self.attempts[job.id])
        parcel = [ray.put(Parcel(job, attempt, self.terms.do))]  # in a list, so that it is not opened on the way
        task = self._do.options(**self.needs[job.id].as_options())
        ref = task.remote(parcel, self._mailbox, self._folder_of(job))
        self.sent[ref] = attempt

    def _folder_of(self, job: Job) -> list[Any]:
        """Return a reference to what there is of a job's run, packed; nothing where all share the storage."""
        if self.shared or not job.run_dir.is_dir():
            return []
        try:
            return [ray.put(pack(job.run_dir))]
        except OSError as error:
            raise DvdnSimError(f"{job.run_dir} cannot be read: {error.strerror or error}") from error

    def hear(self) -> Iterator[Event]:
        """Wait for news, not for long, and yield them."""
        over, _ = ray.wait(list(self.sent), timeout=TICK_S)
        yield from self._news()  # what a job told is here before its task is over
        for ref in over:
            yield from self._over(ref)
        if time.monotonic() - self._looked_s >= LOOK_S:
            self._look_for_hope()

    def _news(self) -> Iterator[Event]:
        under_way = set(self.sent.values())
        for attempt, event in self._answer("take"):
            if attempt in under_way:
                if isinstance(event, Began):
                    self.begun.add(attempt)
                yield event

    def _answer(self, question: str) -> Any:
        """Ask the mailbox."""
        try:
            return ray.get(getattr(self._mailbox, question).remote(), timeout=ANSWER_S)
        except RayError as error:
            raise DvdnSimError(f"the Ray cluster lost what gathers the news here: {line_of(error)}") from error

    def _over(self, ref: Any) -> Iterator[Event]:
        attempt = self.sent.pop(ref)
        job = self.jobs[attempt.id]
        try:
            result = ray.get(ref, timeout=ANSWER_S)
        except RayError as error:
            yield from self._again(job, line_of(error))
            return
        if isinstance(result, Done):
            yield from self._done(job, result)
        elif result is not None:
            refuse_other_version(result, self.terms.version)

    def _done(self, job: Job, done: Done) -> Iterator[Event]:
        outcome = done.outcome
        if done.packed is not None:
            try:
                unpack(done.packed, job.run_dir)
            except (DvdnSimError, OSError) as error:
                outcome = Outcome("failed", f"what came back cannot be kept: {error}", work_s=outcome.work_s)
        if outcome.state == "interrupted" and not self.stopping:  # by somebody who knows nothing of this sweep
            yield from self._again(job, "its process was asked to stop")
        else:
            yield Ended(job.id, outcome)

    def _again(self, job: Job, why: str) -> Iterator[Event]:
        """Send a job once more, unless that was tried often enough."""
        if self.stopping:
            yield Ended(job.id, Outcome("interrupted", why))
        elif self.attempts[job.id] < MOST_ATTEMPTS:
            self._send(job)
        else:
            yield Ended(job.id, given_up(why))

    def stop(self) -> Iterator[Event]:
        """Begin nothing more, and tell workers to stop with a checkpoint."""
        self.stopping = True
        self._answer("stop")
        yield from self._news()
        for ref in [ref for ref, attempt in self.sent.items() if attempt not in self.begun]:
            del self.sent[ref]
            ray.cancel(ref)

    def _look_for_hope(self) -> None:
        """Give up if nothing is under way, and for some time no machine has been able to do what is left."""
        self._looked_s = time.monotonic()
        left = set(self.sent.values())
        if not left or left & self.begun:
            self._hopeless_since_s = None
            return
        nodes = machines()
        try:
            for attempt in left:
                self.needs[attempt.id].refuse_if_hopeless(attempt.id, nodes)
            self._hopeless_since_s = None
        except DvdnSimError:
            if self._hopeless_since_s is None:
                self._hopeless_since_s = self._looked_s
            if self._looked_s - self._hopeless_since_s >= self.terms.patience_s:
                raise

    def leave(self) -> None:
        """Leave no task behind."""
        for ref in self.sent:
            with suppress(RayError):
                ray.cancel(ref, force=True)
