"""Users see the same as before: digests, JSON, resolved scenarios, mistakes, printed texts.

The pins are written by ``python tests/outside/pin.py`` before a change that keeps behaviour. They are no oracle: they
say that nothing moved, not that it is right. Trained numbers depend on the processor and on torch in their last bits,
so those are compared on the machine that the pins were made on, and elsewhere skipped; the rest is compared everywhere.
"""

import json
import math

import pin
import pytest
from inputs import COMMANDS, FILES, OVERRIDES, TEXTS
from killing import CASES

REL = 1e-9
"""Sums of floats may be taken in another order."""


def pinned(name):
    return json.loads((pin.PINNED / f"{name}.json").read_text())


def only_on_the_same_machine(where):
    if where != pin.machine():
        pytest.skip(f"trained numbers were pinned on {where}")


def check_same(found, before, place=""):
    """Equal, floats to rounding; keys may be added nowhere and removed nowhere."""
    if isinstance(before, dict) and isinstance(found, dict):
        assert found.keys() == before.keys(), f"{place}: {found.keys() ^ before.keys()}"
        for key, value in before.items():
            check_same(found[key], value, f"{place}.{key}")
    elif isinstance(before, list) and isinstance(found, list):
        assert len(found) == len(before), place
        for number, (one, other) in enumerate(zip(found, before, strict=True)):
            check_same(one, other, f"{place}.{number}")
    elif isinstance(before, float) and isinstance(found, float):
        assert math.isclose(found, before, rel_tol=REL, abs_tol=1e-15), f"{place}: {found!r}, before {before!r}"
    else:
        assert found == before, f"{place}: {found!r}, before {before!r}"


def check_predicted(found, before, place=""):  # noqa: C901 (a table of what may differ)
    """Closed forms stay; what was enumerated or sampled may be sampled, and lies within 6 standard errors."""
    assert found.keys() == before.keys(), place
    for key, value in before.items():
        if key == "wires":
            assert len(found[key]) == len(value)
            for one, other in zip(found[key], value, strict=True):
                check_predicted(one, other, f"{place}.{key}")
            assert math.isclose(found["total_bytes_per_update"], sum(wire["bytes_per_update"] for wire in found[key]))
        elif key in ("how", "standard_error"):
            assert found[key].keys() == value.keys(), place
        elif key in before["how"]:
            check_figure(key, found, before, f"{place}.{key}")
        elif key == "warnings":
            assert len(found[key]) == len(value), f"{place}: {found[key]}, before {value}"
        elif key == "rounds_to_10_percent":
            assert found[key] is not None or value is None  # a sample of graphs has one, too, however many there are
        elif key != "total_bytes_per_update":
            check_same(found[key], value, f"{place}.{key}")


def check_figure(key, found, before, place):
    how = (found["how"][key], before["how"][key])
    if before[key] is None or found[key] is None:
        assert found[key] == before[key], place
        return
    if how[1] == "closed" and key != "jtd_relative_error":
        assert how[0] == "closed", f"{place} was closed, and is {how[0]}"
    sides = [value if isinstance(value, list) else [value] for value in (found[key], before[key])]
    errors = [value if isinstance(value, list) else [value] for value in (
        found["standard_error"][key], before["standard_error"][key],
    )]  # fmt: skip
    assert len(sides[0]) == len(sides[1]), place
    for one, other, error, earlier in zip(*sides, *errors, strict=True):
        spread = 6 * math.hypot(error or 0.0, earlier or 0.0)
        quantile = 0.1 * abs(other) if "sampled" in how and key.startswith("round_time_p") else 0.0
        assert abs(one - other) <= spread + quantile + REL * abs(other) + 1e-12, f"{place}: {one}, before {other}"


def test_the_complete_yaml_of_every_scenario_file():
    found, before = pin.resolved(), pinned("resolved")
    assert found.keys() == before.keys()
    for name, text in before.items():
        assert found[name] == text, name


@pytest.mark.parametrize("case", CASES)
def test_what_short_runs_leave(case, tmp_path):
    before = pinned("runs")
    only_on_the_same_machine(before["machine"])
    check_same(json.loads(json.dumps(pin.run_of(case, tmp_path))), before["runs"][case])


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    return pin.commands(tmp_path_factory.mktemp("commands"))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_what_commands_print_for_programs(printed, name):
    pins = pinned("commands")
    before, found = pins["commands"][name], printed[name]
    assert found["exit"] == before["exit"]
    if name.startswith("predict"):
        check_predicted(found["json"], before["json"])
    elif name.startswith("consensus"):
        predicted = ("predicted", "warnings")  # the warnings have what `predict` sampled in them
        measured = {key: value for key, value in before["json"].items() if key not in predicted}
        check_same({key: value for key, value in found["json"].items() if key not in predicted}, measured)
        check_predicted(found["json"]["predicted"], before["json"]["predicted"])
        assert len(found["json"]["warnings"]) == len(before["json"]["warnings"])
    else:
        if name != "sweep dry":  # what all others say comes of training
            only_on_the_same_machine(pins["machine"])
        check_same(found["json"], before["json"])


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    return pin.texts(tmp_path_factory.mktemp("texts"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_what_commands_print_for_people(said, name):
    assert said[name] == pinned("texts")[name]


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory):
    return pin.mistakes(tmp_path_factory.mktemp("mistakes"))


@pytest.mark.parametrize("name", [*(f"--set {name}" for name in OVERRIDES), *(f"file: {name}" for name in FILES)])
def test_where_mistakes_are_found_and_what_is_said_of_them(mistakes, name):
    assert mistakes[name] == pinned("mistakes")[name]
