"""Trials of the exchange alone: independent, reproducible, audited, spread over the run."""

import sys

import numpy as np
import pytest
from exchange_cases import CALM, LOSSY, SCENES, scene, setting_of

from dvdn_sim.consensus import POLICIES, WEIGHTS, Trajectory, apply_float16, trajectory_of
from dvdn_sim.errors import AuditError, ScenarioError
from dvdn_sim.network import Number, Plan, Setting, enough_trials, exchanges, measure, predict, realised
from dvdn_sim.network.trials import path_figures
from dvdn_sim.scenario import load_scenario
from netmodels.streams import stream
from netmodels.topology import ErdosRenyi


def setting(*changes, **options):
    return Setting.from_scenario(load_scenario(LOSSY, changes), **options)[0]


def setting_with(name, changes):
    return setting(*SCENES[name], *changes)


def reports(setting, networks, **options):
    return [report for each in exchanges(setting, Plan(networks, "x", **options)) for report in each]


def test_a_setting_is_what_the_scenario_says():
    found = setting("algorithm.consensus.rounds=3")
    assert (found.n_agents, found.rounds, found.sent.policy, found.sent.weights) == (3, 3, "self", "metropolis")
    assert (found.sent.size_bytes, found.episode_s, found.steps) == (1304, 1.0, 80_000)


def test_trials_are_the_same_every_time_and_differ_from_each_other():
    once, again = (reports(setting(), 5) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.closed_at_ns, other.closed_at_ns)
        np.testing.assert_array_equal(one.facts.latest, other.facts.latest)
    # Not only because they begin at other times: each has luck of its own.
    assert len({(report.started_at_ns - report.began_ns).tobytes() for report in once}) == 5


def test_the_first_of_many_trials_are_not_those_of_few():
    """They lie elsewhere in the run, but their luck is the same."""
    few, many = (next(exchanges(setting(), Plan(count, "x")))[0] for count in (2, 200))
    assert few.began_ns != many.began_ns
    np.testing.assert_array_equal(few.started_at_ns - few.began_ns, many.started_at_ns - many.began_ns)


def test_trials_are_spread_over_the_run():
    steps = setting().steps_of(40, "x")
    assert [40 * step // 80_000 for step in steps] == list(range(40))


def test_exchanges_in_turn_over_one_network_are_spread_over_the_run():
    """6 trials, 3 over each of 2 networks, whose first exchanges are those of 2 networks with one each."""
    spread = [[report.began_ns * 1e-9 for report in each] for each in exchanges(setting(), Plan(2, "x", each=3))]
    assert [len(each) for each in spread] == [3, 3]
    length_s = setting().steps * 0.1
    for network, each in enumerate(spread):
        assert [int(6 * at_s / length_s) for at_s in each] == [network, network + 2, network + 4]
    short = setting("training.steps=10", "training.epsilon.steps=10", "evaluation.every=10")
    began = [report.began_ns for report in reports(short, 1, each=3)]
    assert min(np.diff(began)) >= 1e9  # an episode of 10 steps apart, however short the run


def test_a_graph_drawn_once_is_that_of_the_scenario_in_every_trial():
    found = setting("env.players=8", "network.topology={kind: erdos_renyi, p: 50%, connected: true}")
    expected = ErdosRenyi(p=0.5, connected=True).graph(8, 0).edges
    for report in reports(found, 4):
        assert tuple(map(tuple, report.facts.edges.tolist())) == expected


def test_realised_figures_by_hand():
    """Two agents, 0 and 2, of whom one hears the other: 0 and 1 (or the like); about the mean 1."""
    facts = next(report.facts for report in reports(setting_of("path_2"), 9) if report.facts.held.any())
    values = np.array([[0.0], [2.0], [7.0]])
    of_team = realised(POLICIES["self"](WEIGHTS["metropolis"]), facts, values[None], values[None])
    found = Trajectory(*(part[0] for part in of_team))
    held = POLICIES["self"](WEIGHTS["metropolis"]).apply(facts, values)[:, :, 0]
    np.testing.assert_allclose(found.mse, ((held - 3.0) ** 2).mean(1))
    np.testing.assert_allclose(found.drift, (held.mean(1) - 3.0) ** 2)
    np.testing.assert_allclose(found.mse, found.disagreement + found.drift)


def test_the_trace_is_estimated_without_bias_from_values():
    facts = reports(setting_of("ring_4"), 1)[0].facts
    policy = POLICIES["self"](WEIGHTS["lazy"])
    values = np.random.default_rng(0).standard_normal((1, 5, 40_000))
    exact, estimated = (realised(policy, facts, values, values, trace=trace).a_eff for trace in (True, False))
    np.testing.assert_allclose(estimated, exact, atol=4 * np.sqrt(2 * 5) / 4 / 200)


def test_a_eff_of_many_agents_has_nothing_to_do_with_given_values():
    ring = ["network.topology={kind: ring}", "network.share=link"]
    random = measure(setting(*ring, agents=80), 4).figures["a_eff"]
    given = measure(setting(*ring, agents=80, values=[5.0] + 79 * [0.0]), 4).figures["a_eff"]
    assert given.value == random.value


def test_without_loss_all_policies_agree_with_their_operators():
    found = measure(setting_of("lossless_2"), 5)
    assert found.figures["delivered_fraction"] == Number(1.0, 0.0, "measured")
    assert found.figures["late_fraction"].value == 0.0
    same = ("self", "renormalize", "stale", "zero_fill")
    for name in same[1:]:
        mse, expected = (found.policies[each]["mse_after_rounds"].value for each in (name, "self"))
        assert mse == pytest.approx(expected, abs=1e-12)
    assert found.policies["self"]["mean_drift_var"].value == pytest.approx(0.0, abs=1e-20)


def test_policies_that_the_scenario_does_not_allow_are_left_out():
    found = list(measure(setting_of("complete_1"), 1).policies)
    assert found == [name for name in POLICIES if name != "symmetric"]
    assert len(found) >= 6
    assert "symmetric" in measure(setting_of("acks_3"), 1).policies
    one_way = setting(
        "network.topology={kind: edges, directed: true, edges: [[0, 1], [1, 2], [2, 0]]}",
        "algorithm.consensus.policy=push_sum",
    )
    assert list(measure(one_way, 2).policies) == ["push_sum", "running_sum"]


def test_one_trial_has_no_standard_error():
    found = measure(setting_of("complete_1"), 1)
    assert np.isnan(found.figures["delivered_fraction"].error)
    assert np.isnan(found.figures["a_eff"].error)


def test_progress_is_told(monkeypatch):
    monkeypatch.setattr("dvdn_sim.network.trials.MOST_TOGETHER", 1)
    told = []
    measure(setting_of("complete_1"), 3, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def plainly_measured(setting, trials):
    """One trial after the other, and an operator of each: by policy, what is told of every round."""
    paths = {name: [] for name in setting.policies()}
    for trial, (report,) in enumerate(exchanges(setting, Plan(trials, "consensus"))):
        values = stream(setting.seed, "values", trial).standard_normal((setting.n_agents, 8))
        for name, policy in setting.policies().items():
            held = policy.apply(report.facts, values)
            if setting.sent.dtype == "float16":
                held = apply_float16(policy, report.facts, values)
            traces = np.trace(policy.operator(report.facts), axis1=1, axis2=2)
            paths[name].append(trajectory_of(held, values, traces, samples=8))
    return {name: Trajectory(*map(np.array, zip(*each, strict=True))) for name, each in paths.items()}


@pytest.mark.parametrize("together", [1, 7, 100])
@pytest.mark.parametrize(
    ("name", "changes"),
    [("complete_3", []), ("episode_3", []), ("round_2", ["algorithm.consensus.weights=max_degree"]), ("acks_3", []),
     ("late_2", []), ("complete_1", ["algorithm.consensus.wire=float16"])],
)  # fmt: skip
def test_trials_side_by_side_are_those_one_after_the_other(name, changes, together, monkeypatch):
    monkeypatch.setattr("dvdn_sim.network.trials.MOST_TOGETHER", together)
    setting, trials = setting_with(name, changes), 30
    found, expected = measure(setting, trials), plainly_measured(setting, trials)
    assert found.policies.keys() == expected.keys()
    for policy, path in expected.items():
        for figure, number in path_figures(path, "measured").items():
            traced = figure != "a_eff" or policy == setting.sent.policy  # those of others are estimated
            if traced:
                np.testing.assert_allclose(found.policies[policy][figure].value, number.value, rtol=1e-9, atol=1e-13)
                np.testing.assert_allclose(found.policies[policy][figure].error, number.error, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("agents", [10, 80])
def test_results_do_not_depend_on_the_threads(agents, monkeypatch):
    monkeypatch.setattr("dvdn_sim.network.trials.MOST_TOGETHER", 3)
    monkeypatch.setattr(sys.modules["dvdn_sim.network.predict"], "MAX_SAMPLED", 20)
    several = setting("network.topology={kind: ring}", "algorithm.consensus.rounds=2", agents=agents)
    once, *others = (measure(several, 10, threads=threads) for threads in (1, 2, 3))
    assert all(other == once for other in others)
    once, *others = (predict(several, threads=threads) for threads in (1, 2, 3))
    assert all(other.figures == once.figures for other in others)


def test_a_book_that_does_not_balance_in_a_thread_is_an_error(monkeypatch):
    monkeypatch.setattr("dvdn_sim.network.trials.MOST_TOGETHER", 1)
    monkeypatch.setattr("dvdn_sim.network.NetworkCounters.audit", lambda _: "1 missing")
    with pytest.raises(AuditError, match="trial 0: 1 missing"):
        measure(setting(), 9, threads=3)


def test_trials_of_some_seconds():
    assert enough_trials(setting_of("complete_1")) == 400
    sparse = setting("network.topology={kind: ring}", "algorithm.consensus.rounds=1000", agents=500)
    assert enough_trials(sparse) == 1


def test_books_that_do_not_balance_are_an_error(monkeypatch):
    monkeypatch.setattr("dvdn_sim.network.NetworkCounters.audit", lambda _: "1 missing")
    with pytest.raises(AuditError, match="trial 0: 1 missing"):
        list(exchanges(setting(), Plan(1, "x")))


COMPLETE = ["network.topology={kind: complete}"]
CRASH = "network.faults=[{kind: crash, node: 2, at: 1 s, for: 1 s}]"
OTHER = "network.other_links=[{edge: [0, 2], link: {loss: 30%}}]"


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        (scene(3, "{kind: ring}", "0%", 1, *CALM), {"links": 3}, "has no number of links"),
        ([], {"agents": 9, "links": 3}, "has 8 to 36 links"),
        ([*COMPLETE, CRASH], {"agents": 2}, "network.faults.0: there is no agent 2; agents are numbered from 0 to 1"),
        ([*COMPLETE, OTHER], {"agents": 2}, "network.other_links.0.edge: there is no link between agents 0 and 2"),
        ([], {"values": [1.0, 2.0]}, "a finite number for each of 3 agents, got"),
        ([], {"values": [1.0, 2.0, float("inf")]}, "expected finite numbers, got"),
    ],
)
def test_what_cannot_be_exchanged_is_refused(changes, options, said):
    with pytest.raises(ScenarioError, match=said):
        setting(*changes, **options)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["network.topology={kind: k_regular, degree: 3}"], ""),  # too many links for the three of the environment
        (["network.topology={kind: edges, edges: [[0, 7]]}", "network.faults=[{kind: crash, node: 7, at: 1 s}]"], ""),
        (
            ["network.topology={kind: k_regular, degree: 9}", "network.faults=[{kind: crash, node: 8, at: 1 s}]"],
            r"2 mistakes\n  network.topology.degree: expected fewer than the 8 agents, .*"
            r"\n  network.faults.0: there is no agent 8",
        ),
    ],
)
def test_other_agents_are_what_a_network_must_fit(changes, said):
    scenario = load_scenario(LOSSY, changes, any_agents=True)
    if said:
        with pytest.raises(ScenarioError, match=said):
            Setting.from_scenario(scenario, agents=8)
    else:
        assert Setting.from_scenario(scenario, agents=8)[0].messages > 0
    with pytest.raises(ScenarioError):
        load_scenario(LOSSY, changes)


def test_what_the_memory_cannot_hold_is_refused():
    large = setting("network.topology={kind: ring}", "algorithm.consensus.rounds=1000", agents=1000)
    large.refuse_oversized(None)
    large.refuse_oversized(10**9)
    with pytest.raises(ScenarioError, match=r"1000 rounds over 2_000 links take .* MB; .* this machine's 10.0 MB"):
        large.refuse_oversized(10**7)


def test_where_nobody_has_a_neighbour_nothing_is_late(tmp_path):
    (tmp_path / "places.csv").write_text("time,agent,x,y\n0,0,0,0\n0,1,20,0\n0,2,40,0\n")
    far = f"network.topology={{kind: range, radius: 2 m, mobility: {{kind: trace, file: {tmp_path / 'places.csv'}}}}}"
    for found in (predict(setting(far)).figures, measure(setting(far), 3).figures):
        assert (found["delivered_fraction"].value, found["late_fraction"].value) == (1.0, 0.0)
        assert found["a_eff"].value == 1.0
    assert not any("late" in warning or "come after" in warning for warning in predict(setting(far)).warnings)
