"""``include``: what a block in a file of its own amounts to, and how mistakes in it are told."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import (
    MAX_BYTES,
    Scenario,
    Value,
    Vdn,
    block_text,
    load_scenario,
    parse_scenario,
    read_document,
    resolve_includes,
    resolved_yaml,
)
from dvdn_sim.scenario.load import MAX_FILES, MAX_IN_A_ROW
from netmodels.links import Constant

FOREST = """\
kind: lbf
field_size: [10, 10]
players: 3
max_num_food: 3
max_food_level: 1
sight: 10
max_episode_steps: 25
"""


class Folder:
    """A folder of YAML files, the scenario ``main.yaml`` among them."""

    def __init__(self, path: Path, main: str) -> None:
        self.path, self.main = path, main

    def write(self, **files: str) -> None:
        """Write files; ``tasks__forest`` is ``tasks/forest.yaml``."""
        for name, text in files.items():
            path = self.path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def load(self, *overrides: str) -> Scenario:
        self.write(main=self.main)
        return load_scenario(self.path / "main.yaml", overrides)

    def mistakes(self, *overrides: str) -> list[tuple[str, ...]]:
        """Return (place, path, message, remedy) of every mistake, the name of the folder left out."""
        with pytest.raises(ScenarioError) as caught:
            self.load(*overrides)
        here = f"{self.path}{os.sep}"
        told = [(wrong.place, wrong.path, wrong.message, wrong.remedy) for wrong in caught.value.mistakes]
        return [tuple(said.replace(here, "") for said in each) for each in told]


@pytest.fixture
def folder(tmp_path, lossy):
    """The scenario of the design, its env in a file."""
    lines = ["env: {include: tasks/forest.yaml}" if line.startswith("env:") else line for line in lossy.splitlines()]
    folder = Folder(tmp_path, "\n".join(lines))
    folder.write(tasks__forest=FOREST)
    return folder


def test_a_block_in_a_file_is_the_block(folder, lossy):
    assert folder.load() == parse_scenario(lossy)
    assert "include" not in resolved_yaml(folder.load())


def test_what_stands_beside_wins_and_what_is_set_wins_over_both(folder):
    folder.main = folder.main.replace("forest.yaml}", "forest.yaml, sight: 4, max_food_level: null}")
    env = folder.load("env.max_num_food=2").env
    assert (env.sight, env.max_food_level, env.max_num_food, env.players) == (4, None, 2, 3)


def test_blocks_are_laid_under_blocks_and_lists_are_taken_whole(folder):
    folder.write(base="include: design.yaml\nseeds: [1, 2, 3]\ntraining: {batch: 16}\n", design=folder.main)
    folder.main = "include: base.yaml\nseeds: [7]\nnetwork: {link: {loss: 0%}, faults: [{kind: blackout, at: 1 s}]}\n"
    scenario, design = folder.load(), load_scenario(folder.path / "design.yaml")
    assert (scenario.seeds, scenario.training.batch, len(scenario.network.faults)) == ((7,), 16, 1)
    assert (scenario.network.link.loss.loss_rate, scenario.network.link.rate) == (0.0, design.network.link.rate)
    assert (scenario.env, scenario.network.topology) == (design.env, design.network.topology)


def test_a_block_of_another_kind_owes_nothing_to_the_file(folder):
    folder.write(design=folder.main.replace("hidden: 64", "hidden: 32"))
    folder.main = (
        "include: design.yaml\nalgorithm: {kind: vdn}\nnetwork: {link: {delay: {kind: constant, mean: 1 s}}}\n"
    )
    scenario = folder.load()
    assert scenario.algorithm == Vdn()
    assert scenario.network.link.delay == Constant(1.0)


def test_of_several_files_a_later_one_wins(folder):
    folder.write(near="sight: 2\nmax_num_food: 1\n", nearer="sight: 1\n")
    folder.main = folder.main.replace("tasks/forest.yaml", "[tasks/forest.yaml, near.yaml, nearer.yaml]")
    env = folder.load().env
    assert (env.sight, env.max_num_food, env.players) == (1, 1, 3)


def test_what_another_kind_hid_does_not_come_back_from_below(folder):
    """VDN beside, over DVDN, over VDN: the first file is hidden from the last block."""
    folder.write(design=folder.main, one="algorithm: {kind: vdn, hidden: 8}\n", two="algorithm: {kind: dvdn}\n")
    folder.main = "include: [design.yaml, one.yaml, two.yaml]\nalgorithm: {kind: vdn}\n"
    assert folder.load().algorithm == Vdn()


def test_blocks_in_lists_may_be_included(folder):
    folder.write(night="kind: blackout\nat: 5 s\n")
    folder.main = folder.main.replace("faults: []", "faults: [{include: night.yaml, for: 1 s}, {include: night.yaml}]")
    first, second = folder.load().network.faults
    assert (first.at, first.for_, second.at, second.for_) == (Constant(5.0), Constant(1.0), Constant(5.0), None)


def test_paths_are_relative_to_the_file_that_names_them(folder, monkeypatch):
    folder.write(tasks__forest="include: ../trees.yaml\nsight: 3\n", trees=FOREST)
    monkeypatch.chdir("/")
    assert folder.load().env.sight == 3
    absolute = folder.main.replace("tasks/forest.yaml", str(folder.path / "tasks" / "forest.yaml"))
    assert parse_scenario(absolute).env.sight == 3
    monkeypatch.chdir(folder.path)
    assert parse_scenario(folder.main).env.sight == 3


def test_a_block_that_is_set_may_be_included_from_where_one_stands(folder, monkeypatch):
    monkeypatch.chdir(folder.path / "tasks")
    folder.write(tasks__field=FOREST.replace("sight: 10", "sight: 3"))
    assert folder.load("env={include: field.yaml, max_num_food: 2}", "env.penalty=0.5").env.sight == 3
    assert folder.mistakes("env.include=field.yaml") == [
        ("--set env.include=field.yaml", "env.include", "cannot be set", "set all of it: --set 'env={include: FILE}'")
    ]
    assert folder.mistakes("include=field.yaml")[0][3] == "write it in the scenario"
    folder.write(tasks__field=FOREST.replace("sight: 10", "sight: many"))
    assert folder.mistakes("env={include: field.yaml}") == [
        ("line 6 of field.yaml", "env.sight", "must be a whole number, not `many`", "")
    ]
    (mistake,) = folder.mistakes("env={include: fields.yaml}")
    assert mistake[1:] == ("env.include", "there is no file `fields.yaml`", "did you mean `field.yaml`?")


TREES = st.recursive(
    st.integers(0, 9),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
BLOCKS = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(blocks=st.lists(BLOCKS, min_size=1, max_size=4))
def test_every_path_means_what_the_last_block_says_that_has_it(tmp_path_factory, blocks):
    """Against each path by itself: a plain value is that of the last block in which it, or one it hides, is plain."""
    folder = tmp_path_factory.mktemp("blocks")
    for index, block in enumerate(blocks[:-1]):
        folder.joinpath(f"{index}.yaml").write_text(block_text(block))
    files = [f"{index}.yaml" for index in range(len(blocks) - 1)]
    document = read_document(block_text(blocks[-1] | ({"include": files} if files else {})))
    resolve_includes(document, folder / "main.yaml")
    assert document.mistakes == []
    assert _leaves(document.root) == _expected(blocks)


def _leaves(value: Value, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Value]:
    """Return plain values and empty blocks by path."""
    if not isinstance(value, dict) or not value:
        return {path: value}
    return {inner: leaf for key, each in value.items() for inner, leaf in _leaves(each, (*path, key)).items()}


def _expected(blocks: list[dict[str, Value]]) -> dict[tuple[str, ...], Value]:
    """Lay leaf upon leaf: one above hides what is below or above it in the tree, but an empty block hides no block."""
    laid: dict[tuple[str, ...], Value] = {(): {}}
    for block in blocks:
        for path, leaf in _leaves(block).items():
            below = [other for other in laid if other[: len(path)] == path]
            if leaf == {} and any(laid[other] == {} or other != path for other in below):
                continue
            above = [other for other in laid if path[: len(other)] == other]
            laid = {other: value for other, value in laid.items() if other not in (*below, *above)}
            laid[path] = leaf
    return laid


MISTAKES = [
    # (tasks/forest.yaml, what is included, place, path, part of the message, part of the remedy)
    ("sigt: 3", None, "line 1 of tasks/forest.yaml", "env.sigt", "unknown key", "did you mean `sight`?"),
    ("sight: far", None, "line 1 of tasks/forest.yaml", "env.sight", "must be a whole number", ""),
    ("[", None, "line 1 of tasks/forest.yaml", "env", "not YAML", ""),
    ("- 1", None, "line 3", "env.include", "`tasks/forest.yaml` holds a list, which is no block", "`key: value`"),
    ("", "tasks/forrest.yaml", "line 3", "env.include", "no file `tasks/forrest.yaml`", "mean `forest.yaml`?"),
    ("", "[nowhere.yaml]", "line 3", "env.include.0", "no file `nowhere.yaml`", ""),
    ("", "tasks", "line 3", "env.include", "`tasks` cannot be read: it is not a file", "name a YAML file"),
    ("", '"a\\0b"', "line 3", "env.include", "cannot be read", ""),
    ("", "3", "line 3", "env.include", "must be a file or a list of files, not `3`", "name YAML files"),
    ("", "main.yaml", "line 3", "env.include", "`main.yaml` includes itself", "remove"),
    ("include: ../main.yaml", None, "line 1 of tasks/forest.yaml", "env.include", "`main.yaml` includes itself", ""),
    ("kind: x", "tasks/forest.yaml, kind: lbf", "line 3", "env.include", "kind `x`, and kind `lbf`", "remove the one"),
    ("kind: lbf", "[tasks/forest.yaml, tasks/a.yaml]", "line 3", "env.include.1", "kind `x`, and kind `lbf`", ""),
    ("a: " + "y" * MAX_BYTES, None, "line 3", "env.include", "more than 640 KiB are included", ""),
]  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: f"{case[1]}: {case[4]}")
def test_a_mistake_is_told_with_the_file_that_it_is_in_and_no_other_is_made_of_it(folder, case):
    text, included, place, path, message, remedy = case
    beside = [line for line in FOREST.splitlines() if included is None or "kind:" not in line]
    rest = ", ".join(line for line in beside if line.partition(":")[0] not in text)
    folder.write(tasks__forest=text, tasks__a="kind: x\n")
    named = "tasks/forest.yaml" if included is None else included
    folder.main = folder.main.replace("{include: tasks/forest.yaml}", f"{{include: {named}, {rest}}}")
    (mistake,) = folder.mistakes()
    assert mistake[:2] == (place, path)
    assert message in mistake[2]
    assert remedy in mistake[3]


@pytest.mark.parametrize(
    ("old", "new", "place", "path"),
    [
        ("players: 3\n", "", "line 3", "env.players"),  # missing: where the include stands
        ("max_num_food: 3", "max_num_food: 17", "line 4 of tasks/forest.yaml", "env.max_num_food"),  # a rule
    ],
)
def test_what_follows_from_a_file_is_told_where_the_value_stands_or_should(folder, old, new, place, path):
    folder.write(tasks__forest=FOREST.replace(old, new))
    assert [wrong[:2] for wrong in folder.mistakes()] == [(place, path)]


def test_all_mistakes_are_told_at_once_those_of_the_scenario_first(folder):
    folder.write(tasks__forest=FOREST.replace("sight: 10", "sight: far"), tracks="hiden: 3\n")
    folder.main = folder.main.replace("seeds: [0, 1]", "seeds: [0, 0]").replace(
        "  hidden: 64", "  include: tracks.yaml"
    )
    assert [wrong[:2] for wrong in folder.mistakes("training.batch=x")] == [
        ("line 2", "seeds"),
        ("line 6 of tasks/forest.yaml", "env.sight"),
        ("line 1 of tracks.yaml", "algorithm.hiden"),
        ("--set training.batch=x", "training.batch"),
    ]


def test_nothing_is_said_to_be_missing_where_a_file_is(folder):
    """A user who mistyped one name is not told of twenty keys; what stands there is checked all the same."""
    folder.main = "include: nowhere.yaml\nseeds: [0, x]\nalgorithm: {consensus: {rounds: 3}}\nnetwork: {acks: 3}\n"
    assert [wrong[1] for wrong in folder.mistakes()] == ["include", "seeds.1", "network.acks"]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [("players: [1", "env", "not YAML"), ("include: trees.yaml", "env.include", "no file `tasks/trees.yaml`")],
)
def test_nor_where_a_file_cannot_be_read_or_lacks_one_in_turn(folder, text, path, message):
    folder.write(tasks__forest=text)
    folder.main = folder.main.replace("episodes: 100, ", "")
    elsewhere, mistake = folder.mistakes()
    assert elsewhere[1:3] == ("evaluation.episodes", "is missing")
    assert mistake[:2] == ("line 1 of tasks/forest.yaml", path)
    assert message in mistake[2]


def test_rules_are_silent_where_a_file_may_say_what_they_ask_for(folder):
    """DVDN needs a network, and the file may be the one that brings it."""
    blocks = read_document(folder.main).root
    assert isinstance(blocks, dict)
    folder.main = block_text({"include": "nowhere.yaml", **{k: v for k, v in blocks.items() if k != "network"}})
    assert [wrong[1] for wrong in folder.mistakes()] == ["include"]


def test_files_that_include_one_another_without_end_are_bounded(folder):
    for index in range(20):
        folder.write(**{f"row{index}": f"include: row{index + 1}.yaml\n"})
    folder.main = "include: row0.yaml\n"
    assert [wrong[2] for wrong in folder.mistakes()] == [f"more than {MAX_IN_A_ROW} files include one another"]
    for index in range(MAX_IN_A_ROW):
        folder.write(**{f"row{index}": f"include: [{', '.join([f'row{index + 1}.yaml'] * 40)}]\n"})
    messages = {wrong[2] for wrong in folder.mistakes()}
    assert f"more than {MAX_FILES} files are included" in messages


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder.path / "pipe.yaml")
    folder.main = folder.main.replace("tasks/forest.yaml", "pipe.yaml")
    (mistake,) = folder.mistakes()
    assert mistake[1:3] == ("env.include", "`pipe.yaml` cannot be read: it is not a file")
