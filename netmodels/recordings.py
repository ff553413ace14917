"""Recordings: texts of values that were measured, in files with an end, and not too long."""

import stat
from pathlib import Path

MOST_BYTES = 4 * 2**20
MOST_VALUES = 20_000
"""Delays or losses of one recording: so many can still be written out where a scenario is kept."""


def read_recording(file: str, name: str) -> str:
    """Read a recording.

    Args:
        file: path of a text file, UTF-8.
        name: parameter named in the error.

    Returns:
        Its text.

    Raises:
        ValueError: for what cannot be read, a device or a pipe, which may have no end, and a file that is too long.

    >>> read_recording("/dev/zero", "delay.file")
    Traceback (most recent call last):
    ValueError: delay.file: expected a text file, got '/dev/zero'
    """
    try:
        content = _beginning_of(Path(file))
    except (OSError, TypeError, ValueError) as error:  # also: no name of a file
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{name}: cannot read {file!r}: {reason}") from error
    if content is None:
        raise ValueError(f"{name}: expected a text file, got {file!r}")
    if len(content) > MOST_BYTES:
        raise ValueError(f"{name}: expected at most {MOST_BYTES // 2**20} MiB, got more in {file!r}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: expected UTF-8, got byte {error.start} of {file!r}, which is none") from error


def _beginning_of(path: Path) -> bytes | None:
    """What a file holds, or more than it may; None for what is no file."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)
