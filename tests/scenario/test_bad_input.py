"""A file of any content is a scenario or a list of mistakes, soon, and each mistake says where it is.

Some hundred here; `tests/soak/bad_input.py` reads ten thousand, and gives hundreds to the real command.
"""

import time

import pytest
from bad_input import HOSTILE, checked, lay_traps, mistreated
from hypothesis import HealthCheck, given, settings

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import load_scenario, parse_scenario, resolved_yaml

LONGEST_S = 5.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("traps")
    lay_traps(found)
    return found


def look(folder, monkeypatch, content: bytes) -> None:
    """Check a file of this content where files that have no end lie about; the processor's time counts."""
    monkeypatch.chdir(folder)
    file = folder / "main.yaml"
    file.write_bytes(content)
    before, began_s = sorted(folder.iterdir()), time.process_time()
    code = checked(file)
    assert time.process_time() - began_s < LONGEST_S
    assert sorted(folder.iterdir()) == before
    try:
        scenario = load_scenario(file)
    except ScenarioError as error:
        assert code == 2
        assert error.mistakes
        # A lone one may be of the whole file: that it is too long, say.
        assert len(error.mistakes) == 1 or all(wrong.place or wrong.path for wrong in error.mistakes)
    else:
        assert parse_scenario(resolved_yaml(scenario)) == scenario


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_that_have_hurt_others(folder, monkeypatch, name):
    look(folder, monkeypatch, HOSTILE[name])


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(mistreated())
def test_mistreated_scenarios(folder, content):
    with pytest.MonkeyPatch.context() as patched:
        look(folder, patched, content)
