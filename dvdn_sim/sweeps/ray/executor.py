"""Jobs on a Ray cluster, through a process that is the cluster's client."""

import importlib.metadata
import importlib.util
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.sweeps.child import Child
from dvdn_sim.sweeps.jobs import Event, Job, Outcome, Report, work
from dvdn_sim.sweeps.local import STOP, TICK_S

JOINED, OVER = "joined", "over"
JOIN_S = 60.0
"""How long it may take to join a cluster, or to start one."""
LEAVE_S = 20.0
"""How long it may take to leave one, or to end it."""


@dataclass(frozen=True)
class RayCluster:
    """Has jobs done by a Ray cluster.

    Attributes:
        address: host and port of one that runs, of which this machine is a part; or `auto`, which starts one here.
        do: what does a job, in a worker.
        version: of this program, which every machine of the cluster must have.
        patience_s: how long to wait for a machine that can do what is left, once there is none.
    """

    address: str
    do: Callable[[Job, Report], Outcome] = work
    version: str = field(default_factory=lambda: importlib.metadata.version("dvdn-sim"))
    patience_s: float = 60.0

    def run(self, jobs: Sequence[Job], stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield what happens to the jobs; see `dvdn_sim.sweeps.jobs.Executor`.

        Raises:
            DvdnSimError: Ray is not installed; there is no such cluster, or it is lost; none of its machines can do the
                jobs; or one of them lacks this program, or has another version of it.
        """
        jobs = [replace(job, run_dir=job.run_dir.absolute()) for job in jobs]
        if jobs:
            with _Client.of(partial(_run, self, jobs)) as client:
                yield from client.events(stop)

    def places(self, jobs: Sequence[Job]) -> int:
        """Return how many jobs like the largest of these the cluster can do at once, as it is now.

        Args:
            jobs: at least one.

        Raises:
            DvdnSimError: as for `run`.
        """
        with _Client.of(partial(_count, self, jobs)) as client:
            return next(said for said in client.said() if isinstance(said, int))


@dataclass
class _Client:
    """The process that talks to Ray, and what it has to say.

    Attributes:
        child: the process.
        log: its stdout and stderr, where Ray prints much.
    """

    child: Child
    log: "tempfile._TemporaryFileWrapper[str]"
    _joined: bool = False
    _began_s: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, serve: Callable[[Path, Connection], None]) -> Self:
        """Start it.

        Raises:
            DvdnSimError: Ray is not installed.
        """
        if importlib.util.find_spec("ray") is None:
            raise DvdnSimError("Ray is not installed; try: pip install 'dvdn-sim[ray]'")
        log = tempfile.NamedTemporaryFile("r", prefix="dvdn-sim-ray-", encoding="utf-8", errors="replace")  # noqa: SIM115
        return cls(Child.start(partial(serve, Path(log.name))), log)

    def __enter__(self) -> Self:
        """Listen to it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, at which it leaves the cluster."""
        self.child.line.close()
        self.child.process.join(LEAVE_S)
        self.child.process.terminate()
        self.child.end(LEAVE_S)
        self.log.close()

    def events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield what happens to the jobs, and pass on once that all are to stop."""
        asked = False
        for said in self.said():
            if isinstance(said, Event):
                yield said
            if not asked and stop():
                asked = True
                self.child.send(STOP)

    def said(self) -> Iterator[object]:
        """Yield what it says, and None now and then, until it has nothing more to say.

        Raises:
            DvdnSimError: It says so; or it is gone; or it joins no cluster for too long.
        """
        while True:
            self.child.line.poll(TICK_S)
            for message in self.child.heard():
                if message == OVER:
                    return
                if message is None:
                    raise DvdnSimError(self._how_it_ended())
                if isinstance(message, DvdnSimError):
                    raise message
                self._joined = self._joined or message == JOINED
                yield message
            if not self._joined and time.monotonic() - self._began_s > JOIN_S:
                raise DvdnSimError(f"no Ray cluster could be joined within {JOIN_S:.0f} s{self._last_words()}")
            yield None

    def _how_it_ended(self) -> str:
        self.child.process.join(LEAVE_S)
        return f"the Ray cluster is lost: the process that talked to it {self.child.how_it_ended}{self._last_words()}"

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log if line.strip()]
        return f"; its last words: {lines[-1]}" if lines else ""


def _run(cluster: RayCluster, jobs: Sequence[Job], log: Path, line: Connection) -> None:
    """Be part of the cluster, and have it do the jobs: what the process does."""
    with _answering(log, line):
        from dvdn_sim.sweeps.ray.cluster import joined  # noqa: PLC0415 (Ray stays out of the process that shows it)
        from dvdn_sim.sweeps.ray.course import Terms, follow  # noqa: PLC0415

        terms = Terms(cluster.do, cluster.version, cluster.patience_s)
        with joined(cluster.address):
            line.send(JOINED)
            with closing(follow(jobs, terms, lambda: line.poll() and line.recv() == STOP)) as events:
                for event in events:
                    line.send(event)


def _count(cluster: RayCluster, jobs: Sequence[Job], log: Path, line: Connection) -> None:
    """Be part of the cluster, and tell how many jobs it can do at once."""
    with _answering(log, line):
        from dvdn_sim.sweeps.ray.cluster import joined, places  # noqa: PLC0415

        with joined(cluster.address):
            line.send(places(jobs))


@contextmanager
def _answering(log: Path, line: Connection) -> Iterator[None]:
    """Tell how it ended, unless whoever asked has hung up; what is printed meanwhile goes to a file."""
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # blocked as it is, Ray lets it through
    with suppress(OSError):
        try:
            yield
            line.send(OVER)
        except DvdnSimError as error:
            line.send(error)
        except Exception:  # EOFError above all, if they have
            line.send(DvdnSimError(traceback.format_exc().rstrip()))
