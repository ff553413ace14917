"""What is shown of a sweep: lines where there is no terminal, a live table where there is one, and time left."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sweep_parts import job

from dvdn_sim.records import SweepRow, SweepTable
from dvdn_sim.sweeps import Began, Ended, Moved, Outcome, Pace, SweepProgress, Warned

DONE = Outcome("finished", found={"return": {"mean": 0.5}}, work_s=34.0)


def test_time_left_is_what_it_took_so_far_in_proportion():
    pace = Pace({"a": 100, "b": 300})
    assert pace.left_s(10.0) is None
    pace.moved("a", 0)
    pace.moved("a", 50)
    assert pace.left_s(10.0) == pytest.approx(10.0 * 350 / 50)
    pace.ended("a")
    assert pace.left_s(20.0) == pytest.approx(20.0 * 300 / 100)
    pace.ended("b")
    assert (pace.left_s(50.0), pace.share) == (0.0, 1.0)


@given(before=st.integers(0, 900), more=st.integers(1, 100))
def test_what_earlier_invocations_did_is_no_part_of_the_pace(before, more):
    """A cell that goes on at step 900 of 1000 has not taken 900 steps in no time."""
    pace = Pace({"a": 1000})
    pace.moved("a", before)
    pace.moved("a", before + more)
    assert pace.left_s(1.0) == pytest.approx((1000 - before - more) / more)


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
            progress.take(Moved(row.id, 15, 30, {"return": "0.31", "delivered": "89%"}))
            progress.take(Warned(row.id, "values run apart"))
            progress._live.refresh()
            row.state = outcome.state
            progress.take(Ended(row.id, outcome))
            progress._live.refresh()
    return stream.getvalue()


def test_without_a_terminal_there_is_a_line_for_each_cell_that_ends():
    said = shown(terminal=False).splitlines()
    assert said[:2] == ["1 of 3 cells finished before", "Warning: good: values run apart"]
    assert said[2].startswith("2 of 3  good  finished in 34 s  return 0.50  ")
    assert said[2].endswith(" left")
    assert said[3:] == ["Warning: bad: values run apart", "3 of 3  bad  failed: the reason"]


def test_in_a_terminal_there_is_a_live_table_with_a_bar_for_each_cell_and_for_all():
    said = shown(terminal=True)
    assert "good" in said
    assert "50%" in said
    assert "return 0.31  delivered 89%" in said
    assert "1 of 3 cells" in said
    assert "2 of 3 cells, 1 failed" in said
    assert " left" in said


def test_quiet_shows_warnings_alone():
    assert shown(terminal=False, quiet=True).splitlines() == [
        "Warning: good: values run apart",
        "Warning: bad: values run apart",
    ]
