"""Every scenario of the paper trains: shortened, with small networks and batches, through one update and more."""

from pathlib import Path

import pytest

from dvdn_sim import run
from dvdn_sim.scenario import load_scenario

ROOT = Path(__file__).parents[2]
SHORT = (
    "seeds=[0]",
    "algorithm.hidden=4",
    "training.steps=60",
    "training.batch=2",
    "training.buffer=4",
    "training.episodes_per_iteration=2",
    "evaluation.episodes=1",
)


PATHS = sorted((ROOT / "scenarios/paper").glob("*.yaml"))


@pytest.mark.parametrize(
    "path", [path for n, path in enumerate(PATHS) if n % 3 == n // 3 % 3], ids=lambda path: path.stem
)
def test_it_trains(path, tmp_path):
    """Of every task one of its three arms in turn, so that every arm is trained on some."""
    found = run(load_scenario(path, SHORT), out=tmp_path / "run").as_json()
    assert found["updates"] >= 1
    assert found["audit"] == "ok"
    if found["network"] is not None:
        assert found["network"]["delivered_fraction"] == 1.0


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_it_is_as_long_as_the_papers(path):
    asked = load_scenario(path)
    assert asked.name == path.stem
    assert (len(asked.seeds), asked.training.batch, asked.training.buffer) == (10, 32, 5000)
    assert asked.evaluation.episodes == 100
    assert asked.training.steps == 40 * asked.evaluation.every  # and one evaluation before the first


def test_there_are_three_arms_of_ten_tasks():
    names = [path.stem for path in PATHS]
    tasks = {path.stem for path in (ROOT / "scenarios/tasks").glob("*.yaml")} - {"sorting", "relay"}  # our own
    assert len(tasks) == 10
    for task in tasks:
        arms = sorted(name.removeprefix(f"{task}_") for name in names if name.startswith(f"{task}_"))
        assert arms == sorted(["iql", "vdn", "dvdn" if task.startswith("marbler") else "dvdn_gt"])
