"""What the README shows is what happens. (Its two set-up commands and its claims about the run are CI's first step.)"""

import doctest
import itertools
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dvdn_sim import cli
from dvdn_sim.scenario import load_scenario
from dvdn_sim.sweeps import load_cells

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[list[str], str]]:
    """Every `$ dvdn-sim ...` of the README with the output shown beneath it."""
    found = []
    for block in fenced("console"):
        for piece in block.split("$ ")[1:]:
            line, _, output = piece.partition("\n")
            found.append((shlex.split(line), output))
    return found


def test_examples_in_python_print_what_they_show():
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(("words", "shown"), commands(), ids=lambda value: " ".join(value)[:60])
def test_commands_are_ones_that_work(words, shown, monkeypatch):
    """What trains, or reads what was trained, is only checked; shown output of the rest is compared to the letter."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    assert words.pop(0) == "dvdn-sim"
    if words[0] == "run":
        changes = [value for flag, value in itertools.pairwise(words) if flag == "--set"]
        load_scenario(words[1], changes)
        return
    if words[0] == "sweep":
        load_cells(words[1], quick="--quick" in words)
        return
    if words[0] in ("report", "show"):
        made = {
            f"sweeps/{load_cells(each[2], quick='--quick' in each)[0].name}"
            for each, _ in commands()
            if each[1] == "sweep"
        }
        assert words[1] in {*made, "runs/lossy_lbf"}
        options = CliRunner().invoke(cli.app, [words[0], "--help"]).output
        assert all(word in options for word in words[2:])
        return
    files = [str(path) for word in words for path in (sorted(ROOT.glob(word)) if "*" in word else [word])]
    result = CliRunner().invoke(cli.app, files)
    if shown:
        assert result.output == shown
    else:
        assert result.exit_code == 0, result.output


def test_the_installed_command_and_the_shown_output_belong_together():
    """The block under the first command is the closing summary of the scenario that the command names."""
    summary = fenced("text")[0]
    assert summary.startswith("lossy_lbf: dvdn on lbf, 2 seeds")
    assert "audit      ok" in summary
    assert "dvdn-sim run scenarios/lossy_lbf.yaml" in fenced("sh")[0]
