"""The figures of the closing summary, and the paper's protocol by hand."""

import numpy as np
import polars as pl
import pytest
from small_runs import small

from dvdn_sim import run
from dvdn_sim.records import load_run
from dvdn_sim.statistics import estimate
from dvdn_sim.training import COLUMNS, score, summarise
from dvdn_sim.training.summary import _best


def test_score_is_the_mean_and_the_estimate_of_the_middle_half():
    per_seed = np.random.default_rng(0).normal(0.8, 0.1, 10)
    middle = estimate([per_seed])
    assert score(per_seed) == {
        "per_seed": per_seed.tolist(),
        "mean": per_seed.mean(),
        "iqm": middle.value,
        "ci95": list(middle.interval),
    }


def test_no_interval_is_beyond_what_can_be_returned():
    assert score(np.array([0.9, 1.0]))["ci95"][1] > 1.5
    assert score(np.array([0.9, 1.0]), (0.0, 1.0))["ci95"][1] == 1.0


def test_one_seed_has_no_interval():
    assert score(np.array([0.5])) == {"per_seed": [0.5], "mean": 0.5, "iqm": 0.5, "ci95": None}


def test_best_checkpoint_is_best_for_all_seeds_together():
    """Means over seeds 0.2, 0.6, 0.5: the second checkpoint, though the first seed was better at the third."""
    curves = [pl.DataFrame({"return_mean": values}) for values in ([0.1, 0.4, 0.7], [0.3, 0.8, 0.3])]
    assert _best(curves).tolist() == [0.4, 0.8]


def test_what_consensus_came_to_is_that_of_errors(tmp_path):
    """Trackers have exchanges of their own: longer messages, which are lost whole where one packet is lost."""
    changes = ("algorithm={kind: dvdn_gt, hidden: 16}", "network.link.loss=10%", "training.steps=120")
    found = run(small(*changes), out=tmp_path / "run").as_json()["consensus"]
    rows = load_run(tmp_path / "run").network
    by_kind = {kind: rows.filter(pl.col("kind") == kind)["a_eff"].mean() for kind in ("td", "gt")}
    assert by_kind["gt"] > by_kind["td"] + 0.1
    assert found["a_eff"] == pytest.approx(by_kind["td"])


@pytest.mark.parametrize(
    "algorithm", ["{kind: dvdn, hidden: 4}", "{kind: dvdn_gt, hidden: 4}", "{kind: vdn, hidden: 4}"]
)
def test_it_needs_no_other_columns_of_the_records(tmp_path, algorithm):
    run(small(f"algorithm={algorithm}"), out=tmp_path / "run")
    whole, lean = (summarise(load_run(tmp_path / "run", columns)) for columns in (None, COLUMNS))
    assert lean == whole


def test_who_exchanges_parameters_alone_has_no_consensus(tmp_path):
    summary = run(small("algorithm={kind: networked_q, hidden: 4}"), out=tmp_path / "run")
    assert summary.as_json()["consensus"] is None
    assert summary.as_json()["network"]["sent"] > 0
    assert "consensus" not in summary.text()
    assert "messages" in summary.text()
