"""What every environment of ours promises: rows of a batch, episodes, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from our_envs import FORAGING, KINDS, ROBOTS, facts, make, random_actions

from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag
from dvdn_sim.envs.ring import Relay, Sorting

EACH = pytest.mark.parametrize("kind", KINDS)
ONE_OF_EACH = pytest.mark.parametrize("kind", ["lbf", "spread", "adversary", "tag", "sorting", "relay", *ROBOTS])
NEAREST = {"observation": "nearest"}


@EACH
def test_contract(kind, check_batched_env):
    """Batches equal single environments bit for bit, done rows freeze, resets touch only what they name."""
    check_batched_env(lambda seeds: make(kind, seeds, max_episode_steps=5))


@pytest.mark.parametrize("kind", ROBOTS)
def test_contract_of_robots_that_look_at_once(kind, check_batched_env):
    more = {"max_episode_steps": 5, "first_observation": "real", "time_limit_plus_one": False}
    check_batched_env(lambda seeds: make(kind, seeds, **more))


@pytest.mark.parametrize(
    ("env", "agents", "actions", "observed", "limit"),
    [
        (LevelBasedForaging(**FORAGING), ("player_0", "player_1", "player_2"), 6, (15,) * 3, 12),
        (SimpleSpread(), ("agent_0", "agent_1", "agent_2"), 5, (18,) * 3, 25),
        (SimpleSpread(**NEAREST), ("agent_0", "agent_1", "agent_2"), 5, (10,) * 3, 25),
        (SimpleAdversary(), ("agent_0", "agent_1"), 5, (10,) * 2, 25),
        (SimpleAdversary(**NEAREST), ("agent_0", "agent_1"), 5, (11,) * 2, 25),
        (SimpleAdversary(opponent="agent"), ("adversary_0", "agent_0", "agent_1"), 5, (8, 10, 10), 25),
        (SimpleTag(), ("adversary_0", "adversary_1", "adversary_2"), 5, (16,) * 3, 25),
        (SimpleTag(**NEAREST), ("adversary_0", "adversary_1", "adversary_2"), 5, (12,) * 3, 25),
        (SimpleTag(num_good=1, num_adversaries=1, opponent="agent"), ("adversary_0", "agent_0"), 5, (12, 10), 25),
        (Sorting(players=2, labels=3, chutes=7), ("robot_0", "robot_1"), 7, (3,) * 2, 10),
        (Relay(players=2, tools=4), ("robot_0", "robot_1"), 5, (4,) * 2, 5),
        (ArcticTransport(), ("drone_0", "drone_1", "ice_2", "water_3"), 5, (30,) * 4, 61),
        (MaterialTransport(), ("fast_0", "fast_1", "slow_2", "slow_3"), 20, (9,) * 4, 71),
        (PredatorCapturePrey(), ("predator_0", "predator_1", "capture_2", "capture_3"), 5, (16,) * 4, 81),
        (Warehouse(), ("green_0", "red_1", "green_2", "red_3", "green_4", "red_5"), 5, (18,) * 6, 101),
    ],
)
def test_sizes(env, agents, actions, observed, limit):
    """As published: MARBLER's episodes have a step beyond the limit. Its robots stay by the last move, others by 0."""
    assert (env.agents, env.n_agents, env.n_actions) == (agents, len(agents), actions)
    assert (env.obs_dims, env.obs_dim, env.episode_limit) == (observed, max(observed), limit)
    idle = 4 * actions // 5 if isinstance(env, tuple(ROBOTS.values())) else 0
    assert env.idle_actions.tolist() == [idle] * len(agents)
    assert env.available.tolist() == [[True] * actions] * len(agents)


@EACH
def test_positions_are_those_of_the_agents(kind):
    env = make(kind, (0, 1))
    state, _ = env.reset(None)
    found = env.positions(state)
    all_places = facts(state).get("poses", facts(state).get("positions", found))[..., :2]  # on the ring nobody moves
    assert (found.shape, found.dtype) == ((2, env.n_agents, 2), np.float64)
    first = 1 if kind in ("adversary", "adversary of the paper") else 0  # there the opponent is the first of all
    assert np.array_equal(found, all_places[:, first : first + env.n_agents].astype(np.float64))


@EACH
def test_the_kth_episode_depends_on_the_seed_and_k_alone(kind):
    env, alone = make(kind, (7, 8, 7, 2**40)), make(kind, (8,))
    first, _ = env.reset(None)
    second, _ = env.reset(first)
    third, _ = env.reset(second, np.array([False, True, True, False]))
    again, _ = env.reset(first)  # what was made ahead for later episodes changes no earlier ones
    one, _ = alone.reset(None)
    for _ in range(2):
        one, _ = alone.reset(one)
    assert third.episode.tolist() == [1, 2, 2, 1]
    for name, value in facts(third).items():
        assert np.array_equal(value[1], facts(one)[name][0]), name
        assert np.array_equal(facts(first)[name][0], facts(first)[name][2]), name
        assert np.array_equal(facts(again)[name], facts(second)[name]), name
    drawn = {name: value for name, value in facts(first).items() if name not in ("key", "episode")}
    assert any(not np.array_equal(value[0], value[1]) for value in drawn.values()), "seeds make no difference"
    assert any(not np.array_equal(value, facts(second)[name]) for name, value in drawn.items()), "nor do numbers"


@EACH
def test_a_batch_is_its_rows_bit_for_bit(kind):
    """Whatever the position in the batch, whichever rows are reset in the middle of an episode; also in a crowd."""

    def begin(env):
        state, _ = env.reset(None)
        crowded = hasattr(state, "velocities")
        return replace(state, positions=0.2 * state.positions) if crowded else state

    seeds, rows, rng = range(37), (0, 3, 16, 36), np.random.default_rng(1)
    env, alone = make(kind, seeds), [make(kind, (seeds[row],)) for row in rows]
    state, states = begin(env), [begin(each) for each in alone]
    for _ in range(12):
        actions, mask = random_actions(env, rng, 37), rng.random(37) < 0.1
        after, seen, rewards, done = env.step(state, actions)
        state, fresh = env.reset(after, mask)
        for i, row in enumerate(rows):
            own, *found = alone[i].step(states[i], actions[row : row + 1])
            states[i], anew = alone[i].reset(own, mask[row : row + 1])
            for part, whole in zip((*found, anew), (seen, rewards, done, fresh), strict=True):
                assert np.array_equal(part[0], whole[row])
            for name, value in facts(states[i]).items():
                assert np.array_equal(value[0], facts(state)[name][row]), name


@EACH
def test_an_older_state_goes_on_as_it_did(kind):
    """So does its twin of whom nobody has changed what was handed out."""
    env, rng = make(kind, range(8)), np.random.default_rng(1)
    start, _ = env.reset(None)
    script = [random_actions(env, rng, 8) for _ in range(10)]

    def play(careless):
        state, found = start, []
        for actions in script:
            state, seen, rewards, done = env.step(state, actions)
            found += [seen.copy(), rewards.copy(), done]
            if careless:
                seen.fill(9.0)
                rewards.fill(9.0)
            state, fresh = env.reset(state, done)
            found.append(fresh.copy())
        return found

    assert all(np.array_equal(a, b) for a, b in zip(play(careless=True), play(careless=False), strict=True))


@EACH
def test_steps_in_place_are_the_same_steps(kind):
    """Also on a state that was never handed out; what is refused steps nothing, and results are nobody else's."""
    env, rng = make(kind, range(8), max_episode_steps=5), np.random.default_rng(1)
    state, _ = env.reset(None)
    walking = replace(state, **{name: value.copy() for name, value in facts(state).items()})
    for _ in range(7):
        actions, before = random_actions(env, rng, 8), {name: value.copy() for name, value in facts(walking).items()}
        wrong = actions.copy()
        wrong[-1, -1] = env.n_actions
        with pytest.raises(ValueError, match="found; 0 to"):
            env.advance(walking, wrong)
        assert all(np.array_equal(value, before[name]) for name, value in facts(walking).items())
        places, (state, seen, rewards, done) = env.positions(walking), env.step(state, actions)
        handed_out = [(part, part.copy()) for part in (places, seen, rewards, done)]
        for part, whole in zip(env.advance(walking, actions), (seen, rewards, done), strict=True):
            assert np.array_equal(part, whole)
        assert all(np.array_equal(value, facts(state)[name]) for name, value in facts(walking).items())
        assert all(np.array_equal(part, copy) for part, copy in handed_out)


@ONE_OF_EACH
def test_any_number_of_rows_may_be_stepped(kind):
    env, (state, _) = make(kind), make(kind, range(5)).reset(None)
    _, seen, rewards, done = env.step(state, np.tile(env.idle_actions, (5, 1)))
    assert (len(seen), len(rewards), len(done)) == (5, 5, 5)


@ONE_OF_EACH
def test_what_does_not_fit_is_refused(kind):
    env = make(kind, (0, 1))
    state, _ = env.reset(None)
    n, count, idle = env.n_agents, env.n_actions, np.tile(env.idle_actions, (2, 1))

    def one_is(action):
        actions = idle.copy()
        actions[1, n - 1] = action
        return actions

    last = rf"row 1, agent '{env.agents[-1]}': action"
    for call, message in (
        (lambda: env.reset(None, np.array([True, False])), "the first reset leaves rows out; all expected"),
        (lambda: env.reset(state, np.ones(3, bool)), r"mask bool \[3\] found; bool \[2\] expected"),
        (lambda: env.reset(state, np.array([1, 0])), r"mask int64 \[2\] found; bool \[2\] expected"),
        (lambda: env.reset(make(kind).reset(None)[0]), "a state of 1 rows found; 2 expected"),
        (lambda: env.step(state, one_is(count)), f"{last} {count} found; 0 to {count - 1} expected"),
        (lambda: env.step(state, one_is(-1)), f"{last} -1 found; 0 to {count - 1} expected"),
        (lambda: env.step(state, idle[:, 1:]), rf"actions int64 \[2, {n - 1}\] found; int64 \[2, {n}\] expected"),
        (lambda: env.step(state, idle[:1]), rf"actions int64 \[1, {n}\] found; int64 \[2, {n}\] expected"),
        (lambda: env.step(state, 0.0 * idle), rf"actions float64 \[2, {n}\] found; int64 \[2, {n}\] expected"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=rf"actions list found; an array, int64 \[2, {n}\], expected"):
        env.step(state, idle.tolist())
