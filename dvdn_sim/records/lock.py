"""One process per run folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dvdn_sim.errors import RunFolderError

LOCK_FILE = ".lock"


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Hold a run folder; the system lets go of it with the process, however that ends.

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
    try:
        yield
    finally:
        lock.release()
