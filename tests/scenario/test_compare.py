"""In what two resolved scenarios differ."""

import pytest

from dvdn_sim.scenario import differences, parse_scenario, resolved_yaml

TEXT = """\
name: one
seeds: [0]
env: {kind: lbf, field_size: [5, 5], players: 2, max_num_food: 1, sight: 2}
algorithm: {kind: vdn}
training: {steps: 100, batch: 2, buffer: 4, target_update: 10, epsilon: {steps: 50}}
evaluation: {every: 50, episodes: 1}
"""


def resolved(*overrides: str) -> str:
    return resolved_yaml(parse_scenario(TEXT, overrides))


def test_equal_scenarios_differ_in_nothing():
    assert differences(resolved(), resolved("training.steps=100")) == []
    assert differences("# a note\n" + resolved(), resolved()) == []


def test_every_changed_value_is_named_by_its_path():
    found = differences(resolved(), resolved("training.steps=200", "seeds=[0, 1]", "env.sight=3"))
    assert found == [
        "seeds: [0] before, [0, 1] now",
        "env.sight: 2 before, 3 now",
        "training.steps: 100 before, 200 now",
    ]


def test_another_kind_has_other_keys():
    found = differences(resolved(), resolved("algorithm={kind: iql}"))
    assert "algorithm.kind: vdn before, iql now" in found


def test_what_is_no_yaml_is_refused():
    with pytest.raises(ValueError, match="expected"):
        differences("{a: [", resolved())
