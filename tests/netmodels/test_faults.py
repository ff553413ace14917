from itertools import pairwise, permutations

import numpy as np
import pytest

from netmodels import LinkSpec, Network
from netmodels.faults import (
    FAULTS,
    Blackout,
    Crash,
    Degrade,
    FaultPlan,
    Flap,
    LinkDown,
    OneWay,
    Partition,
    Straggler,
)
from netmodels.links import REASONS
from netmodels.on_off import OnOff
from netmodels.streams import stream

S = 10**9
ONE_OF_EACH = [
    Crash(node=1, at="10 s", for_="5 s", state="lost"),
    LinkDown(edge=(0, 1), at="20 s", for_="1 s"),
    OneWay(edge=(0, 1), at="30 s", for_="1 s"),
    Partition(groups=[[0, 1], [2]], at="40 s", for_="1 s"),
    Blackout(at="50 s", for_="1 s"),
    Flap(up="5 s", down="1 s", edge=(0, 3), at="100 s", for_="100 s"),
    Degrade(link={"loss": "50%"}, edge=(2, 3), at="60 s", for_="1 s"),
    Straggler(node=3, factor=4, at="70 s", for_="1 s"),
]


def fates(plan, time_s, n_agents=4):
    """Reason by directed link for what is sent at a time."""
    result = {}
    for edge in permutations(range(n_agents), 2):
        availability = plan.availability(*edge)
        code = 0 if availability is None else availability.fate(int(time_s * S), int(time_s * S) + 1)
        if code:
            result[edge] = REASONS[code]
    return result


@pytest.fixture
def plan():
    return FaultPlan(ONE_OF_EACH, n_agents=4, seed=3)


def test_what_is_down_when(plan):
    around_1 = {edge: "node_down" for edge in permutations(range(4), 2) if 1 in edge}
    groups = {0: "a", 1: "a", 2: "b", 3: "c"}
    apart = {edge: "link_down" for edge in permutations(range(4), 2) if groups[edge[0]] != groups[edge[1]]}
    assert fates(plan, 9.9) == fates(plan, 15) == {}
    assert fates(plan, 10) == fates(plan, 14.9) == around_1
    assert fates(plan, 20.5) == {(0, 1): "link_down", (1, 0): "link_down"}
    assert fates(plan, 30.5) == {(0, 1): "link_down"}
    assert fates(plan, 40.5) == apart
    assert fates(plan, 50.5) == dict.fromkeys(permutations(range(4), 2), "link_down")
    assert fates(plan, 60.5) == fates(plan, 70.5) == fates(plan, 99) == fates(plan, 201) == {}


def test_who_crashes_and_who_is_slow(plan):
    [crash] = plan.crash_events(1)
    assert crash.interval == (10 * S, 15 * S)
    assert crash.fault.state == "lost"
    assert plan.crash_events(0) == []
    assert [plan.compute_factor(3, int(t * S)) for t in (69, 70, 70.9, 71)] == [1.0, 4.0, 4.0, 1.0]
    assert plan.compute_factor(0, 70 * S) == 1.0


def test_degradations(plan):
    spec = LinkSpec(rate="1 Mbit/s", delay="1 ms")
    [entry] = plan.degradations(3, 2, spec)
    assert (entry.start_ns, entry.end_ns, entry.spec.loss.loss_rate) == (60 * S, 61 * S, 0.5)
    assert entry.spec.rate == spec.rate
    assert plan.degradations(0, 1, spec) == ()


def test_flapping_is_seen_at_both_ends_alike_and_only_in_its_time(plan):
    times = np.arange(90, 220, 0.25)
    there, back = ([(0, 3) in fates(plan, t) for t in times], [(3, 0) in fates(plan, t) for t in times])
    assert there == back
    assert 0 < sum(there) < len(times) / 2
    assert not any(down for t, down in zip(times, there, strict=True) if not 100 <= t < 200)


def test_flap_fraction_and_durations(in_sigmas):
    process = OnOff(stream(1, "x"), up_s=3.0, down_s=1.0)
    intervals = process.window(0, 40_000 * S).intervals
    durations = np.array([end - start for start, end in intervals]) / 1e9
    gaps = np.array([b[0] - a[1] for a, b in pairwise(intervals)]) / 1e9
    assert len(durations) > 8e3
    in_sigmas.mean(durations, 1.0)
    in_sigmas.mean(gaps, 3.0)
    for probability in (0.1, 0.5, 0.9, 0.99):
        in_sigmas.quantile(durations, probability, -np.log(1 - probability))
    starts = [OnOff(stream(0, "x", link), up_s=3.0, down_s=1.0).is_up(0) for link in range(4_000)]
    in_sigmas.mean(np.array(starts, dtype=float), 0.75)


def test_reordering_or_adding_faults_changes_no_other():
    drawn = {"kind": "exponential", "mean": "10 s"}
    faults = [Crash(node=0, at=drawn, for_=drawn), Crash(node=1, at=drawn, for_=drawn), Flap(up="3 s", down="1 s")]
    forth = FaultPlan(faults, n_agents=3, seed=2)
    back = FaultPlan([*faults[::-1], Blackout(at="9 h", for_="1 s")], n_agents=3, seed=2)
    for agent in range(2):
        assert forth.crash_events(agent) == back.crash_events(agent)
        assert forth.crash_events(agent) != FaultPlan(faults, n_agents=3, seed=3).crash_events(agent)
    assert [fates(forth, t, 3) for t in range(0, 200, 2)] == [fates(back, t, 3) for t in range(0, 200, 2)]


LOSSY = {"kind": "degrade", "link": {"loss": "50%", "rate": "2 Mbit/s"}, "at": "10 s", "for": "10 s"}


def test_adding_a_degradation_changes_not_the_luck_of_another():
    def run(faults):
        network = Network(2, LinkSpec(rate="1 Mbit/s", delay=0), faults=FaultPlan(faults, n_agents=2))
        return [network.offer(10 * S + k * S // 10, 100, 0, 1).complete_ns for k in range(90)]

    earlier = {**LOSSY, "at": "1 s", "for": "1 s"}
    assert run([LOSSY]) == run([earlier, LOSSY]) == run([LOSSY, earlier, Blackout(at="30 s")])


def test_the_order_of_options_changes_nothing():
    times = {"kind": "exponential", "mean": "10 s"}
    forth = {**LOSSY, "at": times}
    back = {"at": dict(reversed(times.items())), "link": dict(reversed(LOSSY["link"].items())), **forth}
    back["link"] = dict(reversed(LOSSY["link"].items()))
    first, second = (FaultPlan([options], n_agents=2).events for options in (forth, back))
    assert first == second


def test_times_are_drawn_as_stated(in_sigmas):
    crash = Crash(node=0, at={"kind": "exponential", "mean": "10 s"}, for_={"kind": "uniform", "mean": 5, "jitter": 2})
    spans = np.array([event.interval for event in FaultPlan([crash] * 8_000, n_agents=1).events]) / 1e9
    in_sigmas.mean(spans[:, 0], 10.0)
    in_sigmas.mean(spans[:, 1] - spans[:, 0], 5.0)
    in_sigmas.variance(spans[:, 1] - spans[:, 0], 5.0, 4 / 3)
    for probability in (0.1, 0.5, 0.99):
        in_sigmas.quantile(spans[:, 0], probability, -10 * np.log(1 - probability))


def test_times_of_centuries_overflow_nothing():
    slow = OnOff(stream(0, "x"), up_s=1e9, down_s=1e9)
    intervals = slow.window(0, 2**61).intervals
    assert all(0 <= start < end for start, end in intervals)
    assert all(one[1] < other[0] for one, other in pairwise(intervals))
    assert [slow.is_up(start) for start, _ in intervals] == [False] * len(intervals)
    heavy = {"kind": "pareto", "mean": 1e9, "shape": 1.01}
    rare = {"kind": "exponential", "mean": 1e9}
    for seed in range(100):
        plan = FaultPlan([{"kind": "crash", "node": 0, "at": rare, "for": heavy}], n_agents=2, seed=seed)
        assert [plan.availability(0, 1).fate(time, time + 1) in (0, 5) for time in (0, 10**18)] == [True, True]


def test_faults_that_are_alike_are_drawn_apart():
    crash = Crash(node=0, at={"kind": "exponential", "mean": "10 s"}, for_="1 s")
    first, second = FaultPlan([crash, crash], n_agents=1).events
    assert first.interval != second.interval


def test_for_ever_by_default():
    plan = FaultPlan([{"kind": "crash", "node": 0, "at": "1 s"}], n_agents=2)
    assert plan.crash_events(0)[0].end_ns > 10**18
    assert FaultPlan([{"kind": "blackout", "at": "1 s", "for": 0}], n_agents=2).availability(0, 1) is None


@pytest.mark.parametrize("kind", FAULTS)
def test_every_kind_is_described(kind):
    [fault] = [fault for fault in ONE_OF_EACH if isinstance(fault, FAULTS[kind])]
    assert fault.describe()
    assert hash(fault) == hash(fault)
    assert FaultPlan([fault], n_agents=9).events[0].fault is fault


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "crash", "at": 0}, "node"),
        ({"kind": "crash", "node": 7, "at": 0}, r"below 3.*7"),
        ({"kind": "link_down", "edge": [0, 0], "at": 0}, r"edge.*\[0, 0\]"),
        ({"kind": "one_way", "edge": [0, 9], "at": 0}, r"below 3.*9"),
        ({"kind": "partition", "groups": [3], "at": 0}, r"groups.*3"),
        ({"kind": "partition", "groups": [], "at": 0}, r"groups.*\[\]"),
        ({"kind": "partition", "groups": [[0], [0]], "at": 0}, r"groups.*\[\[0\], \[0\]\]"),
        ({"kind": "flap", "up": 0, "down": 1}, r"up.*0"),
        ({"kind": "degrade", "link": {}, "at": 0}, r"link.*{}"),
        ({"kind": "degrade", "link": {"mtu": 3}, "at": 0}, r"link.*mtu"),
        ({"kind": "straggler", "node": 0, "factor": 0, "at": 0}, r"factor.*0"),
        ("crash", "Fault|Crash.*'crash'"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        FaultPlan([options], n_agents=3)


@pytest.mark.parametrize(("options", "message"), [({"n_agents": "3"}, "n_agents.*'3'"), ({"seed": -1}, "seed.*-1")])
def test_a_plan_refuses(options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        FaultPlan([], **{"n_agents": 3, **options})
