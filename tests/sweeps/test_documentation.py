"""The page on sweeps: its file reads, has the cells that the page names, and its commands print what it shows."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from command_line import fenced, invoke, shown_commands

from dvdn_sim.records import SWEEP_FILE
from dvdn_sim.sweeps import AxisFile, QuickFile, SweepFile, load_cells

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
SHOWN = shown_commands(PAGE)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A checkout with the page's file in it, to stand in."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    (text,) = fenced(PAGE, "yaml")
    (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_dry_run_of_the_file_prints_what_is_shown():
    """All but how many at a time."""
    line = "dvdn-sim sweep policy.yaml --dry-run"
    result = invoke(*shlex.split(line)[1:], "--device", "cpu", columns=100)
    assert result.exit_code == 0, result.output
    told, shown = (re.sub(r"(?m)\d+ at a time$", "", text) for text in (result.output, SHOWN[line]))
    assert told == shown
    assert "policy=symmetric,loss=40%" in told


@pytest.mark.usefixtures("here")
def test_the_quick_table_has_the_quick_cells():
    sweep, cells = load_cells("policy.yaml", quick=True)
    shown = SHOWN["dvdn-sim sweep policy.yaml --quick"].splitlines()
    assert shown[0].startswith(f"{sweep.name}: {len(cells)} of {len(cells)} cells finished")
    assert shown[1] == f"  {sweep.question}"
    assert [tuple(row.split()[:2]) for row in shown[3:-1]] == [tuple(cell.at.values()) for cell in cells]
    assert shown[2].split()[:2] == list(cells[0].at)
    assert all(cell.scenario.seeds == (0, 1, 2) for cell in cells)


def test_every_key_is_explained_and_every_option_and_file_exists(here):
    table = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, flags=re.MULTILINE))
    assert list(table) == [each.name for each in fields(SweepFile)]
    for entry, key in ((AxisFile, "axes"), (QuickFile, "quick")):
        assert all(f"`{each.name}`" in table[key] for each in fields(entry))
    (here / "sweeps").mkdir()
    (sweep, _) = load_cells("policy.yaml")
    (here / "sweeps" / SWEEP_FILE).write_text(sweep.resolved(), encoding="utf-8")
    assert load_cells("sweeps/sweep.yaml")[1] == load_cells("policy.yaml")[1]  # "needs no other file"
    helps = {each: invoke(each, "--help", columns=100).output for each in ("sweep", "report")}
    words = [shlex.split(line) for line in SHOWN]
    assert {each[1] for each in words} == set(helps)
    assert all(load_cells(each[2])[1] for each in words if each[1] == "sweep")
    said = re.findall(r"`(--[a-z-]+)", PAGE) + re.findall(r" (--[a-z-]+)", "\n".join(SHOWN))
    assert [option for option in said if option not in helps["sweep"] + helps["report"]] == []
    assert all((here / link).exists() or (ROOT / "docs" / link).exists() for link in re.findall(r"\]\((\w+\.md)", PAGE))
