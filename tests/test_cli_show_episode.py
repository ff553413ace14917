"""`dvdn-sim show RUN --episode`: writes a page, and nothing over what is no such page."""

import json
import shutil

import pytest
from command_line import invoke
from edited_folders import edit
from small_runs import SCENARIO

import dvdn_sim
from dvdn_sim import evaluate
from dvdn_sim.records import SweepRow, SweepTable, write_cells
from dvdn_sim.scenario import parse_scenario


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two seeds, not to be changed."""
    out = tmp_path_factory.mktemp("trained") / "run"
    changes = ["seeds=[3, 4]", "evaluation={every: 1000, episodes: 3}", "name=shown"]
    dvdn_sim.run(parse_scenario(SCENARIO, changes), device="cpu", out=out)
    return out


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Pages are written to the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def show(run_dir, *words):
    result = invoke("show", run_dir, *words, columns=200)
    assert "Traceback" not in result.stderr
    return result


def test_it_writes_a_page_and_says_what_evaluate_says(trained, elsewhere):
    result = show(trained, "--episode", "--seed", "4", "--number", "2", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    said, found = json.loads(result.stdout), evaluate(trained, device="cpu")
    page = elsewhere / "shown-episode.html"
    assert said == {
        "page": "shown-episode.html",
        "seed": 4,
        "number": 2,
        "steps": int(found.lengths[1, 2]),
        "return": pytest.approx(found.returns[1, 2]),
        "bytes": page.stat().st_size,
    }
    assert "shown: team of seed 4, episode 2" in page.read_text(encoding="utf-8")


def test_a_cell_of_a_sweep_has_a_page_of_its_own_name(trained, elsewhere):
    cell = elsewhere / "s" / "rounds=1"
    shutil.copytree(trained, cell)
    row = SweepRow("rounds=1", {"rounds": "1"}, {}, (3, 4))
    write_cells(elsewhere / "s", SweepTable("study", "Why?", {"rounds": ("1",)}, (), [row]))
    assert show(cell, "--episode").stdout.startswith("rounds=1-episode.html: ")
    page = (elsewhere / "rounds=1-episode.html").read_text(encoding="utf-8")
    assert "<h1>study: rounds=1: team of seed 3, episode 0</h1>" in page


def test_the_same_run_gives_the_same_bytes_and_an_earlier_page_is_replaced(trained, elsewhere):
    pages = []
    for words in ([], ["--number", "1"], []):
        result = show(trained, "--episode", *words)
        assert result.exit_code == 0
        assert result.stdout.startswith("shown-episode.html: seed 3, episode ")
        pages.append((elsewhere / "shown-episode.html").read_bytes())
    assert pages[0] == pages[2] != pages[1]
    assert [path.name for path in elsewhere.iterdir()] == ["shown-episode.html"]


def test_it_begins_when_it_is_asked_to(trained, elsewhere):
    assert show(trained, "--episode", "--at", "2 min", "--out", "late.html").exit_code == 0
    assert "network time <strong>120 s</strong>" in (elsewhere / "late.html").read_text(encoding="utf-8")
    result = show(trained, "--episode", "--at", "5")
    assert result.exit_code == 2
    assert "5" in result.stderr
    assert "unit" in result.stderr


def test_no_other_file_is_written_over_and_none_into_the_run(trained, elsewhere):
    other = elsewhere / "other.html"
    other.write_text("mine")
    before = sorted(trained.rglob("*"))
    for out, why in (
        (other, "exists, and is no page of an episode"),
        (elsewhere, "exists, and is no page of an episode"),
        (elsewhere / "nowhere" / "page.html", "is in a folder that does not exist"),
        (trained / "page.html", "only the run itself writes to"),
        (trained / "metrics" / "page.html", "only the run itself writes to"),
    ):
        result = show(trained, "--episode", "--out", str(out))
        assert (result.exit_code, result.stdout) == (2, "")
        assert why in " ".join(result.stderr.replace("│", " ").split())
    assert other.read_text() == "mine"
    assert sorted(trained.rglob("*")) == before


def test_what_cannot_be_played_is_bad_input(trained, elsewhere):
    nothing = show(elsewhere, "--episode")
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert "holds no run" in nothing.stderr
    unknown = show(trained, "--episode", "--seed", "9")
    assert unknown.exit_code == 2
    assert "has no team of seed 9; it has 3, 4" in unknown.stderr
    untrained = shutil.copytree(trained, elsewhere / "copy")
    shutil.rmtree(untrained / "policies")
    killed = show(untrained, "--episode")
    assert killed.exit_code == 2
    assert "there is no trained team; a run that came to its end has one" in killed.stderr
    edit(untrained / "manifest.json", env="meeting")
    of_python = show(untrained, "--episode")
    assert of_python.exit_code == 2
    assert "its environment, 'meeting', came from Python" in of_python.stderr
    (untrained / "scenario.yaml").unlink()
    assert show(untrained, "--episode").exit_code == 2
    assert not list(elsewhere.glob("*.html"))


@pytest.mark.parametrize("words", [["--seed", "3"], ["--number", "1"], ["--at", "1 s"], ["--out", "page.html"]])
def test_without_it_its_options_have_no_meaning(trained, words):
    result = show(trained, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Invalid value for {words[0]}: can only be given with --episode" in result.stderr
