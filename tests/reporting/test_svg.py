"""SVG files, up to the door of the browser that draws them: their names, their colours, and who is to blame."""

import json
import sys
from types import SimpleNamespace

import pytest
from report_folders import write_run

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.reporting import svg
from dvdn_sim.reporting.report import report


@pytest.fixture
def figures(tmp_path):
    return report([write_run(tmp_path / "run", {0: [0.0, 1.0], 1: [0.0, 0.5]})]).figures


@pytest.fixture
def asked(monkeypatch):
    """What a browser is asked to draw."""
    found = []
    monkeypatch.setitem(sys.modules, "kaleido", SimpleNamespace(write_fig_from_object_sync=found.extend))
    return found


def test_each_state_is_a_file_of_its_name(figures, asked, tmp_path):
    paths = svg.write_svgs(figures, tmp_path / "figures")
    assert [path.name for path in paths if path.name.startswith("learning")] == [
        "learning--environment_steps.svg",
        "learning--simulated_time.svg",
        "learning--bytes_sent.svg",
    ]
    assert [each["path"] for each in asked] == [str(path) for path in paths]
    assert len(set(paths)) == len(paths)


def test_colours_are_those_of_the_light_theme(figures, asked, tmp_path):
    """plotly knows no `series-1`, and would draw it black."""
    svg.write_svgs(figures, tmp_path / "figures")
    learning = next(each["fig"] for each in asked if "learning" in each["path"])
    band, line = learning["data"]
    assert line["line"]["color"] == "rgba(0,114,178,1)"  # #0072b2
    assert band["fillcolor"] == "rgba(0,114,178,0.16)"
    assert learning["layout"]["paper_bgcolor"] == "rgba(255,255,255,1)"
    for each in asked:
        assert not any(f'"{name}"' in json.dumps(each["fig"]) for name in ("series-1", "muted", "card", "ink"))


def test_labels_that_look_like_colours_stay_labels(asked, tmp_path):
    made = report([write_run(tmp_path / "ink", {0: [0.0, 1.0]})])
    svg.write_svgs(made.figures, tmp_path / "figures")
    (learning,) = [each["fig"] for each in asked if "learning--env" in each["path"]]
    assert learning["data"][0]["name"] == "ink"


def test_without_kaleido_it_says_what_to_install(figures, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(DvdnSimError, match=r"pip install 'dvdn-sim\[figures\]'"):
        svg.write_svgs(figures, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_without_a_browser_it_says_so(figures, monkeypatch, tmp_path):
    def refuse(_):
        raise RuntimeError("no browser")

    monkeypatch.setitem(sys.modules, "kaleido", SimpleNamespace(write_fig_from_object_sync=refuse))
    with pytest.raises(DvdnSimError, match="SVG files need Chrome or Chromium: no browser"):
        svg.write_svgs(figures, tmp_path / "figures")
