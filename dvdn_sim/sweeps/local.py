"""Jobs on a pool of processes of this machine.

Workers are started once, import torch once, and take one job after the other, whoever is free.
"""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.sweeps.child import Child
from dvdn_sim.sweeps.jobs import (
    MOST_ATTEMPTS,
    Began,
    Ended,
    Event,
    Job,
    Outcome,
    Report,
    given_up,
    import_training,
    work,
)

READY, STOP = "ready", "stop"
TICK_S = 0.2
"""How often it is asked whether to stop."""
GRACE_S = 5.0
"""How long workers may take to leave once there is nothing more to do."""
MOST_STILLBORN = 3
"""Workers in a row that die before they are ready; then there is something wrong with all of them."""
OUT_OF_MEMORY = "; a system that runs out of memory does so: try fewer `--jobs`"


@dataclass
class Pool:
    """Has jobs done in so many processes of this machine.

    Attributes:
        processes: how many.
        do: what does a job, in a worker.
        prepare: what each worker does first, once for all its jobs.
    """

    processes: int
    do: Callable[[Job, Report], Outcome] = work
    prepare: Callable[[], object] = import_training

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield what happens to the jobs; see `dvdn_sim.sweeps.jobs.Executor`."""
        crew = _Crew(deque(jobs), min(self.processes, len(jobs)), partial(_serve, self.do, self.prepare))
        try:
            while crew.waiting or crew.busy:
                if stop() and not crew.stopping:
                    crew.stop()
                yield from crew.hand_out()
                yield from crew.hear(TICK_S)
            crew.dismiss()
        finally:
            crew.kill()


@dataclass(eq=False)
class _Worker(Child):
    """A process, and what it does."""

    ready: bool = False
    job: Job | None = None


@dataclass
class _Crew:
    """All workers and all jobs."""

    waiting: deque[Job]
    size: int
    serve: Callable[[Connection], None]
    workers: list[_Worker] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    stopping: bool = False
    stillborn: int = 0

    @property
    def busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.job is not None]

    def hand_out(self) -> Iterator[Event]:
        """Give every idle worker a job; start as many as there is work for."""
        for worker in self.workers:
            yield from self._give(worker)
        wanted = min(self.size, len(self.busy) + len(self.waiting))
        while len(self.workers) < wanted:
            self.workers.append(_Worker.start(self.serve))

    def _give(self, worker: _Worker) -> list[Event]:
        """Give a worker the next job, if it is free and there is one."""
        if not self.waiting or not worker.ready or worker.job is not None:
            return []
        worker.job = self.waiting.popleft()
        self.attempts[worker.job.id] += 1
        worker.send(worker.job)
        return [Began(worker.job.id)]

    def hear(self, timeout_s: float) -> Iterator[Event]:
        """Wait for news of any worker, and yield it."""
        if not self.workers:
            return
        lines = {worker.line: worker for worker in self.workers}
        for line in wait(list(lines), timeout_s):
            worker = lines[line]  # type: ignore[index]  # they are the ones that were given
            for message in worker.heard():
                yield from self._news(worker, message)

    def _news(self, worker: _Worker, message: object) -> Iterator[Event]:
        if message is None:
            yield from self._lost(worker)
        elif message == READY:
            worker.ready, self.stillborn = True, 0
        elif isinstance(message, Outcome):
            yield from self._done(worker, message)
        elif isinstance(message, Event):
            yield message

    def _done(self, worker: _Worker, outcome: Outcome) -> Iterator[Event]:
        job, worker.job = worker.job, None
        if job is None:
            raise DvdnSimError("a worker finished what it was not given")
        if outcome.state == "interrupted" and not self.stopping:  # by somebody who knows nothing of this sweep
            yield from self._again(job, "its process was asked to stop")
            return
        given = self._give(worker)  # before anybody takes time over what is told here
        yield Ended(job.id, outcome)
        yield from given

    def _lost(self, worker: _Worker) -> Iterator[Event]:
        self.workers.remove(worker)
        worker.end(GRACE_S)
        how = worker.how_it_ended
        how += OUT_OF_MEMORY if "SIGKILL" in how else ""
        if worker.job is not None:
            yield from self._again(worker.job, f"its process {how}")
        elif not worker.ready:
            self.stillborn += 1
            if self.stillborn >= MOST_STILLBORN:
                raise DvdnSimError(f"no process can be started to work in: the last one {how} as it began")

    def _again(self, job: Job, why: str) -> Iterator[Event]:
        """Begin a job once more, from its checkpoint, unless that was tried often enough."""
        if self.stopping:
            yield Ended(job.id, Outcome("interrupted", why))
        elif self.attempts[job.id] < MOST_ATTEMPTS:
            self.waiting.appendleft(job)
        else:
            yield Ended(job.id, given_up(why))

    def stop(self) -> None:
        """Begin nothing more, and tell workers to stop with a checkpoint."""
        self.stopping = True
        self.waiting.clear()
        for worker in self.busy:
            worker.send(STOP)

    def dismiss(self) -> None:
        """Let workers leave, who have nothing to do; those that are still getting ready are not waited for."""
        for worker in self.workers:
            worker.send(STOP)
        until_s = time.monotonic() + GRACE_S
        for worker in self.workers:
            worker.end(max(0.0, until_s - time.monotonic()) if worker.ready else 0.0)
        self.workers.clear()

    def kill(self) -> None:
        """Leave no process behind; what they were at can be gone on with."""
        for worker in self.workers:
            worker.end(0.0)
        self.workers.clear()


def _serve(do: Callable[[Job, Report], Outcome], prepare: Callable[[], object], line: Connection) -> None:
    """Take jobs until there are no more: what a worker does."""
    os.dup2(2, 1)  # whatever is printed here has no place among the answers of whoever started this
    prepare()
    caller = _Caller(line)
    caller.send(READY)
    while (job := caller.next_job()) is not None:
        caller.send(do(job, caller))


@dataclass
class _Caller:
    """The other end of the line: who sends jobs. It may be gone."""

    line: Connection
    gone: bool = False

    def send(self, message: object) -> None:
        """Send, if anybody is there."""
        try:
            self.line.send(message)
        except OSError:
            self.gone = True

    def tell(self, event: Event) -> None:
        """Send what happened."""
        self.send(event)

    def next_job(self) -> Job | None:
        """Wait for a job; None if no more will come."""
        try:
            message = None if self.gone else self.line.recv()
        except (EOFError, OSError):
            message = None
        return message if isinstance(message, Job) else None

    def stopping(self) -> bool:
        """Return whether to stop: the only thing that is sent to a worker at work."""
        try:
            self.gone = self.gone or (self.line.poll() and self.line.recv() == STOP)
        except (EOFError, OSError):
            self.gone = True
        return self.gone
