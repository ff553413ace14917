"""Links that are drawn are those of `netmodels` at that instant, each as wide and as green as its books say."""

import re

import pytest
from report_folders import SCENARIO, packets, write_run

from dvdn_sim.reporting import read_study
from dvdn_sim.reporting.figures import FRAMES, graph
from netmodels.topology import Instant, RandomConnected

TOPOLOGY = "{kind: random_connected, edges: 2, resample: episode}"
BOOKS = [packets(0, 0, 1, 30, 30), packets(0, 1, 0, 10, 8), packets(1, 0, 1, 10, 10), packets(0, 1, 2, 20, 5)]
RETURNS = {0: [float(number) for number in range(11)], 1: [0.0] * 11}


def read(folder, topology=TOPOLOGY, *, extra="", books=BOOKS):
    scenario = SCENARIO.replace(TOPOLOGY, topology).replace("  compute: 0 ms\n", f"  compute: 0 ms\n{extra}")
    return read_study([write_run(folder, RETURNS, scenario=scenario, packets=books)])


def drawn(view, dash="solid"):
    """The pairs that are linked in a view."""
    lines = [trace for trace in view.traces if trace["mode"] == "lines" and trace["line"]["dash"] == dash]
    return {tuple(map(int, re.match(r"(\d) – (\d)", line["text"][0]).groups())) for line in lines}


def views(figure):
    return [figure.views["run", f"{number} of {FRAMES}"] for number in range(1, FRAMES + 1)]


@pytest.mark.parametrize("resample", ["episode", "update"])
def test_frames_are_the_topologys_graphs_at_evenly_spaced_evaluations(tmp_path, resample):
    """Evaluations 0, 2, …, 10: after 0, 20, …, 100 episodes of ten steps."""
    figure = graph(read(tmp_path / "run", TOPOLOGY.replace("episode", resample)))
    oracle = RandomConnected(edges=2, resample=resample)
    for number, view in enumerate(views(figure)):
        edges = oracle.graph(3, 0, Instant(20 * number, 20 * number, 0, number * 100 * 10**9)).edges
        assert drawn(view) == {(a, b) for a, b in edges if a < b}
        assert view.layout["title"]["text"] == f"after {200 * number} steps, at {100 * number:.1f} s of simulated time"
    assert len({frozenset(drawn(view)) for view in views(figure)}) > 1


def test_a_topology_on_a_clock_is_drawn_by_the_clock(tmp_path):
    schedule = "{kind: schedule, entries: [{at: 0 s, topology: {kind: path}}, {at: 250 s, topology: {kind: complete}}]}"
    figure = graph(read(tmp_path / "run", schedule))
    path, complete = {(0, 1), (1, 2)}, {(0, 1), (0, 2), (1, 2)}
    assert [drawn(view) for view in views(figure)] == [path] * 3 + [complete] * 3


def test_what_a_fault_cuts_is_dashed_and_who_is_down_is_named(tmp_path):
    """Agent 2 is down from 90 s to 150 s: in the second frame, at 100 s."""
    faults = "  faults: [{kind: crash, node: 2, at: 90 s, for: 60 s}]\n"
    second = views(graph(read(tmp_path / "run", "{kind: path}", extra=faults)))[1]
    assert (drawn(second), drawn(second, "dash")) == ({(0, 1)}, {(1, 2)})
    assert second.layout["title"]["text"].endswith("; down: 2")
    assert second.traces[-1]["marker"]["line"]["color"] == ["ink", "ink", "muted"]


def test_a_link_that_is_cut_one_way_is_dashed(tmp_path):
    """And not solid as well, for the other way: a line upon another would hide it."""
    faults = "  faults: [{kind: one_way, edge: [0, 1], at: 90 s, for: 60 s}]\n"
    second = views(graph(read(tmp_path / "run", "{kind: path}", extra=faults)))[1]
    assert (drawn(second), drawn(second, "dash")) == ({(1, 2)}, {(0, 1)})


def test_loads_are_of_both_directions_all_seeds_and_told_as_packets(tmp_path):
    figure = graph(read(tmp_path / "run", "{kind: complete}"))
    assert figure.table.drop("run").rows() == [(0, 1, 50, 48, 0.96), (1, 2, 20, 5, 0.25)]
    by_pair = {line["text"][0]: line["line"] for line in views(figure)[0].traces[:-1]}
    assert {text: (line["width"], line["color"]) for text, line in by_pair.items()} == {
        "0 – 1: 50 packets, 96.0% held in time": (7.5, "series-3"),
        "0 – 2": (1.5, "series-2"),
        "1 – 2: 20 packets, 25.0% held in time": (pytest.approx(1.5 + 6 * 0.4), "series-2"),
    }


def test_without_packets_or_scenario_there_is_no_network_to_draw(tmp_path):
    assert graph(read(tmp_path / "silent", books=[])) is None
    of_python = write_run(tmp_path / "python", RETURNS, packets=BOOKS, env="bells_v0")
    assert graph(read_study([of_python])) is None
