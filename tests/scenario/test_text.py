"""A scenario in words: what is exchanged, and in what two scenarios differ."""

import pytest

from dvdn_sim.scenario import describe, differences, parse_scenario, resolved_yaml


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        ("{kind: vdn}", "clipped at 10"),
        ("{kind: dvdn}", "clipped at 10; 1 consensus round, policy self"),
        (
            "{kind: dvdn, consensus: {rounds: 2, wire: float16}}",
            "clipped at 10; 2 consensus rounds, policy self, messages in float16",
        ),
        (
            "{kind: dvdn_gt}",
            "clipped at 10; 1 consensus round, policy self; parameters and trackers every update, paper, policy self",
        ),
        (
            "{kind: networked_q, averaging: {every: 5, blocks: 4}}",
            "clipped at 10; parameters every 5 updates in 4 parts, one at a time, policy self",
        ),
    ],
)
def test_what_is_exchanged_is_said(lossy, algorithm, said):
    line = describe(parse_scenario(lossy, [f"algorithm={algorithm}"])).splitlines()[2]
    assert line.startswith("algorithm   ")
    assert line.endswith(said)


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
