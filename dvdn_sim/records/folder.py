"""Which folder a run writes to: a new one, or that of a run to be resumed."""

import os
from glob import escape
from pathlib import Path

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.schema import MANIFEST_FILE, SCENARIO_FILE

RUNS = Path("runs")


def create_run_dir(out: Path | None, name: str) -> Path:
    """Make an empty folder for a run; two processes that ask at once get two folders.

    Args:
        out: The folder, if it was chosen; it may exist if it is empty.
        name: Name of the run, for ``runs/<name>``, else ``runs/<name>-2``, ``runs/<name>-3``, ….

    Raises:
        RunFolderError: `out` is not empty or not a folder, `name` cannot name a folder, or the disk refuses.
    """
    try:
        return _create(out, name)
    except OSError as error:
        raise RunFolderError(f"{out or RUNS / name} cannot be made: {error.strerror or error}") from error


def _create(out: Path | None, name: str) -> Path:
    if out is not None:
        if out.exists() and not out.is_dir():
            raise RunFolderError(f"{out} is a file; a new or empty folder expected")
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise RunFolderError(f"{out} is not empty; a new or empty folder expected, so that no run is overwritten")
        return out
    _check(name)
    RUNS.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = RUNS / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _check(name: str) -> None:
    if Path(name).name != name or name in {"", ".."}:
        raise RunFolderError(f"{name!r} cannot name a folder in {RUNS}/")


def run_dir_to_resume(out: Path | None, name: str) -> Path | None:
    """The folder of a run that may be gone on with; None if there is none yet.

    Args:
        out: The folder, if it was chosen.
        name: Name of the run; without `out` it is the latest of ``runs/<name>``, ``runs/<name>-2``, ….

    Raises:
        RunFolderError: `out` is a file or holds something that is no run, links within the folder lead elsewhere, or
            `name` cannot name a folder.
    """
    try:
        found = _to_resume(out, name)
    except OSError as error:
        raise RunFolderError(f"{out or RUNS / name} cannot be read: {error.strerror or error}") from error
    if found is not None:
        refuse_links(found)
    return found


def refuse_links(folder: Path) -> None:
    """Refuse a folder in which links lead elsewhere: what is written there, or removed, must be its own.

    Args:
        folder: The folder; it may be reached by a link itself.

    Raises:
        RunFolderError: There is a link in it, at whatever depth.
    """
    for inner, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(inner, name)
            if path.is_symlink():
                raise RunFolderError(f"{path} leads elsewhere; a file or folder expected, which nobody else uses")


def _to_resume(out: Path | None, name: str) -> Path | None:
    if out is None:
        _check(name)
        found = {1: RUNS / name} | {
            int(number): path
            for path in RUNS.glob(f"{escape(name)}-*")
            if (number := path.name[len(name) + 1 :]).isdecimal()
        }
        begun = [number for number, path in found.items() if path.is_dir()]
        return found[max(begun)] if begun else None
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is a file; a run folder, or a new or empty one, expected")
    if not out.exists() or not any(out.iterdir()):
        return None
    hidden = all(path.name.startswith(".") for path in out.iterdir())  # a lock, or what was cut off as it was written
    if not hidden and not any((out / file).exists() for file in (SCENARIO_FILE, MANIFEST_FILE)):
        raise RunFolderError(f"{out} is not empty and holds no run; a run folder, or a new or empty one, expected")
    return out
