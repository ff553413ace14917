"""`consensus` measures what `predict` says, within 4 standard errors; and `predict` says how it knows."""

import math
import sys
from itertools import combinations, product

import numpy as np
import pytest
from exchange_cases import (
    CALM,
    LOSSY,
    SCENES,
    furthest,
    measured_in,
    policies_of,
    predicted_in,
    scene,
    setting_of,
    worst_policy_figure,
)

from dvdn_sim.consensus import POLICIES
from dvdn_sim.network import Plan, Setting, exchanges, measure, predict
from dvdn_sim.network.trials import Tally, quantile_figure
from dvdn_sim.scenario import load_scenario
from netmodels import Link

TRIALS = 40
TABLE = [(name, policy) for name in SCENES for policy in policies_of(name)]
PREDICT = sys.modules["dvdn_sim.network.predict"]
MESSAGES = ("delivered_fraction", "late_fraction", "round_time_s", "bytes_per_update")


@pytest.fixture(autouse=True)
def _fewer_exchanges(monkeypatch):
    """A third of those that users wait for: standard errors say what that means."""
    monkeypatch.setattr(PREDICT, "MAX_SAMPLED", 80)
    monkeypatch.setattr(PREDICT, "NETWORKS", 40)


def test_the_table_is_long_enough():
    """Scenes differ in loss, rounds, topology and links; in each, every policy that it allows is a row."""
    assert len(SCENES) >= 20
    assert len(TABLE) >= 90
    assert {policy for _, policy in TABLE} == set(POLICIES)
    assert {setting_of(name).rounds for name in SCENES} >= {1, 2, 3, 4, 10}


@pytest.mark.parametrize(("name", "policy"), TABLE)
def test_what_agents_hold_is_what_was_predicted(name, policy):
    figure, apart_by = worst_policy_figure(name, policy, TRIALS)
    assert apart_by <= 4.0, figure


@pytest.mark.parametrize("name", SCENES)
def test_messages_times_and_bytes_are_what_was_predicted(name):
    measured, predicted = measured_in(name, TRIALS).figures, predicted_in(name, setting_of(name).sent.policy).figures
    for figure in MESSAGES:
        assert furthest(measured[figure], predicted[figure]) <= 4.0, figure


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "symmetric"])
@pytest.mark.parametrize("name", ["complete_3", "path_2", "bursts_3"])
def test_what_becomes_of_given_values_is_what_was_predicted(name, policy):
    values = tuple(np.array([4.0, -1.0, 0.0, 2.5])[: setting_of(name).n_agents])
    assert worst_policy_figure(name, policy, TRIALS, values)[1] <= 4.0


def test_given_values_without_loss_by_hand():
    """A path of three, all weights 1/3, values 3, 0, 0: then 2, 1, 0, about the mean 1."""
    given = scene(3, "{kind: path}", "0%", 1, *CALM)
    setting = Setting.from_scenario(load_scenario(LOSSY, given), values=[3, 0, 0])[0]
    for found in (predict(setting).figures, measure(setting, 3).figures):
        assert found["mse_after_rounds"].value == pytest.approx((2 / 3,))
        assert found["disagreement_after_rounds"].value == pytest.approx((2 / 3,))
        assert found["mean_drift_var"].value == pytest.approx(0.0, abs=1e-12)
        assert found["a_eff"].value == pytest.approx(1 - 2 / 3)


HOW = {
    ("complete_1", "self"): "closed", ("complete_3", "self"): "closed", ("acks_3", "symmetric"): "closed",
    ("complete_3", "zero_fill"): "closed", ("complete_3", "renormalize"): "sampled",
    ("complete_1", "running_sum"): "sampled", ("complete_1", "stale"): "closed", ("complete_3", "stale"): "sampled",
    ("episode_3", "self"): "sampled", ("round_2", "self"): "sampled", ("markov_2", "self"): "sampled",
    ("lossless_2", "running_sum"): "sampled", ("bursts_1", "self"): "closed", ("bursts_3", "self"): "sampled",
    ("late_2", "self"): "sampled", ("retries_1", "self"): "closed", ("medium_1", "self"): "closed",
    ("ring_10", "zero_fill"): "closed", ("ring_10", "running_sum"): "sampled",
    ("regular_3", "renormalize"): "sampled", ("crash_2", "self"): "sampled",
    ("trace_1", "self"): "closed", ("trace_step", "self"): "sampled",
    ("acks_twice", "symmetric"): "closed", ("acks_5", "symmetric"): "sampled",
}  # fmt: skip


@pytest.mark.parametrize(("name", "policy"), HOW)
def test_how_it_is_known_is_said(name, policy):
    found = predicted_in(name, policy)
    assert found.figures["mse_after_rounds"].how == HOW[name, policy]
    if HOW[name, policy] == "closed":
        assert not np.any(found.figures["mse_after_rounds"].error)


@pytest.mark.parametrize("policy", ["renormalize", "stale", "running_sum", "push_sum"])
def test_without_loss_every_policy_has_a_closed_form_on_one_graph(policy):
    lossless = scene(5, "{kind: ring}", "0%", 2, *CALM, f"algorithm.consensus.policy={policy}")
    found = prediction_of(*lossless).figures["mse_after_rounds"]
    assert (found.how, found.error) == ("closed", (0.0, 0.0))
    if policy in ("renormalize", "stale"):
        of_self = prediction_of(*lossless, "algorithm.consensus.policy=self").figures["mse_after_rounds"]
        assert found.value == pytest.approx(of_self.value, rel=1e-12)


def test_closed_forms_over_a_sample_of_graphs_are_far_more_exact_than_the_exchanges():
    found = predicted_in("episode_3", "self").figures
    assert 0.0 < found["mse_after_rounds"].error[0] < 0.01 * found["mse_after_rounds"].value[0]
    assert prediction_of("network.topology.edges=2").figures["mse_after_rounds"].error == (0.0,)  # all are paths


def prediction_of(*changes, **options):
    return predict(Setting.from_scenario(load_scenario(LOSSY, changes), **options)[0])


def test_figures_worked_out_by_hand():
    """Three agents on a path, 10% loss: 1 packet of 1304 + 28 bytes at 20 Mbit/s; 5 ms; deadline 50 ms."""
    found = prediction_of(*scene(3, "{kind: path}", "10%", 1, *CALM)).figures
    value = {name: figure.value for name, figure in found.items()}
    transit = 1332 * 8 / 20e6 + 0.005
    assert value["payload_bytes"] == 24 + 4 * 32 * 10
    assert value["bytes_per_update"] == 4 * 1332
    assert value["delivered_fraction"] == value["whole_probability"] == 0.9
    assert value["completion_p50_s"] == value["completion_p999_s"] == pytest.approx(transit)
    late = 0.05 - transit
    times = [transit + late * (1 - 0.9**degree) for degree in (1, 2, 1)]
    assert value["round_time_s"] == pytest.approx(sum(times) / 3)
    assert value["a_eff"] == pytest.approx(1 - 0.9 * (1 - 1 / 3))
    # Σ_j (A_ij - 1/3)² over rows: ends [1 - b/3, b/3, 0]; the middle [b/3, 1 - (b + c)/3, c/3].
    ends = 0.9 * (1 / 9 + 0 + 1 / 9) + 0.1 * (4 / 9 + 1 / 9 + 1 / 9)
    middle = 0.81 * 0 + 2 * 0.09 * (0 + 1 / 9 + 1 / 9) + 0.01 * (1 / 9 + 4 / 9 + 1 / 9)
    assert value["mse_after_rounds"] == pytest.approx(((2 * ends + middle) / 3,))
    # The norm of A - J of every outcome: one link lost of an end, 2/3 for 2/9; of the middle, 0, 2/9 or 2/3.
    chances = (0.1, 0.9)
    expected = sum(
        chances[a] * chances[b] * chances[c] * chances[d]
        * math.sqrt((2 / 3, 2 / 9)[a] + (2 / 3, 2 / 9)[b] + (2 / 3, 2 / 9, 0.0)[c + d])
        for a, b, c, d in product((0, 1), repeat=4)
    )  # fmt: skip
    jtd = found["jtd_relative_error"]
    assert jtd.how == "sampled"
    assert abs(jtd.value - expected) < 4.0 * jtd.error
    # The next episode begins when the slowest agent is through: all four messages come, or one waits for the deadline.
    longest = transit + late * (1 - 0.9**4)
    utilisation = found["utilisation"]
    assert abs(utilisation.value - 1332 * 8 / 20e6 / (1.0 + 0.01 + longest)) <= 4 * utilisation.error
    assert (utilisation.how, value["completion_p50_s"]) == ("sampled", pytest.approx(transit))


def test_a_complete_graph_that_loses_nothing_leaves_no_error():
    """Metropolis weights are 1/N there: one round is the mean. Rounding may not make squares of it negative."""
    for agents in (2, 3, 7):
        found = prediction_of(*scene(agents, "{kind: complete}", "0%", 1, *CALM)).figures
        assert found["mse_after_rounds"].value[0] >= 0.0
        assert found["jtd_relative_error"].value == pytest.approx(0.0, abs=1e-7)
        assert found["jtd_relative_error"].how == "closed"


@pytest.mark.parametrize(("policy", "rounds"), [("self", 1), ("running_sum", 3), ("renormalize", 2)])
def test_the_error_about_the_jtd_is_what_training_would_record_of_independent_errors(policy, rounds):
    """‖N A δ - 1 Σδ‖ / ‖1 Σδ‖ of each exchange, over so many steps that the ratio of norms is that of variances."""
    changes = scene(3, "{kind: complete}", "10%", rounds, *CALM, f"algorithm.consensus.policy={policy}")
    setting = Setting.from_scenario(load_scenario(LOSSY, changes))[0]
    figures = predict(setting).figures
    predicted = figures["jtd_relative_error"]
    deltas, found = np.random.default_rng(1).standard_normal((3, 40_000)), []
    for (report,) in exchanges(setting, Plan(300, "test")):
        held = setting.policy.operator(report.facts)[-1] @ deltas
        found.append(np.linalg.norm(3 * held - deltas.sum(0)) / (np.sqrt(3) * np.linalg.norm(deltas.sum(0))))
    apart = np.mean(found) - predicted.value
    assert abs(apart) < 4.0 * np.hypot(predicted.error, np.std(found) / np.sqrt(300))
    assert predicted.value < 0.85 * math.sqrt(
        3 * figures["mse_after_rounds"].at(-1)[0]
    )  # the rms error is another figure


RETRIED = ["network.link.retries=3", "network.link.retry_delay=1 ms", "network.link.mtu=600 B"]


@pytest.mark.parametrize(
    ("changes", "how"),
    [
        ([], "closed"),  # one packet
        (["network.link.mtu=600 B"], "closed"),
        (RETRIED, "sampled"),  # for packets of three sizes and delays that vary there is a bound alone
        (["network.link.mtu=600 B", "network.link.delay={kind: trace, values: [1 ms, 9 ms, 9 ms]}"], "sampled"),
        (["network.link.delay={kind: trace, values: [1 ms, 9 ms, 9 ms]}"], "closed"),
        (["network.link.duplicate=10%"], "sampled"),
    ],
)
def test_when_messages_are_complete_is_sampled_where_there_is_no_formula(changes, how):
    setting = Setting.from_scenario(load_scenario(LOSSY, ["network.link.loss=20%", *changes]))[0]
    figures, link, size_bytes = predict(setting).figures, setting.network.link, setting.sent.size_bytes
    sent = [Link(link, 3, ("test", number)).offer(0, size_bytes) for number in range(4000)]
    complete_s = np.array([each.complete_ns * 1e-9 for each in sent if each.lost_reason is None])
    for name, probability in (("p50", 0.5), ("p99", 0.99)):
        figure, drawn = figures[f"completion_{name}_s"], quantile_figure(complete_s, probability)
        assert figure.how == how
        assert furthest(figure, drawn) <= 4.0 or abs(figure.value - drawn.value) <= 1e-4
        if how == "sampled":
            assert figure.value <= link.completion_quantile(size_bytes, probability) + 4.0 * figure.error


def test_rounds_for_a_target_error():
    ring = scene(6, "{kind: ring}", "0%", 1, *CALM)
    assert prediction_of(*ring).rounds_to_target == 5  # (2 (2/3)^2k + (1/3)^2k) / 6 ≤ 1%
    assert prediction_of(*scene(6, "{kind: ring}", "30%", 1, *CALM)).rounds_to_target is None
    for resample in ("episode", "round"):
        topology = f"{{kind: random_connected, edges: 6, resample: {resample}}}"
        found = prediction_of(*scene(5, topology, "0%", 2, *CALM))
        errors = prediction_of(*scene(5, topology, "0%", found.rounds_to_target, *CALM)).figures["mse_after_rounds"]
        assert errors.value[-1] <= 0.0105
        assert errors.value[-2] > 0.0095


def test_smallest_eigenvalues():
    """Of E[A]: 1 - q + q λ on a graph that stays; a_eff on graphs that are drawn again and again."""
    ring = scene(4, "{kind: ring}", "10%", 1, *CALM)
    found = prediction_of(*ring)
    assert (found.lambda_min.value, found.warnings) == (pytest.approx(1 - 0.9 * 4 / 3), ())
    assert prediction_of(*ring, "algorithm.consensus.weights=lazy").lambda_min.value == pytest.approx(1 - 0.9 * 2 / 3)
    drawn = prediction_of(*scene(4, "{kind: random_connected, edges: 3}", "0%", 1, *CALM))
    assert drawn.lambda_min.value == pytest.approx(0.375, abs=0.02)
    assert drawn.lambda_min.how == "sampled"


def test_the_smallest_eigenvalue_of_many_is_told_where_a_formula_has_losses_in_it():
    ring = ["network.topology={kind: ring}", "network.link.loss=10%"]
    found = {
        policy: prediction_of(*ring, f"algorithm.consensus.policy={policy}", agents=70).lambda_min
        for policy in ("self", "renormalize")
    }
    assert (found["self"].value, found["self"].how) == (pytest.approx(1 - 0.9 * 4 / 3, abs=1e-3), "closed")
    assert found["renormalize"] is None


def test_what_is_cut_for_ever_is_told_beforehand():
    one_way = "network.faults=[{kind: one_way, edge: [0, 1], at: 2 s}, {kind: crash, node: 2, at: 1 s, for: 1 s}]"
    warnings = prediction_of(*scene(4, "{kind: ring}", "0%", 2, *CALM), one_way).warnings
    assert [warning for warning in warnings if "for ever" in warning] == [
        "from 2 s: the link from agent 0 to 1 goes down, one way, for ever; nobody is told, and every round that"
        " misses it lasts until the deadline"
    ]


def test_float16_is_said_not_to_be_in_the_prediction():
    found = prediction_of(*scene(4, "{kind: ring}", "0%", 2, *CALM), "algorithm.consensus.wire=float16")
    assert any("float16" in warning for warning in found.warnings)


def test_the_same_is_predicted_every_time():
    assert prediction_of().figures == prediction_of().figures


@pytest.mark.parametrize("agents", [70, 500])
def test_large_sparse_networks(agents):
    found = prediction_of(*scene(3, "{kind: ring}", "10%", 2, *CALM), agents=agents)
    figure = found.figures["mse_after_rounds"]
    small = prediction_of(*scene(30, "{kind: ring}", "10%", 2, *CALM)).figures["mse_after_rounds"]  # closed
    # A ring looks the same everywhere: (mse + 1/N) does not depend on N.
    expected = np.array(small.value) + 1 / 30 - 1 / agents
    assert figure.how == ("closed" if agents == 70 else "sampled")
    assert (abs(np.array(figure.value) - expected) <= 4 * np.array(figure.error) + 1e-12).all()


def recorded(length, rate, burst):
    """So many transmissions, lost as often, in bursts of so many on average; all at the end if one burst is as long."""
    if burst >= length * rate:
        return [0] * round(length * (1 - rate)) + [1] * round(length * rate)
    generator, values = np.random.default_rng(length), []
    while len(values) < length:
        kept, gone = generator.geometric([rate / (1 - rate) / burst, 1 / burst]).tolist()
        values += [0] * kept + [1] * gone
    return values[:length]


RECORDINGS = {
    "one": (1, 1.0, 1), "two": (2, 0.5, 1), "three": (3, 1 / 3, 1), "a hundred": (100, 0.25, 3),
    "memoryless": (2000, 0.4, 1.7), "a good start": (2000, 0.42, 840),
    "bursts": (20_000, 0.1, 20), "long bursts": (20_000, 0.3, 500), "one burst": (20_000, 0.02, 400),
    "long": (100_000, 0.2, 50),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["loss", "delay"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_are_predicted_as_they_are_measured_and_as_they_run(name, kind, tmp_path):
    losses = recorded(*RECORDINGS[name])
    cells = [str(lost) if kind == "loss" else f"{100 * lost + 1} ms" for lost in losses]
    (tmp_path / "recorded.csv").write_text("\n".join(cells))
    trace = f"{kind}={{kind: trace, file: {tmp_path / 'recorded.csv'}}}"
    changes = scene(3, "{kind: complete}", "0%", 2, *CALM, f"network.link.{trace}", "network.link.fifo=false")
    setting = Setting.from_scenario(load_scenario(LOSSY, changes))[0]
    runs = Tally()
    for reports in exchanges(setting, Plan(12, "run", each=60)):
        runs.add(reports)
    found = predict(setting).figures, measure(setting, TRIALS).figures, runs.figures("run")
    for one, other in combinations(found, 2):
        for figure in ("delivered_fraction", "late_fraction"):
            assert furthest(one[figure], other[figure]) <= 4.0, figure
    if kind == "loss":
        assert found[0]["delivered_fraction"].value == pytest.approx(1 - np.mean(losses))
