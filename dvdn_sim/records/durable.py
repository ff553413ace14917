"""Files that appear whole or not at all, and carry checksums: a flipped bit is found before anybody believes it.

Whoever writes a file keeps its SHA-256; a run's are in its manifest, and those of its parts in each checkpoint, too.
JSON files hold their own. Whoever reads one has it looked at first.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.schema import MANIFEST_FILE

Checksums = Mapping[str, str]
"""SHA-256 of files, by their names within a folder."""
SEAL = "sha256"
"""The key of a JSON file under which it has that of all its others."""


def write_durably(path: Path, content: bytes | str | Iterable[bytes | memoryview]) -> str:
    """Write a file beside `path`, force it to the disk, then rename it: a reader sees the old file or the new one.

    The temporary name begins with a dot; what a killed process left there is overwritten the next time. `content` may
    come in pieces. Returns its SHA-256.

    Raises:
        OSError: The disk refuses; `path` is as it was.
    """
    if isinstance(content, bytes | str):
        content = [content.encode() if isinstance(content, str) else content]
    temporary, total = path.with_name(f".{path.name}.tmp"), hashlib.sha256()
    with temporary.open("wb") as file:
        for piece in content:
            file.write(piece)
            total.update(piece)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _force_folder(path.parent)
    return total.hexdigest()


def _force_folder(folder: Path) -> None:
    """Force the names in `folder` to the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_changed(folder: Path, files: Checksums, by: str = MANIFEST_FILE) -> None:
    """Refuse files of a folder that are not, to the bit, what was written, as the file `by` says.

    Raises:
        RunFolderError: One is missing or damaged; the message names it.
    """
    for name, expected in files.items():
        path = folder / name
        try:
            if not path.is_file():  # a pipe would never end
                how = "damaged: a file expected" if path.exists() else f"missing, which {by} lists"
                raise RunFolderError(f"{path} is {how}")
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise RunFolderError(f"{path} cannot be read: {error.strerror or error}") from error
        if found != expected:
            raise RunFolderError(f"{path} is damaged: it is not what was written, as {by} has it")


def write_sealed(path: Path, content: Mapping[str, object], *, for_people: bool = True) -> None:
    """Write an object as a JSON file that holds its own checksum; if not for people, on one line, and with NaN.

    Raises:
        TypeError: A value that JSON cannot say.
        ValueError: A number that is not finite.
        OSError: The disk refuses; `path` is as it was.
    """
    sealed = {**content, SEAL: _checksum(path, content)}
    indent = 1 if for_people else None
    write_durably(path, json.dumps(sealed, indent=indent, ensure_ascii=False, allow_nan=not for_people) + "\n")


def read_sealed(path: Path) -> dict[str, Any]:
    """Return the object that `write_sealed` wrote.

    Raises:
        RunFolderError: It is damaged.
    """
    try:
        if not path.is_file():  # a pipe would never end
            raise RunFolderError(f"{path} is damaged: a file expected")
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise RunFolderError(f"{path} is damaged: an object expected")
        if SEAL not in content:
            raise RunFolderError(f"{path} is damaged: it has no checksum; versions before 0.2 wrote none")
        expected, found = content.pop(SEAL), _checksum(path, content)
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if found != expected:
        raise RunFolderError(f"{path} is damaged: it is not what was written")
    return content


def _checksum(path: Path, content: Mapping[str, object]) -> str:
    """Return the checksum of an object in a file of this name, numbers in it aside: no other kind of file fits it."""
    return hashlib.sha256(
        f"{re.sub(r'[0-9]+', '', path.name)} {json.dumps(content, sort_keys=True)}".encode()
    ).hexdigest()
