"""One process per run folder, whatever became of the one before."""

import multiprocessing
from pathlib import Path

import pytest

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.lock import LOCK_FILE, locked

CONTEXT = multiprocessing.get_context("forkserver")


def _hold(folder: Path, held, done) -> None:
    with locked(folder):
        held.set()
        done.wait()


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path):
    """Killed with -9 it lets go, too: the system takes the lock away, nothing has to be cleaned up."""
    held, done = CONTEXT.Event(), CONTEXT.Event()
    other = CONTEXT.Process(target=_hold, args=(tmp_path, held, done))
    other.start()
    try:
        assert held.wait(60)
        with pytest.raises(RunFolderError, match="is being written by another process"), locked(tmp_path):
            pass
    finally:
        other.kill()
        other.join()
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path):
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(RunFolderError, match="cannot be locked: Is a directory"), locked(tmp_path):
        pass
