"""Whatever is written is read back equal, and written again as it was: values, scenarios and sweeps of all kinds."""

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from random_scenarios import BASE, changes

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import ALGORITHMS, ENVS, block_text, flow_text, parse_scenario, read_document, resolved_yaml
from dvdn_sim.sweeps import load_cells

MANY = settings(suppress_health_check=list(HealthCheck))
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "", "null", "off", "1_000", "0x1f", "1e3", ".inf", "-", "? a", "a: b", "a #b", "[", "<<", "=1+1", "'", "\n",
        "\x1b[31m", "\x85", "\ufeff", "~", "---", "...", "x" * 200,
    ]
)  # fmt: skip
NUMBERS = st.integers(-(10**59), 10**59) | st.floats(allow_nan=False)
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@MANY
@given(value=TREES)
def test_plain_values(value):
    """In lines, and in one line; a number stays what it is."""
    for text in (block_text(value), flow_text(value)):
        document = read_document(text)
        assert document.mistakes == []
        assert repr(document.root) == repr(value)


DURATIONS = st.builds("{:.6g} {}".format, st.floats(1e-3, 999.0), st.sampled_from(["us", "ms", "s"]))
SHARES = st.floats(0.0, 1.0).map("{:.6g}".format) | st.floats(0.0, 100.0).map("{:.17g}%".format)
ODD = st.fixed_dictionaries(
    {},
    optional={
        "network.link.delay": DURATIONS,
        "network.link.loss": SHARES,
        "network.link.rate": st.builds("{!r} {}bit/s".format, st.floats(0.1, 999.0), st.sampled_from(["k", "M", "G"])),
        "network.control_period": DURATIONS,
        "network.compute.mean": DURATIONS,
        "algorithm": st.sampled_from(list(ALGORITHMS)).map("{{kind: {}}}".format),
        "algorithm.lr": st.floats(1e-9, 0.1).map(repr),
        "env.kind": st.sampled_from(["lbf", "lbforaging"]),
        "env": st.sampled_from([name for name in ENVS if "lbf" not in name]).map("{{kind: {}}}".format),
        "evaluation.epsilon": SHARES,
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        "seeds": st.lists(st.integers(0, 10**12), min_size=1, max_size=3, unique=True).map(str),
    },
).map(lambda chosen: [f"{path}={value}" for path, value in chosen.items()])
"""Numbers that no unit suits, names, algorithms and environments."""


@MANY
@given(more=ODD, chosen=changes() | st.just([]))
def test_scenarios_of_all_kinds(more, chosen):
    try:
        scenario = parse_scenario(BASE, [*chosen, *more])
    except ScenarioError:
        reject()
    text = resolved_yaml(scenario)
    again = parse_scenario(text)
    assert again == scenario
    assert resolved_yaml(again) == text


LABELS = TEXTS | st.sampled_from(["0%", "10%", "=1+1", "-0.5", "a, b"])
CHANGES = {
    "network.link.loss": st.sampled_from(["0%", "12.5%", 0.1, {"kind": "gemodel", "p": "3%"}]),
    "algorithm.consensus.rounds": st.integers(0, 5),
    "algorithm.consensus": st.just({"rounds": 2, "policy": "self"}),
    "network.topology": st.sampled_from([{"kind": kind} for kind in ("ring", "complete", "path")]),
    "network.topology.kind": st.sampled_from(["ring", "star"]),
    "network.deadline": st.sampled_from(["auto", None, "5 ms", "1e1 ms"]),
    "env.field_size": st.sampled_from([[8, 8], [9, 12]]),
}


@st.composite
def axes(draw, path):
    """The values of a path, as a list or by name; or, by name, what each of them sets, of other paths too."""
    values = draw(st.lists(CHANGES[path], min_size=1, max_size=3, unique_by=str))
    how = draw(st.sampled_from(["list", "names", "settings"]))
    name = {"name": f"axis_{path.replace('.', '_')}"[:32]} if how == "settings" or draw(st.booleans()) else {}
    labels = draw(st.lists(LABELS, min_size=len(values), max_size=len(values)))
    settings = [{path: each} | draw(st.sampled_from([{}, {"training.batch": 4}])) for each in values]
    if how == "settings":
        return name | {
            "values": dict(zip(labels, [*settings[:-1], draw(st.sampled_from([{}, settings[-1]]))], strict=True))
        }
    return name | {"path": path, "values": values if how == "list" else dict(zip(labels, values, strict=True))}


@st.composite
def sweeps(draw):
    """A sweep of any kind, as a tree."""
    paths = draw(st.lists(st.sampled_from(list(CHANGES)), min_size=1, max_size=3, unique=True))
    drawn = [draw(axes(path)) for path in paths]
    sweep = {
        "name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)),
        "question": draw(TEXTS.filter(str.strip)),
        "base": read_document(BASE).root,
        "axes": drawn,
    }
    more = {
        "set": st.dictionaries(st.sampled_from(["training.steps", "algorithm.lr", "name"]), st.integers(1, 9)),
        "seeds": st.sampled_from(["0-3", [7, 1], 5]),
        "quick": st.just({"set": {"training.steps": 9}, "seeds": [3]}),
    }
    sweep |= {key: draw(value) for key, value in more.items() if draw(st.booleans())}
    if draw(st.booleans()):
        axis = draw(st.sampled_from(drawn))
        values = axis["values"]
        name = axis.get("name", axis.get("path", "").rpartition(".")[2])
        sweep["compare"] = {name: draw(st.sampled_from(values if isinstance(values, list) else list(values)))}
    return sweep


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweeps")


SET = st.sampled_from(
    [(), ("training.batch=2",), ("network . link . rate = 3 Mbit/s",), ("network.link={preset: wifi}",)]
)


@MANY
@given(sweep=sweeps(), quick=st.booleans(), changes=SET)
def test_sweeps_of_all_kinds(folder, sweep, quick, changes):
    file, stored = folder / "sweep.yaml", folder / "stored.yaml"
    file.write_text(block_text(sweep), encoding="utf-8")
    try:
        first, cells = load_cells(file, changes, quick=quick)
    except ScenarioError:
        reject()
    stored.write_text(first.resolved(), encoding="utf-8")
    again, same = load_cells(stored)
    assert same == cells
    assert (again.name, again.question, again.compare, again.seeds) == (
        first.name, first.question, first.compare, first.seeds,
    )  # fmt: skip
    assert again.resolved() == first.resolved()
