"""The cells of a sweep: which there are, what they are called, and what is wrong with any of them."""

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sweep_parts import BASE, SWEEP, write_sweep

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import load_scenario
from dvdn_sim.sweeps import cell_id, folder_name, load_cells


def said(tmp_path, text, base=BASE, changes=()):
    with pytest.raises(ScenarioError) as caught:
        load_cells(write_sweep(tmp_path, text, base), changes)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_cells_are_all_combinations_the_last_axis_the_fastest_and_each_is_what_run_makes_of_it(tmp_path):
    _, cells = load_cells(write_sweep(tmp_path))
    names = ["rounds=1,loss=0%", "rounds=1,loss=20%", "rounds=2,loss=0%", "rounds=2,loss=20%"]
    assert [cell.id for cell in cells] == names
    assert cells[1].at == {"rounds": "1", "loss": "20%"}
    assert cells[1].changes == {"algorithm.consensus.rounds": 1, "network.link.loss": "20%"}
    changes = ["seeds=[0, 1]", "algorithm.hidden=5", "algorithm.consensus.rounds=2", "network.link.loss=20%"]
    assert cells[-1].scenario == load_scenario(tmp_path / "base.yaml", changes)


def test_the_resolved_sweep_stands_alone_and_has_the_same_cells(tmp_path):
    (tmp_path / "link.yaml").write_text("{rate: 1 Mbit/s, delay: 5 ms, loss: 10%}", encoding="utf-8")
    base = BASE.replace("{rate: 1 Mbit/s, delay: 5 ms, loss: 10%}", "{include: link.yaml}")
    for quick, seeds in ((False, None), (True, (5,))):
        sweep, cells = load_cells(write_sweep(tmp_path, base=base), ["training.steps=20"], quick=quick, seeds=seeds)
        alone = tmp_path / "elsewhere" / "sweep.yaml"
        alone.parent.mkdir(exist_ok=True)
        alone.write_text(sweep.resolved(), encoding="utf-8")
        again, same = load_cells(alone)
        assert same == cells
        assert (again.name, again.compare, again.seeds) == (sweep.name, sweep.compare, sweep.seeds)
        assert again.resolved() == sweep.resolved()


CHARACTERS = st.sampled_from("aB1.%+-_ /") | st.characters(codec="utf-8", exclude_categories=("C",))
LABELS = st.lists(st.text(CHARACTERS, min_size=1, max_size=45), min_size=1, max_size=6)
NAMES = st.lists(st.from_regex(r"[a-z][A-Za-z0-9_]{0,31}", fullmatch=True), min_size=1, max_size=8, unique=True)


def told_apart(labels):
    """Those of one axis that its rules let through: names of folders that file systems can tell apart."""
    names = {folder_name(label).lower(): label for label in labels if 0 < len(folder_name(label)) <= 40}
    return list(names.values())


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(names=NAMES, labels=st.lists(LABELS, min_size=8, max_size=8), data=st.data())
def test_no_two_cells_share_a_folder_and_every_name_is_safe(names, labels, data):
    """Whatever labels are: on systems that ignore capitals, too, and within the 255 bytes of a name."""
    axes = {name: told_apart(each) for name, each in zip(names, labels, strict=False)}
    assume(all(axes.values()))
    drawn = [{name: data.draw(st.sampled_from(each)) for name, each in axes.items()} for _ in range(2)]
    first, second = (cell_id(at) for at in drawn)
    assert (first.lower() == second.lower()) == (drawn[0] == drawn[1])
    assert re.fullmatch(r"[A-Za-z0-9_.%+=,-]+", first)
    assert len(first) <= 150
    assert not first.endswith(".")


def test_a_name_depends_on_the_cell_alone(tmp_path):
    """So that an axis may grow without any finished cell being lost."""
    _, few = load_cells(write_sweep(tmp_path))
    _, many = load_cells(write_sweep(tmp_path, SWEEP.replace("[1, 2]", "[3, 2, 1]").replace("[0%, 20%]", "[20%, 5%]")))
    kept = {cell.id: cell.scenario for cell in few} | {cell.id: cell.scenario for cell in many}
    assert len(kept) == 4 + 6 - 2
    assert all(kept[cell.id] == cell.scenario for cell in few)


def test_mistakes_of_all_cells_are_told_at_once_each_once_with_its_line(tmp_path):
    text = SWEEP.replace("[1, 2]", "[1, x, -2]").replace("[0%, 20%]", "[120%, 20%]").replace("hidden: 5", "hiden: 5")
    assert said(tmp_path, text) == [
        "line 4: algorithm.hiden: unknown key; did you mean `hidden`?",
        "line 6: algorithm.consensus.rounds: must be a whole number, not `x`",
        "line 6: algorithm.consensus.rounds: must be at least 0, not `-2`",
        "line 7: network.link.loss: `120%` is not a probability; at most 100%",
    ]


def test_a_mistake_of_the_base_is_told_with_its_file_or_with_the_line_of_a_sweep_that_holds_it(tmp_path):
    found = said(tmp_path, SWEEP, BASE.replace("batch: 2", "batch: two"))
    assert found == [f"line 11 of {tmp_path}/base.yaml: training.batch: must be a whole number, not `two`"]
    base = "".join(f"  {line}\n" for line in BASE.replace("batch: 2", "batch: two").splitlines())
    found = said(tmp_path, SWEEP.replace("base: base.yaml\n", f"base:\n{base}"))
    assert found == ["line 14: training.batch: must be a whole number, not `two`"]
    found = said(tmp_path, SWEEP.replace("base.yaml", "bose.yaml"))
    assert found == [f"{tmp_path}/bose.yaml: cannot be read: No such file or directory; name a YAML file"]


def test_a_mistake_of_a_combination_names_a_cell(tmp_path):
    """`symmetric` needs acknowledgements, which one value of the other axis brings."""
    axes = """\
axes:
  - {path: algorithm.consensus.policy, values: [self, symmetric]}
  - name: acks
    values: {with: {network.acks: true}, without: {}, none: {network.acks: false}}
"""
    found = said(tmp_path, SWEEP[: SWEEP.index("axes:")] + axes)
    (wrong,) = found
    assert wrong.startswith("line 6: algorithm.consensus.policy: `symmetric` needs acknowledgements: it")
    assert "(in policy=symmetric,acks=without and 1 more)" in wrong


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("nonsense", "--set nonsense: is not of the form `path=value`"),
        ("name={a", "--set name={a: name: not YAML"),
        ("seeds=[1]", "--set seeds=[1]: seeds: is not a setting of a cell; write `--seeds 0-4`"),
        ("network.link.loss=5%", "--set network.link.loss=5%: network.link.loss: has no effect: axis loss"),
        ("training.steps=-3", "--set training.steps=-3: training.steps: must be at least 1, not `-3`"),
    ],
)
def test_a_mistake_of_the_command_line(tmp_path, change, told):
    (found,) = said(tmp_path, SWEEP, changes=[change])
    assert found.startswith(told)


def test_a_remedy_is_written_as_a_sweep_has_it(tmp_path):
    kinds = SWEEP.replace("algorithm.consensus.rounds, values: [1, 2]", "algorithm.kind, values: [iql, dvdn]")
    found = said(tmp_path, kinds[: kinds.index("compare:")])
    assert "replace the whole block: `algorithm: {kind: iql" in "\n".join(found)
    assert "--set" not in "\n".join(found)


def test_axes_may_not_agree_with_the_base_alone(tmp_path):
    """A base that is incomplete is completed by the axes, and is no mistake."""
    base = BASE.replace(", loss: 10%", "").replace("consensus: {rounds: 1}", "consensus: {}")
    _, cells = load_cells(write_sweep(tmp_path, base=base))
    assert [cell.scenario.algorithm.consensus.rounds for cell in cells] == [1, 1, 2, 2]
