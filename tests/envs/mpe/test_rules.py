"""The rules of the particle tasks by hand: motion, rewards, what is seen, how episodes begin, what is refused."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from our_envs import KINDS, make

from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag
from dvdn_sim.envs.mpe.opponents import bound

GAMES = [name for name in KINDS if name.startswith(("spread", "adversary", "tag"))]
ORDERS = pytest.mark.parametrize("order", ["mpe2", "legacy"])
NONE, LEFT, RIGHT, DOWN, UP = range(5)
STILL = np.zeros((1, 4), np.int64)


def close(found, expected, atol=0.0, rtol=0.0):
    return np.allclose(found, expected, atol=atol, rtol=rtol)


def moved(places, velocities=None, actions=None, order="mpe2"):
    """After one step: agents of 0.15 m and 1 kg, who push each other and nothing else."""
    env = SimpleSpread(N=len(places), physics=order)
    velocities = None if velocities is None else [velocities]
    state = env.place([places], np.zeros((1, len(places), 2)), velocities=velocities)
    return env.step(state, np.array([actions or [NONE] * len(places)]))[0]


def hunt(*places, obstacles=((-0.5, -0.5), (0.5, 0.0)), **settings):
    env = SimpleTag(num_obstacles=len(obstacles), opponent="agent", **settings)
    return env, env.place([places], np.reshape(obstacles, (1, -1, 2)))


def trajectory(order, action, steps, velocity=0.0):
    """x and v_x of one agent that keeps pushing."""
    env = SimpleSpread(N=1, physics=order, max_episode_steps=steps)
    state = env.place([[[0.0, 0.0]]], [[[9.0, 9.0]]], velocities=[[[velocity, 0.0]]])
    seen = []
    for _ in range(steps):
        state, *_ = env.step(state, np.array([[action]]))
        seen.append((state.positions[0, 0, 0].item(), state.velocities[0, 0, 0].item()))
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
    velocities = moved([(3.0 * place, 0.0) for place in range(5)], actions=[*range(5)], order=order).velocities
    assert close(velocities[0], 0.5 * np.array(expected), atol=1e-15)


def test_a_steady_push_reaches_two_metres_per_second():
    """Where damping takes what the push gives: 0.25 v = 0.5 m/s."""
    assert trajectory("mpe2", RIGHT, 200)[-1][1] == pytest.approx(2.0, abs=1e-12)


@pytest.mark.parametrize(("order", "far"), [("mpe2", 0.4), ("legacy", 0.3)])
def test_how_far_a_body_coasts(order, far):
    """The sum of 0.1 s · v · 0.75^k, from k = 0 or from k = 1."""
    assert trajectory(order, NONE, 200, velocity=1.0)[-1][0] == pytest.approx(far, abs=1e-12)


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
    velocities = moved([(0.0, 0.0), (0.6 * distance, 0.8 * distance)]).velocities
    expected = 0.1 * force * np.array([[-0.6, -0.8], [0.6, 0.8]])
    assert close(velocities[0], expected, rtol=1e-9, atol=1e-15)


def test_landmarks_push_and_are_not_pushed():
    """A predator of 0.075, 0.05 m deep in an obstacle of 0.2: 5 N, 0.5 m/s; the obstacle stays."""
    env, state = hunt((0.225, 0.0), (3.0, 3.0), (-3.0, 3.0), (3.0, -3.0), obstacles=((0.0, 0.0),))
    after, *_ = env.step(state, STILL)
    assert close(after.velocities[0, 0], [0.5, 0.0], atol=1e-12)
    assert np.array_equal(after.landmarks, state.landmarks)


def test_speed_is_held_to_the_limit_in_its_direction():
    """Prey's (1.2, 1.6) m/s is damped to (0.9, 1.2), which is 1.5 m/s: held to 1.3 m/s. Less is not touched."""
    env, state = hunt((3.0, 3.0), (-3.0, 3.0), (3.0, -3.0), (0.0, 0.0), obstacles=())
    state = env.place(state.positions, state.landmarks, velocities=[[[0.8, 0.6]] * 3 + [[1.2, 1.6]]])
    after, *_ = env.step(state, STILL)
    assert close(after.velocities[0], [[0.6, 0.45]] * 3 + [[0.78, 1.04]], atol=1e-15, rtol=1e-15)


@ORDERS
def test_bodies_in_one_place_do_not_push_each_other(order):
    """There is no direction to be pushed in. (mpe2 divides 0 by 0; `test_nothing_is_ever_nan` lets them act.)"""
    velocities = moved([(0.5, 0.5), (0.5, 0.5), (0.6, 0.5)], order=order).velocities
    assert np.array_equal(velocities[0, 0], velocities[0, 1])  # both pushed by the third alone
    assert close(velocities[0, :, 0], [-2.0, -2.0, 4.0], atol=1e-12)


PLACES = st.lists(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)), min_size=4, max_size=4)
MOVES = st.lists(st.integers(0, 4), min_size=4, max_size=4)


@given(places=PLACES, order=st.permutations(range(4)), actions=MOVES)
@settings(max_examples=75)
def test_contacts_change_no_momentum_and_know_no_numbers(places, order, actions):
    """The centre moves as if all had only pushed themselves; agents numbered anew do the same by other numbers."""
    env, landmarks = SimpleSpread(N=4), np.zeros((1, 4, 2))
    old, _, gains, _ = env.step(env.place([places], landmarks), np.array([actions]))
    pushes = 5 * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])[actions].sum(0)
    assert close(old.velocities.sum((0, 1)), 0.1 * pushes, atol=1e-11)
    anew = [places[i] for i in order], [actions[i] for i in order]
    new, _, gains_anew, _ = env.step(env.place([anew[0]], landmarks), np.array([anew[1]]))
    assert close(new.velocities[0], old.velocities[0, order], rtol=1e-12, atol=1e-12)
    assert close(gains_anew[0], gains[0, order], rtol=1e-12, atol=1e-12)


@given(places=PLACES, actions=MOVES)
@settings(max_examples=50)
def test_the_old_order_is_the_new_one_with_places_one_step_ahead(places, actions):
    """Same forces, so same velocities; only x' is x + v' dt with the old order, and x + v dt with the new one."""
    mirrored = [[0, 2, 1, 4, 3][action] for action in actions]
    start = np.array([places])
    moving = 0.5 * start[:, :, ::-1]
    after = moved(places, moving[0].tolist(), actions)
    before = moved(places, moving[0].tolist(), mirrored, "legacy")
    assert np.array_equal(after.velocities, before.velocities)
    assert np.array_equal(before.positions, start + 0.1 * before.velocities)
    assert np.array_equal(after.positions, start + 0.1 * moving)


def gains_of_spread(**settings):
    """Two agents, 0.25 m apart and thus in touch, one 0.3 m from its landmark and the other 0.2 m from its own."""
    env = SimpleSpread(N=2, **settings)
    state = env.place([[[0.0, 0.0], [0.25, 0.0]]], [[[0.0, 0.3], [0.25, -0.2]]])
    return env.step(state, STILL[:, :2])[2][0].tolist()  # at rest with mpe2's physics: nothing has moved


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
def test_rewards_of_spread(settings, expected):
    if settings.get("reward") == "individual":
        # The first agent's nearest landmark is the first (0.3 m; the other is 0.32 m away).
        assert (0.25**2 + 0.2**2) ** 0.5 > 0.3
    assert gains_of_spread(**settings) == pytest.approx(expected, abs=1e-12)


def test_an_agent_alone_touches_itself_in_the_old_rewards_only():
    places = [[[0.0, 0.0], [1.0, 0.0]]]
    for reward, expected in (("mpe2", 0.0), ("legacy", -2.0), ("individual", -1.0)):
        env = SimpleSpread(N=2, reward=reward)
        _, _, rewards, _ = env.step(env.place(places, places), STILL[:, :2])
        assert rewards[0].tolist() == [expected] * 2


def test_rewards_are_those_of_the_places_after_the_step():
    """Legacy physics: 0.05 m in the first step, from 0.5 m away to 0.45."""
    env = SimpleSpread(N=1, physics="legacy", reward="individual")
    state = env.place([[[0.0, 0.0]]], [[[0.5, 0.0]]])
    _, seen, rewards, _ = env.step(state, np.array([[1]]))
    assert rewards.item() == pytest.approx(-1.45, abs=1e-12)
    assert seen[0, 0].tolist() == pytest.approx([0.5, 0.0, 0.05, 0.0, 0.45, 0.0], abs=1e-7)


def test_the_nearest_of_equals_is_the_first():
    env = SimpleSpread(observation="nearest")
    places = [[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]]
    seen = env.observe(env.place(places, [[[0.0, -2.0], [2.0, 0.0], [5.0, 5.0]]]))
    assert seen[0, 0].tolist() == [0, 0, 0, 0, 0, -2, 0, 1, 0, 0]


def test_an_agent_alone_sees_zeros_for_the_nearest_other():
    env = SimpleSpread(N=1, observation="nearest")
    seen = env.observe(env.place([[[0.5, 0.5]]], [[[1.0, 0.0]]]))
    assert seen[0, 0].tolist() == [0, 0, 0.5, 0.5, 0.5, -0.5, 0, 0, 0, 0]


RED, BLUE = [0.85, 0.35, 0.35], [0.35, 0.35, 0.85]
MEETING = [[[0.0, 0.5], [0.0, 0.0], [-0.4, -0.3]]]  # adversary, two good agents
LANDMARKS = [[[0.3, 0.4], [0.0, -1.0]]]


def hide(goal, **settings):
    env = SimpleAdversary(**settings)
    return env, env.place(MEETING, LANDMARKS, goal=[goal])


def test_what_good_agents_see_of_the_nearest():
    env, state = hide(1, observation="nearest")
    first, second = env.observe(state)[0].tolist()
    # Both others are 0.5 m away from the first: the adversary, which is the first of all, is seen.
    assert first == pytest.approx([0.0, -1.0, 0.3, 0.4, 0.0, -1.0, 0.0, 0.5, *RED], abs=1e-7)
    assert second == pytest.approx([0.4, -0.7, 0.7, 0.7, 0.4, -0.7, 0.4, 0.3, *BLUE], abs=1e-7)


@pytest.mark.parametrize("goal", [0, 1])
def test_the_adversary_sees_all_and_no_goal(goal):
    env, state = hide(goal, opponent="agent", observation="nearest")
    assert env.obs_dims == (8, 11, 11)
    expected = [0.3, -0.1, 0.0, -1.5, 0.0, -0.5, -0.4, -0.8]
    assert env.observe(state)[0, 0].tolist() == pytest.approx([*expected, 0.0, 0.0, 0.0], abs=1e-7)


@pytest.mark.parametrize(("reward", "adversary"), [("mpe2", -1.5), ("legacy", -2.25)])
def test_rewards_of_adversary(reward, adversary):
    """The goal is 1.5 m from the adversary, 1 m from the nearer of the good agents, and 2 m from the other."""
    env, state = hide(1, opponent="agent", reward=reward)
    state = env.place([[[0.0, 0.5], [1.2, 0.6], [0.0, 0.0]]], state.landmarks, goal=state.goal)
    _, _, rewards, _ = env.step(state, STILL[:, :3])
    assert rewards[0].tolist() == pytest.approx([adversary, 0.5, 0.5], abs=1e-12)


@pytest.mark.parametrize(("reward", "expected"), [("mpe2", [20, 20, 20]), ("individual", [10, 0, 10])])
def test_who_gains_by_a_touch(reward, expected):
    """The first and the third predator are 0.1 m from the prey, less than 0.125; the second is just out of reach."""
    env, state = hunt((0.1, 0.0), (0.0, 0.126), (-0.06, -0.08), (0.0, 0.0), reward=reward)
    _, _, rewards, _ = env.step(state, STILL)
    assert rewards[0].tolist() == [*expected, -20]


def test_two_prey_can_be_touched_at_once():
    settings = {"num_good": 2, "num_adversaries": 2, "num_obstacles": 0, "opponent": "agent"}
    places = [[[0.0, 0.0], [0.5, 0.5], [0.1, 0.0], [-0.1, 0.0]]]
    for reward, expected in (("mpe2", [20, 20]), ("individual", [20, 0])):
        env = SimpleTag(reward=reward, **settings)
        _, _, rewards, _ = env.step(env.place(places, np.zeros((1, 0, 2))), STILL)
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
    assert bound(place[0]) + bound(place[1]) == pytest.approx(cost, abs=1e-12)
    env, state = hunt((3.0, 3.0), (-3.0, 3.0), (3.0, -3.0), place)
    _, _, rewards, _ = env.step(state, STILL)
    assert rewards[0].tolist() == pytest.approx([0.0, 0.0, 0.0, -cost], abs=1e-12)


def test_what_predators_see_of_the_nearest():
    env, state = hunt((0.0, 0.0), (0.0, 0.5), (0.3, 0.4), (1.0, 0.0), observation="nearest")
    state = env.place(state.positions, state.landmarks, velocities=[[[1, 2], [3, 4], [5, 6], [7, 8]]])
    seen = env.observe(state)
    assert env.obs_dims == (12, 12, 12, 14)
    # Velocity, place, obstacle, the first of two predators at 0.5 m, prey and its velocity.
    assert seen[0, 0].tolist() == pytest.approx([1, 2, 0, 0, 0.5, 0, 0, 0.5, 1, 0, 7, 8, 0, 0], abs=1e-7)
    assert seen[0, 2].tolist() == pytest.approx([5, 6, 0.3, 0.4, 0.2, -0.4, -0.3, 0.1, 0.7, -0.4, 7, 8, 0, 0], abs=1e-6)
    assert seen[0, 3].tolist() == pytest.approx([7, 8, 1, 0, -1.5, -0.5, -0.5, 0, -1, 0, -1, 0.5, -0.7, 0.4], abs=1e-6)


def test_what_is_not_there_is_seen_as_zeros():
    """No obstacle, no fellow predator; of two prey the nearest."""
    env = SimpleTag(num_good=2, num_adversaries=1, num_obstacles=0, opponent="still", observation="nearest")
    state = env.place([[[0.0, 0.0], [1.0, 0.0], [0.0, 0.5]]], np.zeros((1, 0, 2)))
    assert env.obs_dims == (12,)
    assert env.observe(state)[0, 0].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0]


@pytest.mark.parametrize("kind", ["adversary", "tag"])
def test_without_the_opponent_the_rest_is_the_same(kind):
    """The learners see and gain the same whether the opponent is an agent that does nothing, or stands still."""
    env, whole = make(kind, opponent="still"), make(kind, opponent="agent")
    state, _ = env.reset(None)
    state, state_of_all = (each.place(0.2 * state.positions, 0.2 * state.landmarks) for each in (env, whole))
    own = [number for number, name in enumerate(whole.agents) if name in env.agents]
    for step in range(5):
        actions, everybody = np.full((1, env.n_agents), step), np.zeros((1, whole.n_agents), np.int64)
        everybody[:, own] = actions
        state, seen, rewards, _ = env.step(state, actions)
        state_of_all, seen_of_all, rewards_of_all, _ = whole.step(state_of_all, everybody)
        assert np.array_equal(seen, seen_of_all[:, own, : env.obs_dim])
        assert np.array_equal(rewards, rewards_of_all[:, own])
        assert np.array_equal(env.positions(state), state_of_all.positions[:, own])


TWENTY_THOUSAND = range(20_000)


def uniform_within(numbers, far):
    """Mean, variance and fourth moment of U(-far, far), each within 4 standard errors."""
    scaled = numbers.flatten() / far
    count = len(scaled)
    assert (abs(scaled) <= 1).all()
    assert abs(scaled.mean()) < 4 * math.sqrt(1 / 3 / count)
    assert abs((scaled**2).mean() - 1 / 3) < 4 * math.sqrt((1 / 5 - 1 / 9) / count)
    assert abs((scaled**4).mean() - 1 / 5) < 4 * math.sqrt((1 / 9 - 1 / 25) / count)


@pytest.mark.parametrize(
    ("env", "spread"),
    [
        (SimpleSpread(row_seeds=TWENTY_THOUSAND), 1.0),
        (SimpleAdversary(row_seeds=TWENTY_THOUSAND), 1.0),
        (SimpleTag(row_seeds=TWENTY_THOUSAND), 0.9),
    ],
    ids=["spread", "adversary", "tag"],
)
def test_episodes_begin_uniformly_and_at_rest(env, spread):
    state, _ = env.reset(None)
    uniform_within(state.positions, 1.0)
    uniform_within(state.landmarks, spread)
    assert not state.velocities.any()
    # Everything that is drawn is drawn for itself: no correlation between any two numbers.
    numbers = np.concatenate([state.positions, state.landmarks], 1).reshape(len(state.step), -1)
    correlations = np.corrcoef(numbers.T) - np.eye(numbers.shape[1])
    assert abs(correlations).max() < 4.5 / math.sqrt(len(numbers))  # up to 91 of them
    again, _ = env.reset(state)
    between = np.corrcoef(state.positions[:, 0, 0], again.positions[:, 0, 0])[0, 1]
    assert abs(between) < 4 / math.sqrt(len(numbers))


@pytest.mark.parametrize("landmarks", [2, 3])
def test_every_landmark_is_the_goal_as_often(landmarks):
    env = SimpleAdversary(N=landmarks, row_seeds=TWENTY_THOUSAND)
    state, _ = env.reset(None)
    counts = np.bincount(state.goal, minlength=landmarks)
    share = 1 / landmarks
    assert len(counts) == landmarks
    assert (abs(counts - 20_000 * share) < 4 * math.sqrt(20_000 * share * (1 - share))).all()
    with_place = np.corrcoef(state.goal, state.landmarks[:, 0, 0])[0, 1]
    assert abs(with_place) < 4 / math.sqrt(20_000)


PLACE = st.sampled_from([0.0, 1e-300, 1e-163, 1e-160, 1e-9, 0.1, 0.1 + 1e-16, 0.25, -0.95, 1.0, 40.0])


@given(
    game=st.sampled_from(GAMES),
    places=st.lists(st.tuples(PLACE, PLACE), min_size=8, max_size=8),
    speed=st.sampled_from([0.0, 1.0, 1e6]),
    actions=st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), min_size=1, max_size=12),
)
@settings(max_examples=100)
def test_nothing_is_ever_nan(game, places, speed, actions):
    """Also where agents and obstacles lie in one place, or all but: there mpe2 would divide by zero."""
    env = make(game)
    state, _ = env.reset(None)
    agents, landmarks = state.positions.shape[1], state.landmarks.shape[1]
    where = np.array([places])
    state = env.place(where[:, :agents], where[:, -landmarks:], velocities=speed * np.sign(where[:, :agents]))
    seen = env.observe(state)
    for chosen_now in actions:
        assert np.isfinite(seen).all()
        state, seen, rewards, _ = env.step(state, np.array([chosen_now[: env.n_agents]]))
        assert np.isfinite(rewards).all()
        assert (np.isfinite(state.positions) & np.isfinite(state.velocities)).all()


def test_observations_have_no_bounds_but_padding_has():
    low, high = SimpleAdversary(opponent="agent").observation_bounds
    assert low.dtype == high.dtype == np.float32
    assert np.array_equal(low, -high)
    assert np.isinf(high).sum(1).tolist() == [8, 10, 10]
    assert high[0, 8:].tolist() == [0.0, 0.0]


def test_states_and_places_that_do_not_fit_are_refused():
    env = SimpleAdversary()
    state, actions = hide(0)[1], np.zeros((1, 2), np.int64)
    single = dataclasses.replace(state, velocities=state.velocities.astype(np.float32))
    for call, message in (
        (
            lambda: env.step(SimpleAdversary(N=3).reset(None)[0], actions),
            r"positions float64 \[1, 4, 2\] found; float64 \[1, 3, 2\], contiguous, expected",
        ),
        (
            lambda: env.step(single, actions),
            r"velocities float32 \[1, 3, 2\] found; float64 \[1, 3, 2\], contiguous, expected",
        ),
        (
            lambda: env.place(MEETING, np.zeros((1, 3, 2))),
            r"landmarks float64 \[1, 3, 2\] found; float64 \[1, 2, 2\], contiguous, expected",
        ),
        (
            lambda: env.place(MEETING, LANDMARKS, velocities=np.zeros((1, 2, 2))),
            r"velocities float64 \[1, 2, 2\] found; float64 \[1, 3, 2\], contiguous, expected",
        ),
        (
            lambda: env.place(MEETING, LANDMARKS, goal=[2]),
            r"goal \[2\] found; one of 2 landmarks expected",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
