"""What the process does that is part of a Ray cluster, and what is done on the machines of that cluster.

Every job is a task of Ray's: Ray finds a place for it, and does it again where its worker or machine is lost. All are
sent at once, so that a cluster that can grow sees what there is to do. Ray gives one task after the other to the same
process, in its main thread: torch is imported once for many jobs. Events go to an inbox, an actor beside the process
that sent the jobs; there a worker sees whether to stop, and there it gets a run's folder if it shares no storage. That
folder goes back with the result.
"""

import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayError, RayTaskError, WorkerCrashedError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.records import finished_digest, locked, write_durably
from dvdn_sim.scenario import cores
from dvdn_sim.sweeps.jobs import MAX_ATTEMPTS, Began, Ended, Event, Job, JobReport, Outcome, given_up
from dvdn_sim.sweeps.local import ONE_THREAD, TICK_S, job_bytes
from dvdn_sim.wording import size_text

ANSWER_TIMEOUT_S = 60.0
"""How long the inbox may take to answer; it holds next to nothing, so that then something is broken."""
_ray: Any = ray  # some of its functions say nothing of their types

Files = Mapping[str, bytes]
"""What a folder holds, by path in it."""


@contextmanager
def joined(address: str | None) -> Iterator[None]:
    """Be part of the cluster at an address; without one, of one of this machine, which is started and then ended."""
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {"address": "local", "num_cpus": cores(), "object_store_memory": 128 * 2**20}  # no folders are sent
        options["include_dashboard"] = False
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nobody is told of a sweep
    os.environ["RAY_task_oom_retries"] = str(MAX_ATTEMPTS - 1)  # noqa: SIM112 (Ray's; without it, for ever)
    try:
        ray.init(**options, log_to_driver=False, logging_level="CRITICAL", runtime_env={"env_vars": ONE_THREAD})
    except Exception as error:
        what = "none can be started" if address is None else "this machine cannot join (see `ray start --address`)"
        raise DvdnSimError(f"--ray {address or 'auto'}: {what}: {_reason(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def places(jobs: Sequence[Job]) -> int:
    """Return how many jobs like the largest of these the cluster can do at once; `DvdnSimError` if none."""
    return min(len(jobs), _places_for(_need(jobs)))


def _need(jobs: Sequence[Job]) -> dict[str, int]:
    """Return what the largest of the jobs takes of a machine; with device `auto` a GPU, if the cluster has any."""
    device = jobs[0].device
    gpus = int(device == "cuda" or (device == "auto" and _ray.cluster_resources().get("GPU", 0) >= 1))
    size = max(job_bytes(job.scenario, on_gpu=bool(gpus)) for job in jobs)
    return {"CPU": 1, "memory": size} | ({"GPU": 1} if gpus else {})


def _places_for(need: Mapping[str, int]) -> int:
    """Return how often the machines that are alive hold what is needed, if they did nothing else.

    Raises `DvdnSimError` if not once: such a job would wait for ever.
    """
    nodes = [node["Resources"] for node in _ray.nodes() if node["Alive"]]
    count = sum(min(int(has.get(name, 0) // amount) for name, amount in need.items()) for has in nodes)
    if not count:
        offers = "; ".join(
            f"{has.get('CPU', 0):g} CPU, {has.get('GPU', 0):g} GPU, {size_text(has.get('memory', 0))}" for has in nodes
        )
        gpu = ", a GPU" if "GPU" in need else ""
        raise DvdnSimError(
            f"no machine of the Ray cluster can take a cell: 1 CPU{gpu} and {size_text(need['memory'])} of memory "
            f"needed; there are: {offers or 'none'}"
        )
    return count


def run_tasks(
    jobs: Sequence[Job],
    stop: Callable[[], bool],
    do: Callable[[Job, JobReport], Outcome],
    version: str,
    patience_s: float,
) -> Iterator[Event]:
    """Yield what happens to the jobs, at least one, in a process that is part of the cluster.

    Their folders are given from the root, and lie in one; `stop` is as for an `Executor`, the rest as in `RayCluster`.
    Raises `DvdnSimError` if no machine can do what is left, or one lacks this program, or has another version of it.
    """
    need = _need(jobs)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    inbox = ray.remote(num_cpus=0, max_restarts=0)(Inbox).options(scheduling_strategy=here).remote()
    task = ray.remote(
        num_cpus=1,
        num_gpus=need.get("GPU", 0),
        memory=need["memory"],
        max_retries=MAX_ATTEMPTS - 1,
        retry_exceptions=[_StoppedElsewhereError],
    )(_do)
    begun: set[str] = set()
    stopping, possible_s = False, time.monotonic()
    folder = jobs[0].run_dir.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".shared-", dir=folder) as token:  # who sees it shares the storage
        waiting = {task.remote(version, [ray.put((job, do))], inbox, Path(token.name)): job for job in jobs}
        while waiting:
            over, _ = ray.wait(list(waiting), timeout=TICK_S)
            stopping = stopping or stop()
            for event in _news(inbox, stop=stopping):  # what a job sent is here before its task is over
                begun.add(event.id)
                yield event
            for ref in [ref for ref, job in waiting.items() if stopping and job.id not in begun]:
                del waiting[ref]
                ray.cancel(ref)
            for ref in [ref for ref in over if ref in waiting]:
                job = waiting.pop(ref)
                yield Ended(job.id, _outcome(ref, job))
            try:
                _places_for(need)
                possible_s = time.monotonic()
            except DvdnSimError:
                if time.monotonic() - possible_s >= patience_s:
                    raise


def _news(inbox: Any, *, stop: bool) -> list[Event]:
    """Return what happened since the last time, in order, and say whether to stop."""
    try:
        news: list[Event] = ray.get(inbox.take.remote(stop), timeout=ANSWER_TIMEOUT_S)
    except RayError as error:
        raise DvdnSimError(f"the Ray cluster lost the process that collects progress: {_reason(error)}") from error
    return news


def _outcome(ref: Any, job: Job) -> Outcome:
    """Return how a task that is over ended, its folder put in place if it comes with it.

    Raises `DvdnSimError` if the machine cannot do any job: it lacks this program, or has another version of it.
    """
    try:
        result: tuple[Outcome, Files | None] | None = ray.get(ref, timeout=ANSWER_TIMEOUT_S)
    except RayTaskError as error:
        if isinstance(error.cause, _StoppedElsewhereError):
            return given_up(str(error.cause))
        if isinstance(error.cause, DvdnSimError):
            raise error.cause from None
        raise DvdnSimError(f"a machine of the Ray cluster cannot run jobs: {error}") from error
    except RayError as error:
        return given_up(_reason(error))
    if result is None:
        return Outcome("interrupted", "its worker was lost")
    outcome, files = result
    try:
        if files is not None:
            put_in_place(files, job.run_dir)
    except (DvdnSimError, OSError) as error:
        return Outcome("failed", f"the run that came back cannot be written: {error}", work_s=outcome.work_s)
    return outcome


def _reason(error: Exception) -> str:
    """Return what went wrong in a line."""
    if isinstance(error, WorkerCrashedError):
        return "its worker died; this happens when a machine runs out of memory"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class Inbox:
    """Keeps events for the process that sent the jobs, and tells workers whether to stop.

    A Ray actor beside that process, which sees the same folders: one call at a time.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._stopping = False

    def put(self, event: Event | None) -> bool:
        """Keep what happened, and return whether jobs are to stop, in which case none may begin."""
        if event is not None and not (self._stopping and isinstance(event, Began)):
            self._events.append(event)
        return self._stopping

    def take(self, stop: bool) -> list[Event]:  # noqa: FBT001 (Ray's calls)
        """Return what happened since the last time, in order, and note whether jobs are to stop."""
        self._stopping = stop
        events, self._events = self._events, []
        return events

    def fetch(self, folder: Path) -> Files | None:
        """Return what a run's folder holds; None if there is none."""
        return files_of(folder) if folder.is_dir() else None


@dataclass
class _Line:
    """A worker's line to the inbox; a `JobReport`."""

    inbox: Any
    _stop: bool = False

    def send(self, event: Event | None) -> None:
        """Send what happened, and hear whether to stop; so it is where the inbox is no more."""
        try:
            self._stop = ray.get(self.inbox.put.remote(event), timeout=ANSWER_TIMEOUT_S) or self._stop
        except ActorUnavailableError:  # for the moment
            return
        except RayError:
            self._stop = True

    def stopping(self) -> bool:
        if not self._stop:
            self.send(None)
        return self._stop


class _StoppedElsewhereError(Exception):
    """A job was interrupted by somebody outside of this sweep: Ray does it again."""


def _do(version: str, task: list[Any], inbox: Any, token: Path) -> tuple[Outcome, Files | None] | None:
    """Do a job, on a machine of the cluster, and return its folder, too, where storage is not shared.

    None if it was not begun, for somebody asked to stop. The task is a reference to the job and what does it; in a
    list, so that it is opened once the version is known. Who sees the token, a file, shares the storage.
    """
    if (mine := importlib.metadata.version("dvdn-sim")) != version:
        machine = f"{platform.node()}, a machine of the Ray cluster,"
        raise DvdnSimError(f"{machine} has dvdn-sim {mine}; dvdn-sim {version} expected on all")
    job, do = ray.get(task[0])
    line = _Line(inbox)
    line.send(Began(job.id))
    if line.stopping():
        return None
    if token.exists() and os.access(token.parent, os.W_OK):
        outcome, files = do(job, line), None
    else:
        outcome, files = _do_apart(job, do, line)
    if outcome.state == "interrupted" and not line.stopping():
        raise _StoppedElsewhereError("its process was asked to stop")
    return outcome, files


def _do_apart(job: Job, do: Callable[[Job, JobReport], Outcome], line: _Line) -> tuple[Outcome, Files | None]:
    """Do a job in a folder of this machine's own, which is returned."""
    with tempfile.TemporaryDirectory(prefix="dvdn-sim-", ignore_cleanup_errors=True) as apart:
        run_dir = Path(apart, job.run_dir.name)
        try:
            before = ray.get(line.inbox.fetch.remote(job.run_dir))
            if before is not None:
                put_in_place(before, run_dir)
            outcome = do(replace(job, run_dir=run_dir), line)
            files = files_of(run_dir) if run_dir.is_dir() else None
        except OSError as error:
            return Outcome("failed", f"{platform.node()} cannot keep the run's folder: {error}"), None
    return replace(outcome, error=outcome.error.replace(str(run_dir), str(job.run_dir))), files


def files_of(folder: Path) -> Files:
    """Return what a run's folder holds, but for hidden files: locks, and what was cut off as it was written."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = path.read_bytes()
    return found


def put_in_place(files: Files, folder: Path) -> None:
    """Put a run's folder in its place: written beside it, forced to the disk, then renamed.

    A finished run is not replaced; what else is there is. The folder is as it was if the disk refuses (`OSError`), or
    if it is damaged or another process writes to it (`RunFolderError`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside, locked(folder):
        incoming, before = Path(beside, "incoming"), Path(beside, "before")
        incoming.mkdir()
        for name, content in files.items():
            path = incoming / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, content)
        if finished_digest(folder) is None:
            folder.rename(before)
            try:
                incoming.rename(folder)
            except OSError:
                before.rename(folder)
                raise
