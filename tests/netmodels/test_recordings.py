"""Recordings that have an end are read; what has none, or is something else, is refused with its name."""

import os

import pytest

from netmodels.links import DelayTrace, Empirical, LossTrace
from netmodels.recordings import MAX_BYTES, MAX_RECORDED, read_recording
from netmodels.topology import PositionTrace

BUILDERS = {
    "delay.file": lambda file: DelayTrace(file=file),
    "loss.file": lambda file: LossTrace(file=file),
    "mobility.file": PositionTrace,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of files that are none."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("folder").mkdir()
    os.mkfifo("pipe")
    tmp_path.joinpath("link to a pipe").symlink_to("pipe")
    tmp_path.joinpath("loop").symlink_to("loop")
    tmp_path.joinpath("long").write_bytes(b"0\n" * (MAX_BYTES // 2 + 1))
    tmp_path.joinpath("latin-1").write_bytes(b"0\n\xe9\n")
    return tmp_path


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("folder", "expected a text file, got 'folder'"),
        ("pipe", "expected a text file, got 'pipe'"),  # nobody writes to it: who opened it would wait for ever
        ("link to a pipe", "expected a text file"),
        ("/dev/zero", "expected a text file, got '/dev/zero'"),
        ("loop", "cannot read 'loop'"),
        ("nowhere", "cannot read 'nowhere': No such file"),
        ("folder/../nowhere", "cannot read"),
        ("a\0b", "cannot read .*null"),
        ("\ud800", "cannot read .*surrogates"),
        ("x" * 300, "cannot read .*too long"),
        ("long", "expected at most 4 MiB, got more in 'long'"),
        ("latin-1", "expected UTF-8, got byte 2"),
    ],
)
def test_what_is_no_recording_is_refused_by_name(folder, name, file, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        BUILDERS[name](file)


def test_a_recording_is_read_wherever_it_lies(folder):
    folder.joinpath("with a mark").write_bytes(b"\xef\xbb\xbf1\n0\n")
    assert read_recording("folder/../with a mark") == "1\n0\n"
    assert LossTrace(file="folder/../with a mark").values == (1, 0)


def test_values_may_have_units_a_name_and_remarks(folder):
    folder.joinpath("delays").write_text("delay\n# measured\n0.001,first\n\n2 ms,second\n")
    folder.joinpath("losses").write_text("lost\n0\n1\n1\n")
    assert Empirical(file="delays").values == DelayTrace(file="delays").values == (0.001, 0.002)
    assert LossTrace(file="losses").values == (0, 1, 1)


@pytest.mark.parametrize(
    ("make", "text", "message"),
    [
        *[(DelayTrace, text, "empty trace 'values'") for text in ("", "\n# nothing\n", "delay\n")],
        (Empirical, "0.001\n5 parsecs\n", "'values' line 2.*`5 parsecs`"),
        (LossTrace, "0\n2\n", r"'values' line 2.*2\.0"),
    ],
)
def test_what_is_no_value_is_refused_by_its_line(folder, make, text, message):
    folder.joinpath("values").write_text(text)
    with pytest.raises(ValueError, match=f"(?s)file: .*{message}"):
        make(file="values")


@pytest.mark.parametrize("make", [Empirical, DelayTrace, LossTrace])
def test_no_more_values_than_can_be_written_out(folder, make):
    folder.joinpath("values").write_text("1\n" * (MAX_RECORDED + 1))
    for recording in ({"file": "values"}, {"values": (1,) * (MAX_RECORDED + 1)}):
        with pytest.raises(ValueError, match="at most 20000 values, got 20001"):
            make(**recording)
    assert len(make(values=(1,) * MAX_RECORDED).values) == MAX_RECORDED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,agent,x,y\n0,0,1e999,0\n", "line 2.*from -1e\\+09 to 1e\\+09, got '1e999'"),
        ("time,agent,x,y\n0,0,1,1\nnan,0,1,1\n", "line 3.*'nan'"),
        (f"time,agent,x,y\n0,{'9' * 5000},1,1\n", "line 2"),
        (f"time,agent,x,y\n0,0,1,{'1' * 200_000}\n", "line 1.*field limit"),
        ("time,agent,x,y\n0,0,1\n", "line 2"),
    ],
)
def test_places_that_are_none_are_refused_with_their_line(folder, text, message):
    folder.joinpath("places.csv").write_text(text)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        PositionTrace("places.csv")


def test_places_of_very_many_agents_are_read_in_one_go(folder):
    rows = "".join(f"0,{agent},{agent},0\n" for agent in range(100_000))
    folder.joinpath("places.csv").write_text("time,agent,x,y\n" + rows)
    assert PositionTrace("places.csv").positions(100_000, 0, 0)[-1].tolist() == [99_999.0, 0.0]
