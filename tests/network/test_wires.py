"""Exchanges of parameters, foretold and measured; and what all exchanges of an update come to together."""

import pytest
from exchange_cases import CALM, LOSSY, furthest, scene

from dvdn_sim.network import Setting, measure, predict, predict_every
from dvdn_sim.scenario import load_scenario

FIGURES = ("delivered_fraction", "late_fraction", "round_time_s", "bytes_per_update", "a_eff", "mse_after_rounds",
           "disagreement_after_rounds", "mean_drift_var")  # fmt: skip
# Three players on a path, of whom each sees 12 numbers: three places and levels, and those of a food.
CALM_PATH = scene(3, "{kind: path}", "0.5%", 1, *CALM)
SMALL = (*CALM_PATH, "env.max_num_food=1", "env.field_size=[5, 5]")


def settings_of(*changes, tracking="form: paper"):
    algorithm = f"algorithm={{kind: dvdn_gt, hidden: 8, tracking: {{{tracking}}}}}"
    return Setting.from_scenario(load_scenario(LOSSY, [algorithm, *SMALL, *changes]))


@pytest.mark.parametrize(
    "changes",
    [
        ("network.link.loss=3%",),
        ("network.link.loss=3%", "network.share=node"),
        ("network.link.loss=1%", "network.topology={kind: random_connected, resample: episode}"),
        ("network.link.loss=10%", "network.link.retries=1", "network.link.retry_delay=1 ms"),
        (
            "network.link.loss=3%",
            "network.link.delay={kind: normal, mean: 5 ms, jitter: 2 ms}",
            "network.deadline=9 ms",
        ),
        ("network.compute={kind: lognormal, mean: 10 ms, jitter: 5 ms}", "network.deadline=8 ms"),
        ("network.link.limit=3", "network.share=node", "network.deadline=50 ms"),
    ],
)
def test_exchanges_of_parameters_are_what_was_predicted(changes):
    """4 standard errors, of 80 exchanges."""
    setting = settings_of(*changes)[1]
    measured, predicted = measure(setting, 80).figures, predict(setting).figures
    for name in FIGURES:
        assert furthest(measured[name], predicted[name]) <= 4.0, name


def test_parameters_are_ready_when_td_errors_have_been_exchanged():
    """All begin at once, however long they computed: nothing is late within a deadline that suits."""
    spread = ("network.compute={kind: lognormal, mean: 100 ms, jitter: 90 ms}", "network.link.loss=0%")
    td, gt = (predict(each).figures for each in settings_of(*spread, "network.deadline=15 ms"))
    assert td["late_fraction"].value > 0.1
    assert gt["late_fraction"].value == 0.0
    assert gt["round_time_s"].how == "closed"


def test_figures_worked_out_by_hand():
    """12 + 1 inputs to 8 units, a GRU of 6·8·9, 6 actions of 9: 590 parameters, 4744 bytes, 4 packets."""
    td, gt = predict_every(settings_of())
    value = {name: figure.value for name, figure in gt.figures.items()}
    assert value["payload_bytes"] == 24 + 4 * 2 * (8 * 13 + 6 * 8 * 9 + 6 * 9)
    assert (value["packets"], value["wire_bytes"]) == (4, 4744 + 4 * 28)
    assert value["whole_probability"] == value["delivered_fraction"] == pytest.approx(0.995**4)
    transit = 4856 * 8 / 20e6 + 0.005
    assert value["airtime_s"] == pytest.approx(transit - 0.005)
    q = 0.995**4
    times = [transit + (0.05 - transit) * (1 - q**degree) for degree in (1, 2, 1)]
    assert value["round_time_s"] == pytest.approx(sum(times) / 3)
    assert value["bytes_per_update"] == 4 * 4856
    assert value["a_eff"] == pytest.approx(1 - q * 2 / 3)
    assert "jtd_relative_error" not in value
    # An update computes for 10 ms and exchanges both, until the slowest agent is through: all four messages come, or
    # one waits for the deadline. The middle agent of a path is no busier than its links.
    of_td = 1332 * 8 / 20e6
    longest = [each + (0.05 - each) * (1 - whole**4) for each, whole in ((transit, q), (of_td + 0.005, 0.995))]
    period = 1.0 + 0.01 + sum(longest)
    for figures, airtime in ((gt.figures, transit - 0.005), (td.figures, of_td)):
        utilisation = figures["utilisation"]
        assert abs(utilisation.value - airtime / period) <= 4 * utilisation.error
        assert utilisation.error < 0.001 * utilisation.value


@pytest.mark.parametrize(
    ("tracking", "messages", "packets", "payload"),
    [
        ("form: adapt_then_combine", 2.0, 2, 24 + 4 * 590),
        ("every: 5", 0.2, 4, 24 + 4 * 1180),
        ("blocks: 10, every: 2", 0.5, 1, 24 + 4 * 118),
    ],
)
def test_bytes_are_those_of_an_update(tracking, messages, packets, payload):
    setting = settings_of("network.link.loss=0%", tracking=tracking)[1]
    expected = 4 * messages * (payload + 28 * packets)
    assert predict(setting).figures["bytes_per_update"].value == pytest.approx(expected)
    assert measure(setting, 3).figures["bytes_per_update"].value == pytest.approx(expected)


def test_a_transmitter_is_busier_while_agents_act_and_exchange_at_once():
    """Blocking, 1 s of acting and then the update; overlapping, whichever lasts longer."""
    shares = {}
    for schedule in ("blocking", "overlap"):
        td, gt = predict_every(settings_of("network.compute=2 s", f"network.schedule={schedule}"))
        shares[schedule] = [each.figures["utilisation"].value for each in (td, gt)]
        updating_s = td.lasts_s.mean() + gt.lasts_s.mean()
    for blocking, overlap in zip(*shares.values(), strict=True):
        assert overlap / blocking == pytest.approx((1.0 + updating_s) / updating_s)


def test_queues_that_are_full_are_told():
    """Two messages of 4 packets to the neighbours of the middle agent, and 3 may wait: one of its two is cut."""
    node = ("network.share=node", "network.link.loss=0%", "network.link.limit=3")
    td, gt = predict_every(settings_of(*node))
    assert not any("queue" in warning for warning in td.warnings)
    assert "25.00% of the messages of parameters and trackers find a queue full" in " ".join(gt.warnings)
    assert gt.figures["delivered_fraction"].value == pytest.approx(0.75)
