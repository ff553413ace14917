"""Files that appear whole or not at all, whatever kills the process or the machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_durably(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, force it to the disk, then rename it to `path`.

    A reader sees the old file or the new one. The temporary name begins with a dot; what a killed process left there is
    overwritten the next time.

    Args:
        path: The file; replaced if it exists. Its folder must exist.
        write: Writes the content to the open binary file that it is given.

    Raises:
        OSError: The disk refuses; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _force_folder(path.parent)


def _force_folder(folder: Path) -> None:
    """Force the names in `folder` to the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
