import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.records import METRICS, NETWORK, RecordWriter, digest, load_run
from dvdn_sim.records.compare import ABSENT, first_difference


def written(folder, metrics, network, cuts=()):
    """A run folder with these rows, flushed before each position in cuts."""
    folder.mkdir()
    writer = RecordWriter(folder)
    for add, rows in ((writer.metrics, metrics), (writer.network, network)):
        for position, row in enumerate(rows):
            if position in cuts:
                writer.flush()
            add(row)
    writer.flush()
    return load_run(folder)


@pytest.fixture
def compared(tmp_path):
    """Compare two runs of these rows, in a folder of its own each time."""

    def compare(one, other):
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        return first_difference(written(folder / "one", **one), written(folder / "other", **other))

    return compare


@pytest.fixture
def of_values(compared, rows):
    """Compare two runs of one exchange each, in which a column has these values."""

    def compare(column, one, other):
        pair = [{"metrics": [], "network": [rows.network_example(**{column: value})]} for value in (one, other)]
        return compared(*pair)

    return compare


def part_of(data, rows):
    """Some of the rows, some of them several times, in any order."""
    return data.draw(st.lists(st.sampled_from(rows), max_size=len(rows) + 1)) if rows else []


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_nothing_differs_just_where_the_digests_are_equal(rows, data):
    """Whatever is left out, doubled, written in another order or in other parts."""
    all_metrics, all_network = (data.draw(st.lists(each, max_size=3)) for each in (rows.metrics, rows.network))
    with tempfile.TemporaryDirectory() as folder:
        pair = []
        for name in ("one", "other"):
            cuts = data.draw(st.sets(st.integers(0, 3)))
            pair.append(written(Path(folder) / name, part_of(data, all_metrics), part_of(data, all_network), cuts))
        equal = digest(pair[0].path) == digest(pair[1].path)
        assert (first_difference(*pair) is None) == equal


@settings(max_examples=80, deadline=None)
@given(data=st.data(), table=st.sampled_from([METRICS, NETWORK]))
def test_a_changed_value_is_named(rows, data, table):
    row = data.draw(getattr(rows, table.name))
    column = data.draw(st.sampled_from(table.columns))
    changed = row | {column.name: data.draw(rows.values(column))}
    with tempfile.TemporaryDirectory() as folder:
        pair = [
            written(Path(folder) / name, **({"metrics": [], "network": []} | {table.name: [each]}))
            for name, each in (("one", row), ("other", changed))
        ]
        found = first_difference(*pair)
        if found is None:
            assert digest(pair[0].path) == digest(pair[1].path)
        elif column.name in {"seed", "phase", "kind", "update", "episodes"}:  # what makes it another record
            assert (found.table, found.column, found.records) == (table.name, "", 2)
            assert {found.one, found.other} == {"there", ABSENT}
        else:
            assert (found.table, found.column.partition("[")[0]) == (table.name, column.name)
            assert (found.columns, found.records) == (1, 1)
            assert found.one != found.other


def test_zeros_of_either_sign_differ(of_values):
    found = of_values("a_eff", 0.0, -0.0)
    assert (found.column, found.one, found.other, found.apart) == ("a_eff", "0.0", "-0.0", 0.0)


def test_nan_is_itself_and_no_other(of_values):
    one, other = (struct.unpack(">d", bytes.fromhex(bits))[0] for bits in ("7ff8000000000000", "7ff8000000000001"))
    assert of_values("a_eff", one, one) is None
    found = of_values("a_eff", one, other)
    assert (found.one, found.other) == ("nan (bits 7ff8000000000000)", "nan (bits 7ff8000000000001)")
    assert found.apart is None
    assert (of_values("a_eff", one, 1.0).one, of_values("a_eff", one, None).other) == ("nan", "None")


def test_numbers_are_told_to_the_last_digit_and_how_far_they_are_apart(of_values):
    found = of_values("a_eff", 0.1 + 0.2, 0.3)
    assert str(found) == (
        "network, seed 7, update 7, step 7, td: a_eff: 0.30000000000000004 in the first run, 0.3 in the second"
        " (5.551115123125783e-17 apart)"
    )
    assert of_values("sent", 5, 3).apart == 2
    assert of_values("a_eff", 1.7e308, -1.7e308).apart is None
    assert of_values("faults", "flap", "").one == "'flap'"


def test_of_lists_the_first_entry_that_differs_is_named(of_values):
    found = of_values("round_time_s", [0.0, 0.25, 1.0], [0.0, 0.5, 2.0])
    assert (found.column, found.one, found.other, found.apart) == ("round_time_s[1]", "0.25", "0.5", 0.25)
    assert of_values("round_time_s", [0.0], [-0.0]).column == "round_time_s[0]"
    found = of_values("round_time_s", [0.0], [0.0, 0.0])
    assert (found.column, found.one, found.other) == ("round_time_s", "1 values", "2 values")


def test_the_earliest_is_named_and_all_are_counted(compared, rows):
    """By updates, then steps; an exchange before the learner's figures of its update; whatever stands first on disk."""

    def run(**wrong):
        late = [rows.metrics_example(episodes=each, updates=each, env_steps=10 * each, seed=1) for each in (9, 8)]
        for row in late:
            row["loss"] = wrong.get("loss", row["loss"])
        early = rows.metrics_example(episodes=5, updates=4, env_steps=50, seed=2, phase="train") | wrong.get(
            "early", {}
        )
        exchange = rows.network_example(update=4, env_steps=50, seed=2) | wrong.get("exchange", {})
        return {"metrics": [*late, early], "network": [exchange]}

    found = compared(run(), run(loss=2.0))
    assert (found.seed, found.updates, found.env_steps, found.what, found.records) == (1, 8, 80, "td", 2)
    found = compared(run(), run(loss=2.0, early={"q_mean": 2.0, "epsilon": 1.0}))
    assert (found.seed, found.updates, found.what, found.column) == (2, 4, "train", "q_mean")
    assert (found.columns, found.records) == (2, 3)
    found = compared(run(), run(loss=2.0, early={"q_mean": 2.0}, exchange={"held": 3}))
    assert (found.table, found.column, found.one, found.other) == ("network", "held", "7", "3")
    assert found.records == 4


def test_a_longer_episode_is_the_same_record_with_another_value(compared, rows):
    pair = [{"metrics": [rows.metrics_example(env_steps=steps)], "network": []} for steps in (25, 24)]
    found = compared(*pair)
    assert (found.env_steps, found.column, found.one, found.other) == (24, "env_steps", "25", "24")


@pytest.mark.parametrize("lacks", ["first", "second"])
def test_a_record_that_one_run_lacks(compared, rows, lacks):
    """An evaluation or an exchange more; the other records, at the same time and later, are the same."""
    train = rows.metrics_example(phase="train")
    whole = {"metrics": [train, train | {"phase": "evaluation"}], "network": [rows.network_example(update=9)]}
    short = {"metrics": [train], "network": [rows.network_example(update=9)]}
    found = compared(*((short, whole) if lacks == "first" else (whole, short)))
    said = ("no such record", "there") if lacks == "first" else ("there", "no such record")
    assert (
        str(found)
        == f"metrics, seed 7, update 7, step 7, evaluation: {said[0]} in the first run, {said[1]} in the second"
    )
    assert (found.column, found.apart, found.columns, found.records) == ("", None, 0, 1)


def test_of_several_exchanges_of_one_kind_the_one_that_differs_is_named(compared, rows):
    """Parameters sent in two parts at one update: equal records are set aside before the rest is compared."""
    parts = [rows.network_example(kind="gt", bytes=size) for size in (100, 200)]
    found = compared(
        {"metrics": [], "network": parts}, {"metrics": [], "network": [parts[0] | {"bytes": 101}, parts[1]]}
    )
    assert (found.column, found.one, found.other, found.records) == ("bytes", "100", "101", 1)
