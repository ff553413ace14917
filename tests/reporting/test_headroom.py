"""What a task can tell: headroom and shares by hand, what is refused without headroom, how often shares are right."""

import numpy as np
import pytest
from report_folders import study_of

from dvdn_sim.reporting import answer, bounds_as_json, contrasts
from dvdn_sim.reporting.figures import collapse, differences, final_returns, learning_curves, performance_profiles
from dvdn_sim.reporting.headroom import headroom, share, tells
from dvdn_sim.statistics import share_of_gap

AXES = {"policy": ["a", "b"], "loss": ["0%", "20%"]}
KEYS = [(policy, loss) for policy in AXES["policy"] for loss in AXES["loss"]]


def runs(level, number, seeds=10, spread=0.03):
    return dict(enumerate((level + spread * np.random.default_rng(number).normal(size=seeds)).tolist()))


def study(levels, central, silent, seeds=10, **how):
    scores = {key: runs(level, n, seeds) for n, (key, level) in enumerate(zip(KEYS, levels, strict=True))}
    bounds = {"central": runs(central, 98, seeds), "silent": runs(silent, 99, seeds)}
    return study_of(AXES, scores, ("policy", "a"), bounds=bounds, **how)


def test_a_task_without_headroom_is_refused_a_ranking():
    """Arms are half a return apart; but VDN does not beat silence, so that it is not the network that does it."""
    made = study([0.2, 0.3, 0.8, 0.9], 0.5, 0.5, means={key: {"a_eff": n / 4} for n, key in enumerate(KEYS)})
    assert not any(tells(cell) or share(cell) for cell in made.cells)
    assert contrasts(made) == []
    assert [draw(made) for draw in (differences, performance_profiles, collapse)] == [None] * 3
    said = answer(made)
    assert said.startswith("This task cannot tell networks apart: central less silent is ")
    assert said.endswith(", so that nothing is ranked.")
    assert final_returns(made).table["share"].to_list() == [None] * 4


@pytest.mark.parametrize(("central", "silent", "seeds"), [(0.9, 0.3, 1), (0.3, 0.9, 10)])
def test_nor_is_one_of_single_seeds_or_where_communicating_does_harm(central, silent, seeds):
    made = study([0.2, 0.3, 0.8, 0.9], central, silent, seeds)
    assert answer(made).startswith("This task cannot tell networks apart: central less silent is ")
    assert contrasts(made) == []


def test_with_headroom_it_says_what_communicating_is_worth_and_who_has_how_much_of_it():
    made = study([0.9, 0.8, 0.6, 0.2], 0.9, 0.3, random=0.25)
    gap = headroom(made.cells[0]).difference
    said = answer(made)
    assert said.startswith(
        f"Communicating is worth {gap.value:+.2f} ({gap.interval[0]:+.2f} to {gap.interval[1]:+.2f}) of return:"
    )
    assert "policy=b is clearly worse than policy=a." in said
    most, least = (share(made.cells[n]) for n in (0, 3))
    assert f"the most: policy=a,loss=0% has {most.value:.0%} ({most.interval[0]:.0%} to" in said
    assert f"the least: policy=b,loss=20% has {least.value:.0%}".replace("-", "−") in said
    assert said.endswith(
        " policy=b,loss=20%: worse than not communicating."
        " policy=b,loss=20%: no better than random play; nothing shows that it learnt."
    )


def test_shares_by_hand():
    """Without any noise: 0.6 of 0.3 to 0.9 is a half; a bound is 0 or 1 of itself."""
    exact = {"central": dict.fromkeys(range(6), 0.9), "silent": dict.fromkeys(range(6), 0.3)}
    made = study_of({"arm": ["a"]}, {("a",): dict.fromkeys(range(6), 0.6)}, bounds=exact)
    (cell,) = made.cells
    found = share(cell)
    assert (found.value, found.interval) == (pytest.approx(0.5), pytest.approx((0.5, 0.5)))
    row = final_returns(made).table.row(0, named=True)
    assert (row["central"], row["silent"], row["headroom"], row["share"]) == pytest.approx((0.9, 0.3, 0.6, 0.5))


def test_json_has_them_by_cell():
    made = study([0.9, 0.8, 0.6, 0.2], 0.9, 0.3, random=0.25)
    first, *_, last = bounds_as_json(made)
    gap, part = headroom(made.cells[0]).difference, share(made.cells[0])
    assert first["headroom"] == {"value": gap.value, "ci95": gap.interval, "tells": True}
    assert first["share"] == {"value": part.value, "ci95": part.interval}
    assert (first["cell"], first["central"]["cell"], first["random"]) == ("policy=a,loss=0%", "bound=central", 0.25)
    assert (first["worse_than_silent"], last["worse_than_silent"]) == (False, True)


def test_without_bounds_nothing_is_said_of_them():
    made = study_of({"arm": ["a", "b"]}, {("a",): runs(0.5, 1), ("b",): runs(0.9, 2)}, ("arm", "a"))
    assert all(tells(cell) and headroom(cell) is share(cell) is None for cell in made.cells)
    assert answer(made).startswith("arm=b is clearly better than arm=a. ")
    assert "share" not in final_returns(made).table.columns


def test_figures_of_returns_have_lines_at_random_play_and_at_both_bounds():
    made = study(
        [0.9, 0.8, 0.6, 0.5], 1.0, 0.3, random=0.1, means={key: {"a_eff": n / 4} for n, key in enumerate(KEYS)}
    )
    for figure in (final_returns(made), learning_curves(made), collapse(made)):
        for view in figure.views.values():
            found = {each["label"]["text"]: each["y0"] for each in view.layout["shapes"]}
            assert list(found) == ["random", "central", "silent"]
            low, high = view.layout["yaxis"]["range"]
            assert all(low < y < high for y in found.values())
            assert found["random"] == 0.1
        dots = [trace for trace in next(iter(figure.views.values())).traces if trace.get("mode") == "markers"]
        assert sum(len(trace["x"]) for trace in dots) >= 40 // len(made.axes["loss"])


def covered(seeds, gap, truth, draw, studies):
    """How often an interval of the share has it, in studies with headroom; arms spread by 1."""
    rng = np.random.default_rng(seeds)
    found = [
        share_of_gap(draw(rng, seeds) + truth * gap, draw(rng, seeds), draw(rng, seeds) + gap, paired=False).interval
        for _ in range(studies)
    ]
    known = [ends for ends in found if ends is not None]
    assert len(known) > 0.9 * studies
    return np.mean([low <= truth <= high for low, high in known])


def normal(rng, seeds):
    return rng.normal(size=seeds)


def bounded(rng, seeds):
    """Near its upper end, as returns are: Beta(2, 1), with the middle of its quantiles √u at 0."""
    return (rng.beta(2, 1, size=seeds) - 2 * (0.75**1.5 - 0.25**1.5) / 1.5) / 0.236


def test_intervals_of_shares_cover_the_truth():
    """Standard error 2 %."""
    assert covered(10, 4.0, 0.5, normal, 120) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("draw", [normal, bounded])
@pytest.mark.parametrize("truth", [-0.3, 0.0, 0.5, 1.0])
@pytest.mark.parametrize(("seeds", "gap"), [(6, 4.0), (10, 4.0), (10, 10.0), (20, 2.0)])
def test_intervals_of_shares_cover_the_truth_in_90_to_98_per_cent(seeds, gap, truth, draw):
    """Standard error 0.8 %, so that 98 % may read 99.5."""
    assert 0.9 <= covered(seeds, gap, truth, draw, 600) <= 0.995
