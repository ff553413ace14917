"""A scenario in words: what is exchanged, and in what two scenarios differ."""

from pathlib import Path

import pytest

from dvdn_sim.scenario import describe, differences, parse_scenario, resolved_yaml


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        ("vdn}", "clipped at 10"),
        ("dvdn, consensus: {rounds: 2, wire: float16}}", "10; 2 consensus rounds, policy self, messages in float16"),
        ("dvdn_gt}", "1 consensus round, policy self; parameters and trackers every update, paper, policy self"),
        (
            "networked_q, averaging: {every: 5, blocks: 4}}",
            "every 5 updates in 4 parts, one at a time, policy self",
        ),
    ],
)
def test_what_is_exchanged_is_said(lossy, algorithm, said):
    line = describe(parse_scenario(lossy, [f"algorithm={{kind: {algorithm}"])).splitlines()[2]
    assert line.startswith("algorithm   ")
    assert line.endswith(said)


LOSSY = (Path(__file__).parents[2] / "scenarios" / "lossy_lbf.yaml").read_text()


def resolved(*overrides: str) -> str:
    short = ("algorithm={kind: vdn}", "network=", "seeds=[0]", "training.steps=100", "env.sight=2")
    return resolved_yaml(parse_scenario(LOSSY, [*short, *overrides]))


def test_every_changed_value_is_named_by_its_path():
    assert differences("# a note\n" + resolved(), resolved("training.steps=100")) == []
    found = differences(resolved(), resolved("training.steps=200", "seeds=[0, 1]", "env.sight=3"))
    assert found == [
        "seeds: [0] before, [0, 1] now",
        "env.sight: 2 before, 3 now",
        "training.steps: 100 before, 200 now",
    ]
    assert "algorithm.kind: vdn before, iql now" in differences(resolved(), resolved("algorithm={kind: iql}"))


def test_what_is_no_yaml_is_refused():
    with pytest.raises(ValueError, match="expected"):
        differences("{a: [", resolved())
