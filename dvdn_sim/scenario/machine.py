"""How much memory this machine lets a process have."""

import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
NVIDIA = Path("/proc/driver/nvidia/gpus")


def memory_limit(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Return the least of the machine's physical memory and the limits of the control groups that this process is in.

    Args:
        cgroups: where control groups, version 1 or 2, are mounted.
        membership: the file that says in which of them this process is.

    Returns:
        Bytes; None where nothing is known.
    """
    limits = [*_physical(), *_of_groups(cgroups, membership)]
    return min(limits, default=None)


def has_gpu() -> bool:
    """Return whether there seems to be an NVIDIA GPU, without asking torch, which takes seconds."""
    return NVIDIA.is_dir() and any(NVIDIA.iterdir())


def _physical() -> Iterator[int]:
    try:
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not everywhere, such as on Windows
        return


def _of_groups(cgroups: Path, membership: Path) -> Iterator[int]:
    """Yield the limits of the groups that this process is in, and of those that these are in."""
    try:
        lines = membership.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root, file = (cgroups, "memory.max") if not controllers else (cgroups / "memory", "memory.limit_in_bytes")
        if controllers and "memory" not in controllers.split(","):
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            yield from _limit(folder / file)
            if folder == root:
                break


def _limit(file: Path) -> Iterator[int]:
    """Yield the limit that a file states; none where there is no file, or it says `max`."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return
    if text.isdigit():
        yield int(text)
