"""What options say: the device, seeds, steps, and folders that nothing is overwritten in."""

from enum import StrEnum
from pathlib import Path

import typer


class Device(StrEnum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def as_overrides(seeds: str | None, steps: int | None) -> list[str]:
    """Return ``--seeds`` and ``--steps`` in the form of ``--set``."""
    overrides = [] if seeds is None else [f"seeds={parse_seeds(seeds)}"]
    return overrides if steps is None else [*overrides, f"training.steps={steps}"]


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a list such as ``0-2,7``.

    Raises:
        typer.BadParameter: for anything else.

    >>> parse_seeds("0-2,7")
    [0, 1, 2, 7]
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        last = last if dash else first
        if not all(end.isascii() and end.isdigit() and len(end) < 19 for end in (first, last)):
            raise typer.BadParameter(f"{part!r} is no seed; write 0-4 or 0,3", param_hint="--seeds")
        if not 0 <= int(last) - int(first) < 1000:
            raise typer.BadParameter(f"{part!r} is no range of up to 1000 seeds; write 0-4", param_hint="--seeds")
        seeds += range(int(first), int(last) + 1)
    return seeds


def refuse_used_folder(out: Path | None) -> None:
    """Refuse a folder that holds something: nothing is overwritten."""
    try:
        if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        what = "is not empty" if out.is_dir() else "is not a folder"
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
    raise typer.BadParameter(f"{str(out)!r} {what}; name a new folder", param_hint="--out")
