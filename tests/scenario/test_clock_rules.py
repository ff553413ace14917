"""A scenario that would outlast the clock, or never get on, is refused before anything is simulated."""

import pytest

from dvdn_sim.scenario import MAX_BYTES, parse_scenario, resolved_yaml, warnings_of
from dvdn_sim.scenario.document import MAX_VALUES
from netmodels.recordings import MAX_RECORDED

# 150 000 steps of 100 ms are 15 000 s; with a deadline of 50 ms they last 22 500 s at most.
TOO_LONG = [
    (("network.control_period=10 h",), "network.control_period", "can last 171 years"),
    (("network.deadline=2 h",), "network.deadline", "can last 34.2 years"),
    (("network.deadline=1 h", "algorithm.consensus.rounds=3"), "network.deadline", "can last 51.3 years"),
    (("training.steps=1000000000000",), "network.control_period", "ends after 31"),
    (("network.compute=1e5 s",), "network.compute", "can last 475 years"),
    (("network.deadline=null", "network.link={rate: unlimited, delay: 1e6 s}"), "network.link.delay", "years"),
    (("network.deadline=auto", "network.link.delay={kind: normal, mean: 0 s, jitter: 9 h}"), "network.link.delay", ""),
]  # fmt: skip


@pytest.mark.parametrize("case", TOO_LONG, ids=lambda case: f"{case[1]}: {case[2]}")
def test_a_run_must_fit_the_clock(lossy, mistakes_of, case):
    changes, path, message = case
    (mistake,) = mistakes_of(lossy, changes)
    assert mistake.path == path
    assert message in mistake.message
    assert "shorter" in mistake.remedy


def test_the_longest_run_that_fits(lossy, mistakes_of):
    steps = "training.steps=10000000"  # of 100 s: 10⁹ s
    assert parse_scenario(lossy, [steps, "network.control_period=99.9 s", "network.deadline=50 ms"])
    assert [wrong.path for wrong in mistakes_of(lossy, [steps, "network.control_period=100 s"])] == [
        "network.control_period"
    ]


TOO_FAST = [
    ("network.faults=[{kind: flap, up: 1 ns, down: 1 ns}]", "network.faults.0", "2 ns on average"),
    ("network.topology={kind: edge_markov, up: 100 us, down: 10 us}", "network.topology", "110 us on average"),
    (
        "network.topology={kind: schedule, entries: [{at: 0 s, topology: {kind: ring}},"
        " {at: 1 s, topology: {kind: range, radius: 1 m, mobility:"
        " {kind: random_waypoint, area: [1 mm, 1 mm], speed: [1000 m/s, 1000 m/s], pause: 0 s}}}]}",
        "network.topology.entries.1.topology.mobility",
        "on average",
    ),
]


@pytest.mark.parametrize("case", TOO_FAST, ids=lambda case: case[1])
def test_what_changes_all_the_time_is_refused(lossy, mistakes_of, case):
    change, path, message = case
    (mistake,) = mistakes_of(lossy, [change])
    assert mistake.path == path
    assert message in mistake.message
    assert mistake.remedy == "turns of at least 150 us"  # 15 000 s / 10⁸


def test_what_changes_a_hundred_million_times_is_not(lossy):
    assert parse_scenario(lossy, ["network.faults=[{kind: flap, up: 150 us, down: 1 us}]"])


def test_recordings_are_no_longer_than_a_run_can_keep(lossy, mistakes_of, monkeypatch):
    def trace(kind, value, count):
        return f"network.link.{kind}={{kind: trace, values: [{', '.join([value] * count)}]}}"

    longest = parse_scenario(lossy, [trace("delay", "0.0012345678901234567 s", MAX_RECORDED)])
    assert len(resolved_yaml(longest)) < MAX_BYTES
    assert MAX_RECORDED < MAX_VALUES
    monkeypatch.setattr("dvdn_sim.scenario.rules.MAX_RECORDED", 10)
    assert parse_scenario(lossy, [trace("loss", "0", 5), trace("delay", "1 ms", 5)])
    (mistake,) = mistakes_of(lossy, [trace("loss", "0", 5), trace("delay", "1 ms", 6)])
    assert mistake.path == "network.link.delay"
    assert "11 recorded values" in mistake.message


SLOW = [
    ("network.link.retries=1000", "network.link.retry_delay=1 ms", "network.link.mtu=1 B", "network.link.limit=10000"),
    ("network.link={rate: unlimited, delay: 1 ms, mtu: 1 B}", "training.batch=999"),
    (
        f"network.link.loss={{kind: trace, values: [{'0, 1, ' * 9000}]}}",
        "network.link.retries=100",
        "network.link.retry_delay=1 ms",
    ),
    ("network.link.loss={kind: gemodel, p: 1e-9, r: 1e-9}", "network.link.retries=999", "network.link.retry_delay=0 s"),
    ("env={kind: mpe_spread, N: 300}", "network.topology={kind: k_regular, degree: 298}"),
    (
        "env={kind: mpe_spread, N: 100}",
        f"seeds={list(range(1000))}",
        "network.topology={kind: erdos_renyi, p: 50%}",
    ),
    ("network.other_links=[" + "{edge: [0, 1], link: {loss: 5%}}, " * 2000 + "]",),
]  # fmt: skip


@pytest.mark.parametrize("changes", SLOW, ids=range(len(SLOW)))
def test_what_would_take_long_to_work_out_is_not_worked_out_for_a_warning(lossy, changes):
    assert isinstance(warnings_of(parse_scenario(lossy, changes)), list)
