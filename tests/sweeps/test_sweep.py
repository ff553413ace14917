"""Sweep files: what they stand for, and every mistake with its line and a remedy."""

import pytest
from sweep_parts import BASE, SWEEP, write_sweep

from dvdn_sim.sweeps import load_sweep


def mistakes(tmp_path, text, changes=(), **options):
    _, found = load_sweep(write_sweep(tmp_path, text), changes, **options)
    return [str(mistake) for mistake in found]


def test_a_sweep_file(tmp_path):
    sweep, found = load_sweep(write_sweep(tmp_path))
    assert found == []
    assert (sweep.name, sweep.question, sweep.base) == ("small", "Does the network matter?", tmp_path / "base.yaml")
    assert {axis.name: list(axis.values) for axis in sweep.axes} == {"rounds": ["1", "2"], "loss": ["0%", "20%"]}
    assert [setting.text for setting in sweep.changes] == ["algorithm.hidden=5"]
    assert (sweep.seeds, sweep.compare) == ((0, 1), ("rounds", "1"))


def test_quick_is_smaller_and_has_a_folder_of_its_own(tmp_path):
    sweep, found = load_sweep(write_sweep(tmp_path), quick=True)
    assert found == []
    assert (sweep.name, sweep.seeds) == ("small_quick", (3,))
    assert [setting.text for setting in sweep.changes] == ["algorithm.hidden=5", "training.steps=12"]
    assert [list(axis.values) for axis in sweep.axes] == [["1", "2"], ["20%"]]
    turned = SWEEP.replace("axes: {loss: [20%]}", "axes: {rounds: [2, 1]}")
    sweep, _ = load_sweep(write_sweep(tmp_path, turned), quick=True)
    assert list(sweep.axes[0].values) == ["1", "2"]  # in the order of the axis


def test_the_command_line_has_the_last_word(tmp_path):
    sweep, found = load_sweep(write_sweep(tmp_path), ["algorithm.hidden=7", "name=x"], seeds=(9,), quick=True)
    assert found == []
    assert [setting.text for setting in sweep.changes][-2:] == ["algorithm.hidden=7", "name=x"]
    assert sweep.seeds == (9,)


def test_values_may_be_named_and_may_change_several_paths(tmp_path):
    axes = """\
axes:
  - name: network
    values:
      perfect: {network.link: {preset: ideal}, network.deadline: null}
      poor: {network.link.loss: 30%}
  - {path: network.topology, values: [{kind: ring}, {kind: complete}]}
  - {path: env.field_size, values: {small: [5, 5], large: [8, 8]}}
"""
    text = SWEEP[: SWEEP.index("axes:")] + axes
    sweep, found = load_sweep(write_sweep(tmp_path, text))
    assert found == []
    network, topology, size = sweep.axes
    assert [(each.path, each.value) for each in network.values["perfect"]] == [
        ("network.link", {"preset": "ideal"}),
        ("network.deadline", None),
    ]
    assert (topology.name, list(topology.values)) == ("topology", ["ring", "complete"])
    assert [(label, change.value) for label, (change,) in size.values.items()] == [("small", [5, 5]), ("large", [8, 8])]


def test_parts_may_stand_in_other_files_and_paths_are_relative_to_the_file_that_names_them(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "ours.yaml").write_text("base: other.yaml\nseeds: 0-4\n", encoding="utf-8")
    text = SWEEP.replace("base: base.yaml", "include: parts/ours.yaml").replace("seeds: 0-1\n", "")
    sweep, found = load_sweep(write_sweep(tmp_path, text))
    assert found == []
    assert sweep.base == tmp_path / "parts" / "other.yaml"
    assert sweep.seeds == (0, 1, 2, 3, 4)


def test_all_mistakes_are_told_at_once(tmp_path):
    text = """\
name: no name
bose: base.yaml
axes:
  - {path: a b, valuse: [1]}
  - {values: 3, name: 5}
  - 7
seeds: 0-x
quick: {foo: 3, axes: {a: 3}, seeds: yes}
compare: {}
set: {a b: 3}
"""
    found = "\n".join(mistakes(tmp_path, text))
    for line in (
        "line 1: name: `no name` cannot name a folder",
        "question: is missing",
        "line 2: bose: unknown key; did you mean `base`?",
        "line 4: axes.0.path: `a b` is not a path in a scenario; write it as network.link.loss",
        "line 4: axes.0.valuse: unknown key; did you mean `values`?",
        "line 5: axes.1.values: must be a list of values, or values by name, not `3`; write [0%, 10%]",
        "line 5: axes.1.name: must be a text",
        "line 6: axes.2: must be a block",
        "line 7: seeds: `0-x` is no seed and no range of seeds",
        "line 8: quick.foo: unknown key; the keys here are: seeds, set, axes",
        "line 8: quick.axes.a: must be a list, not `3`",
        "line 8: quick.seeds: `yes` is no seed",
        "line 9: compare: must have at least 1 entry, not 0",
        "line 10: set.a b: `a b` is not a path in a scenario",
    ):
        assert line in found


LOSS = "path: network.link.loss, values: [0%, 20%]"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("values: [1, 2]", "values: [1, 1]", "line 6: axes.0.values.1: `1` is given twice; remove one of them"),
        ("[1, 2]", "{a: 1, A: 2}", "line 6: axes.0.values.A: has the same folder name as `a`"),
        ("[1, 2]", "{é: 1}", "line 6: axes.0.values.é: `é` cannot name a folder; write another name"),
        ("[1, 2]", f"{{{'a' * 41}: 1}}", "cannot name a folder; write another name"),
        ("path: network.link.loss", "path: a.rounds", "line 7: axes.1: another axis is called `rounds`"),
        ("path: network.link.loss", "name: loss", "line 7: axes.1.values: are values without a"),
        (LOSS, "name: loss, values: {a: 3}", "line 7: axes.1.values.a: must be a block, not `3`"),
        (LOSS, "name: loss, values: {a: {b c: 3}}", "line 7: axes.1.values.a.b c: `b c` is not a path"),
        ("path: network.link.loss", "path: algorithm", "so undoes `algorithm.consensus.rounds` of axis rounds; write"),
        ("path: network.link.loss", "name: b, path: algorithm.consensus.rounds", "make one axis of them"),
        ("path: network.link.loss", "path: seeds", "line 7: axes.1.path: all cells have the same seeds"),
        ("algorithm.hidden: 5", "seeds: [1]", "line 4: set.seeds: all cells have the same seeds"),
        ("training.steps: 12", "seeds: [1]", "line 12: quick.set.seeds: all cells have the same seeds"),
        ("algorithm.hidden: 5", "network.link: {}", ""),
        ("algorithm.hidden: 5", "network.link.loss: 5%", "line 4: network.link.loss: has no effect: axis loss sets it"),
        ("compare: {rounds: 1}", "compare: {round: 1}", "there is no axis `round`; did you mean `rounds`?"),
        (
            "compare: {rounds: 1}",
            "compare: {rounds: 3}",
            "line 9: compare.rounds: there is no value of rounds `3`",
        ),
        ("axes: {loss: [20%]}", "axes: {loss: [30%]}", "line 13: quick.axes.loss: there is no value of loss `30%`"),
        ("axes: {loss: [20%]}", "axes: {rounds: [2]}", "line 13: quick.axes.rounds: leaves out `1`, the baseline"),
        ("[1, 2]", f"[{', '.join(map(str, range(1001)))}]", "line 5: axes: 2002 cells; at most 2000"),
        ("base: base.yaml", "base: [1]", "line 3: base: must be a scenario's file"),
        ("seeds: 0-1", "seeds: 0-5000", "is no range of up to 1000 seeds"),
        ("seeds: 0-1", "seeds: [0, -1]", "is not a list of seeds"),
        ("question: Does the network matter?", "question: 5", "line 2: question: must be a text, not `5`"),
    ],
)
def test_each_mistake_has_its_line_and_a_remedy(tmp_path, before, after, said):
    assert before in SWEEP
    found = mistakes(tmp_path, SWEEP.replace(before, after))
    assert (said in "\n".join(found)) if said else found == []


@pytest.mark.parametrize(
    ("text", "quick", "said"),
    [
        (SWEEP[: SWEEP.index("axes:")] + "axes: []\n", False, "line 5: axes: must have at least 1 entry, not 0"),
        (SWEEP[: SWEEP.index("quick:")], True, "quick: is missing; say what the smaller sweep changes, or remove it"),
        ("5 ms", False, "is not a sweep; write `key: value` lines: name, question, base, axes"),
        ("{", False, "line 1: not YAML"),
        (BASE, False, "is a scenario, not a sweep; `dvdn-sim run` runs it"),
        ("include: no.yaml\nname: a\n", False, "there is no file"),  # in which what is missing may stand
    ],
)
def test_what_is_no_sweep_at_all(tmp_path, text, quick, said):
    found = mistakes(tmp_path, text, quick=quick)
    assert said in "\n".join(found)
    assert len(found) == 1


def test_a_sweep_that_is_not_there(tmp_path):
    _, found = load_sweep(tmp_path / "no.yaml")
    assert str(found[0]) == "cannot be read: No such file or directory; name a YAML file"


def test_values_are_called_as_they_are_written_and_kinds_and_presets_by_their_name(tmp_path):
    values = "[3, 5 ms, 0.001, null, true, {preset: wifi}, {kind: ring}, [7, 7]]"
    sweep, _ = load_sweep(write_sweep(tmp_path, SWEEP.replace("[0%, 20%]", values)))
    assert list(sweep.axes[1].values) == ["3", "5 ms", "0.001", "null", "true", "wifi", "ring", "7, 7"]
