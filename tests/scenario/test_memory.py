"""A replay buffer is known to the byte, and one that the memory cannot hold is refused with the largest that it can."""

from pathlib import Path

import pytest
import torch

import dvdn_sim.scenario.rules as of_memory
from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import has_gpu, load_scenario, memory_limit, refuse_oversized_replay, replay_bytes
from dvdn_sim.training import build

PAPER = sorted((Path(__file__).parents[2] / "scenarios" / "paper").glob("*vdn.yaml"))
SMALL = ("training.buffer=40", "training.batch=20", "seeds=[3, 5]", "algorithm={kind: vdn, hidden: 8}")


@pytest.mark.parametrize("path", PAPER, ids=lambda path: path.stem)
def test_the_replay_is_known_to_the_byte(path):
    scenario = load_scenario(path, SMALL)
    assert replay_bytes(scenario) == build(scenario, device=torch.device("cpu")).replay.size_bytes


@pytest.mark.parametrize("env", ["{kind: lbforaging, field_size: [6, 6], players: 3, max_num_food: 2, sight: 4}",
    "{kind: mpe_tag, opponent: agent}", "{kind: mpe_adversary, opponent: agent, N: 3}"])  # fmt: skip
def test_and_for_the_package_lbforaging_and_opponents_that_learn(env):
    scenario = load_scenario(PAPER[0], [*SMALL, f"env={env}"])
    assert replay_bytes(scenario) == build(scenario, device=torch.device("cpu")).replay.size_bytes


def test_what_cannot_fit_is_refused_with_what_would():
    scenario = load_scenario(PAPER[0], ["training.buffer=1_000_000"])
    size, limit = replay_bytes(scenario), 8 * 10**9
    refuse_oversized_replay(scenario, limit_bytes=size)
    with pytest.raises(ScenarioError) as refused:
        refuse_oversized_replay(scenario, limit_bytes=limit, where="the GPU", source="large.yaml")
    (mistake,) = refused.value.mistakes
    assert refused.value.source == "large.yaml"
    assert (mistake.path, mistake.message) == (
        "training.buffer", f"the replay buffer takes {size / 1e9:.1f} GB, and the GPU has 8.0 GB",
    )  # fmt: skip
    most = int(mistake.remedy.removeprefix("at most ").partition(",")[0])
    fits = load_scenario(PAPER[0], [f"training.buffer={most}"])
    assert replay_bytes(fits) <= limit < replay_bytes(load_scenario(PAPER[0], [f"training.buffer={most + 1}"]))


def test_the_limit_is_the_machines_or_its_containers(tmp_path, monkeypatch):
    monkeypatch.setattr(of_memory, "CONTAINER", tmp_path)
    physical = memory_limit()
    assert physical > 10**8
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        for text, limit in ((f"{physical // 2}\n", physical // 2), ("max\n", physical), (f"{2**63}\n", physical)):
            file.write_text(text)
            assert memory_limit() == limit


def test_a_gpu_is_looked_for_where_its_driver_says(tmp_path, monkeypatch):
    monkeypatch.setattr(of_memory, "NVIDIA", tmp_path / "gpus")
    assert not has_gpu()
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    assert has_gpu()
