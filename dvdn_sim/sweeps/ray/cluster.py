"""The Ray cluster: being part of it, and what its machines are and have."""

import math
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError, WorkerCrashedError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.scenario.memory import size_text
from dvdn_sim.sweeps.child import ONE_THREAD
from dvdn_sim.sweeps.jobs import Job
from dvdn_sim.sweeps.machine import cores, job_bytes
from dvdn_sim.sweeps.ray.worker import ANSWER_S, DISTRIBUTION, Found, code_sent

HERE = "auto"
"""The address that stands for a cluster of this machine, started for the sweep."""
DIAL_S = 5.0
"""How long a cluster may take to take a call."""
MEMORY_STEP = 64 * 2**20
"""Ray keeps a queue for each amount of memory asked for; jobs that are nearly alike share one."""
STORE_BYTES = 128 * 2**20
"""Memory for Ray's objects in a cluster of this machine, where folders need not be sent."""
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
_ray: Any = ray  # some of its functions say nothing of their types


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Be part of a cluster, which is started if the address is `auto`, and then ended.

    Raises:
        DvdnSimError: There is no such cluster.
    """
    options: dict[str, Any] = {"address": address}
    if address == HERE:
        options = {"address": "local", "num_cpus": cores(), "object_store_memory": STORE_BYTES}
        options["include_dashboard"] = False
    else:
        _refuse_if_nobody_answers(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nobody is told of a sweep
    try:
        ray.init(**options, **_QUIET, runtime_env={"env_vars": ONE_THREAD})
    except Exception as error:
        what = "none can be started" if address == HERE else "this machine cannot join (see `ray start --address`)"
        raise DvdnSimError(f"--ray {address}: {what}: {line_of(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_if_nobody_answers(address: str) -> None:
    """Refuse an address that `ray.init` would try for minutes.

    Raises:
        DvdnSimError: It is no address, or nobody answers.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise DvdnSimError(f"--ray {address}: host:port expected, as `ray start --head` tells it, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), DIAL_S).close()
    except (OSError, OverflowError) as error:
        raise DvdnSimError(f"--ray {address}: nobody answers there: {error}") from error


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
        size = job_bytes(job.scenario, on_gpu=gpu)
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


def places(jobs: Sequence[Job]) -> int:
    """Return how many jobs like the largest of these the cluster can do at once, as it is now.

    Raises:
        DvdnSimError: It can do none of them.
    """
    largest = max((Need.of(job) for job in jobs), key=lambda need: need.memory)
    nodes = machines()
    largest.refuse_if_hopeless("the largest cell", nodes)
    return min(len(jobs), sum(largest.times_in(node) for node in nodes))


def _offer(has: Mapping[str, float]) -> str:
    return f"{has.get('CPU', 0):g} CPU, {has.get('GPU', 0):g} GPU, {size_text(has.get('memory', 0))}"


def line_of(error: Exception) -> str:
    """Return what went wrong in a line."""
    if isinstance(error, GetTimeoutError):
        return "no answer"
    if isinstance(error, WorkerCrashedError):
        return "its worker died; so it does on a machine that runs out of memory"
    if isinstance(error, RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
