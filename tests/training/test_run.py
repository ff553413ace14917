"""`dvdn_sim.run` from outside: any environment, and that learners learn."""

import numpy as np
import pytest
from meeting import Meeting

import dvdn_sim
from dvdn_sim.records import load_run

ALGORITHMS = (
    "{kind: iql, hidden: 8, lr: 1e-2}",
    "{kind: vdn, hidden: 8, lr: 1e-2}",
    "{kind: dvdn, hidden: 8, lr: 1e-2}",
)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_any_parallel_env_is_learnt(tiny, tmp_path, algorithm):
    """A user's environment with unlike spaces instead of the scenario's: random play earns 5/12, the trained team 1."""
    scenario = tiny(
        f"algorithm={algorithm}",
        *(["network.topology={kind: complete}"] if "dvdn" in algorithm else ["network=null"]),
        "training={steps: 1000, batch: 16, buffer: 500, epsilon: {steps: 600}, target_update: 20}",
        "evaluation={every: 500, episodes: 40, epsilon: 0.0}",
    )
    summary = dvdn_sim.run(scenario, device="cpu", out=tmp_path / "run", make_env=Meeting).as_json()
    assert summary["env"] == "meeting.Meeting"
    assert summary["audit"] == "ok"
    assert 0.6 < summary["random_return"] * 12 / 5 < 1.4
    assert min(summary["return"]["per_seed"]) > 0.95
    assert dvdn_sim.load_run(tmp_path / "run").finished


def test_the_summary_is_of_the_records(tiny, lossy, tmp_path):
    """Counts and returns of the closing summary, from the records by other means."""
    summary = dvdn_sim.run(tiny(*lossy), device="cpu", out=tmp_path / "run").as_json()
    run = load_run(tmp_path / "run")
    finals = [run.metrics.filter(seed=seed, phase="evaluation").sort("env_steps")["return_mean"][-1] for seed in (0, 1)]
    last = [run.metrics.filter(seed=seed, phase="train").sort("env_steps")[-1] for seed in (0, 1)]
    assert summary["return"]["per_seed"] == finals
    assert summary["return"]["mean"] == pytest.approx(np.mean(finals))
    assert summary["env_steps"] == round(np.mean([row["env_steps"][0] for row in last]))
    assert summary["updates"] == round(np.mean([row["updates"][0] for row in last]))
    network = summary["network"]
    assert network["sent"] == run.network["sent"].sum()
    assert network["held"] == run.network["held"].sum()
    assert network["bytes"] == sum(row["bytes_sent"][0] for row in last)
    assert network["delivered_fraction"] == pytest.approx(network["held"] / network["sent"])
    settled = network["held"] + network["late"] + network["expired"] + sum(network["lost"].values())
    assert settled + network["in_flight"] == network["sent"]
    assert summary["consensus"]["a_eff"] == pytest.approx(run.network["a_eff"].mean())
    assert summary["digest"] == run.manifest["digest"]
