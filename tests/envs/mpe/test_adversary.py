"""Adversary against numbers worked by hand."""

import pytest
import torch

from dvdn_sim.envs.mpe import SimpleAdversary

RED, BLUE = [0.85, 0.35, 0.35], [0.35, 0.35, 0.85]
PLACES = torch.tensor([[[0.0, 0.5], [0.0, 0.0], [-0.4, -0.3]]], dtype=torch.float64)  # adversary, two good agents
LANDMARKS = torch.tensor([[[0.3, 0.4], [0.0, -1.0]]], dtype=torch.float64)


def placed(goal, **settings):
    env = SimpleAdversary(**settings)
    return env, env.place(PLACES, LANDMARKS, goal=torch.tensor([goal]))


def test_what_good_agents_see_of_the_nearest():
    env, state = placed(1, observation="nearest")
    first, second = env.observe(state)[0].tolist()
    # Both others are 0.5 m away from the first: the adversary, which is the first of all, is seen.
    assert first == pytest.approx([0.0, -1.0, 0.3, 0.4, 0.0, -1.0, 0.0, 0.5, *RED], abs=1e-7)
    assert second == pytest.approx([0.4, -0.7, 0.7, 0.7, 0.4, -0.7, 0.4, 0.3, *BLUE], abs=1e-7)


@pytest.mark.parametrize("goal", [0, 1])
def test_the_adversary_sees_all_and_no_goal(goal):
    env, state = placed(goal, opponent="agent", observation="nearest")
    assert env.obs_dims == (8, 11, 11)
    expected = [0.3, -0.1, 0.0, -1.5, 0.0, -0.5, -0.4, -0.8]
    assert env.observe(state)[0, 0].tolist() == pytest.approx([*expected, 0.0, 0.0, 0.0], abs=1e-7)


@pytest.mark.parametrize(("reward", "adversary"), [("mpe2", -1.5), ("legacy", -2.25)])
def test_rewards_by_hand(reward, adversary):
    """The goal is 1.5 m from the adversary, 1 m from the nearer of the good agents, and 2 m from the other."""
    env, state = placed(1, opponent="agent", reward=reward)
    state = env.place(PLACES.new_tensor([[[0.0, 0.5], [1.2, 0.6], [0.0, 0.0]]]), state.landmarks, goal=state.goal)
    _, _, rewards, _ = env.step(state, torch.zeros(1, 3, dtype=torch.int64))
    assert rewards[0].tolist() == pytest.approx([adversary, 0.5, 0.5], abs=1e-12)


def test_without_the_adversary_the_rest_is_the_same():
    """The learners see and gain the same whether the adversary is an agent that does nothing, or an opponent."""
    env, state = placed(0, opponent="still")
    whole, state_of_all = placed(0, opponent="agent")
    assert env.agents == ("agent_0", "agent_1")
    assert whole.agents == ("adversary_0", "agent_0", "agent_1")
    for actions in ([[1, 2]], [[4, 4]], [[0, 3]]):
        state, seen, rewards, _ = env.step(state, torch.tensor(actions))
        state_of_all, seen_of_all, rewards_of_all, _ = whole.step(state_of_all, torch.tensor([[0, *actions[0]]]))
        assert torch.equal(seen, seen_of_all[:, 1:])
        assert torch.equal(rewards, rewards_of_all[:, 1:])
        assert torch.equal(env.positions(state), state_of_all.positions[:, 1:])
