"""Jobs on a Ray cluster: one of several machines, or one that is started on this machine for the sweep alone.

Ray runs in a process of its own, never in the one that shows the sweep: it handles signals its own way, prints much,
and ends the process if the cluster is lost. What that process does is in `dvdn_sim.sweeps.ray_tasks`.
"""

import importlib.metadata
import importlib.util
import os
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.sweeps.jobs import Event, Job, JobReport, Outcome, work
from dvdn_sim.sweeps.local import STOP, TICK_S, Worker

AUTO = "auto"
"""The address that stands for a cluster of this machine, started for the sweep."""
BEGIN, OVER = "begin", "over"
CONNECT_TIMEOUT_S = 5.0
JOIN_TIMEOUT_S = 60.0
"""How long it may take to join a cluster, or to start one."""
LEAVE_TIMEOUT_S = 20.0
"""How long it may take to leave one, or to end it."""


@dataclass(frozen=True)
class RayCluster:
    """Does jobs on a Ray cluster; an `Executor`."""

    address: str  # host and port of one that runs, of which this machine is a part; or `auto`, which starts one here
    do: Callable[[Job, JobReport], Outcome] = work  # what does a job, in a worker
    version: str = field(default_factory=lambda: importlib.metadata.version("dvdn-sim"))  # every machine must have it
    patience_s: float = 60.0  # how long to wait for a machine that can do what is left, once there is none

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        jobs = [replace(job, run_dir=job.run_dir.absolute()) for job in jobs]
        if not jobs:
            return
        stopping = False
        with closing(_answers(self, jobs)) as answers:
            for worker, message in answers:
                if isinstance(message, Event):
                    yield message
                elif isinstance(message, int):
                    worker.send(BEGIN)
                if not stopping and stop():
                    stopping = True
                    worker.send(STOP)

    def places(self, jobs: Sequence[Job]) -> int:
        with closing(_answers(self, jobs)) as answers:
            return next(message for _, message in answers if isinstance(message, int))


def _answers(cluster: RayCluster, jobs: Sequence[Job]) -> Generator[tuple[Worker, object], None, None]:
    """Start the process that talks to Ray, and yield what it sends, and None now and then, until it is done.

    First comes how many jobs the cluster can do at once; they are begun once `BEGIN` was sent. Raises `DvdnSimError` if
    Ray is not installed; if nobody answers at the address; if the process says so, is gone, or joins no cluster for too
    long.
    """
    _refuse_silent(cluster.address)
    with tempfile.NamedTemporaryFile("r", prefix="dvdn-sim-ray-", encoding="utf-8", errors="replace") as log:
        worker, began_s, joined = Worker(partial(_serve, cluster, jobs, Path(log.name))), time.monotonic(), False
        try:
            while True:
                worker.line.poll(TICK_S)
                for message in worker.messages():
                    if message == OVER:
                        return
                    if message is None:
                        how = f"the process that talked to it {worker.end(LEAVE_TIMEOUT_S)}"
                        raise DvdnSimError(f"the Ray cluster is lost: {how}{_last_line(log)}")
                    if isinstance(message, DvdnSimError):
                        raise message
                    joined = True
                    yield worker, message
                if not joined and time.monotonic() - began_s > JOIN_TIMEOUT_S:
                    raise DvdnSimError(f"no Ray cluster could be joined within {JOIN_TIMEOUT_S:.0f} s{_last_line(log)}")
                yield worker, None
        finally:
            worker.end(LEAVE_TIMEOUT_S)


def _refuse_silent(address: str) -> None:
    """Refuse what is no address, one at which nobody answers, which Ray would try for minutes, and any without Ray."""
    if importlib.util.find_spec("ray") is None:
        raise DvdnSimError("Ray is not installed; try: pip install 'dvdn-sim[ray]'")
    if address == AUTO:
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise DvdnSimError(f"--ray {address}: host:port expected, as `ray start --head` tells it, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise DvdnSimError(f"--ray {address}: nobody answers there: {error}") from error


def _last_line(log: Iterator[str]) -> str:
    lines = [line.strip() for line in log if line.strip()]
    return f"; it last printed: {lines[-1]}" if lines else ""


def _serve(cluster: RayCluster, jobs: Sequence[Job], log: Path, line: Connection) -> None:
    """Be part of the cluster and have it do the jobs: what the process runs.

    It sends what happens and how it ended, unless whoever asked has hung up. What is printed goes to a file.
    """
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # blocked as it is, Ray lets it through
    with suppress(OSError):
        try:
            from dvdn_sim.sweeps import ray_tasks  # noqa: PLC0415 (Ray stays out of the process that shows the sweep)

            with ray_tasks.joined(None if cluster.address == AUTO else cluster.address):
                line.send(ray_tasks.places(jobs))
                line.recv()  # BEGIN
                how = cluster.do, cluster.version, cluster.patience_s
                for event in ray_tasks.run_tasks(jobs, lambda: line.poll() and line.recv() == STOP, *how):
                    line.send(event)
            line.send(OVER)
        except DvdnSimError as error:
            line.send(error)
        except Exception:  # EOFError above all, if they have
            line.send(DvdnSimError(traceback.format_exc().rstrip()))
