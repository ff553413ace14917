"""What is printed and written: no text of a user's controls a terminal or a spreadsheet, and no terminal is too odd."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from command_line import invoke
from report_folders import write_run, write_sweep
from rich.table import Table
from rich.text import Text
from sweep_parts import SWEEP
from sweep_parts import write_sweep as write_sweep_file

from dvdn_sim.cli.output import Terminal
from dvdn_sim.records import contents
from dvdn_sim.sweeps import load_cells

ROOT = Path(__file__).parents[1]
LOSSY = str(ROOT / "scenarios" / "lossy_lbf.yaml")
HOSTILE = "a\x1b[31m\x07\x9b2J\u202eb\r\x7f"
SEEN = r"a\x1b[31m\x07\x9b2J\u202eb"


def controls(text):
    return [each for each in text if not each.isprintable() and each not in "\n\t\xa0"]


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A folder to stand in, with a sweep whose every text would control a terminal, and a run in such a folder."""
    monkeypatch.chdir(tmp_path)
    cells = {("=1+1",): {"returns": {0: [0.0, 0.5]}, "audit": HOSTILE, "device": HOSTILE},
             (HOSTILE,): {"returns": {0: [0.0, 1.0]}}, ("-0.5",): HOSTILE}  # fmt: skip
    write_sweep(tmp_path / "s", {"@axis": ["=1+1", HOSTILE, "-0.5"]}, cells, name=HOSTILE, question=HOSTILE)
    write_run(tmp_path / HOSTILE.strip(), {0: [0.0, 0.5]}, name=HOSTILE, env=HOSTILE)
    return tmp_path


@pytest.mark.parametrize("words", [("s",), ("s", HOSTILE.strip()), ("s", "--json")])
def test_no_text_of_a_sweep_or_a_run_reaches_the_terminal_or_the_page_as_control_characters(hostile, words):
    result = invoke("report", *words, "--out", "o")
    assert result.exit_code == 0, result.stderr
    assert controls(result.output) == []
    page = (hostile / "o" / "page.html").read_text(encoding="utf-8")
    assert controls(page) == []
    data = page.partition('id="figures">')[2].partition("</script>")[0]
    assert controls(json.dumps(json.loads(data), ensure_ascii=False).replace("\\n", "")) == []
    assert SEEN in (page if "--json" in words else result.stdout + page)


def test_no_label_reaches_a_table_as_a_formula(hostile):
    assert invoke("report", "s", "--out", "o").exit_code == 0
    table = hostile / "o" / "tables" / "ends.csv"
    head, *rows = csv.reader(table.read_text(encoding="utf-8").splitlines())
    assert head[0] == "'@axis"
    assert [row[0] for row in rows] == ["'=1+1", SEEN + r"\r\x7f"]
    assert pl.read_parquet(table.with_suffix(".parquet"))["@axis"][0] == "=1+1"  # no spreadsheet reads that


def test_a_label_that_is_a_number_stays_one(tmp_path):
    cells = {(label,): {"returns": {0: [0.0, 0.5]}} for label in ("-0.5", "+1e3", "-5 ms")}
    write_sweep(tmp_path / "s", {"gain": ["-0.5", "+1e3", "-5 ms"]}, cells)
    assert invoke("report", tmp_path / "s", "--out", tmp_path / "o").exit_code == 0
    rows = list(csv.reader((tmp_path / "o" / "tables" / "ends.csv").read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in rows[1:]] == ["-0.5", "+1e3", "'-5 ms"]


def test_what_a_sweep_file_says_is_kept_escaped(tmp_path):
    text = SWEEP.replace("Does the network matter?", '"Does \\e[31m it\\u202e?"').replace(
        "[1, 2]", '{1: 1, "a\\e[2J": 2}'
    )
    sweep, cells = load_cells(write_sweep_file(tmp_path, text))
    assert sweep.question == r"Does \x1b[31m it\u202e?"
    assert [cell.at["rounds"] for cell in cells[::2]] == ["1", r"a\x1b[2J"]
    result = invoke("sweep", tmp_path / "sweep.yaml", "--dry-run")
    assert (result.exit_code, controls(result.output)) == (0, [])


def test_a_manifest_and_a_file_name_are_shown_escaped(hostile):
    for words in (("show", HOSTILE.strip()), ("show", "no" + HOSTILE), ("check", HOSTILE), ("run", HOSTILE)):
        result = invoke(*words)
        assert controls(result.output) == []
        assert r"\x1b[31m" in result.output
    assert contents(hostile / HOSTILE.strip())["name"] == SEEN + r"\r\x7f"


def test_a_terminal_shows_styles_of_ours_alone(capsys):
    table = Table("x")
    table.add_row("\x1b[2J")
    terminal = Terminal()
    terminal.print(Text.assemble(("bold", "bold"), "\x1b[31m"))
    terminal.print_whole(table)
    assert controls(capsys.readouterr().out) == []


def ran(*words, **environment):
    """The command in a process of its own, in bytes."""
    return subprocess.run(  # noqa: S603 (ours)
        [sys.executable, "-m", "dvdn_sim.cli", *words],
        cwd=ROOT, env=os.environ | environment, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_letters_that_an_encoding_lacks_are_replaced(encoding):
    found = ran("predict", LOSSY, PYTHONIOENCODING=encoding)
    assert (found.returncode, found.stderr) == (0, b"")
    assert "λ" not in found.stdout.decode(encoding)
    assert "? of E[A]" in found.stdout.decode(encoding).replace("_min", "")
    failed = ran("check", "λ.yaml", PYTHONIOENCODING=encoding)
    assert failed.returncode == 2
    assert failed.stderr.startswith(b"?.yaml: 1 mistake")


@pytest.mark.parametrize("columns", ["0", "20"])
def test_a_table_is_as_wide_as_it_needs_to_be(columns):
    found = ran("predict", LOSSY, COLUMNS=columns).stdout.decode()
    wide = ran("predict", LOSSY, COLUMNS="120").stdout.decode()
    assert "…" not in found
    rows = [line for line in wide.splitlines() if line.endswith(("closed   ", "sampled  "))]
    assert rows
    assert set(rows) <= set(found.splitlines())
    usage = ran("run", "--help", COLUMNS=columns).stdout.decode()
    assert "--set" in usage


def test_the_home_folder_is_known_in_an_option_with_an_equals_sign(tmp_path, monkeypatch):
    write_run(tmp_path / "home" / "r", {0: [0.0, 0.5]})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert invoke("report", "~/r", "--out=~/x").exit_code == 0
    assert (tmp_path / "home" / "x" / "page.html").exists()
    assert not (tmp_path / "~").exists()
    result = invoke("report", "~/r", "--out=~nobody-of-that-name/x")  # a folder of that name, then
    assert result.exit_code == 0
    assert (tmp_path / "~nobody-of-that-name" / "x" / "page.html").exists()
