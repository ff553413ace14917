"""What the four scenarios share: the contract, the time limit, violations and what they end."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse

SCENARIOS = {
    "arctic": ArcticTransport,
    "material": MaterialTransport,
    "prey": PredatorCapturePrey,
    "warehouse": Warehouse,
}
PENALTIES = {"arctic": -30.0, "material": -6.0, "prey": -5.0, "warehouse": -5.0}
EACH = pytest.mark.parametrize("name", SCENARIOS)


def random_actions(env, step, copies=None):
    """int64 [E, N]."""
    copies = env.n_copies if copies is None else copies
    index = torch.arange(copies * env.n_agents).view(copies, env.n_agents)
    return (uniform(torch.tensor(key(0, "test")), torch.tensor(step), index) * env.n_actions).long()


def placed(env, state, places, theta=0.0):
    """The state with robots at given places, the others where they are."""
    poses = state.poses.clone()
    for robot, place in places.items():
        poses[:, robot] = torch.tensor([*place, theta], dtype=torch.float64)
    return replace(state, poses=poses)


def apart(env, state):
    """Robots where none meets another or the boundary, all looking right."""
    return placed(env, state, {robot: (-1.0 + 0.35 * robot, 0.0) for robot in range(env.n_agents)})


@EACH
def test_contract(name, check_batched_env):
    """Batches equal single environments bit for bit, done rows freeze, resets touch only what they name."""
    short = {"max_episode_steps": 5, "iterations_per_step": 20}
    check_batched_env(lambda seeds: SCENARIOS[name](row_seeds=seeds, **short))
    check_batched_env(
        lambda seeds: SCENARIOS[name](row_seeds=seeds, first_observation="real", time_limit_plus_one=False, **short)
    )


@pytest.mark.parametrize(
    ("name", "agents", "actions", "observed", "limit"),
    [
        ("arctic", ("drone_0", "drone_1", "ice_2", "water_3"), 5, 30, 61),
        ("material", ("fast_0", "fast_1", "slow_2", "slow_3"), 20, 9, 71),
        ("prey", ("predator_0", "predator_1", "capture_2", "capture_3"), 5, 16, 81),
        ("warehouse", ("green_0", "red_1", "green_2", "red_3", "green_4", "red_5"), 5, 18, 101),
    ],
)
def test_sizes(name, agents, actions, observed, limit):
    """As published: the paper's episode lengths include the step beyond the limit."""
    env = SCENARIOS[name]()
    assert env.agents == agents
    assert (env.n_agents, env.n_actions, env.obs_dim) == (len(agents), actions, observed)
    assert env.obs_dims == (observed,) * len(agents)
    assert env.episode_limit == limit
    assert env.idle_actions.tolist() == [4 * actions // 5] * len(agents)
    assert env.available.shape == (len(agents), actions)


@EACH
@pytest.mark.parametrize("plus_one", [True, False])
def test_time_limit(name, plus_one):
    """Idle robots creep backwards, so they begin in the middle; nothing else ends the episode."""
    env = SCENARIOS[name](max_episode_steps=3, time_limit_plus_one=plus_one, iterations_per_step=2)
    state = apart(env, env.reset(None)[0])
    ends = []
    for _ in range(4 if plus_one else 3):
        assert not env.timed_out(state).item()
        state, _, _, done = env.step(state, env.idle_actions[None])
        ends.append(done.item())
    assert env.timed_out(state).item()
    assert ends == [False] * (len(ends) - 1) + [True]
    assert len(ends) == env.episode_limit


@EACH
def test_first_observation(name):
    """Zeros in MARBLER; the real one is what an episode of no motion would show."""
    zeros = SCENARIOS[name](row_seeds=(3, 4))
    real = SCENARIOS[name](row_seeds=(3, 4), first_observation="real")
    state, seen = zeros.reset(None)
    assert not seen.any()
    other, shown = real.reset(None)
    assert torch.equal(state.poses, other.poses)
    assert torch.equal(shown[..., :2], state.poses[..., :2].float())


def squeezed_out(env):
    """Robots 0 and 1 back to back, 8.55 cm apart, robot 0 1 mm from the boundary; and the speed that drives it out.

    The bodies, 13.55 cm apart, do not collide, but the points ahead, d = 18.55 cm apart, are inside each other's
    radius. Both want to the left, û = -0.15 and 1.4 - 1.4635; the barrier wants 2 d (u₁ - u₀) ≤ γ h³, and gets half
    of what is missing from each.
    """
    state = placed(env, apart(env, env.reset(None)[0]), {0: (1.599, 0.5), 1: (1.5135, 0.5)})
    state.poses[:, 1, 2] = math.pi
    d = 0.1855
    missing = (1e6 * (d * d - 0.04) ** 3) / (2.0 * d) - ((1.4 - 1.4635) - (-0.15))
    return state, -0.15 - missing / 2.0


@EACH
def test_a_violation_replaces_the_reward_and_ends(name):
    """Found by the second iteration, whose own move is the last."""
    env = SCENARIOS[name]()
    state, speed = squeezed_out(env)
    assert speed == pytest.approx(0.1287, abs=1e-3)
    state, seen, rewards, done = env.step(state, env.idle_actions[None])
    assert done.item()
    assert (state.boundary.item(), state.collision.item()) == (True, False)
    assert rewards.tolist() == [[PENALTIES[name]] * env.n_agents]
    assert not env.timed_out(state).item()
    assert state.poses[0, 0, 0].item() == pytest.approx(1.599 + 2 * 0.033 * speed, abs=1e-9)
    assert seen[0, 0, 0].item() == pytest.approx(state.poses[0, 0, 0].item(), abs=1e-6)


@EACH
def test_a_collision_ends(name):
    """Two bodies 0.13 m apart: found by the first iteration, which still moves everybody once."""
    env = SCENARIOS[name]()
    state = placed(env, apart(env, env.reset(None)[0]), {0: (0.0, 0.5), 1: (0.13, 0.5)})
    after, _, rewards, done = env.step(state, env.idle_actions[None])
    assert done.item()
    assert (after.boundary.item(), after.collision.item()) == (False, True)
    assert rewards[0, 0].item() == PENALTIES[name]
    gone = (after.poses - state.poses)[..., :2].norm(dim=-1)
    assert gone.max() <= 0.033 * 0.2 + 1e-12
    assert torch.allclose(after.travelled, gone)


@EACH
def test_what_the_last_iteration_causes_is_found_in_the_next_step(name):
    """1.6 m is passed in the only iteration of step 1, which has looked before; step 2 finds it."""
    env = SCENARIOS[name](iterations_per_step=1)
    state, speed = squeezed_out(env)
    state, _, rewards, done = env.step(state, env.idle_actions[None])
    assert state.poses[0, 0, 0].item() == pytest.approx(1.599 + 0.033 * speed, abs=1e-9)
    assert state.poses[0, 0, 0] > 1.6
    assert not done.item()
    assert not state.boundary.item()
    assert rewards[0, 0].item() > PENALTIES[name]
    state, _, rewards, done = env.step(state, env.idle_actions[None])
    assert done.item()
    assert state.boundary.item()
    assert rewards[0, 0].item() == PENALTIES[name]


@EACH
def test_a_new_episode_does_not_inherit_a_violation(name):
    """The time is up in the very step that drives a robot out."""
    env = SCENARIOS[name](iterations_per_step=1, max_episode_steps=1, time_limit_plus_one=False)
    state, _, _, done = env.step(squeezed_out(env)[0], env.idle_actions[None])
    assert done.item()
    assert state.poses[0, 0, 0] > 1.6
    state, _ = env.reset(state)
    state, _, rewards, _ = env.step(state, env.idle_actions[None])
    assert not state.boundary.item()
    assert rewards[0, 0].item() > PENALTIES[name]


@EACH
def test_violations_that_are_not_penalised(name):
    """They are told, but nothing ends."""
    env = SCENARIOS[name](penalize_violations=False)
    state = placed(env, apart(env, env.reset(None)[0]), {0: (0.0, 0.5), 1: (0.13, 0.5)})
    after, _, rewards, done = env.step(state, env.idle_actions[None])
    assert not done.item()
    assert after.collision.item()
    assert rewards[0, 0].item() > PENALTIES[name]
    assert ((after.poses - state.poses)[0, 2:, 0].abs() > 0.03).all()  # the whole step long
    after, _, _, _ = env.step(after, env.idle_actions[None])
    assert not after.collision.item()


@EACH
def test_distance_travelled(name):
    """The last iteration of a step counts for the next one, and all of it when a violation ends the episode."""
    env = SCENARIOS[name](max_episode_steps=4, row_seeds=range(16))
    state, _ = env.reset(None)
    booked, driven = torch.zeros_like(state.travelled), torch.zeros_like(state.travelled)
    for step in range(env.episode_limit):
        before = state
        state, _, _, _ = env.step(state, random_actions(env, step))
        going = ~before.done[:, None]
        booked = booked + torch.where(going, state.travelled, 0.0)
        driven = torch.maximum(driven, (state.poses - before.poses)[..., :2].norm(dim=-1))
        violated = (state.collision | state.boundary)[:, None]
        assert not torch.where(violated, state.unbooked, 0.0).any()
        assert (state.unbooked <= 0.033 * 0.2 + 1e-12).all()
        assert (state.travelled <= env._options.iterations_per_step * 0.033 * 0.2 + 0.0066 + 1e-12).all()
    assert (booked + state.unbooked >= driven - 1e-9).all()


@EACH
def test_a_barrier_of_choice(name):
    """Head on: `safe` keeps robots further apart than `default`."""
    between = {}
    for barrier in ("safe", "default"):
        env = SCENARIOS[name](barrier=barrier)
        state = placed(env, apart(env, env.reset(None)[0]), {0: (-0.16, 0.5), 1: (0.16, 0.5)})
        poses = state.poses.clone()
        poses[:, 1, 2] = math.pi
        actions = env.idle_actions.clone()
        actions[0], actions[1] = (1, 0) if env.n_actions == 5 else (4, 0)
        state, _, _, _ = env.step(replace(state, poses=poses), actions[None])
        between[barrier] = (state.poses[0, 1, 0] - state.poses[0, 0, 0]).item()
    assert between["default"] < between["safe"] - 1e-3


@EACH
def test_update_every(name):
    """A controller that looks in every iteration turns a robot differently from one that holds its commands."""
    poses = {}
    for update_every in (1, 15):
        env = SCENARIOS[name](update_every=update_every)
        state = apart(env, env.reset(None)[0])
        down = torch.full((1, env.n_agents), 3 if env.n_actions == 5 else 12)
        poses[update_every] = env.step(state, down)[0].poses
    assert (poses[1] - poses[15])[..., :2].abs().max() > 1e-3


@EACH
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_play(name, seed):
    """No action leads to a number that is none, and no robot further out than two iterations at full speed.

    A robot is found outside in the iteration after it left, which moves it once more: 1.6 + 2 · 0.033 · 0.2 m.
    """
    env = SCENARIOS[name](row_seeds=range(seed, seed + 16), iterations_per_step=29)
    low, high = env.observation_bounds
    state, _ = env.reset(None)
    for step in range(8):
        actions = random_actions(env, seed + step)
        if step % 2:  # all in one direction: crowds, and robots at the limits
            actions = actions[:, :1].expand(-1, env.n_agents).contiguous()
        state, seen, rewards, done = env.step(state, actions)
        assert seen.isfinite().all()
        assert rewards.isfinite().all()
        assert state.poses.isfinite().all()
        assert (state.poses[..., 0].abs() <= 1.6132 + 1e-12).all()
        assert (state.poses[..., 1].abs() <= 1.0132 + 1e-12).all()
        assert ((seen >= low) & (seen <= high)).all()
        assert torch.equal(env.positions(state), state.poses[..., :2])
        state, _ = env.reset(state, done)


@EACH
def test_crowds_that_collide_on_and_on_give_numbers(name):
    """Without penalties robots may stand on each other; also on one point."""
    env = SCENARIOS[name](penalize_violations=False, row_seeds=range(8))
    state, _ = env.reset(None)
    state = replace(state, poses=state.poses * torch.linspace(0.0, 0.2, 8, dtype=torch.float64)[:, None, None])
    for step in range(4):
        state, seen, rewards, _ = env.step(state, random_actions(env, step))
        assert seen.isfinite().all()
        assert rewards.isfinite().all()
    assert all(bound.isinf().any() for bound in env.observation_bounds)


@EACH
def test_luck(name):
    """It belongs to the row's seed and the number of its episode; whole batches and single rows agree."""
    env, alone = SCENARIOS[name](row_seeds=(5, 6, 5)), SCENARIOS[name](row_seeds=(6,))
    state, _ = env.reset(None)
    one, _ = alone.reset(None)
    for _ in range(3):
        for field, value in vars(state).items():
            assert torch.equal(value[0], value[2]), field
            assert torch.equal(value[1], getattr(one, field)[0]), field
        previous = state
        state, _ = env.reset(state)
        one, _ = alone.reset(one)
        facts = [field for field in vars(state) if field not in {"episode"}]
        assert any(not torch.equal(getattr(state, field), getattr(previous, field)) for field in facts)
    assert state.episode.tolist() == [3, 3, 3]


@EACH
def test_a_frame(name):
    env = SCENARIOS[name](row_seeds=(0, 1))
    state, _ = env.reset(None)
    frame = env.frame(state, 1)
    assert frame.shape == (440, 680, 3)
    assert frame.dtype.name == "uint8"
    moved, _, _, _ = env.step(state, random_actions(env, 0))
    assert (env.frame(moved, 1) != frame).any()


@EACH
@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ({"max_episode_steps": 0}, "max_episode_steps 0 found; 1 or more expected"),
        ({"iterations_per_step": 0}, "iterations_per_step 0 found"),
        ({"update_every": -1}, "update_every -1 found"),
        ({"barrier": "none"}, "barrier 'none' found; 'safe' or 'default' expected"),
        ({"first_observation": "blank"}, "first_observation 'blank' found; 'zeros' or 'real' expected"),
        ({"row_seeds": ()}, "no row_seeds found"),
    ],
)
def test_settings_that_there_are_not(name, setting, found):
    with pytest.raises(ValueError, match=found):
        SCENARIOS[name](**setting)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *[(name, "violation_penalty") for name in SCENARIOS],
        *[("arctic", each) for each in ("fast_step", "normal_step", "slow_step", "dist_multiplier")],
        *[("material", each) for each in ("fast_step", "zone1_radius", "load_multiplier", "time_penalty")],
        *[("prey", each) for each in ("step_dist", "predator_radius", "capture_reward", "time_penalty")],
        *[("warehouse", each) for each in ("step_dist", "goal_width", "load_reward", "unload_reward")],
    ],
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_settings_that_are_no_numbers(name, setting, value):
    with pytest.raises(ValueError, match=f"{setting} {value} found; a finite number expected"):
        SCENARIOS[name](**{setting: value})


@EACH
def test_calls_that_are_refused(name):
    env = SCENARIOS[name](row_seeds=(0, 1))
    with pytest.raises(ValueError, match="first reset leaves rows out"):
        env.reset(None, torch.tensor([True, False]))
    with pytest.raises(ValueError, match=r"mask bool \[3\] found; bool \[2\] expected"):
        env.reset(None, torch.ones(3, dtype=torch.bool))
    state, _ = env.reset(None)
    actions = env.idle_actions.expand(2, -1).clone()
    with pytest.raises(ValueError, match="expected"):
        env.step(state, actions[:1])
    with pytest.raises(ValueError, match="expected"):
        env.step(state, actions.float())
    actions[1, 2] = env.n_actions
    with pytest.raises(ValueError, match=f"row 1, agent '{env.agents[2]}': action {env.n_actions} found"):
        env.step(state, actions)
    fewer = replace(state, poses=state.poses[:, :-1])
    with pytest.raises(ValueError, match=r"poses float64 .* found; float64 \[E, \d, 3\] expected"):
        env.step(fewer, actions)
    with pytest.raises(ValueError, match="float32"):
        env.step(replace(state, poses=state.poses.float()), actions)
    one, _ = SCENARIOS[name]().reset(None)
    with pytest.raises(ValueError, match="a state of 1 rows found; 2 expected"):
        env.reset(one)


@pytest.mark.gpu
@EACH
def test_on_a_gpu(name):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    here, there = SCENARIOS[name](row_seeds=range(64)), SCENARIOS[name](row_seeds=range(64), device="cuda")
    one, seen = here.reset(None)
    other, shown = there.reset(None)
    assert torch.allclose(seen, shown.cpu())
    for step in range(3):
        actions = random_actions(here, step)
        one, seen, rewards, done = here.step(one, actions)
        other, shown, paid, over = there.step(other, actions.cuda())
        assert torch.allclose(seen, shown.cpu(), atol=1e-5)
        assert torch.allclose(rewards, paid.cpu(), atol=1e-9)
        assert torch.equal(done, over.cpu())
