"""A file of any content, with anything set, is a scenario or a list of mistakes, soon; each says where it is.

Some hundred; ten thousand of each kind: SOAK=200 pytest tests/scenario/test_bad_input.py
"""

import time
from pathlib import Path

import pytest
from bad_input import (
    FILES,
    FOLDER,
    HOSTILE,
    NUMBERS,
    WORDS,
    checked,
    lay_traps,
    mistreated,
    mistreated_text,
    steps_within,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from soak import TIMES

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import (
    describe,
    flow_text,
    headline,
    load_scenario,
    parse_scenario,
    read_document,
    resolved_yaml,
    warnings_of,
)  # fmt: skip  # isort: skip

LONGEST_S = 5.0
LOSSY = (FOLDER / "lossy_lbf.yaml").read_text()
IN_LOSSY = [".".join(map(str, steps)) for steps in steps_within(read_document(LOSSY).root) if steps]
PATHS = st.sampled_from([*IN_LOSSY, "env.include", "network.faults.0", "seeds.9", "x", "x.y"])
VALUES = st.recursive(
    st.sampled_from([*NUMBERS, *WORDS, None, True]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "include", "mean", "p", "rate", "edges", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
CHANGES = st.builds("{}={}".format, PATHS, st.text(max_size=12) | VALUES.map(flow_text)) | st.text(
    min_size=1, max_size=20
)
MANY = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("traps")
    lay_traps(found)
    return found


def look(folder: Path, content: bytes, changes: list[str] | tuple[str, ...] = ()) -> None:
    """Read a file of this content where files that have no end lie about; the processor's time counts."""
    file = folder / "main.yaml"
    file.write_bytes(content)
    before, began_s, mistakes = sorted(folder.iterdir()), time.process_time(), None
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        try:
            scenario = load_scenario(file, changes)
            assert headline(scenario)
            assert describe(scenario)
            warnings_of(scenario)
            assert parse_scenario(resolved_yaml(scenario)) == scenario
        except ScenarioError as error:
            mistakes = error.mistakes
    assert mistakes != ()
    # A lone one may be of the whole file: that it is no text, or no mapping.
    assert mistakes is None or len(mistakes) == 1 or all(wrong.place or wrong.path for wrong in mistakes)
    for wrong in mistakes or ():
        assert wrong.message
        assert wrong.line is None or (wrong.line >= 1 and not wrong.override)
    assert time.process_time() - began_s < LONGEST_S
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_that_have_hurt_others(folder, name):
    look(folder, HOSTILE[name])


@settings(MANY, max_examples=60 * TIMES)
@given(mistreated())
def test_mistreated_scenarios(folder, content):
    look(folder, content)


@settings(MANY, max_examples=10 * TIMES)
@given(mistreated())
def test_the_command_lists_the_mistakes_each_in_its_lines(folder, content):
    file = folder / "main.yaml"
    file.write_bytes(content)
    checked(file)


@settings(MANY, max_examples=60 * TIMES)
@given(changes=CHANGES)
@example(changes=["network.link.delay={kind: trace}"])
@example(changes=["network.link.delay.kind=pareto"])
@example(changes=["network.topology.edges=1000000000000000000000000000000"])
@example(changes=["training.batch=1e6", "training.buffer=1e6"])
def test_a_scenario_with_anything_set(folder, changes):
    look(folder, LOSSY.encode(), changes)


@settings(MANY, max_examples=40 * TIMES)
@given(data=st.data())
def test_files_that_include_one_another_with_pieces_cut_and_pasted(folder, data):
    named = st.sampled_from(["all.yaml", "env.yaml", "link.yaml, env.yaml", "main.yaml", *FILES]).map(flow_text)
    texts = {
        "main.yaml": "include: all.yaml\nenv: {include: env.yaml}\nnetwork: {link: {include: [link.yaml]}}\n",
        "env.yaml": "sight: 3\nmax_episode_steps: 5\n",
        "link.yaml": "loss: 20%\n",
        "all.yaml": LOSSY,
    }
    for name, text in texts.items():
        damaged = data.draw(mistreated_text(text)) if data.draw(st.booleans()) else text
        more = f"\ninclude: [{data.draw(named)}]\n" if data.draw(st.integers(0, 3)) == 0 else ""
        folder.joinpath(name).write_text(damaged + more, errors="surrogatepass")
    look(folder, folder.joinpath("main.yaml").read_bytes())
    for name in list(texts)[1:]:
        folder.joinpath(name).unlink()
