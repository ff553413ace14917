"""A file of any content is a scenario or a list of mistakes, soon, and each mistake says where it is.

Some hundred here; `tests/soak/bad_input.py` reads ten thousand, and gives hundreds to the real command.
"""

import time

import pytest
from bad_input import HOSTILE, lay_traps, mistreated
from hypothesis import HealthCheck, given, settings

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import headline, load_scenario, parse_scenario, resolved_yaml, warnings_of

LONGEST_S = 5.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("traps")
    lay_traps(found)
    return found


def look(folder, monkeypatch, content: bytes) -> None:
    """Read a file of this content where files that have no end lie about; the processor's time counts."""
    monkeypatch.chdir(folder)
    file = folder / "main.yaml"
    file.write_bytes(content)
    before, began_s, mistakes = sorted(folder.iterdir()), time.process_time(), None
    try:
        scenario = load_scenario(file)
        assert headline(scenario)
        warnings_of(scenario)
        assert parse_scenario(resolved_yaml(scenario)) == scenario
    except ScenarioError as error:
        mistakes = error.mistakes
    assert mistakes != ()
    # A lone one may be of the whole file: that it is no text, or no mapping.
    assert mistakes is None or len(mistakes) == 1 or all(mistake.place or mistake.path for mistake in mistakes)
    assert time.process_time() - began_s < LONGEST_S
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_that_have_hurt_others(folder, monkeypatch, name):
    look(folder, monkeypatch, HOSTILE[name])


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(mistreated())
def test_mistreated_scenarios(folder, content):
    with pytest.MonkeyPatch.context() as patched:
        look(folder, patched, content)
