"""Whatever a scenario or an option names, nothing is written but in the folder of the run, and all there is its own."""

import json
import os
import shutil
from pathlib import Path

import pytest
from command_line import invoke
from small_runs import SCENARIO

import dvdn_sim
from dvdn_sim.records import LOCK_FILE
from dvdn_sim.scenario import parse_scenario


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A place with a scenario, and things that are no new folders."""
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SCENARIO)
    Path("file").write_text("mine")
    for folder in ("empty", "full"):
        Path(folder).mkdir()
    Path("full/mine").write_text("mine")
    os.mkfifo("pipe")
    for name, target in (("to_empty", "empty"), ("to_full", "full"), ("to_nothing", "nothing"), ("loop", "loop")):
        Path(name).symlink_to(target)
    return tmp_path


def told(*words: str) -> str:
    """What a command that is refused says."""
    result = invoke(*words, columns=1000)
    assert result.exit_code == 2, (words, result.stderr, result.exception)
    assert "Traceback" not in result.stderr
    return result.stderr


def tree(folder: Path) -> dict[str, object]:
    """All there is, links and what files hold included."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


USED = {
    "file": "is not a folder",
    "full": "is not empty",
    "to_full": "is not empty",
    "pipe": "is not a folder",
    ".": "is not empty",
    "..": "is not empty",
    "loop": "cannot be made",
    "to_nothing": "cannot be made",
    "file/x": "cannot be made: Not a directory",
    "/proc/x": "cannot be made",
    "x" * 300: "File name too long",
    "/".join(["x" * 100] * 60): "File name too long",
    "a\0b": "",
}


@pytest.mark.parametrize("out", USED, ids=lambda out: out[:20])
def test_a_folder_that_will_not_do_is_refused_and_left_alone(here, out):
    before = tree(here)
    for command in ("run --steps 1", "run --steps 1 --resume", "consensus --trials 1"):
        said = told(*command.split(), "s.yaml", "--quiet", "--out", out)
        if "--resume" not in command:  # which asks for the folder of a run, in words of its own
            assert USED[out] in said
        assert tree(here) == before


@pytest.mark.parametrize("name", ["../x", "..", "/x", "a/b", "a\\0b", "", ".", "x" * 65, "-x", "a b", "a\\n"])
def test_no_name_leads_out_of_the_folder_of_runs(here, name):
    Path("s.yaml").write_text(SCENARIO.replace("name: small", f'name: "{name}"'))
    before = tree(here)
    for command in ("run", "check", "predict", "consensus"):
        assert "cannot name a folder" in told(command, "s.yaml")
    assert tree(here) == before


@pytest.mark.parametrize("out", ["to_empty", "a~", "a*b[1]? 🙂", "new/er", "--out"])
def test_any_other_folder_will_do_and_can_be_read_again(here, out):
    """One that a link leads to is the user's own wish."""
    before = tree(here)
    result = invoke("run", "s.yaml", "--steps", "1", "--quiet", f"--out={out}")
    assert result.exit_code == 0, result.stderr
    assert invoke("show", "--", out).exit_code == 0
    assert invoke("evaluate", "--", out).exit_code == 0
    again = invoke("run", "s.yaml", "--steps", "1", "--quiet", f"--out={out}", "--resume")
    assert again.exit_code == 0, again.stderr
    within = os.path.normpath("empty" if out == "to_empty" else out).split("/")[0]
    assert {path.split("/")[0] for path in set(tree(here)) - set(before)} <= {within}
    assert {path: content for path, content in tree(here).items() if path in before} == before


PLANTED = [
    "metrics", "network", "trace", "policies", "checkpoint", "scenario.yaml", "manifest.json", LOCK_FILE,
    ".manifest.json.tmp", ".scenario.yaml.tmp", "metrics/part-000002.parquet", "metrics/.part-000002.parquet.tmp",
    "checkpoint/000009.json", "policies/seed-0.safetensors", "unrelated",
]  # fmt: skip


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    out = tmp_path_factory.mktemp("once") / "run"
    dvdn_sim.run(parse_scenario(SCENARIO, ["training.steps=1"]), device="cpu", out=out)
    return out


@pytest.fixture
def finished(here, once):
    """A run, without a file that says that it is over."""
    shutil.copytree(once, "run")
    Path("run/manifest.json").unlink()
    return here


@pytest.mark.parametrize("planted", PLANTED)
def test_a_link_within_the_folder_of_a_run_is_not_followed(finished, planted):
    """What it leads to is neither written, nor emptied of what no run needs, nor locked."""
    path = Path("run", planted)
    if path.exists():
        path.rename("run-was-there")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to((Path("full/mine") if path.suffix or planted.startswith(".") else Path("full")).absolute())
    before = tree(finished)
    said = told("run", "s.yaml", "--steps", "1", "--quiet", "--out", "run", "--resume")
    assert f"{path} is a link; a file or folder that only this run uses expected" in said
    assert tree(finished) == before


@pytest.mark.parametrize("words", ["check", "predict --json", "consensus --trials 1 --json", "run --steps 1 --json"])
def test_a_scenario_may_come_from_standard_input(here, words):
    """It is read once, and says what the file would."""
    command, *rest = words.split()
    result = invoke(command, "-", *rest, said=SCENARIO)
    assert result.exit_code == 0, result.stderr
    assert ("-: ok: dvdn" if command == "check" else "small") in result.stdout
    wrong = invoke(command, "-", *rest, said=SCENARIO.replace("seeds: [0]", "seeds: [0, 0]\nlos: 3"))
    assert wrong.exit_code == 2
    assert "-: 2 mistakes" in wrong.stderr
    if command == "run":
        again = invoke("run", "-", *rest, "--resume", said=SCENARIO)
        assert json.loads(again.stdout)["digest"] == json.loads(result.stdout)["digest"]


SWEEP = "name: swept\nquestion: Why?\nbase: s.yaml\naxes:\n  - {path: network.link.loss, values: [0%, 10%]}\n"


@pytest.mark.parametrize("planted", [LOCK_FILE, "cells.json", "loss=0%", ".cells.json.tmp"])
def test_a_link_within_the_folder_of_a_sweep_is_not_followed(here, planted):
    Path("sweep.yaml").write_text(SWEEP)
    Path("cells").mkdir()
    Path("cells", planted).symlink_to(Path("full").absolute())
    before = tree(here)
    said = told("sweep", "sweep.yaml", "--out", "cells", "--jobs", "1", "--quiet")
    assert f"cells/{planted} is a link" in said
    assert tree(here) == before
