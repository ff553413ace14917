"""Files that scenarios are read from: with an end, and not too long."""

import stat
from pathlib import Path


class NotAFileError(OSError):
    """A folder, or a device or a pipe, which may have no end or never begin."""


def read_file(path: Path, most_bytes: int) -> bytes:
    """Return what a file holds, or the beginning of it.

    Args:
        path: a file, or a link to one.
        most_bytes: how much is read at most.

    Raises:
        NotAFileError: it is something else.
        OSError: it cannot be read.
        ValueError: no file can have that name.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise NotAFileError("it is not a file")
    with path.open("rb") as opened:
        return opened.read(most_bytes)


def reason_of(error: Exception) -> str:
    """Return why a file could not be read, in a few words.

    >>> reason_of(FileNotFoundError(2, "No such file or directory", "x.yaml"))
    'No such file or directory'
    """
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
