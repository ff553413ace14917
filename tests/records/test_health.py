"""Warnings that a run goes wrong: each is seen when it is there, once per seed, with its cause, and not before."""

import pytest

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import HealthChecks, health_warnings

RECENT, SWINGS = 100, 8  # updates and evaluations that a check looks back on

GOOD = {
    "seed": 0, "phase": "train", "env_steps": 0, "q_abs_max": 2.0, "q_sum_abs_max": 3.0, "disagreement": None,
    "tracker_imbalance": None, "tracked_gradient": None, "return_mean": 0.5,
}  # fmt: skip
HEARD = {"seed": 0, "kind": "td", "env_steps": 0, "a_eff": 0.3, "lambda_min": 0.1, "delivered_fraction": 0.9}


def feed(signs, metrics=None, network=None, times=RECENT, start=0):
    for step in range(start, start + times):
        if network is not None:
            signs.network(HEARD | network | {"env_steps": step})
        if metrics is not None:
            signs.metrics(GOOD | metrics | {"env_steps": step})


def names(signs):
    return [(sign.name, sign.seed) for sign in signs.seen]


def test_a_healthy_run_shows_none():
    signs = HealthChecks()
    feed(signs, {"disagreement": 0.2, "tracker_imbalance": 1e-6, "tracked_gradient": 3.0}, {}, times=3 * RECENT)
    feed(signs, {"phase": "evaluation"}, times=3 * SWINGS)
    assert signs.seen == []


@pytest.mark.parametrize(("held", "cause"), [(0.0, "only 0% of messages"), (None, "only 0%"), (1.0, "the weights")])
def test_a_team_that_learns_alone(held, cause):
    """a_eff near 1 over the last 100 updates, not over fewer; the cause depends on whether messages arrive."""
    signs = HealthChecks()
    feed(signs, network={"a_eff": 1.0, "delivered_fraction": held}, times=RECENT - 1)
    assert signs.seen == []
    feed(signs, network={"a_eff": 1.0, "delivered_fraction": held}, times=5, start=RECENT - 1)
    (sign,) = signs.seen
    assert (sign.name, sign.env_steps) == ("alone", RECENT - 1)
    assert cause in sign.cause


def test_exchanges_of_parameters_say_nothing_of_learning_alone():
    signs = HealthChecks()
    feed(signs, network={"a_eff": 1.0, "kind": "gt"}, times=2 * RECENT)
    assert signs.seen == []


def test_values_that_run_apart_while_their_sum_stays():
    """|Q| ten times what it was in the first ten updates, and more than twenty times the team's sum."""
    signs = HealthChecks()
    feed(signs, {})
    feed(signs, {"q_abs_max": 74.0, "q_sum_abs_max": 60.0})
    assert signs.seen == []
    feed(signs, {"q_abs_max": 74.0, "q_sum_abs_max": 1.0})
    assert names(signs) == [("apart", 0)]
    assert "too large a step" in signs.seen[0].cause


def test_values_that_grow_where_the_mixing_matrix_ascends():
    """With negative eigenvalues in most exchanges growth beside a small sum is a sign: the sum is dragged along."""
    signs = HealthChecks()
    feed(signs, {"q_abs_max": 0.7}, {"lambda_min": -0.33}, times=10)
    feed(signs, {"q_abs_max": 9.9, "q_sum_abs_max": 8.0}, {"lambda_min": -0.33})
    assert signs.seen == []
    feed(signs, {"q_abs_max": 10.1, "q_sum_abs_max": 8.0}, {"lambda_min": -0.33}, times=1)
    assert names(signs) == [("apart", 0)]
    assert "weights: lazy" in signs.seen[0].cause


def test_values_that_grow_with_the_teams_value_are_no_sign():
    """Four agents, each with its share of a large return, over random trees of which three in four are paths."""
    signs = HealthChecks()
    feed(signs, {"q_abs_max": 0.7}, {"lambda_min": -0.14}, times=10)
    feed(signs, {"q_abs_max": 20.0, "q_sum_abs_max": 65.0}, {"lambda_min": -0.14})
    assert signs.seen == []


@pytest.mark.parametrize(("team", "told"), [(41.0, []), (39.0, [("apart", 0)])])
def test_values_that_are_half_the_teams_where_the_mixing_matrix_ascends(team, told):
    signs = HealthChecks()
    feed(signs, {"q_abs_max": 0.7}, {"lambda_min": -0.14}, times=10)
    feed(signs, {"q_abs_max": 20.0, "q_sum_abs_max": team}, {"lambda_min": -0.14})
    assert names(signs) == told


SEEN = {"name": "drift", "seed": 0, "env_steps": 7, "message": "apart", "cause": "loss"}


@pytest.mark.parametrize(
    "signs",
    [5, "abc", ["x"], [{}], [SEEN | {"name": "unheard-of"}], [SEEN | {"env_steps": None}], [SEEN | {"more": 1}]],
)
def test_signs_of_a_damaged_manifest_are_refused(signs):
    with pytest.raises(RunFolderError, match=r"manifest\.json is damaged"):
        health_warnings({"signs": signs})


def test_signs_of_a_manifest():
    assert [str(sign) for sign in health_warnings({"signs": [SEEN]})] == ["seed 0, step 7: apart; likely: loss"]
    assert health_warnings({}) == []


def test_trackers_whose_books_do_not_balance():
    signs = HealthChecks()
    feed(signs, {"tracker_imbalance": 1.0, "tracked_gradient": 2.0, "disagreement": 0.1})
    assert names(signs) == [("unbalanced", 0)]
    assert "off by 50%" in signs.seen[0].message


def test_parameters_that_drift_apart():
    signs = HealthChecks()
    feed(signs, {"disagreement": 0.1})
    feed(signs, {"disagreement": 0.9})
    assert signs.seen == []
    feed(signs, {"disagreement": 1.1}, times=1)
    assert names(signs) == [("drift", 0)]


def test_returns_that_swing():
    """Up and down from evaluation to evaluation; rising or merely noisy returns are none."""
    signs = HealthChecks()
    for seed, returns in enumerate(([0, 1] * 4, list(range(8)), [0, 5, 4, 5, 5, 6, 5, 6])):
        for step, value in enumerate(returns):
            signs.metrics(GOOD | {"seed": seed, "phase": "evaluation", "return_mean": float(value), "env_steps": step})
    assert names(signs) == [("swings", 0)]


def test_returns_swing_of_values_that_run_apart_whose_cause_was_told():
    """A ring under Metropolis weights: `weights: lazy` helps, a smaller `lr` does not. The other seed just swings."""
    signs = HealthChecks()
    feed(signs, {}, {"lambda_min": -0.33}, times=20)
    feed(signs, {"q_abs_max": 90.0}, {"lambda_min": -0.33}, start=20)
    restored = HealthChecks()
    restored.restore(signs.state())
    for each in (signs, restored):
        for seed in (0, 1):
            for value in [0.0, 1.0] * SWINGS:
                each.metrics(GOOD | {"seed": seed, "phase": "evaluation", "return_mean": value})
        assert names(each) == [("apart", 0), ("swings", 1)]
    assert "weights: lazy" in signs.seen[0].cause


def test_returns_that_swing_with_trackers_that_are_off_have_their_cause():
    signs = HealthChecks()
    feed(signs, {"tracker_imbalance": 1.0, "tracked_gradient": 2.0})
    for value in [0.0, 1.0] * SWINGS:
        signs.metrics(GOOD | {"phase": "evaluation", "return_mean": value})
    assert names(signs) == [("unbalanced", 0), ("swings", 0)]
    assert signs.seen[1].cause == "trackers that are off (see the earlier sign)"


def test_each_sign_is_shown_once_per_seed():
    shown = []
    signs = HealthChecks(shown.append)
    for seed in (0, 1):
        feed(signs, network={"a_eff": 1.0, "seed": seed}, times=3 * RECENT)
    assert names(signs) == [("alone", 0), ("alone", 1)]
    assert shown == signs.seen
    assert str(shown[1]).startswith("seed 1, step 99: a_eff is 1.00")
