"""What is shown of a sweep: lines where there is no terminal, a live table where there is one, and time left."""

import io
from pathlib import Path

from rich.console import Console
from sweep_parts import job

from dvdn_sim.records import SweepRow, SweepTable
from dvdn_sim.sweeps import Began, Ended, Moved, Outcome, SweepProgress, Told, Warned

DONE = Outcome("finished", found={"return": {"mean": 0.5}}, work_s=34.0)


def shown(*, terminal: bool, quiet: bool = False):
    """A sweep of three cells, one of which was finished before."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100, highlight=False, color_system=None)
    rows = [SweepRow(name, {}, {}, (0,)) for name in ("before", "good", "bad")]
    rows[0].state = "finished"
    with SweepProgress(console, quiet=quiet) as progress:
        progress.begin(SweepTable("s", "Why?", {}, (), rows), [job("good", Path()), job("bad", Path())])
        for row, outcome in ((rows[1], DONE), (rows[2], Outcome("failed", "first line\nthe reason"))):
            progress.take(Began(row.id))
            progress.take(Told(row.id, "compiling, once"))
            progress.take(Moved(row.id, 15, 30, {"return": "0.31", "held in time": "89%"}))
            progress.take(Warned(row.id, "values run apart"))
            progress._live.refresh()
            row.state = outcome.state
            progress.take(Ended(row.id, outcome))
            progress._live.refresh()
    return stream.getvalue()


def test_time_left_is_what_it_took_so_far_in_proportion(monkeypatch):
    """What earlier invocations did is no part of the pace: a cell that goes on at step 12 has not taken these 12."""
    now_s = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    progress = SweepProgress(quiet=True)
    rows = [SweepRow(name, {}, {}, (0,)) for name in "ab"]
    progress.begin(SweepTable("s", "Why?", {}, (), rows), [job(name, Path()) for name in "ab"])  # 30 steps each
    left = []
    for event in (Began("a"), Moved("a", 12, 30, {}), Moved("a", 18, 30, {}), Ended("a", DONE), Ended("b", DONE)):
        progress.take(event)
        left.append(progress._left(""))
        now_s += 10.0
    assert left == ["", "", "2 min left", "50 s left", ""]  # 42 steps at 6 in 20 s, 30 at 18 in 30 s


def test_without_a_terminal_there_is_a_line_for_each_cell_that_ends():
    said = shown(terminal=False).splitlines()
    assert said[:3] == ["1 of 3 cells finished before", "compiling, once", "Warning: good: values run apart"]
    assert said[3].startswith("2 of 3  good  finished in 34 s  return 0.50  ")
    assert said[3].endswith(" left")
    assert said[4:] == ["Warning: bad: values run apart", "3 of 3  bad  failed: the reason"]


def test_in_a_terminal_there_is_a_live_table_with_a_bar_for_each_cell_and_for_all():
    said = shown(terminal=True)
    assert "good" in said
    assert "50%" in said
    assert "return 0.31  held in time 89%" in said
    assert "1 of 3 cells" in said
    assert "2 of 3 cells, 1 failed" in said
    assert " left" in said


def test_quiet_shows_warnings_alone():
    assert shown(terminal=False, quiet=True).splitlines() == [
        "Warning: good: values run apart",
        "Warning: bad: values run apart",
    ]
