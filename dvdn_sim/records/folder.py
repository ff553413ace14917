"""Run folders: which one a run writes to, and one process in it at a time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from dvdn_sim.errors import RunFolderError, os_errors_as
from dvdn_sim.records.schema import KEPT_FILES, MANIFEST_FILE, SCENARIO_FILE

RUNS = Path("runs")
LOCK_FILE = ".lock"


def create_run_dir(out: Path | None, name: str) -> Path:
    """Make an empty folder for a run: `out`, or ``runs/<name>``, ``runs/<name>-2``, ….

    Two processes that ask at once get two folders.

    Raises:
        RunFolderError: `out` is not empty or not a folder, `name` cannot name a folder, or the disk refuses.
    """
    with os_errors_as(RunFolderError, f"{out or RUNS / name} cannot be made"):
        if out is None:
            return _numbered(name)
        _refuse_file(out, "a new or empty folder expected")
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise RunFolderError(f"{out} is not empty; a new or empty folder expected, so that no run is overwritten")
    return out


def _numbered(name: str) -> Path:
    _check_name(name)
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


def _check_name(name: str) -> None:
    if Path(name).name != name or name in {"", ".."}:
        raise RunFolderError(f"{name!r} cannot name a folder in {RUNS}/")


def _refuse_file(out: Path, expected: str) -> None:
    if out.exists() and not out.is_dir():
        raise RunFolderError(f"{out} is a file; {expected}")


def run_dir_to_resume(out: Path | None, name: str) -> Path | None:
    """Return the folder of a run to go on with: `out`, or the latest of ``runs/<name>``; None if there is none yet.

    Raises:
        RunFolderError: `out` is a file or holds something that is no run, links within the folder lead elsewhere, or
            `name` cannot name a folder.
    """
    with os_errors_as(RunFolderError, f"{out or RUNS / name} cannot be read"):
        found = _latest(name) if out is None else _begun(out)
    if found is not None:
        refuse_links(found)
    return found


def _latest(name: str) -> Path | None:
    _check_name(name)
    found = {1: RUNS / name} | {
        int(number): path
        for path in RUNS.glob(f"{escape(name)}-*")
        if (number := path.name[len(name) + 1 :]).isdecimal()
    }
    begun = [number for number, path in found.items() if path.is_dir() and _may_be_of(path, name)]
    return found[max(begun)] if begun else None


def _may_be_of(run_dir: Path, name: str) -> bool:
    """Return whether no other run is in a folder: a run may well be called as the second of another name."""
    try:
        scenario = yaml.safe_load((run_dir / SCENARIO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return True  # killed as it began, or damaged, which is told when it is read
    return not isinstance(scenario, dict) or scenario.get("name") == name


def _begun(out: Path) -> Path | None:
    expected = "a run folder, or a new or empty one, expected"
    _refuse_file(out, expected)
    if not out.exists() or not any(out.iterdir()):
        return None
    # A lock, what was cut off as it was written, and files that come before the scenario which needs them.
    hidden = all(path.name.startswith(".") or path.name == KEPT_FILES for path in out.iterdir())
    if not hidden and not any((out / file).exists() for file in (SCENARIO_FILE, MANIFEST_FILE)):
        raise RunFolderError(f"{out} is not empty and holds no run; {expected}")
    return out


def refuse_links(folder: Path) -> None:
    """Refuse a folder with links in it, at whatever depth: what is written or removed there must be its own.

    Raises:
        RunFolderError: There is one.
    """
    for inner, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(inner, name)
            if path.is_symlink():
                raise RunFolderError(f"{path} is a link; a file or folder that only this run uses expected")


@contextmanager
def locked(run_dir: Path) -> Iterator[Callable[[], Path]]:
    """Hold a run folder; the system lets go of it with the process, however that ends.

    Yields what tells where the folder is, should somebody rename it meanwhile; only Linux knows.

    Raises:
        RunFolderError: Another process holds it, or the disk refuses.
    """
    lock = FileLock(run_dir / LOCK_FILE, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunFolderError(f"{run_dir} is being written by another process; wait, or choose another folder") from None
    except OSError as error:
        raise RunFolderError(f"{run_dir} cannot be locked: {error.strerror or error}") from error
    held = os.open(run_dir, os.O_RDONLY) if os.name == "posix" else None

    def where() -> Path:
        with suppress(OSError):
            if held is None or os.path.samestat(os.fstat(held), run_dir.stat()):
                return run_dir
        with suppress(OSError):
            moved = Path(f"/proc/self/fd/{held}").readlink()
            return moved if moved.is_dir() else run_dir
        return run_dir

    try:
        yield where
    finally:
        if held is not None:
            os.close(held)
        lock.release()
