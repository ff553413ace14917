"""Agents that were trained before play opponents: from the policy file of a run to the particle environments."""

import numpy as np
import pytest
import torch

from dvdn_sim import run
from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import TrainedOpponent, build, load_policy, policy_path, save_policies

TAG = """\
name: tag
seeds: [0]
env: {kind: mpe_tag, max_episode_steps: 8}
algorithm: {kind: iql, hidden: 8}
training: {steps: 80, batch: 2, buffer: 4, epsilon: {steps: 40}}
evaluation: {every: 1000, episodes: 3}
"""


@pytest.fixture(params=["{kind: iql, hidden: 8}", "{kind: iql, hidden: 8, share_parameters: true, recurrent: false}"])
def trained(request, tmp_path):
    """The folder of a tag team with made-up weights, prey included: 16 numbers for predators, 14 for prey."""
    scenario = parse_scenario(TAG, ["env.opponent=agent", f"algorithm={request.param}"])
    parts = build(scenario, device=torch.device("cpu"))
    noise = np.random.default_rng(0).normal(size=parts.learner.parameters.shape)
    parts.learner.parameters.copy_(torch.from_numpy(noise))
    save_policies(tmp_path, parts.learner, parts.train_envs.env, (0,))
    return tmp_path


def test_it_does_what_the_policy_does(trained):
    """Five rows over six steps, each with a memory of its own, against the policy on one row at a time."""
    opponent = TrainedOpponent(policy_path(trained, 0), "agent_0", sees=14)
    assert opponent.memory_size == 8
    observations = torch.from_numpy(np.random.default_rng(1).normal(size=(6, 5, 14)).astype(np.float32))
    memory, chance, acted = torch.zeros(5, 8), torch.zeros(5, dtype=torch.float64), []
    for seen in observations:
        actions, memory = opponent.act(seen, memory, chance)
        acted.append(actions.tolist())
    for row in range(5):
        policy = load_policy(trained, 0)
        alone = [policy.act({"agent_0": seen[row].numpy()})["agent_0"] for seen in observations]
        assert alone == [actions[row] for actions in acted]
    assert len(set(map(tuple, acted))) > 1


def test_a_team_learns_against_it(trained, tmp_path):
    """Other prey, other episodes: the same predators against trained prey and against prey that stands still."""
    path = policy_path(trained, 0)
    found = [
        run(parse_scenario(TAG, changes), out=tmp_path / name).as_json()["digest"]
        for name, changes in {"trained": [f"env.opponent_policy={path}"], "still": ["env.opponent=still"]}.items()
    ]
    assert found[0] != found[1]


def test_what_cannot_play_is_refused(trained):
    path = policy_path(trained, 0)
    with pytest.raises(ScenarioError, match="no agent 'judge' found; it has adversary_0"):
        TrainedOpponent(path, "judge", sees=14)
    with pytest.raises(ScenarioError, match="trained on 14 numbers, and sees 12 here"):
        build(parse_scenario(TAG, [f"env.opponent_policy={path}", "env.num_obstacles=1"]), device=torch.device("cpu"))
    for changes, said in (
        (["env.opponent_policy=nowhere.safetensors"], "there is no file `nowhere.safetensors`"),
        ([f"env.opponent_policy={path}", "env.opponent=agent"], "`opponent: agent` learns"),
    ):
        with pytest.raises(ScenarioError, match=said):
            parse_scenario(TAG, changes)
