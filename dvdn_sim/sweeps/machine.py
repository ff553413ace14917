"""How many jobs fit this machine at once."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dvdn_sim.scenario.machine import has_gpu, memory_limit
from dvdn_sim.scenario.memory import Memory, Place, memory_of, refuse_if_too_large
from dvdn_sim.sweeps.grid import Cell

_CGROUP = Path("/sys/fs/cgroup")


def processes_for(jobs: int, memory_bytes: int | None = None) -> int:
    """Return how many processes to use: one for each core, as far as there is memory for them.

    Args:
        jobs: how many there are; no more processes than that.
        memory_bytes: what the largest of them takes; None if that is not known.
    """
    free = free_memory()
    fit = jobs if memory_bytes is None or free is None else free // memory_bytes
    return max(1, min(jobs, cores(), fit))


def largest_memory(cells: Sequence[Cell], device: str, *, elsewhere: bool = False) -> Memory:
    """Return what the largest cell takes of a machine's memory; what is on a GPU left aside.

    Args:
        cells: at least one.
        device: as in `dvdn_sim.run`.
        elsewhere: whether it is not this machine that trains it, nor this one's memory that matters.

    Raises:
        ScenarioError: this machine has not as much, even for it alone.
    """
    place: Place = "host" if device == "cuda" or (device == "auto" and not elsewhere and has_gpu()) else "machine"
    largest = max(cells, key=lambda cell: memory_of(cell.scenario).on(place).total_bytes)
    if elsewhere:
        return memory_of(largest.scenario).on(place)
    return refuse_if_too_large(largest.scenario, place=place, source=largest.id).on(place)


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
