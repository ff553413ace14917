"""Whatever is set and included, it is a scenario or a list of mistakes with remedies: never another error.

Files of any content: test_bad_input.
"""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import Scenario, block_text, describe, load_scenario, parse_scenario, resolved_yaml

PIECES = st.sampled_from(
    [
        *["{", "}", "[", "]", ":", ": ", ",", "\n", "  ", "- ", "#", "'", '"', "|", ">", "&a", "*a", "!!int", "---"],
        *["null", "true", "off", ".inf", ".nan", "-1", "0", "1e99", "1e-99", "9" * 30, "0x", "5 ms", "20%", "%", "?"],
        *["unlimited", "kind", "kind: trace", "kind: pareto", "kind: vdn", "file: x", "values: [1]", "network"],
        *["faults", "<<", "\x00", "\u2028", "\ud800", "é", "🙂"],
    ]
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
        st.sampled_from(["5 ms", "20%", "unlimited", "1 B", "self", "vdn", "lbf", "ring"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["kind", "mean", "p", "rate", "edges", "steps", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip
PATHS = st.sampled_from(
    [
        *["name", "seeds", "seeds.0", "env", "env.kind", "env.field_size", "env.players", "env.max_num_food"],
        *["env.sight", "env.max_food_level", "env.min_food_level", "env.penalty", "algorithm", "algorithm.kind"],
        *["algorithm.consensus", "algorithm.consensus.rounds", "algorithm.lr", "algorithm.clip", "network"],
        *["network.topology", "network.topology.kind", "network.topology.edges", "network.link", "network.link.rate"],
        *["network.link.delay", "network.link.delay.kind", "network.link.delay.mean", "network.link.loss"],
        *["network.link.loss.p", "network.link.mtu", "network.link.limit", "network.link.limit_bytes"],
        *["network.link.fifo", "network.share", "network.deadline", "network.compute", "network.control_period"],
        *["network.faults", "training", "training.steps", "training.batch", "training.epsilon", "evaluation"],
        *["training.epsilon.end", "evaluation.every", "x", "x.y"],
    ]
)


def scenario_or_mistakes(source: str | bytes | Path, overrides: tuple[str, ...] = ()) -> None:
    """Assert that a text, or a file, is the one or the other."""
    scenario, error = _read(source, overrides)
    if error is not None:
        assert error.mistakes
        assert all(mistake.message for mistake in error.mistakes)
        assert all(mistake.line is None or mistake.line >= 1 for mistake in error.mistakes)
        assert all(mistake.line is None or not mistake.override for mistake in error.mistakes)
        assert str(error).count("\n") >= len(error.mistakes)
    if scenario is not None:
        assert parse_scenario(resolved_yaml(scenario)) == scenario
        assert describe(scenario)


def _read(source: str | bytes | Path, overrides: tuple[str, ...]) -> tuple[Scenario | None, ScenarioError | None]:
    read = load_scenario if isinstance(source, Path) else parse_scenario
    try:
        return read(source, overrides), None
    except ScenarioError as error:
        return None, error


def _cut_and_pasted(text: str, data: st.DataObject, pieces: st.SearchStrategy[str]) -> str:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 0, 1, 5, 40]))
        text = text[:start] + data.draw(pieces) + text[start + length :]
    return text


FILES = ["main.yaml", "env.yaml", "link.yaml", "all.yaml"]
NAMED = st.sampled_from([*FILES, "env.yaml, link.yaml", ".", "/dev/zero", "''", "nowhere", "null", "[all.yaml]"])
INCLUDES = st.builds("{}include: [{}]{}".format, st.sampled_from(["", "\n", "{", ", "]), NAMED, st.sampled_from("\n},"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for files that include one another."""
    return tmp_path_factory.mktemp("parts")


@given(data=st.data())
def test_files_that_include_one_another_with_pieces_cut_and_pasted(lossy, folder, data):
    texts = {
        "main.yaml": "include: all.yaml\nenv: {include: env.yaml}\nnetwork: {link: {include: [link.yaml]}}\n",
        "env.yaml": "sight: 3\nmax_episode_steps: 5\n",
        "link.yaml": "loss: 20%\n",
        "all.yaml": lossy,
    }
    for name, text in texts.items():
        mutate = data.draw(st.booleans())
        mutated = _cut_and_pasted(text, data, st.one_of(INCLUDES, PIECES)) if mutate else text
        folder.joinpath(name).write_text(mutated, errors="surrogatepass")
    scenario_or_mistakes(folder / "main.yaml")


@given(path=PATHS, name=NAMED, beside=VALUES)
def test_a_scenario_with_any_block_set_to_a_file(lossy, path, name, beside):
    scenario_or_mistakes(lossy, (f"{path}={{include: [{name}], kind: {_in_line(beside)}}}", f"{path}.include={name}"))


@given(changes=st.lists(st.tuples(PATHS, VALUES), min_size=1, max_size=4))
@example(changes=[("network.link.delay", {"kind": "trace"})])
@example(changes=[("network.link.delay.kind", "pareto")])
@example(changes=[("network.topology.edges", 10**30)])
@example(changes=[("training.batch", 10**6), ("training.buffer", 10**6)])
def test_a_scenario_with_any_values_set(lossy, changes):
    overrides = [f"{path}={_in_line(value)}" for path, value in changes]
    scenario_or_mistakes(lossy, tuple(overrides))


@given(
    changes=st.lists(
        st.one_of(st.text(max_size=20), st.builds("{}={}".format, PATHS, st.text(max_size=12))), max_size=3
    )
)
def test_a_scenario_with_any_overrides(lossy, changes):
    scenario_or_mistakes(lossy, tuple(changes))


def _in_line(value: object) -> str:
    text = block_text([value])  # a list is written in line
    return " ".join(text.strip()[1:-1].split())
