"""A page is one file that needs nothing, says what it is given and no more, and is the same every time; SVG files."""

import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from html_page import HtmlPage
from markupsafe import escape
from polars.testing import assert_frame_equal
from report_folders import SCENARIO, packets, write_run, write_sweep

from dvdn_sim.errors import DvdnSimError, RunFolderError
from dvdn_sim.reporting import ASSUMPTIONS, report, write_svgs

EVIL = "<script>alert(1)</script>"
LABEL = "\"quoted\" </script><!-- & 'it' %{x}"


def cell(seed_scores, **how):
    rows = [
        {"seed": s, "kind": "td", "update": u, "env_steps": 10 * u, "a_eff": 0.25, "jtd_relative_error": 1 / u,
         "sent": 4, "held": 3, "lost": 1, "bytes": 400, "round_time_s": [0.01, 0.02], "deadline_s": 0.05}
        for s in seed_scores for u in (1, 2, 3)
    ]  # fmt: skip
    returns = {seed: [0.0, score / 2, score] for seed, score in seed_scores.items()}
    return {"returns": returns, "exchanges": rows, "packets": [packets(0, 0, 1, 9, 6)], "random": 0.1, **how}


AXES = {"arm": ["a", LABEL], "loss": ["0%", "20%"]}
CELLS = {
    ("a", "0%"): cell({0: 0.5, 1: 0.625}),
    ("a", "20%"): cell(
        {0: 0.25, 1: 0.5}, signs=[{"name": "drift", "seed": 1, "env_steps": 70, "message": f"it {EVIL}", "cause": "&"}]
    ),
    (LABEL, "0%"): cell({0: 0.75, 1: 1.0}),
    (LABEL, "20%"): f"failed: {EVIL}",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A sweep whose every text wants to be HTML; in the folder where one stands."""
    monkeypatch.chdir(tmp_path)
    return evil_sweep(tmp_path)


def evil_sweep(place):
    return write_sweep(place / "s", AXES, CELLS, name=f"n {EVIL}", question=f"q {EVIL}", compare=("arm", "a"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The same sweep's report, for those who only read it."""
    return report([evil_sweep(tmp_path_factory.mktemp("evil"))])


@pytest.fixture(scope="module")
def html(made):
    return made.html()


def test_it_is_whole_html_that_loads_nothing_and_every_element_has_its_own_name(html):
    page = HtmlPage(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    links = [
        value for value in page.values("src", "href", "srcset", "action", "data") if not value.startswith("data:,")
    ]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert {each for label in page.values("aria-labelledby") for each in label.split()} <= set(ids)
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy.startswith("default-src 'none';")
    style = html.split("<style>")[1].split("</style>")[0]
    assert ("url(" in style, "@import" in style) == (False, False)


def test_no_text_is_taken_for_html(html):
    page = HtmlPage(html)
    assert len(page.scripts) == html.count("<script")  # the parser found those that are meant, and no others
    assert EVIL not in "".join(page.scripts)
    said = "".join(page.words)
    for text in (f"n {EVIL}", f"q {EVIL}", f"failed: {EVIL}", f"it {EVIL}", LABEL):
        assert text in said
    assert escape(LABEL) in html


def test_neither_a_switch_nor_a_scenario_is_taken_for_html(tmp_path):
    first, other = (cell({0: 0.5}, scenario=SCENARIO.replace("tiny", f"'{EVIL} {n}'", 1)) for n in (1, 2))
    axes = {"arm": ["a", "b"], "loss": ["0%", EVIL]}
    html = report([write_sweep(tmp_path / "s", axes, {("a", "0%"): first, ("b", EVIL): other})]).html()
    page = HtmlPage(html)
    assert len(page.scripts) == html.count("<script") == 4
    said = "".join(page.words)
    assert f"name: '{EVIL} 1'" in said
    assert f"name: {EVIL} 1 there, {EVIL} 2 here" in said
    assert page.values("value").count(EVIL) > 1


def test_the_scripts_data_are_json_with_every_view_and_table(made, html):
    found = json.loads(HtmlPage(html).script("figures"))
    assert [each["id"] for each in found] == [figure.id for figure in made.figures]
    for each, figure in zip(found, made.figures, strict=True):
        assert [tuple(json.loads(state)) for state in each["views"]] == list(figure.views)
        assert set(figure.views) <= set(figure.states())
        assert next(iter(figure.states())) in figure.views
        assert_frame_equal(pl.read_csv(io.StringIO(each["csv"])), pl.read_csv(io.StringIO(figure.table.write_csv())))


def test_the_same_folders_make_the_same_bytes_wherever_they_are(folder, tmp_path, monkeypatch):
    """Not even their place is in it, beyond what was written on the command line; nor in what is said of damage."""
    part = folder / "arm=a,loss=20%" / "metrics" / "part-000001.parquet"
    part.write_bytes(b"PAR1" + b"\xff" * 200 + part.read_bytes()[204:])
    made = report(["s"])
    first = made.html()
    (tmp_path / "elsewhere").mkdir()
    folder.rename(tmp_path / "elsewhere" / "s")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert first == report(["s"]).html()
    assert any("part-000001.parquet" in each.why for each in made.study.left_out)
    assert str(tmp_path) not in first


def test_tables_beside_it_hold_equal_numbers_as_csv_and_parquet(made, html, tmp_path):
    page, *tables = made.write(tmp_path / "out")
    assert page == tmp_path / "out" / "page.html"
    assert page.read_text(encoding="utf-8") == html
    expected = {f"{figure.id}.{kind}" for figure in made.figures for kind in ("csv", "parquet")} | {"scores.csv"}
    assert {path.name for path in tables} == expected
    assert {path.name for path in (tmp_path / "out" / "tables").iterdir()} == expected
    for figure in made.figures:
        parquet = pl.read_parquet(tmp_path / "out" / "tables" / f"{figure.id}.parquet")
        csv = pl.read_csv(tmp_path / "out" / "tables" / f"{figure.id}.csv", schema=parquet.schema)
        assert_frame_equal(parquet, figure.table)
        assert_frame_equal(csv, parquet, check_exact=True)


def test_every_score_is_in_a_table_by_cell_and_seed_those_of_bounds_too(tmp_path):
    """Curves from 0 over a half to the whole: areas of a half."""
    axes, cells = {"arm": ["a"]}, {("a",): cell({0: 0.5, 3: 1.0})}
    folder = write_sweep(tmp_path / "s", axes, cells, bounds={"central": cell({0: 0.75}), "silent": cell({0: 0.25})})
    report([folder]).write(tmp_path / "out")
    assert pl.read_csv(tmp_path / "out" / "tables" / "scores.csv").rows() == [
        ("arm=a", 0, 0.5, 0.25),
        ("arm=a", 3, 1.0, 0.5),
        ("bound=central", 0, 0.75, 0.375),
        ("bound=silent", 0, 0.25, 0.125),
    ]


def test_a_file_that_no_report_wrote_is_never_overwritten(made, tmp_path, monkeypatch):
    """Neither a page of somebody else's, nor a table or a figure; an earlier report is."""

    def draw(wanted):
        for each in wanted:
            Path(each["path"]).write_text('<svg class="main-svg"')

    monkeypatch.setitem(sys.modules, "kaleido", SimpleNamespace(write_fig_from_object_sync=draw))
    first = made.write(tmp_path / "own", svgs=True)
    assert made.write(tmp_path / "own", svgs=True) == first
    first[0].unlink()  # as the repository keeps tables and figures, and not the page
    assert made.write(tmp_path / "own", svgs=True) == first
    for number, path in enumerate([first[0], first[1], first[2], first[-1]]):
        folder = tmp_path / str(number)
        kept = folder / path.relative_to(tmp_path / "own")
        kept.parent.mkdir(parents=True)
        kept.write_text("<p>mine</p>")
        for place in (folder, *([folder / "page.html"] if number in (0, 3) else [])):
            with pytest.raises(RunFolderError, match=f"{kept.name} exists, and .* name another place"):
                made.write(place, svgs=True)
        assert [each for each in folder.rglob("*") if each.is_file()] == [kept]
        assert kept.read_text() == "<p>mine</p>"
    (tmp_path / "link.html").symlink_to(tmp_path / "nowhere.html")
    with pytest.raises(RunFolderError, match=r"link\.html exists"):
        made.write(tmp_path / "link.html")


def test_an_audit_that_failed_is_said_aloud(tmp_path):
    write_run(tmp_path / "a", {0: [0.0, 1.0]})
    assert "every message is accounted for" in report([tmp_path]).html()
    write_run(tmp_path / "b", {0: [0.0, 1.0]}, audit="1 message is missing")
    html = report([tmp_path]).html()
    assert "THE AUDIT OF A RUN DOES NOT ADD UP" in html
    assert "1 message is missing" in html


def test_what_is_left_out_is_in_no_number(made, html):
    assert "3 cells finished, 1 left out" in html
    assert [each.why for each in made.study.left_out] == [CELLS[LABEL, "20%"]]
    for figure in made.figures:
        if {"arm", "loss"} <= set(figure.table.columns):
            assert figure.table.filter(arm=LABEL, loss="20%").is_empty()


def test_a_run_of_one_evaluation_and_no_network_has_a_page(tmp_path):
    made = report([write_run(tmp_path / "a", {0: [0.5]}, network=False)])
    assert [figure.id for figure in made.figures] == ["ends", "learning"]
    HtmlPage(made.html())


def test_an_axis_may_be_called_as_a_number_is(tmp_path):
    """Its labels and the numbers are both in the tables, one beside the other."""
    names = ["seed", "seeds", "a_eff", "point", "where", "held", "threshold", "carries", "return"]
    axes = {name: [f"x{at}", f"y{at}"] for at, name in enumerate(names)}
    cells = {
        tuple(labels[side] for labels in axes.values()): cell({0: score, 1: 0.5})
        for side, score in enumerate((0.25, 0.75))
    }
    made = report([write_sweep(tmp_path / "s", axes, cells, compare=("seed", "x0"))])
    for figure in made.figures:
        for name, labels in axes.items():
            axis = figure.table.get_column(f"axis_{name}", default=None)
            if axis is not None:
                assert set(axis) <= set(labels), figure.id
                assert set(figure.table[name]).isdisjoint(labels)


def test_numbers_that_are_none_break_no_page(tmp_path):
    """A joint temporal difference of zero, and learners that stood still: infinite, or not a number."""
    rows = [
        {"seed": 0, "kind": "td", "update": u, "sent": 0, "a_eff": None, "jtd_relative_error": error}
        for u, error in enumerate((float("inf"), float("nan"), None))
    ]
    made = report([write_run(tmp_path / "a", {0: [0.0, 1.0]}, exchanges=rows)])
    assert re.search(r"\bnan\b|Infinity", HtmlPage(made.html()).script("figures")) is None


README = Path(__file__).parents[2] / "README.md"


def test_both_lists_begin_alike_line_by_line():
    section = README.read_text(encoding="utf-8").split("## What it takes as given", 1)[1].split("\n## ", 1)[0]
    listed = re.findall(r"^(\d+)\. \*\*(.+?)\.\*\*", section, re.MULTILINE)
    assert [int(number) for number, _ in listed] == list(range(1, len(ASSUMPTIONS) + 1))
    for (_, heading), said in zip(listed, ASSUMPTIONS, strict=True):
        assert said.startswith(re.split(r"[:.]", heading)[0]), (heading, said)


@pytest.fixture
def figures(tmp_path):
    return report([write_run(tmp_path / "ink", {seed: [0.0, 1.0 - seed / 8] for seed in range(5)})]).figures


def test_each_state_is_a_file_of_its_name_in_colours_of_the_light_theme(figures, monkeypatch, tmp_path):
    """plotly knows no `series-1`, and would draw it black. A label that looks like a colour, `ink`, stays a label."""
    asked = []
    monkeypatch.setitem(sys.modules, "kaleido", SimpleNamespace(write_fig_from_object_sync=asked.extend))
    paths = write_svgs(figures, tmp_path / "figures")
    assert [path.name for path in paths if path.name.startswith("learning")] == [
        "learning--environment_steps.svg",
        "learning--simulated_time.svg",
        "learning--bytes_sent.svg",
    ]
    assert [each["path"] for each in asked] == [str(path) for path in paths]
    assert len(set(paths)) == len(paths)
    learning = next(each["fig"] for each in asked if "learning" in each["path"])
    band, seeds, line = learning["data"]
    assert (line["line"]["color"], line["name"]) == ("rgba(0,114,178,1)", "ink")  # #0072b2
    assert band["fillcolor"] == "rgba(0,114,178,0.16)"
    assert (seeds["marker"]["color"], seeds["marker"]["line"]["color"]) == ("rgba(0,114,178,1)", "rgba(255,255,255,1)")
    assert learning["layout"]["paper_bgcolor"] == "rgba(255,255,255,1)"
    assert not any(f'"{name}"' in json.dumps(each["fig"]) for each in asked for name in ("series-1", "muted", "card"))


def test_what_is_not_installed_is_named(figures, monkeypatch, tmp_path):
    def refuse(_):
        raise RuntimeError("no browser")

    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(DvdnSimError, match=r"pip install 'dvdn-sim\[figures\]'"):
        write_svgs(figures, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()
    monkeypatch.setitem(sys.modules, "kaleido", SimpleNamespace(write_fig_from_object_sync=refuse))
    with pytest.raises(DvdnSimError, match="SVG files need Chrome or Chromium: no browser"):
        write_svgs(figures, tmp_path / "figures")
