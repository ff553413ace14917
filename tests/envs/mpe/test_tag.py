"""Tag against numbers worked by hand."""

import math

import pytest
import torch

from dvdn_sim.envs.mpe import SimpleTag
from dvdn_sim.envs.mpe.opponents import out_of_bounds

STILL = torch.zeros(1, 4, dtype=torch.int64)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def placed(*places, obstacles=((-0.5, -0.5), (0.5, 0.0)), **settings):
    env = SimpleTag(num_obstacles=len(obstacles), opponent="agent", **settings)
    return env, env.place(tensor([places]), tensor([obstacles]).view(1, -1, 2))


@pytest.mark.parametrize(("reward", "expected"), [("mpe2", [20, 20, 20]), ("individual", [10, 0, 10])])
def test_who_gains_by_a_touch(reward, expected):
    """The first and the third predator are 0.1 m from the prey, less than 0.125; the second is just out of reach."""
    env, state = placed((0.1, 0.0), (0.0, 0.126), (-0.06, -0.08), (0.0, 0.0), reward=reward)
    _, _, rewards, _ = env.step(state, STILL)
    assert rewards[0].tolist() == [*expected, -20]


def test_two_prey_can_be_touched_at_once():
    settings = {"num_good": 2, "num_adversaries": 2, "num_obstacles": 0, "opponent": "agent"}
    places = tensor([[[0.0, 0.0], [0.5, 0.5], [0.1, 0.0], [-0.1, 0.0]]])
    for reward, expected in (("mpe2", [20, 20]), ("individual", [20, 0])):
        env = SimpleTag(reward=reward, **settings)
        _, _, rewards, _ = env.step(env.place(places, torch.zeros(1, 0, 2)), STILL)
        assert rewards[0].tolist() == [*expected, -10, -10]


@pytest.mark.parametrize(
    ("place", "cost"),
    [
        ((0.9, -0.9), 0.0),
        ((0.95, 0.0), 0.5),
        ((-0.95, 0.98), 1.3),
        ((1.0, 0.0), 1.0),
        ((0.0, -1.5), math.e),
        ((2.0, 9.0), math.exp(2) + 10.0),
        ((1e300, 0.0), 10.0),
    ],
)
def test_what_leaving_the_arena_costs(place, cost):
    assert out_of_bounds(tensor(place)).item() == pytest.approx(cost, abs=1e-12)
    env, state = placed((3.0, 3.0), (-3.0, 3.0), (3.0, -3.0), place)
    _, _, rewards, _ = env.step(state, STILL)
    assert rewards[0].tolist() == pytest.approx([0.0, 0.0, 0.0, -cost], abs=1e-12)


def test_what_predators_see_of_the_nearest():
    env, state = placed((0.0, 0.0), (0.0, 0.5), (0.3, 0.4), (1.0, 0.0), observation="nearest")
    state = env.place(state.positions, state.landmarks, velocities=tensor([[[1, 2], [3, 4], [5, 6], [7, 8]]]))
    seen = env.observe(state)
    assert env.obs_dims == (12, 12, 12, 14)
    # Velocity, place, obstacle, the first of two predators at 0.5 m, prey and its velocity.
    assert seen[0, 0].tolist() == pytest.approx([1, 2, 0, 0, 0.5, 0, 0, 0.5, 1, 0, 7, 8, 0, 0], abs=1e-7)
    assert seen[0, 2].tolist() == pytest.approx([5, 6, 0.3, 0.4, 0.2, -0.4, -0.3, 0.1, 0.7, -0.4, 7, 8, 0, 0], abs=1e-6)
    assert seen[0, 3].tolist() == pytest.approx([7, 8, 1, 0, -1.5, -0.5, -0.5, 0, -1, 0, -1, 0.5, -0.7, 0.4], abs=1e-6)


def test_what_is_not_there_is_seen_as_zeros():
    """No obstacle, no fellow predator; of two prey the nearest."""
    env = SimpleTag(2, 1, 0, opponent="still", observation="nearest")
    state = env.place(tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 0.5]]]), torch.zeros(1, 0, 2))
    assert env.obs_dims == (12,)
    assert env.observe(state)[0, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0]


def test_without_the_prey_the_rest_is_the_same():
    places = ((0.0, 0.0), (0.0, 0.5), (0.3, 0.4), (0.15, 0.05))
    whole, state_of_all = placed(*places)
    env = SimpleTag(opponent="still")
    state = env.place(state_of_all.positions, state_of_all.landmarks)
    assert env.agents == ("adversary_0", "adversary_1", "adversary_2")
    for actions in ([2, 3, 1], [2, 3, 1], [2, 0, 1]):
        state, seen, rewards, _ = env.step(state, torch.tensor([actions]))
        state_of_all, seen_of_all, rewards_of_all, _ = whole.step(state_of_all, torch.tensor([[*actions, 0]]))
        assert torch.equal(seen, seen_of_all[:, :3])
        assert torch.equal(rewards, rewards_of_all[:, :3])
