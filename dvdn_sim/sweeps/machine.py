"""How many jobs fit this machine at once."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dvdn_sim.scenario import Scenario, has_gpu, memory_limit, refuse_oversized_replay, replay_bytes
from dvdn_sim.sweeps.grid import Cell

_CGROUP = Path("/sys/fs/cgroup")
_PROCESS_BYTES = 350_000_000
"""Of a process that has imported torch, and trains a small scenario, without its replay buffer."""


def processes_for(jobs: int, memory_bytes: int | None = None) -> int:
    """Return how many processes to use: one for each core, as far as there is memory for them.

    Args:
        jobs: how many there are; no more processes than that.
        memory_bytes: what the largest of them takes; None if that is not known.
    """
    free = free_memory()
    fit = jobs if memory_bytes is None or free is None else free // memory_bytes
    return max(1, min(jobs, cores(), fit))


def refuse_oversized_cells(cells: Sequence[Cell], device: str) -> None:
    """Refuse cells whose replay buffer this machine cannot hold; on a GPU, each run finds that out itself.

    Raises:
        ScenarioError: there is one.
    """
    if device == "cpu" or (device == "auto" and not has_gpu()):
        for cell in cells:
            refuse_oversized_replay(cell.scenario, source=cell.id)


def job_bytes(scenario: Scenario, *, on_gpu: bool = False) -> int:
    """Return about how much of a machine's memory a run takes; the replay buffer is where the learner is."""
    return _PROCESS_BYTES + (0 if on_gpu else replay_bytes(scenario))


def cores() -> int:
    """Return how many cores this process may use: of the machine, of its affinity, of its container's share."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, int(quota) // int(period)))
    return count


def free_memory() -> int | None:
    """Return how many bytes are free, of the machine and of its container; None where the system does not say."""
    limit = memory_limit()
    found = [] if limit is None else [limit]
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with suppress(OSError, ValueError):
        most, used = ((_CGROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        found.append(int(most) - int(used))  # `max` where there is no limit, which is no number
    return min(found, default=None)
