"""Motion against numbers worked by hand, and against what mechanics says whatever the numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.envs.mpe import SimpleSpread, SimpleTag
from dvdn_sim.envs.mpe.physics import Physics
from dvdn_sim.envs.mpe.world import Agent, World

CPU = torch.device("cpu")


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def physics(order, *radii, collide="agents", **limits):
    agents = tuple(Agent(f"agent_{i}", radius, **limits) for i, radius in enumerate(radii))
    return Physics(World(agents, landmarks=1, landmark_radius=0.2, collide=collide), order, CPU)


def trajectory(order, action, steps):
    """x and v_x of one agent that begins at rest and keeps pushing."""
    world, place, velocity = physics(order, 0.1), tensor([[[0.0, 0.0]]]), tensor([[[0.0, 0.0]]])
    seen = []
    for _ in range(steps):
        place, velocity = world.step(place, velocity, tensor([[[9.0, 9.0]]]), torch.tensor([[action]]))
        seen.append((place[0, 0, 0].item(), velocity[0, 0, 0].item()))
    return seen


def test_the_first_three_steps_by_hand():
    """5 N on 1 kg for 0.1 s make 0.5 m/s, of which a quarter is lost in each step: 0.5, 0.875, 1.15625 m/s."""
    velocities = [0.5, 0.875, 1.15625]
    x, v = zip(*trajectory("mpe2", 2, 3), strict=True)
    assert v == pytest.approx(velocities, abs=1e-15)
    assert x == pytest.approx([0.0, 0.05, 0.1375], abs=1e-15)  # one step late
    x, v = zip(*trajectory("legacy", 1, 3), strict=True)
    assert v == pytest.approx(velocities, abs=1e-15)
    assert x == pytest.approx([0.05, 0.1375, 0.253125], abs=1e-15)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("mpe2", [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]),
        ("legacy", [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]),
    ],
)
def test_what_actions_mean(order, expected):
    world = physics(order, *[0.1] * 5, collide="none")
    still = torch.zeros(1, 5, 2, dtype=torch.float64)
    _, velocities = world.step(still, still, still[:, :1], torch.arange(5)[None])
    assert torch.allclose(velocities[0], 0.5 * tensor(expected))


def test_a_steady_push_reaches_two_metres_per_second():
    """Where damping takes what the push gives: 0.25 v = 0.5 m/s."""
    assert trajectory("mpe2", 2, 200)[-1][1] == pytest.approx(2.0, abs=1e-12)


@pytest.mark.parametrize(("order", "far"), [("mpe2", 0.4), ("legacy", 0.3)])
def test_how_far_a_body_coasts(order, far):
    """The sum of 0.1 s · v · 0.75^k, from k = 0 or from k = 1."""
    world, place, velocity = physics(order, 0.1), tensor([[[0.0, 0.0]]]), tensor([[[1.0, 0.0]]])
    for _ in range(200):
        place, velocity = world.step(place, velocity, tensor([[[9.0, 9.0]]]), torch.tensor([[0]]))
    assert place[0, 0, 0].item() == pytest.approx(far, abs=1e-12)


@pytest.mark.parametrize(
    ("distance", "force"),
    [
        (0.3, 0.1 * math.log(2)),  # just touching
        (0.2, 10.0),  # 0.1 m deep: 100 N/m
        (0.301, 0.1 * math.log1p(math.exp(-1))),
        (0.299, 0.1 * (1 + math.log1p(math.exp(-1)))),
    ],
)
def test_the_push_of_a_contact_by_hand(distance, force):
    """Along (3, 4) / 5, from radii of 0.15: what one gets the other gets the other way round."""
    places = tensor([[[0.0, 0.0], [0.6 * distance, 0.8 * distance]]])
    world = physics("mpe2", 0.15, 0.15)
    _, velocities = world.step(places, 0 * places, tensor([[[9.0, 9.0]]]), torch.zeros(1, 2, dtype=torch.int64))
    expected = 0.1 * force * tensor([[-0.6, -0.8], [0.6, 0.8]])
    assert torch.allclose(velocities[0], expected, rtol=1e-9, atol=1e-15)


def test_landmarks_push_and_are_not_pushed():
    """A predator of 0.075, 0.05 m deep in an obstacle of 0.2: 5 N, 0.5 m/s; the obstacle stays."""
    env = SimpleTag(num_obstacles=1, opponent="agent")
    away = [[3.0, 3.0], [-3.0, 3.0], [3.0, -3.0]]
    state = env.place(tensor([[[0.225, 0.0], *away]]), tensor([[[0.0, 0.0]]]))
    after, *_ = env.step(state, torch.zeros(1, 4, dtype=torch.int64))
    assert torch.allclose(after.velocities[0, 0], tensor([0.5, 0.0]), atol=1e-12)
    assert torch.equal(after.landmarks, state.landmarks)


def test_speed_is_held_to_the_limit_in_its_direction():
    """(1.2, 1.6) m/s is damped to (0.9, 1.2), which is 1.5 m/s: held to 1.3 m/s. Less is not touched."""
    world = physics("mpe2", 0.1, 0.1, max_speed=1.3)
    places, velocities = tensor([[[0.0, 0.0], [3.0, 3.0]]]), tensor([[[1.2, 1.6], [0.8, 0.6]]])
    _, after = world.step(places, velocities, tensor([[[9.0, 9.0]]]), torch.zeros(1, 2, dtype=torch.int64))
    assert torch.allclose(after[0], tensor([[0.78, 1.04], [0.6, 0.45]]), atol=1e-15)


@pytest.mark.parametrize("order", ["mpe2", "legacy"])
def test_bodies_in_one_place_do_not_push_each_other(order):
    """There is no direction to be pushed in. (mpe2 divides 0 by 0; `test_env` lets them act.)"""
    world = physics(order, 0.15, 0.15, 0.15)
    places = tensor([[[0.5, 0.5], [0.5, 0.5], [0.6, 0.5]]])
    _, velocities = world.step(places, 0 * places, tensor([[[9.0, 9.0]]]), torch.zeros(1, 3, dtype=torch.int64))
    assert torch.equal(velocities[0, 0], velocities[0, 1])  # both pushed by the third alone
    assert torch.allclose(velocities[0, :, 0], tensor([-2.0, -2.0, 4.0]), atol=1e-12)


PLACES = st.lists(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)), min_size=4, max_size=4)


@given(places=PLACES, actions=st.lists(st.integers(0, 4), min_size=4, max_size=4))
@settings(max_examples=100)
def test_contacts_change_no_momentum(places, actions):
    """Whatever agents do to one another, their centre moves as if they had only pushed themselves."""
    env = SimpleSpread(N=4)
    state = env.place(tensor([places]), torch.zeros(1, 4, 2, dtype=torch.float64))
    after, *_ = env.step(state, torch.tensor([actions]))
    pushes = 5 * tensor([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])[actions].sum(0)
    assert torch.allclose(after.velocities.sum((0, 1)), 0.1 * pushes, rtol=0, atol=1e-11)


@given(places=PLACES, order=st.permutations(range(4)), actions=st.lists(st.integers(0, 4), min_size=4, max_size=4))
@settings(max_examples=50)
def test_numbering_agents_anew_numbers_the_outcome_anew(places, order, actions):
    env = SimpleSpread(N=4)
    landmarks = torch.zeros(1, 4, 2, dtype=torch.float64)
    old, _, gains, _ = env.step(env.place(tensor([places]), landmarks), torch.tensor([actions]))
    anew = [places[i] for i in order], [actions[i] for i in order]
    new, _, gains_anew, _ = env.step(env.place(tensor([anew[0]]), landmarks), torch.tensor([anew[1]]))
    assert torch.allclose(new.velocities[0], old.velocities[0, order], rtol=1e-12, atol=1e-12)
    assert torch.allclose(gains_anew[0], gains[0, order], rtol=1e-12, atol=1e-12)


@given(places=PLACES, actions=st.lists(st.integers(0, 4), min_size=4, max_size=4))
@settings(max_examples=50)
def test_the_old_order_is_the_new_one_with_places_one_step_ahead(places, actions):
    """Same forces, so same velocities; only x' is x + v' dt with the old order, and x + v dt with the new one."""
    mirrored = [[0, 2, 1, 4, 3][action] for action in actions]
    start = tensor([places])
    new, old = SimpleSpread(N=4), SimpleSpread(N=4, physics="legacy")
    landmarks, moving = torch.zeros(1, 4, 2, dtype=torch.float64), 0.5 * start.flip(2)
    after, *_ = new.step(new.place(start, landmarks, velocities=moving), torch.tensor([actions]))
    before, *_ = old.step(old.place(start, landmarks, velocities=moving), torch.tensor([mirrored]))
    assert torch.equal(after.velocities, before.velocities)
    assert torch.equal(before.positions, start + 0.1 * before.velocities)
    assert torch.equal(after.positions, start + 0.1 * moving)
