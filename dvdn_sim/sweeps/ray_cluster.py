"""The Ray cluster: being part of it, and what its machines are and have."""

import math
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.scenario.memory import Place, memory_of, size_text
from dvdn_sim.sweeps.jobs import Job
from dvdn_sim.sweeps.local import ONE_THREAD, environment
from dvdn_sim.sweeps.machine import cores
from dvdn_sim.sweeps.ray_worker import ANSWER_S, DISTRIBUTION, Found, code_sent

HERE = "auto"
"""The address that stands for a cluster of this machine, started for the sweep."""
DIAL_S = 5.0
"""How long a cluster may take to take a call."""
JOIN_S = 60.0
"""How long it may take until one is joined."""
MEMORY_STEP = 64 * 2**20
"""Ray keeps a queue for each amount of memory asked for; jobs that are nearly alike share one."""
STORE_BYTES = 128 * 2**20
"""Memory for Ray's objects in a cluster of this machine, where folders need not be sent."""
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
_JOIN = f"import os, ray, sys\nray.init(address=sys.argv[1], **{_QUIET})\nos._exit(0)\n"
_ray: Any = ray  # some of its functions say nothing of their types


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Be part of a cluster, which is started if the address is `auto`, and then ended; signals are handled as before.

    Raises:
        DvdnSimError: There is no such cluster, or this process is part of one.
    """
    if ray.is_initialized():
        raise DvdnSimError("this process is part of a Ray cluster already; call ray.shutdown() first")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _join(address)
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
        yield
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    options: dict[str, Any] = {"address": address}
    if address == HERE:
        options = {"address": "local", "num_cpus": cores(), "object_store_memory": STORE_BYTES}
        options["include_dashboard"] = False
    else:
        _refuse_if_nobody_answers(address)
    try:
        with environment({"RAY_USAGE_STATS_ENABLED": "0"}):  # nobody is told of a sweep
            ray.init(**options, **_QUIET, runtime_env={"env_vars": ONE_THREAD})
    except (RayError, ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise DvdnSimError(f"--ray {address}: {line_of(error)}") from error


def _refuse_if_nobody_answers(address: str) -> None:
    """Refuse an address that `ray.init` would try for minutes, or for ever.

    Raises:
        DvdnSimError: Nobody answers, or no Ray cluster that this machine is part of.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise DvdnSimError(f"--ray {address}: host:port expected, as `ray start --head` tells it, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), DIAL_S).close()
    except (OSError, OverflowError) as error:
        raise DvdnSimError(f"--ray {address}: nobody answers there: {error}") from error
    try:
        tried = subprocess.run(  # noqa: S603 (ours)
            [sys.executable, "-c", _JOIN, address], capture_output=True, text=True, timeout=JOIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise DvdnSimError(f"--ray {address}: what answers there is no Ray cluster, or a broken one") from None
    if tried.returncode != 0:
        said = tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"]
        raise DvdnSimError(
            f"--ray {address}: this machine cannot join: {said[-1]}; is it part of the cluster (`ray start --address`)?"
        )


def refuse_other_version(found: Found, version: str) -> None:
    """Refuse a machine that would do something else.

    Raises:
        DvdnSimError: It lacks this program, or has another version of it.
    """
    name, has, _ = found
    if has != version:
        said = f"has {DISTRIBUTION} {has}" if has else f"lacks {DISTRIBUTION}"
        raise DvdnSimError(f"{name}, a machine of the Ray cluster, {said}; {DISTRIBUTION} {version} expected on all")


def look_around(version: str, token: Path) -> bool:
    """Ask all machines what they have; those that do not answer are left to Ray.

    Returns:
        Whether all of them share the storage.

    Raises:
        DvdnSimError: One of them lacks this program, or has another version of it; or none answers.
    """
    look = ray.remote(num_cpus=0, max_retries=0)(code_sent(version, token)[0])
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in machines()]
    asked = [look.options(scheduling_strategy=place).remote() for place in places]
    answers, _ = ray.wait(asked, num_returns=len(asked), timeout=ANSWER_S) if asked else ([], [])
    found = []
    for answer in answers:
        with suppress(RayError):
            found.append(ray.get(answer))
    for each in found:
        refuse_other_version(each, version)
    if not found:
        raise DvdnSimError("no machine of the Ray cluster answers")
    return all(shared for _, _, shared in found)


def machines() -> list[Mapping[str, Any]]:
    """Return the machines that Ray takes to be alive."""
    return [node for node in _ray.nodes() if node["Alive"]]


@dataclass(frozen=True)
class Need:
    """What a job takes of a machine.

    Attributes:
        memory: bytes.
        gpus: 0 or 1.
    """

    memory: int
    gpus: int

    @classmethod
    def of(cls, job: Job) -> "Need":
        """Return what a job takes; with device `auto` a GPU, if the cluster has any."""
        gpu = job.device == "cuda" or (job.device == "auto" and _ray.cluster_resources().get("GPU", 0) >= 1)
        place: Place = "host" if gpu else "machine"
        size = memory_of(job.scenario).on(place).total_bytes
        return cls(MEMORY_STEP * math.ceil(size / MEMORY_STEP), int(gpu))

    def as_options(self) -> dict[str, Any]:
        """Return it in Ray's words."""
        return {"num_cpus": 1, "memory": self.memory, "num_gpus": self.gpus}

    def times_in(self, node: Mapping[str, Any]) -> int:
        """Return how often it fits a machine that does nothing else."""
        has = node["Resources"]
        fits = min(has.get("CPU", 0), has.get("memory", 0) // self.memory)
        return int(min(fits, has.get("GPU", 0)) if self.gpus else fits)

    def refuse_if_hopeless(self, who: str, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Refuse what fits no machine, however little else it does.

        Raises:
            DvdnSimError: There is none.
        """
        if any(self.times_in(node) for node in nodes):
            return
        gpu = ", a GPU" if self.gpus else ""
        offers = "; ".join(_offer(node["Resources"]) for node in nodes) or "none"
        raise DvdnSimError(
            f"no machine of the Ray cluster can take {who}: 1 CPU{gpu} and {size_text(self.memory)} of memory needed; "
            f"there are: {offers}"
        )


def _offer(has: Mapping[str, float]) -> str:
    return f"{has.get('CPU', 0):g} CPU, {has.get('GPU', 0):g} GPU, {size_text(has.get('memory', 0))}"


def line_of(error: Exception) -> str:
    """Return what went wrong in a line."""
    if isinstance(error, GetTimeoutError):
        return "no answer"
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
