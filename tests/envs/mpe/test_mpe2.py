"""``mpe2`` 1.1.1, one environment per row: same state, same actions, 25 steps, everything that can be seen."""

import numpy as np
import pytest
from mpe2 import simple_adversary_v3, simple_spread_v3, simple_tag_v3

from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag

TOLERANCE = 1e-11  # bumps amplify rounding: 7e-14 was seen
ROWS = 15


def adversary(**settings):
    return SimpleAdversary(opponent="agent", **settings)


def tag(**settings):
    return SimpleTag(opponent="agent", **settings)


GAMES = {
    "spread": (SimpleSpread, {}, simple_spread_v3, {}),
    "spread, five agents": (SimpleSpread, {"N": 5, "local_ratio": 0.2}, simple_spread_v3, {"N": 5, "local_ratio": 0.2}),
    "spread, one agent": (SimpleSpread, {"N": 1}, simple_spread_v3, {"N": 1}),
    "spread, the nearest": (
        SimpleSpread,
        {"observation": "nearest"},
        simple_spread_v3,
        {"num_agent_neighbors": 1, "num_landmark_neighbors": 1},
    ),
    "adversary": (adversary, {}, simple_adversary_v3, {}),
    "adversary, four good agents": (adversary, {"N": 4}, simple_adversary_v3, {"N": 4}),
    "tag": (tag, {}, simple_tag_v3, {}),
    "tag, two prey": (
        tag,
        {"num_good": 2, "num_adversaries": 4, "num_obstacles": 3},
        simple_tag_v3,
        {"num_good": 2, "num_adversaries": 4, "num_obstacles": 3},
    ),
    "tag, no obstacles": (tag, {"num_obstacles": 0}, simple_tag_v3, {"num_obstacles": 0}),
}


class Original:
    """One ``mpe2`` environment, placed where a row of ours is."""

    def __init__(self, module, settings, state, row):
        self.env = module.parallel_env(**settings)
        self.env.reset(seed=0)
        self.world = self.env.unwrapped.world
        for index, agent in enumerate(self.world.agents):
            agent.state.p_pos = state.positions[row, index].copy()
            agent.state.p_vel = state.velocities[row, index].copy()
            if hasattr(agent, "_goal_a"):
                agent.goal_a = self.world.landmarks[int(state.goal[row])]
        for index, landmark in enumerate(self.world.landmarks):
            landmark.state.p_pos = state.landmarks[row, index].copy()

    def step(self, actions):
        """Observations, float32; rewards; whether it is over."""
        named = dict(zip(self.env.possible_agents, actions.tolist(), strict=True))
        observations, rewards, terminated, truncated, _ = self.env.step(named)
        assert not any(terminated.values())
        assert len(set(truncated.values())) == 1  # all together
        return list(observations.values()), list(rewards.values()), not self.env.agents

    def bodies(self, what):
        return np.array([getattr(agent.state, what) for agent in self.world.agents])


def crowded(env, rng, *spreads):
    """Everybody within ± one of the `spreads` in turn, in m, moving at about 1 m/s."""
    scale = np.resize(spreads, (ROWS, 1, 1))

    def within(count):
        return rng.uniform(-1, 1, (ROWS, count, 2)) * scale

    placed, _ = env.reset(None)
    agents, landmarks = placed.positions.shape[1], placed.landmarks.shape[1]
    return env.place(
        within(agents),
        within(landmarks),
        velocities=rng.normal(size=(ROWS, agents, 2)),
        goal=rng.integers(max(1, landmarks), size=ROWS),
    )


@pytest.mark.parametrize("game", GAMES)
def test_agrees_step_by_step(game):
    make, ours, module, theirs = GAMES[game]
    env = make(**ours)
    rng = np.random.default_rng(1)
    state = crowded(env, rng, 1.0, 0.3, 0.05)
    originals = [Original(module, theirs, state, row) for row in range(ROWS)]
    assert list(env.agents) == originals[0].env.possible_agents
    for step in range(25):
        actions = rng.integers(5, size=(ROWS, env.n_agents))
        state, seen, rewards, done = env.step(state, actions)
        for row, original in enumerate(originals):
            expected, gained, over = original.step(actions[row])
            for what, mine in (("p_pos", state.positions), ("p_vel", state.velocities)):
                assert np.allclose(mine[row], original.bodies(what), rtol=0, atol=TOLERANCE)
            for agent, (length, numbers) in enumerate(zip(env.obs_dims, expected, strict=True)):
                assert numbers.shape == (length,)
                assert np.allclose(seen[row, agent, :length], numbers, rtol=1e-6, atol=1e-9)
                assert not seen[row, agent, length:].any()
            assert np.allclose(rewards[row], gained, rtol=0, atol=TOLERANCE)
            assert bool(done[row]) == over == (step == 24)


def test_bodies_bumped_and_were_held_to_their_limits_in_what_was_compared():
    """Else the test above would show little."""
    env, rng = tag(), np.random.default_rng(1)
    state = crowded(env, rng, 0.3)
    pressed = at_limit = 0
    for _ in range(25):
        state, *_ = env.step(state, rng.integers(5, size=(ROWS, 4)))
        bodies = np.concatenate([state.positions, state.landmarks], 1)
        radii = np.array([0.075, 0.075, 0.075, 0.05, 0.2, 0.2])
        gaps = np.linalg.norm(state.positions[:, :, None] - bodies[:, None], axis=3) - radii[:4, None] - radii
        pressed += int((gaps < 0).sum()) - 4 * ROWS  # less everybody with themselves
        speeds, limits = np.linalg.norm(state.velocities, axis=2), np.array([1.0, 1.0, 1.0, 1.3])
        assert (speeds < limits + 1e-12).all()
        at_limit += int(np.isclose(speeds, limits, rtol=1e-12, atol=0).sum())
    assert pressed > 100
    assert at_limit > 100


def test_episodes_of_crowds_that_hardly_move_apart():
    """Long contacts are where rounding would grow: nobody acts, all are pushed."""
    env = SimpleSpread(N=4)
    state = crowded(env, np.random.default_rng(2), 0.02, 0.3)
    originals = [Original(simple_spread_v3, {"N": 4}, state, row) for row in range(ROWS)]
    still = np.zeros((ROWS, 4), np.int64)
    for _ in range(25):
        state, *_ = env.step(state, still)
        for row, original in enumerate(originals):
            original.step(still[row])
    expected = np.stack([original.bodies("p_pos") for original in originals])
    assert np.abs(expected).max() > 1
    assert np.allclose(state.positions, expected, rtol=0, atol=TOLERANCE)
