"""Trained teams evaluated again: as they were, under faults, and not in what they cannot play."""

import json

import numpy as np
import pytest
from edited_folders import edit
from typer.testing import CliRunner

from dvdn_sim import evaluate, run
from dvdn_sim.cli import app
from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.scenario import load_scenario

DOWN = (
    "network.faults=[{kind: crash, node: 0, at: 0 s}, {kind: crash, node: 1, at: 0 s}, {kind: crash, node: 2, at: 0 s}]"
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two seeds that learnt to load."""
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    changes = [
        "training.steps=9000",
        "training.episodes_per_iteration=8",
        "training.epsilon.steps=3000",
        "evaluation.every=9000",
    ]
    run(load_scenario("scenarios/lossless_lbf.yaml", [*changes, "algorithm.hidden=16"]), out=folder)
    return folder


def test_it_is_the_same_each_time_and_near_the_last_evaluation(trained):
    found, again = (evaluate(trained, episodes=100) for _ in range(2))
    np.testing.assert_array_equal(found.returns, again.returns)
    assert (found.returns.shape, found.note, found.down_fraction) == ((2, 100), "", 0.0)
    longer = evaluate(trained, episodes=120)
    np.testing.assert_array_equal(longer.returns[:, :100], found.returns)
    assert (
        found.as_json()["return"]["mean"]
        > evaluate(trained, ["evaluation.epsilon=1"], episodes=100).as_json()["return"]["mean"]
    )


def test_who_is_down_does_nothing(trained):
    """All agents down from the start: nobody moves, nobody loads, whatever was learnt."""
    found = evaluate(trained, [DOWN, "network.deadline=1 s", "network.acting=noop"], episodes=20)
    assert found.down_fraction == 1.0
    assert not found.returns.any()
    frozen = evaluate(trained, [DOWN, "network.deadline=1 s"], episodes=20)
    assert frozen.down_fraction == 0.0
    assert "act without messages" in frozen.note
    np.testing.assert_array_equal(frozen.returns, evaluate(trained, episodes=20).returns)


def test_what_was_not_trained_for_is_refused(trained, tmp_path):
    with pytest.raises(ScenarioError, match=r"env: agents were trained as .*obs_dim=15.* and would be .*obs_dim=18"):
        evaluate(trained, ["env.max_num_food=3"])
    with pytest.raises(RunFolderError, match="holds no run"):
        evaluate(tmp_path)
    edit(tmp_path / "manifest.json")
    (tmp_path / "scenario.yaml").write_text((trained / "scenario.yaml").read_text())
    with pytest.raises(RunFolderError, match="names no seeds"):
        evaluate(tmp_path)


def test_the_command(trained):
    """Prints what the function returns; a mistake is exit 2."""
    words = ["evaluate", str(trained), "--episodes", "30", "--device", "cpu"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == evaluate(trained, episodes=30).as_json()
    assert "30 episodes of each of 2 teams" in CliRunner().invoke(app, words).stdout
    wrong = CliRunner().invoke(app, [*words, "--set", "env.food=3"])
    assert wrong.exit_code == 2
    assert "unknown key" in wrong.stderr
    assert CliRunner().invoke(app, ["evaluate", "nowhere"]).exit_code == 2
