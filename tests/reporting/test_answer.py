"""The answer says no more than its intervals do, and no less."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import study_of, write_run

from dvdn_sim.reporting import answer, contrasts, read_study
from dvdn_sim.statistics import compare, estimate, holm, seeds_help

ARMS, PLACES = ["a", "b", "c", "d"], ["x", "y", "z"]
LEVELS = st.sampled_from([0.0, 0.0, 0.01, -0.01, 0.3, 1.0, -1.0])


@st.composite
def studies(draw):
    """Up to four arms in up to three places, some cells and seeds missing, from no difference at all to a large one."""
    arms, places = ARMS[: draw(st.integers(2, 4))], PLACES[: draw(st.integers(1, 3))]
    gains = {key: draw(LEVELS) for key in [*arms, *((arm, place) for arm in arms for place in places)]}
    noise = draw(st.sampled_from([0.0, 0.05, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    scores = {}
    for arm in arms:
        for place in places:
            seeds = draw(st.sampled_from([range(8), range(8), range(2), range(1), range(0)]))
            gain = gains[arm] + (gains[arm, place] if noise < 1.0 else 0.0)
            scores[arm, place] = {seed: gain + noise * float(rng.standard_normal()) for seed in seeds}
    scores = {key: of_seeds for key, of_seeds in scores.items() if of_seeds}
    tasks = {key: key[1] for key in scores} if draw(st.integers(0, 3)) == 0 else None
    return arms, scores, study_of({"arm": arms, "place": places}, scores or {("a", "x"): {0: 0.0}}, ("arm", "a"), tasks)


def pooled(arms, scores, study):
    """Return the arms that are better over all places, and those that are worse, as statistics and Holm have it."""
    found = {}
    paired = seeds_help(scores.values())
    for arm in arms[1:]:
        mine, base = ({place: of for (who, place), of in scores.items() if who == each} for each in (arm, "a"))
        shared = [place for place in mine if place in base and mine[place].keys() & base[place].keys()]
        over = [shared] if len(shared) > 1 and study.one_task else []
        for places in [*over, *([place] for place in shared)]:
            two = ({p: each[p] for p in places} for each in (mine, base))
            found[arm, tuple(places) if len(places) < len(shared) else ()] = compare(*two, paired=paired)
    tested = {key: each.p_value for key, each in found.items() if not each.same and each.p_value is not None}
    clear = {key for key, p in zip(tested, holm(list(tested.values())), strict=True) if p <= 0.05}
    ends = {arm: found[arm, where].difference.interval for arm, where in clear if not where}
    return {arm for arm, (low, _) in ends.items() if low > 0.0}, {arm for arm, (_, high) in ends.items() if high < 0.0}


def verdict(said):
    """Return the arms that an answer calls better, and those it calls worse."""
    one = r"(?P<{0}>arm=\w(?:(?:, | and )arm=\w)*) (?:is|are) clearly {0}"
    head = re.match(rf"(?:{one.format('better')})?(?: and )?(?:{one.format('worse')})? than arm=a\. ", said)
    return tuple(set(re.findall(r"arm=(\w)", head[kind] or "")) if head else set() for kind in ("better", "worse"))


@settings(max_examples=60)
@given(studies())
def test_it_calls_better_exactly_what_is_better(drawn):
    arms, scores, study = drawn
    assert verdict(answer(study)) == pooled(arms, scores, study)


@settings(max_examples=60)
@given(studies())
def test_where_no_interval_leaves_out_zero_it_begins_with_that(drawn):
    _, _, study = drawn
    found = contrasts(study)
    said = answer(study)
    nothing = not any(each.clear for each in found)
    assert said.startswith("No difference is clear") == (nothing and bool(found))
    assert ("better" in said or "worse" in said) == (" clearly " in said)
    assert not (nothing and "Of " in said and "are clear" in said)


SEVEN = {0: 0.25, 1: 0.5, 2: 0.75, 3: 0.25, 4: 0.5, 5: 0.75, 6: 0.5}


def test_a_clear_difference_by_hand():
    """Every seed gains a half in one arm, loses one in the other: no resample says otherwise, of 2^7 signs one in 64.

    Holm: twice that.
    """
    base = SEVEN
    scores = {(arm,): {s: v + gain for s, v in base.items()} for arm, gain in (("a", 0.0), ("b", 0.5), ("c", -1.0))}
    assert answer(study_of({"arm": ARMS}, scores, ("arm", "a"))) == (
        "arm=b is clearly better and arm=c is clearly worse than arm=a. Return in the last tenth of training against"
        " arm=a, 7 seeds each: arm=b +0.50 (+0.50 to +0.50); arm=c −1.00 (−1.00 to −1.00)."
    )


@pytest.mark.parametrize(("seeds", "needed"), [(3, 6), (5, 7)])
def test_five_seeds_are_never_clear_and_it_says_how_many_could_be(seeds, needed):
    """Of two differences the first needs 1/40. Five seeds show that pairs help, so that it takes seven of one sign;
    three do not: more than five, all above all others."""
    base = {seed: SEVEN[seed] for seed in range(seeds)}
    scores = {(arm,): {s: v + gain for s, v in base.items()} for arm, gain in (("a", 0.0), ("b", 0.5), ("c", -1.0))}
    said = answer(study_of({"arm": ARMS}, scores, ("arm", "a")))
    assert said.startswith(f"No difference is clear: {seeds} seeds can show none, {needed} could. Return ")


def test_what_the_seeds_would_have_shown_is_beside_what_is_not_clear():
    scores = {("a",): SEVEN, ("b",): {seed: SEVEN[6 - seed] + 0.01 * seed for seed in SEVEN}}
    study = study_of({"arm": ["a", "b"]}, scores, ("arm", "a"))
    (found,) = contrasts(study)
    assert found.detectable == found.found.detectable(0.05)
    assert answer(study).startswith(
        f"No difference is clear, though one of {found.detectable:.2f} would have been in four studies of five. Return"
    )


def test_equal_runs_are_said_to_be_and_are_no_comparison():
    scores = {("a",): SEVEN, ("b",): SEVEN, ("c",): {seed: score + 0.5 for seed, score in SEVEN.items()}}
    study = study_of({"arm": ARMS}, {key: scores[key] for key in scores if key != ("c",)}, ("arm", "a"))
    assert answer(study).startswith("No difference is clear: the runs are the same. Return")
    same, other = contrasts(study_of({"arm": ARMS}, scores, ("arm", "a")))
    assert (same.p_value, same.clear, other.p_value, other.clear) == (None, False, 2**-6, True)


def test_one_seed_shows_nothing_and_the_answer_says_so():
    said = answer(study_of({"arm": ["a", "b"]}, {("a",): {0: 0.0}, ("b",): {0: 100.0}}, ("arm", "a")))
    assert said == (
        "No difference is clear: 1 seed can show none, 6 could. Return in the last tenth of training against arm=a,"
        " 1 seed each: arm=b +100.00."
    )


def test_what_is_clear_in_one_cell_alone_is_told_as_one_of_many():
    """+1 at x and −1 at y for every seed: nothing over both, and yet all is different."""
    gains = {("a", "x"): 0.0, ("a", "y"): 0.25, ("b", "x"): 1.0, ("b", "y"): -0.75}
    scores = {key: {seed: value + gain for seed, value in SEVEN.items()} for key, gain in gains.items()}
    said = answer(study_of({"arm": ["a", "b"], "place": ["x", "y"]}, scores, ("arm", "a")))
    assert said.startswith("No difference over all cells is clear")
    assert said.endswith(
        " Cell by cell, 2 are clear of 2 differences; the largest is arm=b at place=x, +1.00 (+1.00 to +1.00)."
    )


def test_tasks_that_differ_are_told_task_by_task():
    scores = {(arm, place): {0: 0.0, 1: 1.0 if arm == "a" else 0.5} for arm in "ab" for place in "xy"}
    tasks = {key: key[1] for key in scores}
    assert answer(study_of({"arm": ["a", "b"], "place": ["x", "y"]}, scores, ("arm", "a"), tasks)) == (
        "No difference is clear: 2 seeds can show none, 6 could. Return in the last tenth of training against arm=a,"
        " task by task, 2 seeds each."
        " Cell by cell, none of 2 differences is clear."
    )


def test_a_single_run_is_told_with_its_interval_and_random_play(tmp_path):
    scores = [0.25, 0.5, 0.75]
    run = write_run(tmp_path / "run", {seed: [0.0, score] for seed, score in enumerate(scores)}, random=0.125)
    low, high = estimate([np.array(scores)], within=(0.0, 1.0)).interval
    assert answer(read_study([run])) == (
        f"The team returns 0.50 ({low:.2f} to {high:.2f}, 3 seeds) in the last tenth of training; uniform random play"
        " returns 0.12."
    )


@pytest.mark.parametrize("compared", [(), ("arm", "nobody")])
def test_without_a_baseline_it_names_the_ends_and_claims_nothing(compared):
    said = answer(study_of({"arm": ARMS}, {("b",): {0: 0.5}, ("c",): {0: 0.75}, ("d",): {0: 0.25}}, compared))
    assert said == (
        "Of 3 runs arm=c returns the most, 0.75 (one seed, no interval), and arm=d the least, 0.25 (one seed, no"
        " interval). There is no baseline to compare with seed by seed."
    )


def test_runs_of_different_tasks_have_no_best():
    """A return of 0.9 of 1 is more than one of 5 of 100, or less: nobody knows."""
    study = study_of({"run": ["a", "b"]}, {("a",): {0: 0.9}, ("b",): {0: 5.0}}, (), {("a",): "another"})
    assert answer(study) == ("2 runs of different tasks, whose returns are not to be compared; the scores are below.")


def test_of_many_differences_the_largest_and_the_least_are_told():
    """Ten runs of each of nine arms, all above the baseline's: the least p value, 2/C(20, 10), is far below 0.05/9."""
    rng = np.random.default_rng(0)
    arms = [f"a{number}" for number in range(10)]
    scores = {(arm,): dict(enumerate(number + 0.01 * rng.normal(size=10))) for number, arm in enumerate(arms)}
    said = answer(study_of({"arm": arms}, scores, ("arm", "a0")))
    assert said.startswith("arm=a9 and 8 more are clearly better than arm=a0. Return ")
    assert "; 3 between; " in said
    assert [f"a{number} +" in said for number in range(1, 10)] == [True] * 3 + [False] * 3 + [True] * 3
