"""What the README shows is what happens. (Its two set-up commands and its claims about the run are CI's first step.)"""

import doctest
import itertools
import shlex
from pathlib import Path

import pytest
from command_line import fenced, invoke, shown_commands
from watch import Watch

from dvdn_sim.scenario import load_scenario
from dvdn_sim.sweeps import load_cells

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = shown_commands(README)


def test_examples_in_python_print_what_they_show():
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("line", SHOWN)
def test_commands_are_ones_that_work(line, monkeypatch):
    """What trains, or reads what was trained, is only checked; shown output of the rest is compared to the letter."""
    monkeypatch.chdir(ROOT)
    program, *words = shlex.split(line)
    assert program == "dvdn-sim"
    if words[0] == "run":
        changes = [value for flag, value in itertools.pairwise(words) if flag == "--set"]
        load_scenario(words[1], changes)
        return
    if words[0] == "sweep":
        load_cells(words[1], quick="--quick" in words)
        return
    if words[0] in ("report", "show"):
        sweeps = [shlex.split(each) for each in SHOWN if " sweep " in each]
        made = [f"sweeps/{load_cells(each[2], quick='--quick' in each)[0].name}" for each in sweeps]
        assert words[1] in [*made, "runs/lossy_lbf"]
        options = invoke(words[0], "--help", columns=100).output
        assert all(word in options for word in words[2:])
        return
    files = [str(path) for word in words for path in (sorted(ROOT.glob(word)) if "*" in word else [word])]
    result = invoke(*files, columns=100)
    if SHOWN[line]:
        assert result.output == SHOWN[line]
    else:
        assert result.exit_code == 0, result.output


def test_an_environment_of_your_own_is_trained_and_played_as_shown(tmp_path, monkeypatch):
    """The lines in Python, for a few steps: five agents, one of whom leaves early and must not be acted for."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    lines = "".join(block for block in fenced(README, "python") if "YourParallelEnv" in block)
    found = {"YourParallelEnv": lambda: Watch(ids=range(5), leaves=2)}
    exec(lines.replace("steps=20_000", "steps=40"), found)  # noqa: S102 (the page's)
    assert found["summary"].as_json()["audit"] == "ok"
    assert [len(actions) for actions in found["env"].taken] == [5, 5, 4, 4, 4]


def test_the_installed_command_and_the_shown_output_belong_together():
    """The block under the first command is the closing summary of the scenario that the command names."""
    summary = fenced(README, "text")[0]
    assert summary.startswith("lossy_lbf: dvdn on lbf, 2 seeds")
    assert "audit      ok" in summary
    assert "dvdn-sim run scenarios/lossy_lbf.yaml" in fenced(README, "sh")[0]
