"""The command `report`: exit codes, what goes to stdout and what to stderr, and what it writes."""

import json
import sys
import types
from pathlib import Path

import pytest
from command_line import invoke
from report_folders import write_run, write_sweep

from dvdn_sim.reporting import answer, read_study


def report(*words):
    return invoke("report", *words, columns=100)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to stand in, with a sweep of two finished cells and one that failed."""
    monkeypatch.chdir(tmp_path)
    cells = {("1",): {"returns": {0: [0.0, 0.5], 1: [0.0, 0.25]}}, ("3",): {"returns": {0: [0.0, 1.0], 1: [0.0, 0.75]}}}
    write_sweep(
        tmp_path / "s", {"rounds": ["1", "3", "5"]}, cells | {("5",): "too hot"}, name="a/b: c", compare=("rounds", "1")
    )
    return tmp_path


def test_it_says_the_answer_what_is_left_out_and_where_the_page_is(here):
    result = report("s")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "a/b: c: Does it matter?",
        f"  {answer(read_study(['s']))}",
        "  left out   s/rounds=5: too hot",
        "  page       pages/a_b_c/page.html",
        "  beside it  9 files in pages/a_b_c/tables",
    ]
    assert (here / "pages" / "a_b_c" / "page.html").exists()


def test_json_is_one_object_on_stdout_and_nothing_else(here):
    result = report("s", "--json", "--out", "x.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == {
        "page": "x.html",
        "name": "a/b: c",
        "question": "Does it matter?",
        "answer": answer(read_study(["s"])),
        "cells": ["rounds=1", "rounds=3"],
        "left_out": [{"run_dir": "s/rounds=5", "why": "too hot"}],
        "figures": ["ends", "differences", "learning", "profiles"],
        "files": ["x.html"],
    }


def test_a_name_that_ends_in_html_is_the_page_alone(here):
    assert report("s", "--out", "x.html", "--quiet").exit_code == 0
    assert sorted(path.name for path in here.iterdir()) == ["s", "x.html"]


def test_somebody_elses_page_is_refused_before_the_work(here):
    Path("mine.html").write_text("mine")
    Path("out").mkdir()
    Path("out/page.html").write_text("mine")
    for out in ("mine.html", "out"):
        result = invoke("report", "nowhere", "--out", out)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "exists, and is no page of a report; name another place" in result.stderr
    assert Path("mine.html").read_text() == Path("out/page.html").read_text() == "mine"


def test_figures_that_cannot_be_drawn_are_told_before_anything_is_read(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    read = []
    monkeypatch.setattr("dvdn_sim.reporting.report", lambda *asked: read.append(asked))
    result = report("s", "--figures")
    assert (result.exit_code, result.stdout, read) == (1, "", [])
    assert "SVG files need kaleido: pip install 'dvdn-sim[figures]'" in result.stderr

    def refuse(_):
        raise RuntimeError("no browser")

    monkeypatch.setitem(sys.modules, "kaleido", types.SimpleNamespace(write_fig_from_object_sync=refuse))
    result = report("s", "--figures")
    assert (result.exit_code, result.stdout, read) == (1, "", [])
    assert "SVG files need Chrome or Chromium: no browser" in result.stderr


def test_nothing_finished_is_exit_2_and_nothing_is_written(here):
    run = write_run(here / "r", {0: [0.0]}, state="interrupted")
    result = report("r", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no run came to its end (r: interrupted); there is nothing to report yet\n"
    assert sorted(path.name for path in here.iterdir()) == ["r", "s"]
    assert run.exists()


@pytest.mark.parametrize("name", ["nowhere", "s/cells.json", "empty"])
def test_what_holds_no_runs_is_exit_2(here, name):
    (here / "empty").mkdir()
    result = report(name)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {name} ")
    assert not (here / "pages").exists()


def test_a_disk_that_refuses_is_exit_1_with_the_command(here, monkeypatch):
    (here / "taken").touch()
    monkeypatch.setattr("sys.argv", ["dvdn-sim", "report", "s", "--out", "taken"])
    result = report("s", "--out", "taken")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the report cannot be written: ")
    assert result.stderr.endswith("To reproduce: dvdn-sim report s --out taken\n")
    assert result.stdout == ""


def test_several_folders_are_one_page_of_runs(here):
    for name in ("p/run", "q/run"):
        write_run(here / name, {0: [0.0, 1.0]})
    said = json.loads(report("p", "q/run", "s", "--json", "--out", "o").stdout)
    assert said["cells"] == ["run", "run (q)", "a/b: c: rounds=1", "a/b: c: rounds=3"]
    assert said["name"] == "a/b: c"


def test_cells_that_have_not_begun_are_named_so_among_several_folders(here):
    """Those of s/rounds=5 never were: its sweep says what became of it."""
    write_run(here / "p", {0: [0.0, 1.0]})
    said = json.loads(report("p", "s", "--json", "--out", "o").stdout)
    assert said["left_out"] == [{"run_dir": "s/rounds=5", "why": "too hot"}]
