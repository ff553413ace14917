"""Jobs on processes of this machine.

Workers are started once, import torch once, and take one job after the other, whoever is free. Each has a line of its
own to the process that started it: a worker that is killed takes no other with it (`concurrent.futures` ends the whole
pool), progress comes back on the same line, and a worker sees from its end that nobody is left to work for.
"""

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.scenario import Scenario, cores, has_gpu, memory_limit, refuse_oversized_replay, replay_bytes
from dvdn_sim.sweeps.grid import SweepCell
from dvdn_sim.sweeps.jobs import (
    MAX_ATTEMPTS,
    Began,
    Ended,
    Event,
    Job,
    JobReport,
    Outcome,
    given_up,
    import_training,
    work,
)

READY, STOP = "ready", "stop"
TICK_S = 0.2
"""How often it is asked whether to stop."""
MAX_FAILED_STARTS = 3
"""Workers in a row that die before they are ready; then there is something wrong with all of them."""
OUT_OF_MEMORY = "; a system that runs out of memory does so: try fewer `--jobs`"
PROCESS_BYTES = 350_000_000
"""Of a process that has imported torch, and trains a small scenario, without its replay buffer."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
"""What keeps libraries from starting a thread for each core in each of several processes."""


def processes_for(scenarios: Sequence[Scenario]) -> int:
    """Return how many processes to use for these: one for each core, as far as there is memory for the largest."""
    memory = memory_limit()
    fit = len(scenarios) if memory is None else memory // max(job_bytes(scenario) for scenario in scenarios)
    return max(1, min(len(scenarios), cores(), fit))


def refuse_oversized_cells(cells: Sequence[SweepCell], device: str) -> None:
    """Raise `ScenarioError` for a cell whose replay buffer this machine cannot hold; on a GPU, runs find out."""
    if device == "cpu" or (device == "auto" and not has_gpu()):
        for cell in cells:
            refuse_oversized_replay(cell.scenario, source=cell.id)


def job_bytes(scenario: Scenario, *, on_gpu: bool = False) -> int:
    """Return about how much of a machine's memory a run takes; the replay buffer is where the learner is."""
    return PROCESS_BYTES + (0 if on_gpu else replay_bytes(scenario))


@dataclass
class Pool:
    """Does jobs in so many processes of this machine; an `Executor`.

    Each worker calls `prepare` first, once for all its jobs, and `do` for every job.
    """

    processes: int
    do: Callable[[Job, JobReport], Outcome] = work
    prepare: Callable[[], object] = import_training

    def places(self, jobs: Sequence[Job]) -> int:
        return self.processes

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        team, events = _Team(self, deque(jobs)), list[Event]()
        try:
            while team.waiting or team.busy:
                if stop() and not team.stopping:
                    team.stop()
                events += team.hand_out()  # before anybody takes time over what happened
                yield from events
                events = team.hear()
            yield from events
        finally:
            for worker in team.workers:  # whatever they were at can be resumed
                worker.end()


class Worker:
    """A process that works for this one, and our end of the line to it.

    It is spawned, not forked: a copy of a process that runs torch may hang. Ctrl-C in a terminal reaches all processes
    at once; a worker blocks it, and stops when it is told to, or when the process that started it is gone. It runs
    `serve` with its end of the line.
    """

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.ready = False
        self.job: Job | None = None
        with _one_thread(), _without_ctrl_c():
            self.process.start()
        theirs.close()

    def send(self, message: object) -> None:
        """Send, unless the process is gone, which `messages` shows."""
        with suppress(OSError):
            self.line.send(message)

    def messages(self) -> Iterator[object]:
        """Yield what it sent; None as the last if it is gone."""
        try:
            while self.line.poll():
                yield self.line.recv()
        except (EOFError, OSError):
            yield None

    def end(self, grace_s: float = 0.0) -> str:
        """Hang up, kill the process if it does not leave by itself, and return how it ended."""
        self.line.close()
        self.process.join(grace_s)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"


@dataclass
class _Team:
    """The workers of a pool, and the jobs that wait."""

    pool: Pool
    waiting: deque[Job]
    workers: list[Worker] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    stopping: bool = False
    failed_starts: int = 0

    @property
    def busy(self) -> int:
        return sum(worker.job is not None for worker in self.workers)

    def stop(self) -> None:
        """Begin nothing more, and tell workers to stop with a checkpoint."""
        self.stopping = True
        self.waiting.clear()
        for worker in self.workers:
            worker.send(STOP)

    def hand_out(self) -> list[Event]:
        """Give every idle worker a job; start as many as there is work for."""
        begun: list[Event] = []
        for worker in self.workers:
            if self.waiting and worker.ready and worker.job is None:
                worker.job = job = self.waiting.popleft()
                self.attempts[job.id] += 1
                worker.send(job)
                begun.append(Began(job.id))
        while len(self.workers) < min(self.pool.processes, self.busy + len(self.waiting)):
            self.workers.append(Worker(partial(_serve, self.pool.do, self.pool.prepare)))
        return begun

    def hear(self) -> list[Event]:
        """Wait for messages of any worker, not for long, and return what they come to."""
        wait([worker.line for worker in self.workers], TICK_S)
        heard = [(worker, message) for worker in self.workers for message in worker.messages()]
        return [event for worker, message in heard for event in self._take(worker, message)]

    def _take(self, worker: Worker, message: object) -> list[Event]:
        if message == READY:
            worker.ready, self.failed_starts = True, 0
        elif isinstance(message, Ended) and worker.job is not None:
            job, worker.job = worker.job, None
            if message.outcome.state == "interrupted" and not self.stopping:  # by somebody outside of this sweep
                return self._retry(job, "its process was asked to stop")
            return [message]
        elif isinstance(message, Event):
            return [message]
        elif message is None:
            return self._replace(worker)
        return []

    def _replace(self, worker: Worker) -> list[Event]:
        """Take leave of a worker that is gone; another one is started if there is work for it."""
        self.workers.remove(worker)
        how = worker.end(grace_s=5.0)
        how += OUT_OF_MEMORY if "SIGKILL" in how else ""
        if worker.job is not None:
            return self._retry(worker.job, f"its process {how}")
        self.failed_starts += not worker.ready
        if self.failed_starts >= MAX_FAILED_STARTS:
            raise DvdnSimError(f"no worker process can be started: the last one {how} as it began")
        return []

    def _retry(self, job: Job, reason: str) -> list[Event]:
        """Begin a job once more, from its checkpoint, unless that was tried often enough."""
        if self.stopping:
            return [Ended(job.id, Outcome("interrupted", reason))]
        if self.attempts[job.id] >= MAX_ATTEMPTS:
            return [Ended(job.id, given_up(reason))]
        self.waiting.appendleft(job)
        return []


def _serve(do: Callable[[Job, JobReport], Outcome], prepare: Callable[[], object], line: Connection) -> None:
    """Take jobs until there are no more: what a worker runs."""
    os.dup2(2, 1)  # whatever is printed here has no place among the answers of the command
    prepare()
    caller = Caller(line)
    caller.send(READY)
    while isinstance(job := caller.receive(), Job):
        caller.send(Ended(job.id, do(job, caller)))


@dataclass
class Caller:
    """A worker's end of the line to the process that started it, which may be gone; a `JobReport`."""

    line: Connection
    gone: bool = False

    def send(self, message: object) -> None:
        """Send, if anybody is there."""
        try:
            self.line.send(message)
        except OSError:
            self.gone = True

    def receive(self) -> object:
        """Wait for a message; None if no more will come."""
        with suppress(EOFError, OSError):
            return None if self.gone else self.line.recv()
        return None

    def stopping(self) -> bool:
        try:
            self.gone = self.gone or (self.line.poll() and self.line.recv() == STOP)  # a worker at work hears no other
        except (EOFError, OSError):
            self.gone = True
        return self.gone


@contextmanager
def _one_thread() -> Iterator[None]:
    """Start processes meanwhile with `ONE_THREAD`, as far as the environment says nothing else."""
    before = dict(os.environ)
    os.environ.update(ONE_THREAD | before)
    try:
        yield
    finally:
        for name in ONE_THREAD.keys() - before.keys():
            del os.environ[name]


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C for processes that are started meanwhile, for as long as they live."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    resource_tracker.ensure_running()  # now, for as it starts it lets Ctrl-C through
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
