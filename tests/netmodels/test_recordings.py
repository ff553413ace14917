"""Recordings that have an end are read; what has none, or is something else, is refused with its name."""

import dataclasses
import os
import pickle

import numpy as np
import pytest

from netmodels import LinkSpec, Network
from netmodels.links import DelayTrace, Empirical, LossTrace, delay_draws, loss_draws
from netmodels.recordings import MAX_BYTES, MAX_RECORDED, MAX_WRITTEN, read_recording
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
    folder.joinpath("delays").write_text("delay_s\n# measured\n0.001\n\n2 ms\n")
    folder.joinpath("losses").write_text("lost\n0\n1\n1\n")
    assert Empirical(file="delays").values == DelayTrace(file="delays").values == (0.001, 0.002)
    assert LossTrace(file="losses").values == (0, 1, 1)


@pytest.mark.parametrize(
    ("make", "text", "message"),
    [
        *[(DelayTrace, text, "empty trace 'values'") for text in ("", "\n# nothing\n", "delay\n")],
        (Empirical, "1 ms\n5 parsecs\n", "'values' line 2.*`5 parsecs`"),
        (LossTrace, "0\n2\n", r"'values' line 2.*'2'"),
        (DelayTrace, "12.5\n", "line 1: `12.5` has no unit; write it as `12.5 ms` or `12.5 s`"),
        (DelayTrace, "rtt\n12.5\n", "line 2: `12.5` has no unit"),
        (DelayTrace, ",rtt_ms\n0,12.5\n1,13.5\n", "one column, got 2.*say which of ``, `rtt_ms` in `column`"),
        (DelayTrace, "time,rtt\n0,12.5 ms\n", "say which of `time`, `rtt` in `column`"),
        (DelayTrace, "0,0125\n0,0130\n", "one column, got 2.*name them in a first line"),
        (Empirical, "delay_ms\n12,5\n", "expected 1 cell, as in the first line, got 2 in 'values' line 2"),
        (LossTrace, "lost\n0\n1,0\n", "expected 1 cell.*line 3"),
        (LossTrace, "0;1\n", "line 1.*'0;1'"),
        (LossTrace, '"0\n', "line 1"),
    ],
)
def test_what_is_no_value_is_refused_by_its_line(folder, make, text, message):
    folder.joinpath("values").write_text(text)
    with pytest.raises(ValueError, match=f"(?s)file: .*{message}"):
        make(file="values")


def test_a_column_is_chosen_by_its_name_and_has_its_unit(folder):
    folder.joinpath("ping.csv").write_text(',time,rtt_ms,"lost, of 1"\n0,5,12.5,0\n1,6,0.5 s,1\n')
    assert DelayTrace(file="ping.csv", column="rtt_ms").values == (0.0125, 0.5)
    assert LossTrace(file="ping.csv", column="lost, of 1").values == (0, 1)
    for wrong in ({"file": "ping.csv", "column": "rtt"}, {"values": ("1 ms",), "column": "rtt_ms"}):
        with pytest.raises(ValueError, match="column: expected"):
            DelayTrace(**wrong)


@pytest.mark.parametrize("name", ["delay_us", "delay us", "delay [us]", "delay(us)", "delay/us"])
def test_a_unit_is_read_however_it_is_written(folder, name):
    folder.joinpath("delays").write_text(f"{name}\n2500\n1.5e3\n")
    assert Empirical(file="delays").values == (0.0025, 0.0015)


def test_places_may_have_units(folder):
    folder.joinpath("places.csv").write_text("agent,time_ms,x_km,y,note\n0,0,1,5,a\n0,1000,2,5,b\n")
    assert PositionTrace("places.csv").positions(1, 0, 500_000_000).tolist() == [[1500.0, 5.0]]


@pytest.mark.parametrize("make", [Empirical, DelayTrace, LossTrace])
def test_no_more_values_than_can_be_written_out(folder, make):
    with pytest.raises(ValueError, match="at most 20000 values, or a file, got 20001"):
        make(values=(1,) * (MAX_WRITTEN + 1))
    folder.joinpath("values").write_text("x_s\n" + "1\n" * (MAX_RECORDED + 1))
    with pytest.raises(ValueError, match="at most 200000 values, got 200001"):
        make(file="values")
    assert len(make(values=(1,) * MAX_WRITTEN).values) == MAX_WRITTEN


def test_a_long_recording_stays_a_file(folder):
    """It is played from there, whatever else of it is changed."""
    folder.joinpath("losses").write_text("0\n1\n" * (MAX_WRITTEN // 2) + "1\n")
    trace = LossTrace(file="losses", offset=MAX_WRITTEN - 1)
    assert (trace.file, trace.values) == ("losses", ())
    assert trace.loss_rate == pytest.approx((MAX_WRITTEN // 2 + 1) / (MAX_WRITTEN + 1))
    folder.joinpath("losses").rename(folder / "moved")
    for each in (trace, pickle.loads(pickle.dumps(trace))):  # noqa: S301  (what it wrote itself)
        assert loss_draws(each, 0, "loss", 0, 1).take(4) == [True, True, False, True]
    again = dataclasses.replace(trace, file="moved", lockstep=True)
    assert again.loss_rate == trace.loss_rate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,agent,x,y\n0,0,1e999,0\n", "line 2.*from -1e\\+09 to 1e\\+09, got '1e999'"),
        ("time,agent,x,y\n0,0,1,1\nnan,0,1,1\n", "line 3.*'nan'"),
        (f"time,agent,x,y\n0,{'9' * 5000},1,1\n", "line 2"),
        (f"time,agent,x,y\n0,0,1,{'1' * 200_000}\n", "line 2.*field limit"),
        ("time,agent,x,y\n0,0,1\n", "line 2"),
        ("time,agent,x,y\n0,0,1,1,5\n", "expected 4 cells.*got 5.*line 2"),
        ("time,agent,x,y,x\n0,0,1,1,5\n", "each once.*line 1"),
        ("time,agent,x,x_km,y\n0,0,1,1,5\n", "each once.*line 1"),
        ("time_m,agent,x,y\n0,0,1,1\n", "columns time.*`time_m`"),
        ("0,0,1,1\n", "line 1: no names"),
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


MESSAGES = 10_000
LENGTHS = (2, 3, 40, 20_000)


def losses_of(seed, edge, values, **options):
    """What one link loses of so many messages of a packet."""
    network = Network(3, LinkSpec(rate="unlimited", delay=0, loss=LossTrace(values=values, **options)), seed=seed)
    return np.array([network.offer(now, 100, *edge).complete_ns < 0 for now in range(MESSAGES)], dtype=float)


def values_of(length):
    return tuple((np.random.default_rng(length).permutation(length) < length / 2).astype(int).tolist())


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("seed", "edge"), [(0, (1, 0)), (0, (0, 2)), (1, (0, 1))], ids=["back", "other", "seed"])
def test_no_two_links_directions_or_seeds_keep_step(length, seed, edge):
    one, other = losses_of(0, (0, 1), values_of(length)), losses_of(seed, edge, values_of(length))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert one.mean() == pytest.approx(np.mean(values_of(length)), abs=0.03)


def test_delays_do_not_keep_step_either():
    trace = DelayTrace(values=("1 ms", "100 ms"))
    one, back, second = (
        np.array(delay_draws(trace, 0, *name).take(MESSAGES))
        for name in (("delay", 0, 1), ("delay", 1, 0), ("second delay", 0, 1))
    )
    assert abs(np.corrcoef([one, back, second]) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("length", LENGTHS)
def test_lockstep_is_to_be_had_for_the_asking(length):
    values = values_of(length)
    one, other = (losses_of(0, edge, values, lockstep=True) for edge in ((0, 1), (2, 0)))
    assert one.tolist() == other.tolist()
    assert one.tolist() != losses_of(1, (0, 1), values, lockstep=True).tolist()


def test_a_given_offset_is_where_a_link_begins_in_every_seed():
    for seed in (0, 1):
        played = losses_of(seed, (0, 1), (0, 0, 1, 1, 1), offset=4)
        assert played.tolist() == [1, 0, 0, 1, 1] * (MESSAGES // 5)


def test_offsets_in_lockstep_are_kept_apart():
    ahead, behind = (
        loss_draws(LossTrace(values=(0, 0, 1, 0, 1), lockstep=True, offset=offset), 3, "loss", *link)
        for offset, link in ((3, (0, 1)), (1, (1, 2)))
    )
    both = set(zip(ahead.take(1000), behind.take(1000), strict=True))
    values = (False, False, True, False, True)
    assert both == {(values[(place + 3) % 5], values[(place + 1) % 5]) for place in range(5)}


def test_a_recording_is_played_in_its_order_but_for_one_place_in_its_length():
    trace = DelayTrace(values=tuple(range(1, 1001)))
    played = np.array(delay_draws(trace, 0, "delay", 0, 1).take(100_000)) // 10**9
    jumps = (np.diff(played) != 1) & ~((played[:-1] == 1000) & (played[1:] == 1))
    assert 70 <= jumps.sum() <= 130
