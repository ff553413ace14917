"""Which folder a run writes to."""

from pathlib import Path

import pytest

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.folder import create_run_dir, run_dir_to_resume


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_nothing_to_resume_where_nothing_was_begun(here):
    assert run_dir_to_resume(None, "lossy") is None
    assert run_dir_to_resume(here / "new", "lossy") is None
    (here / "empty").mkdir()
    assert run_dir_to_resume(here / "empty", "lossy") is None


def test_the_latest_run_of_a_name_is_resumed():
    """By number, not by spelling, and not that of another name."""
    for _ in range(11):
        create_run_dir(None, "lossy")
    create_run_dir(None, "lossy-lbf")
    create_run_dir(None, "lossy[1]")
    assert run_dir_to_resume(None, "lossy") == Path("runs/lossy-11")
    assert run_dir_to_resume(None, "lossy-lbf") == Path("runs/lossy-lbf")
    assert run_dir_to_resume(None, "lossy[1]") == Path("runs/lossy[1]")


@pytest.mark.parametrize("file", ["scenario.yaml", "manifest.json", ".lock", ".scenario.yaml.tmp"])
def test_a_folder_is_resumed_however_early_its_run_was_killed(here, file):
    (here / "run").mkdir()
    (here / "run" / file).touch()
    assert run_dir_to_resume(here / "run", "x") == here / "run"


def test_what_is_no_run_is_left_alone(here):
    (here / "notes").write_text("mine")
    with pytest.raises(RunFolderError, match="holds no run"):
        run_dir_to_resume(here, "x")
    with pytest.raises(RunFolderError, match="is a file"):
        run_dir_to_resume(here / "notes", "x")
    with pytest.raises(RunFolderError, match="cannot name a folder"):
        run_dir_to_resume(None, "../x")
    assert (here / "notes").read_text() == "mine"
