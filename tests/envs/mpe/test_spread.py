"""Spread against numbers worked by hand: the rewards of older versions, which no package here can tell."""

import pytest
import torch

from dvdn_sim.envs.mpe import SimpleSpread

STILL = torch.zeros(1, 2, dtype=torch.int64)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def gains(**settings):
    """Two agents, 0.25 m apart and thus in touch, one 0.3 m from its landmark and the other 0.2 m from its own."""
    env = SimpleSpread(N=2, **settings)
    state = env.place(tensor([[[0.0, 0.0], [0.25, 0.0]]]), tensor([[[0.0, 0.3], [0.25, -0.2]]]))
    return env.step(state, STILL)[2][0].tolist()  # at rest with mpe2's physics: nothing has moved


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [-0.75, -0.75]),  # half of -0.3 - 0.2, half of -1
        ({"local_ratio": 0.0}, [-0.5, -0.5]),
        ({"local_ratio": 1.0}, [-1.0, -1.0]),
        ({"reward": "legacy"}, [-5.0, -5.0]),  # each -0.5 - 2, itself counted, and both together
        ({"reward": "individual"}, [-2.3, -2.2]),  # -0.3 - 2 and -0.2 - 2
    ],
)
def test_rewards_by_hand(settings, expected):
    if settings.get("reward") == "individual":
        # The first agent's nearest landmark is the first (0.3 m; the other is 0.32 m away).
        assert (0.25**2 + 0.2**2) ** 0.5 > 0.3
    assert gains(**settings) == pytest.approx(expected, abs=1e-12)


def test_an_agent_alone_touches_itself_in_the_old_rewards_only():
    places = tensor([[[0.0, 0.0], [1.0, 0.0]]])
    for reward, expected in (("mpe2", 0.0), ("legacy", -2.0), ("individual", -1.0)):
        env = SimpleSpread(N=2, reward=reward)
        _, _, rewards, _ = env.step(env.place(places, places), STILL)
        assert rewards[0].tolist() == [expected] * 2


def test_rewards_are_those_of_the_places_after_the_step():
    """Legacy physics: 0.05 m in the first step, from 0.5 m away to 0.45."""
    env = SimpleSpread(N=1, physics="legacy", reward="individual")
    state = env.place(tensor([[[0.0, 0.0]]]), tensor([[[0.5, 0.0]]]))
    _, seen, rewards, _ = env.step(state, torch.tensor([[1]]))
    assert rewards.item() == pytest.approx(-1.45, abs=1e-12)
    assert seen[0, 0].tolist() == pytest.approx([0.5, 0.0, 0.05, 0.0, 0.45, 0.0], abs=1e-7)


def test_the_nearest_of_equals_is_the_first():
    env = SimpleSpread(observation="nearest")
    places = tensor([[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]])
    seen = env.observe(env.place(places, tensor([[[0.0, -2.0], [2.0, 0.0], [5.0, 5.0]]])))
    assert seen[0, 0].tolist() == [0, 0, 0, 0, 0, -2, 0, 1, 0, 0]


def test_an_agent_alone_sees_zeros_for_the_nearest_other():
    env = SimpleSpread(N=1, observation="nearest")
    seen = env.observe(env.place(tensor([[[0.5, 0.5]]]), tensor([[[1.0, 0.0]]])))
    assert seen[0, 0].tolist() == [0, 0, 0.5, 0.5, 0.5, -0.5, 0, 0, 0, 0]
