"""Arms against the baseline are `dvdn_sim.statistics` on the scores of equal seeds, and nothing else."""

import pytest
from report_folders import study_of

from dvdn_sim.reporting.contrasts import contrasts
from dvdn_sim.reporting.curves import area
from dvdn_sim.statistics import compare

AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%"]}
SCORES = {
    ("1", "0%"): {0: 0.5, 1: 0.6, 2: 0.7},
    ("1", "20%"): {0: 0.1, 1: 0.2, 2: 0.1},
    ("3", "0%"): {0: 0.75, 1: 0.85, 2: 0.95},
    ("3", "20%"): {0: 0.35, 1: 0.1, 2: 0.2},
}


def named(found):
    return [(each.label, each.where) for each in found]


def test_every_cell_and_all_cells_are_compared_with_the_baseline():
    found = contrasts(study_of(AXES, SCORES, ("rounds", "1")))
    assert named(found) == [("3", ""), ("3", "loss=0%"), ("3", "loss=20%")]
    pooled, first, second = (each.found for each in found)
    base, arm = ({f"loss={loss}": SCORES[rounds, loss] for loss in AXES["loss"]} for rounds in AXES["rounds"])
    assert pooled == compare(arm, base)
    assert first == compare(*({"loss=0%": each["loss=0%"]} for each in (arm, base)))
    assert second == compare(*({"loss=20%": each["loss=20%"]} for each in (arm, base)))


def test_by_hand():
    """At no loss all seeds gain a quarter, so that resamples cannot differ; at 20 % they gain 1/4, −1/10 and 1/10."""
    _, first, second = contrasts(study_of(AXES, SCORES, ("rounds", "1")))
    assert first.found.difference.value == pytest.approx(0.25)
    assert first.found.difference.interval == pytest.approx((0.25, 0.25))
    assert first.found.pairing.pairs == 3
    assert (first.clear, first.better) == (True, True)
    assert second.found.difference.value == pytest.approx(0.25 / 3)
    assert not second.clear


def test_the_other_way_round_is_the_same_with_the_other_sign():
    there, back = (contrasts(study_of(AXES, SCORES, ("rounds", label))) for label in ("1", "3"))
    for one, other in zip(there, back, strict=True):
        assert one.found.difference.value == pytest.approx(-other.found.difference.value)
        assert one.clear == other.clear
        assert one.clear == (one.better or other.better)


def test_only_equal_seeds_are_compared():
    scores = {("1", "0%"): {0: 0.0, 1: 5.0}, ("3", "0%"): {1: 6.0, 2: 0.0}}
    (found,) = contrasts(study_of(AXES, scores, ("rounds", "1")))
    assert (found.where, found.found.difference.value, found.found.pairing.seeds) == ("", 1.0, {"": (1,)})
    assert found.found.difference.interval is None
    assert (found.clear, found.better) == (False, False)


def test_cells_without_a_partner_are_in_no_comparison():
    scores = {key: value for key, value in SCORES.items() if key != ("1", "20%")}
    assert named(contrasts(study_of(AXES, scores, ("rounds", "1")))) == [("3", "loss=0%")]
    strangers = {("1", "0%"): {0: 1.0}, ("3", "0%"): {1: 1.0}}
    assert contrasts(study_of(AXES, strangers, ("rounds", "1"))) == []


def test_cells_of_different_tasks_are_not_pooled():
    """+1 000 on one task would drown +0.1 on another."""
    study = study_of(AXES, SCORES, ("rounds", "1"), tasks={key: key[1] for key in SCORES})
    assert named(contrasts(study)) == [("3", "loss=0%"), ("3", "loss=20%")]


@pytest.mark.parametrize("baseline", [(), ("rounds", "2"), ("hidden", "1")])
def test_without_a_finished_baseline_there_is_nothing_to_compare(baseline):
    assert contrasts(study_of(AXES, SCORES, baseline)) == []


def test_the_area_under_the_curve_is_another_measure():
    """From 0 straight to its score, it is half of it."""
    study = study_of(AXES, SCORES, ("rounds", "1"))
    pooled, *_ = contrasts(study, area)
    assert pooled.found.difference.value == pytest.approx(contrasts(study)[0].found.difference.value / 2)
