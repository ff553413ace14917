"""What all three tasks promise: the contract, independent rows, how episodes begin and end, what is refused."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.envs.mpe import MpeState, SimpleAdversary, SimpleSpread, SimpleTag

NEAREST = {"observation": "nearest", "physics": "legacy"}
PLAIN = {
    "spread": (SimpleSpread, {}),
    "spread of the paper": (SimpleSpread, {**NEAREST, "reward": "individual"}),
    "adversary": (SimpleAdversary, {}),
    "adversary of the paper": (SimpleAdversary, {**NEAREST, "reward": "legacy"}),
    "adversary, all agents": (SimpleAdversary, {"opponent": "agent"}),
    "tag": (SimpleTag, {}),
    "tag of the paper": (SimpleTag, {**NEAREST, "reward": "individual"}),
    "tag, all agents": (SimpleTag, {"opponent": "agent"}),
    "tag, two prey at random": (SimpleTag, {"num_good": 2, "opponent": "random"}),
}


@pytest.fixture(params=PLAIN)
def make(request):
    cls, chosen = PLAIN[request.param]
    return lambda row_seeds=(0,), **more: cls(**{**chosen, **more}, row_seeds=row_seeds)


def crowded(env, rows, seed=0):
    """A state in which there are contacts."""
    generator = torch.Generator().manual_seed(seed)
    agents, landmarks = len(env._world.agents), env._world.landmarks
    return env.place(
        0.4 * torch.rand(rows, agents, 2, generator=generator, dtype=torch.float64),
        torch.rand(rows, landmarks, 2, generator=generator, dtype=torch.float64),
    )


def rows_of(state, rows):
    parts = {field.name: getattr(state, field.name)[rows] for field in dataclasses.fields(state)}
    return MpeState(**parts)


def test_the_contract(make, check_batched_env):
    check_batched_env(lambda seeds: make(seeds, max_episode_steps=7))


def test_a_batch_is_its_rows_bit_for_bit(make):
    """Also where bodies bump, and whatever the position in the batch."""
    seeds = tuple(range(37))
    env, generator = make(seeds), torch.Generator().manual_seed(1)
    state = crowded(env, len(seeds))
    actions = torch.randint(5, (25, len(seeds), env.n_agents), generator=generator)
    whole = state
    for step in range(25):
        whole, seen, rewards, _ = env.step(whole, actions[step])
    for row in (0, 3, 16, 36):
        alone, one = make((row,)), rows_of(state, slice(row, row + 1))
        for step in range(25):
            one, seen_alone, reward_alone, _ = alone.step(one, actions[step, row : row + 1])
        for field in dataclasses.fields(state):
            assert torch.equal(getattr(one, field.name)[0], getattr(whole, field.name)[row]), field.name
        assert torch.equal(seen_alone[0], seen[row])
        assert torch.equal(reward_alone[0], rewards[row])


def test_all_is_over_after_25_steps_for_everybody(make):
    env = make((1, 2))
    state, _ = env.reset(None)
    actions = torch.ones(2, env.n_agents, dtype=torch.int64)
    for step in range(1, 28):
        before = state
        state, _, rewards, done = env.step(state, actions)
        assert done.tolist() == [step >= 25] * 2
    assert torch.equal(state.positions, before.positions)
    assert not rewards.any()
    assert env.episode_limit == 25


def test_the_kth_episode_depends_on_the_seed_and_k_alone(make):
    env = make((4, 5, 4))
    state, first = env.reset(None)
    assert torch.equal(first[0], first[2])
    assert not torch.equal(first[0], first[1])
    state, seen = env.reset(state, torch.tensor([True, False, False]))
    assert torch.equal(seen[1:], first[1:])
    assert not torch.equal(seen[0], first[0])
    state, later = env.reset(state, torch.tensor([False, False, True]))
    assert torch.equal(later[2], seen[0])
    assert state.episode.tolist() == [1, 0, 1]


TWENTY_THOUSAND = range(20_000)


def uniform_within(numbers, bound):
    """Mean, variance and fourth moment of U(-bound, bound), each within 4 standard errors."""
    scaled = numbers.flatten() / bound
    count = len(scaled)
    assert bool((scaled.abs() <= 1).all())
    assert abs(scaled.mean().item()) < 4 * math.sqrt(1 / 3 / count)
    assert abs(scaled.square().mean().item() - 1 / 3) < 4 * math.sqrt((1 / 5 - 1 / 9) / count)
    assert abs(scaled.pow(4).mean().item() - 1 / 5) < 4 * math.sqrt((1 / 9 - 1 / 25) / count)


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
    numbers = torch.cat([state.positions.flatten(1), state.landmarks.flatten(1)], 1)
    correlations = torch.corrcoef(numbers.t()).fill_diagonal_(0)
    assert correlations.abs().max().item() < 4.5 / math.sqrt(len(numbers))  # up to 91 of them
    again, _ = env.reset(state)
    between = torch.corrcoef(torch.stack([state.positions[:, 0, 0], again.positions[:, 0, 0]]))[0, 1]
    assert abs(between.item()) < 4 / math.sqrt(len(numbers))


@pytest.mark.parametrize("landmarks", [2, 3])
def test_every_landmark_is_the_goal_as_often(landmarks):
    env = SimpleAdversary(N=landmarks, row_seeds=TWENTY_THOUSAND)
    state, _ = env.reset(None)
    counts = state.goal.bincount(minlength=landmarks)
    share = 1 / landmarks
    assert len(counts) == landmarks
    assert bool(((counts - 20_000 * share).abs() < 4 * math.sqrt(20_000 * share * (1 - share))).all())
    with_place = torch.corrcoef(torch.stack([state.goal.double(), state.landmarks[:, 0, 0]]))[0, 1]
    assert abs(with_place.item()) < 4 / math.sqrt(20_000)


PLACE = st.sampled_from([0.0, 1e-300, 1e-163, 1e-160, 1e-9, 0.1, 0.1 + 1e-16, 0.25, -0.95, 1.0, 40.0])


@given(
    game=st.sampled_from(sorted(PLAIN)),
    places=st.lists(st.tuples(PLACE, PLACE), min_size=8, max_size=8),
    speed=st.sampled_from([0.0, 1.0, 1e6]),
    actions=st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), min_size=1, max_size=12),
)
@settings(max_examples=150)
def test_nothing_is_ever_nan(game, places, speed, actions):
    """Also where agents and obstacles lie in one place, or all but: there mpe2 would divide by zero."""
    cls, chosen = PLAIN[game]
    env = cls(**chosen)
    agents, landmarks = len(env._world.agents), env._world.landmarks
    where = torch.tensor([places], dtype=torch.float64)
    state = env.place(where[:, :agents], where[:, -landmarks:], velocities=speed * where[:, :agents].sign())
    seen = env.observe(state)
    for chosen_now in actions:
        assert bool(seen.isfinite().all())
        state, seen, rewards, _ = env.step(state, torch.tensor([chosen_now[: env.n_agents]]))
        assert bool(rewards.isfinite().all())
        assert bool(state.positions.isfinite().all() & state.velocities.isfinite().all())


def test_dimensions_of_the_paper_and_of_mpe2():
    assert SimpleSpread().obs_dims == (18,) * 3
    assert SimpleSpread(observation="nearest").obs_dims == (10,) * 3
    assert SimpleAdversary().obs_dims == (10,) * 2
    assert SimpleAdversary(observation="nearest").obs_dims == (11,) * 2
    assert SimpleAdversary(opponent="agent").obs_dims == (8, 10, 10)
    assert SimpleTag().obs_dims == (16,) * 3
    assert SimpleTag(observation="nearest").obs_dims == (12,) * 3
    assert SimpleTag(opponent="agent").obs_dims == (16, 16, 16, 14)


def test_observations_have_no_bounds_but_padding_has():
    low, high = SimpleAdversary(opponent="agent").observation_bounds
    assert low.dtype == high.dtype == torch.float32
    assert torch.equal(low, -high)
    assert high.isinf().sum(1).tolist() == [8, 10, 10]
    assert high[0, 8:].tolist() == [0.0, 0.0]


def test_positions_are_those_of_the_learners():
    env = SimpleAdversary(row_seeds=(0, 1))
    state, _ = env.reset(None)
    assert torch.equal(env.positions(state), state.positions[:, 1:])
    tag = SimpleTag()
    state, _ = tag.reset(None)
    assert torch.equal(tag.positions(state), state.positions[:, :3])


def test_a_frame_shows_who_is_where():
    """Scale: ± 1.35 m on 400 pixels, y up."""
    env = SimpleAdversary(row_seeds=(0, 1))
    places = torch.tensor([[[0.0, 0.9], [-0.9, 0.0], [0.9, 0.0]]]).expand(2, -1, -1)
    state = env.place(places, torch.tensor([[[0.0, 0.0], [0.0, -0.9]]]).expand(2, -1, -1), goal=torch.tensor([0, 1]))
    frame = env.frame(state, 1)
    assert frame.shape == (400, 400, 3)

    def colour(x, y):
        return frame[round(200 - y * 400 / 2.7), round(200 + x * 400 / 2.7)].tolist()

    red, blue, goal, landmark = [217, 89, 89], [89, 89, 217], [60, 160, 60], [90, 90, 90]
    assert [colour(0.0, 0.9), colour(-0.9, 0.0), colour(0.9, 0.0)] == [red, blue, blue]
    assert [colour(0.0, -0.9), colour(0.0, 0.0)] == [goal, landmark]
    assert colour(0.5, 0.5) == [255, 255, 255]
    far = env.place(10 * places, torch.zeros(2, 2, 2))
    assert [217, 89, 89] in env.frame(far).reshape(-1, 3).tolist()  # who has gone far is still in the picture


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SimpleSpread(N=0), "N 0 found; 1 or more expected"),
        (lambda: SimpleSpread(local_ratio=1.5), "local_ratio 1.5 found; 0 to 1 expected"),
        (lambda: SimpleSpread(local_ratio=math.nan), "local_ratio nan found; 0 to 1 expected"),
        (
            lambda: SimpleSpread(local_ratio=0.2, reward="legacy"),
            "reward 'legacy' found; only 'mpe2' has a local_ratio",
        ),
        (lambda: SimpleSpread(max_episode_steps=0), "max_episode_steps 0 found; 1 or more expected"),
        (lambda: SimpleSpread(row_seeds=()), "row_seeds 0 found; 1 or more expected"),
        (lambda: SimpleSpread(physics="v2"), "physics 'v2' found; 'mpe2' or 'legacy' expected"),
        (lambda: SimpleSpread(reward="shared"), "reward 'shared' found; 'mpe2', 'legacy' or 'individual' expected"),
        (lambda: SimpleSpread(observation="near"), "observation 'near' found; 'full' or 'nearest' expected"),
        (lambda: SimpleAdversary(N=0), "N 0 found; 1 or more expected"),
        (lambda: SimpleAdversary(reward="individual"), "reward 'individual' found; 'mpe2' or 'legacy' expected"),
        (lambda: SimpleAdversary(observation="far"), "observation 'far' found; 'full' or 'nearest' expected"),
        (lambda: SimpleTag(num_good=0), "num_good 0 found; 1 or more expected"),
        (lambda: SimpleTag(num_adversaries=0), "num_adversaries 0 found; 1 or more expected"),
        (lambda: SimpleTag(num_obstacles=-1), "num_obstacles -1 found; 0 or more expected"),
        (lambda: SimpleTag(reward="legacy"), "reward 'legacy' found; 'mpe2' or 'individual' expected"),
        (lambda: SimpleTag(observation="far"), "observation 'far' found; 'full' or 'nearest' expected"),
        (lambda: SimpleTag(physics="old"), "physics 'old' found; 'mpe2' or 'legacy' expected"),
    ],
)
def test_settings_that_cannot_be_played_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_numbers_that_are_not_whole_are_refused():
    for make in (lambda: SimpleSpread(N=2.0), lambda: SimpleTag(num_good="1"), lambda: SimpleAdversary(N=None)):
        with pytest.raises(TypeError, match="found; a whole number expected"):
            make()


def test_what_does_not_fit_is_refused():
    env = SimpleAdversary(row_seeds=(0, 1))
    actions = torch.zeros(2, 2, dtype=torch.int64)
    with pytest.raises(ValueError, match="the first reset leaves rows out; all expected"):
        env.reset(None, torch.tensor([True, False]))
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=r"mask int64 \[2\] found; bool \[2\] expected"):
        env.reset(state, torch.tensor([1, 0]))
    with pytest.raises(ValueError, match="a state of 1 rows found; 2 expected"):
        env.reset(rows_of(state, slice(1)))
    with pytest.raises(ValueError, match="row 1, agent 'agent_0': action 5 found; 0 to 4 expected"):
        env.step(state, torch.tensor([[0, 0], [5, 0]]))
    with pytest.raises(ValueError, match=r"actions int64 \[2, 3\] found; int64 \[2, 2\] expected"):
        env.step(state, torch.zeros(2, 3, dtype=torch.int64))
    other, _ = SimpleAdversary(N=3, row_seeds=(0, 1)).reset(None)
    with pytest.raises(ValueError, match=r"positions float64 \[2, 4, 2\] found; float64 \[2, 3, 2\] expected"):
        env.step(other, actions)
    single = dataclasses.replace(state, velocities=state.velocities.float())
    with pytest.raises(ValueError, match=r"velocities float32 \[2, 3, 2\] found; float64 \[2, 3, 2\] expected"):
        env.step(single, actions)


def test_places_that_do_not_fit_are_refused():
    env = SimpleAdversary()
    places, landmarks = torch.zeros(1, 3, 2), torch.zeros(1, 2, 2)
    with pytest.raises(ValueError, match=r"landmarks float64 \[1, 3, 2\] found; float64 \[1, 2, 2\] expected"):
        env.place(places, torch.zeros(1, 3, 2))
    with pytest.raises(ValueError, match=r"velocities float64 \[1, 2, 2\] found; float64 \[1, 3, 2\] expected"):
        env.place(places, landmarks, velocities=torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match=r"goal \[2\] found; one of 2 landmarks expected"):
        env.place(places, landmarks, goal=torch.tensor([2]))


@pytest.mark.gpu
@pytest.mark.parametrize("game", PLAIN)
def test_the_gpu_plays_the_same(game, check_batched_env):
    """Exponentials round differently, and bumps amplify that: 1e-9 after 25 steps."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cls, chosen = PLAIN[game]
    seeds = tuple(range(64))
    here, there = cls(**chosen, row_seeds=seeds), cls(**chosen, row_seeds=seeds, device="cuda")
    state, other = here.reset(None)[0], there.reset(None)[0]
    assert torch.equal(state.positions, other.positions.cpu())
    generator = torch.Generator().manual_seed(0)
    for _ in range(25):
        actions = torch.randint(5, (64, here.n_agents), generator=generator)
        state, seen, rewards, _ = here.step(state, actions)
        other, seen_there, rewards_there, _ = there.step(other, actions.cuda())
        assert torch.allclose(state.positions, other.positions.cpu(), rtol=0, atol=1e-9)
        assert torch.allclose(seen, seen_there.cpu(), rtol=1e-6, atol=1e-6)
        assert torch.allclose(rewards, rewards_there.cpu(), rtol=0, atol=1e-9)
    check_batched_env(lambda rows: cls(**chosen, max_episode_steps=5, row_seeds=rows, device="cuda"))
