"""Trained teams leave the program as files and come back as policies that act as they did."""

import numpy as np
import pytest
import torch
from meeting import Meeting
from teams import forward

from dvdn_sim import load_policy, run
from dvdn_sim.envs import ForagingParallelEnv
from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.learners import FeedForwardQ, QAgent, RecurrentQ, layers_of, row_of
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import TrainedOpponent, build, policy_path, save_policies

CPU = torch.device("cpu")
KINDS = {
    "dvdn": "{kind: dvdn, hidden: 8}",
    "shared": "{kind: vdn, hidden: 8, share_parameters: true}",
    "shared, no ids": "{kind: vdn, hidden: 8, share_parameters: true, agent_ids: false}",
    "feed-forward": "{kind: iql, hidden: 8, recurrent: false}",
    "shared feed-forward": "{kind: qmix, hidden: 8, recurrent: false, share_parameters: true}",
    "tracking": "{kind: dvdn_gt, hidden: 8}",
}


@pytest.fixture
def saved(tiny, tmp_path):
    """Parts of a scenario with made-up weights, and the folder in which they are kept."""

    def make(algorithm):
        parts = build(tiny(f"algorithm={algorithm}"), device=CPU)
        noise = torch.from_numpy(np.random.default_rng(0).normal(size=parts.learner.parameters.shape))
        parts.learner.parameters.copy_(noise)
        save_policies(
            tmp_path, parts.learner, parts.train_envs.env, {seed: row for row, seed in enumerate(parts.scenario.seeds)}
        )
        return parts, tmp_path

    return make


@pytest.mark.parametrize("network", [RecurrentQ(3, 4, 5), FeedForwardQ(3, 4, 5)], ids=["recurrent", "feed-forward"])
def test_a_module_computes_what_its_row_does(network):
    """Three steps of a batch, against whole sequences; and back to the row, to the last bit."""
    row = network.initial_parameters([np.random.default_rng(1)])
    module = QAgent(3, 4, 5, recurrent=isinstance(network, RecurrentQ)).double()
    module.load_state_dict(layers_of(network, row[0]))
    hidden, observations = torch.zeros(2, 4, dtype=torch.float64), torch.rand(1, 3, 2, 3, dtype=torch.float64)
    q = forward(network.tape(networks=1, trained=1, steps=3, batch=2, like=row), row, observations)
    for t in range(3):
        q_of_module, hidden = module(observations[0, t], hidden)
        torch.testing.assert_close(q_of_module, q[0, t], rtol=0, atol=1e-12)
    assert torch.equal(row_of(network, layers_of(network, row[0])), row[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_team_acts_as_the_trained_one(saved, kind):
    """Two seeds, two episodes: what the greedy actor does, the policies do on the same observations."""
    parts, folder = saved(KINDS[kind])
    policies = [load_policy(folder, seed) for seed in parts.scenario.seeds]
    for episode in range(2):
        parts.actor.begin(parts.learner.acting_parameters, np.full(2, episode), np.zeros((12, 2)))
        seen = []

        def act(observations, step, seen=seen):
            actions = parts.actor.act(observations, step)
            seen.append((observations, actions))
            return actions

        parts.train_envs.play(act, np.ones(2, bool))
        assert len({action for _, actions in seen for action in actions.ravel().tolist()}) > 1
        for policy in policies:
            policy.reset()
        for observations, actions in seen:
            for policy, rows, chosen in zip(policies, observations, actions.tolist(), strict=True):
                expected = dict(zip(policy.agents, chosen, strict=True))
                assert policy.act(dict(zip(policy.agents, rows, strict=True))) == expected


def test_a_team_that_was_trained_plays_in_a_pettingzoo_loop(tiny, tmp_path):
    """The run leaves a team per seed; no others are there."""
    scenario = tiny("training.steps=60")
    run(scenario, out=tmp_path / "run")
    policy = load_policy(tmp_path / "run", 1)
    env = ForagingParallelEnv(players=3, field_size=(5, 5), max_num_food=2, max_food_level=1, sight=4)
    observations, _ = env.reset(seed=0)
    policy.reset()
    steps = 0
    while env.agents:
        observations, *_ = env.step(policy.act(observations))
        steps += 1
    assert 1 <= steps <= 50
    assert policy.agents == tuple(env.possible_agents)
    assert set(policy.state_dicts()["player_2"]) == {
        *("fc1.weight", "fc1.bias", "rnn.weight_ih", "rnn.weight_hh", "rnn.bias_ih", "rnn.bias_hh"),
        *("fc2.weight", "fc2.bias"),
    }
    with pytest.raises(RunFolderError, match=r"seed-7\.safetensors: there is no trained team"):
        load_policy(tmp_path / "run", 7)


def test_spaces_of_any_environment_come_back(tiny, tmp_path):
    """Observations that begin at 2, actions that begin at 3, an agent that has more of them, and a name with a dot."""
    scenario = tiny(
        "algorithm={kind: iql, hidden: 4}", "training={steps: 8, batch: 1, epsilon: {steps: 4}}", "network=null"
    )
    run(scenario, out=tmp_path / "run", make_env=Meeting)
    policy = load_policy(tmp_path / "run", scenario.seeds[0])
    actions = policy.act({"the.guest": np.zeros(3), "guide": 3})
    assert actions["the.guest"] in (0, 1, 2)
    assert actions["guide"] in (3, 4)


def test_what_an_agent_cannot_see_is_refused(saved):
    _, folder = saved(KINDS["dvdn"])
    policy = load_policy(folder, 0)
    with pytest.raises(ValueError, match="agent 'judge' found; one of player_0, player_1, player_2 expected"):
        policy.act({"judge": np.zeros(15)})
    with pytest.raises(ValueError, match=r"agent 'player_1': observation of shape \(4,\) found; \(15,\) expected"):
        policy.act({"player_1": np.zeros(4)})


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_file_that_was_cut_off_is_told(saved, kept):
    """What else may be wrong with one is in test_files_hold_no_code."""
    _, folder = saved(KINDS["dvdn"])
    path = policy_path(folder, 0)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(RunFolderError, match=r"seed-0\.safetensors is damaged"):
        load_policy(folder, 0)
    load_policy(folder, 1)


# A trained agent as an opponent in the particle environments.

TAG = """\
name: tag
seeds: [0]
env: {kind: mpe_tag, max_episode_steps: 8}
algorithm: {kind: iql, hidden: 8}
training: {steps: 80, batch: 2, buffer: 4, epsilon: {steps: 40}}
evaluation: {every: 1000, episodes: 3}
"""


@pytest.fixture(params=["{kind: iql, hidden: 8}", "{kind: iql, hidden: 8, share_parameters: true, recurrent: false}"])
def trained_tag(request, tmp_path):
    """The folder of a tag team with made-up weights, prey included: 16 numbers for predators, 14 for prey."""
    scenario = parse_scenario(TAG, ["env.opponent=agent", f"algorithm={request.param}"])
    parts = build(scenario, device=torch.device("cpu"))
    noise = np.random.default_rng(0).normal(size=parts.learner.parameters.shape)
    parts.learner.parameters.copy_(torch.from_numpy(noise))
    save_policies(tmp_path, parts.learner, parts.train_envs.env, {0: 0})
    return tmp_path


def test_it_does_what_the_policy_does(trained_tag):
    """Five rows over six steps, each with a memory of its own, against the policy on one row at a time."""
    opponent = TrainedOpponent(policy_path(trained_tag, 0), "agent_0", sees=14)
    assert opponent.memory_size == 8
    observations = np.random.default_rng(1).normal(size=(6, 5, 14)).astype(np.float32)
    memory, chance, acted = np.zeros((5, 8), np.float32), np.zeros(5), []
    for seen in observations:
        actions, memory = opponent.act(seen, memory, chance)
        acted.append(actions.tolist())
    for row in range(5):
        policy = load_policy(trained_tag, 0)
        alone = [policy.act({"agent_0": seen[row]})["agent_0"] for seen in observations]
        assert alone == [actions[row] for actions in acted]
    assert len(set(map(tuple, acted))) > 1


def test_a_team_learns_against_it(trained_tag, tmp_path):
    """Other prey, other episodes: the same predators against trained prey and against prey that stands still."""
    path = policy_path(trained_tag, 0)
    found = [
        run(parse_scenario(TAG, changes), out=tmp_path / name).as_json()["digest"]
        for name, changes in {"trained": [f"env.opponent_policy={path}"], "still": ["env.opponent=still"]}.items()
    ]
    assert found[0] != found[1]


def test_what_cannot_play_is_refused(trained_tag):
    path = policy_path(trained_tag, 0)
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
