"""A scenario in words: what is exchanged is said."""

import pytest

from dvdn_sim.scenario import describe, parse_scenario


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
