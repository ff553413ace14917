import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.envs import AdapterState, BatchedEnv, BatchedParallelEnv
from netmodels.streams import stream


def zeros(rows):
    return torch.zeros((rows, 3), dtype=torch.int64)


def test_fulfils_the_contract(expedition, check_batched_env):
    check_batched_env(lambda seeds: BatchedParallelEnv(expedition, seeds, None))


def test_is_a_batched_env_to_the_type_checker(expedition):
    env: BatchedEnv[AdapterState] = BatchedParallelEnv(expedition, [0, 1], None, "cpu")
    assert (env.n_copies, env.n_agents, env.n_actions, env.obs_dim, env.episode_limit) == (2, 3, 4, 4, 6)
    assert env.agents == ("scout", "miner", "guard")
    assert env.available.tolist() == [[True, True, True, False], [True, True, False, False], [True] * 4]


def test_observations_are_flattened_one_hot_and_padded(expedition):
    env = BatchedParallelEnv(expedition, [7], None)
    _, observations = env.reset(None)
    twin = expedition()
    expected, _ = twin.reset(seed=int(stream(7, "reset", 0).integers(2**31)))
    scout, miner, guard = observations[0].numpy()
    assert np.array_equal(scout, [*expected["scout"].astype(np.float32), 0.0])
    assert np.array_equal(miner, np.eye(4)[expected["miner"] - 2])
    assert np.array_equal(guard, expected["guard"].astype(np.float32).ravel())


def test_actions_count_from_the_start_of_their_space(expedition):
    made = []
    env = BatchedParallelEnv(lambda: made.append(expedition()) or made[-1], [0], None)
    state, _ = env.reset(None)
    env.step(state, torch.tensor([[2, 1, 3]]))
    assert made[0].taken == [{"scout": 2, "miner": 6, "guard": 3}]


def test_episode_seeds_depend_on_row_seed_and_count_alone(expedition):
    made = []
    env = BatchedParallelEnv(lambda: made.append(expedition()) or made[-1], [5, 9], None)
    state, _ = env.reset(None)
    state, _ = env.reset(state, torch.tensor([False, True]))
    state, _ = env.reset(state, torch.tensor([False, True]))
    state, _ = env.reset(state)
    seed_of = lambda seed, k: int(stream(seed, "reset", k).integers(2**31))  # noqa: E731
    assert made[0].seeds == [seed_of(5, k) for k in range(2)]
    assert made[1].seeds == [seed_of(9, k) for k in range(4)]
    assert state.episode == (1, 3)


def test_an_agent_that_left_observes_nothing_and_gets_nothing(expedition):
    env = BatchedParallelEnv(expedition, range(40), None)
    state, _ = env.reset(None)
    leaves_at = torch.tensor([copy.env.guard_leaves_at for copy in env._copies])
    done = torch.zeros(40, dtype=torch.bool)
    checked = 0
    for now in range(1, 7):
        running = ~done
        state, observations, rewards, done = env.step(state, zeros(40))
        last, gone = running & (leaves_at == now), running & (leaves_at < now)
        assert bool(observations[last, 2].any(dim=1).all())
        assert bool((rewards[last, 2] > 0).all())
        assert not observations[gone, 2].any()
        assert not rewards[gone, 2].any()
        assert bool((rewards[gone, :2] > 0).all())
        checked += int(gone.sum())
    assert checked > 20
    assert bool(done.all())


def test_an_agent_may_join_late(expedition):
    env = BatchedParallelEnv(lambda: expedition(limit=4, late="scout"), range(20), None)
    state, observations = env.reset(None)
    assert not observations[:, 0].any()
    for now in range(1, 5):
        state, observations, rewards, done = env.step(state, zeros(20))
        running = ~done
        assert bool(observations[running, 0].any(dim=1).all()) == (now >= 2)
        assert bool((rewards[running, 0] > 0).all()) == (now >= 2)
        if now == 2:
            assert int(running.sum()) > 5
            break


def test_an_agent_kept_in_the_list_after_its_end_stays_out(expedition):
    class Lingering(expedition):
        def step(self, actions):
            everyone = list(self.agents)
            result = super().step({agent: actions.get(agent, 0) for agent in everyone})
            self.agents = everyone
            return result

    env = BatchedParallelEnv(Lingering, [1], None)
    state, _ = env.reset(None)
    done, steps = torch.tensor([False]), 0
    while not done:
        state, _, _, done = env.step(state, zeros(1))
        steps += 1
    assert steps <= 6
    assert env._copies[0].env.agents == ["scout", "miner", "guard"]


def test_the_episode_limit_cuts(expedition):
    env = BatchedParallelEnv(lambda: expedition(limit=100), [0, 1, 2, 3], 2)
    state, _ = env.reset(None)
    state, _, _, _ = env.step(state, zeros(4))
    state, last, _, done = env.step(state, zeros(4))
    assert done.tolist() == [True] * 4
    state, observations, rewards, done = env.step(state, zeros(4))
    assert torch.equal(observations, last)
    assert not rewards.any()
    assert max(state.step) == 2


def test_results_are_not_changed_later(expedition):
    env = BatchedParallelEnv(expedition, [0, 1], None)
    state, first = env.reset(None)
    kept = first.clone()
    results = env.step(state, zeros(2))
    copies = [part.clone() for part in results[1:]]
    env.step(results[0], zeros(2))
    env.reset(env._state)
    assert torch.equal(first, kept)
    assert all(torch.equal(part, copy) for part, copy in zip(results[1:], copies, strict=True))


def play(env, script, state):
    """Follow (reset masks, actions) and return all that was seen, row by row."""
    seen = []
    for mask, actions in script:
        state, observations = env.reset(state, mask)
        seen.append(observations)
        state, observations, rewards, done = env.step(state, actions)
        seen += [observations, rewards, done]
    return state, seen


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.integers(1, 4))
def test_a_batch_equals_its_rows_alone(expedition, data, rows):
    seeds = data.draw(st.lists(st.integers(0, 2**40), min_size=rows, max_size=rows))
    actions = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 3))
    script = [(torch.ones(rows, dtype=torch.bool), zeros(rows))] + [
        (
            torch.tensor(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows))),
            torch.tensor(data.draw(st.lists(actions, min_size=rows, max_size=rows))),
        )
        for _ in range(data.draw(st.integers(0, 10)))
    ]
    _, together = play(BatchedParallelEnv(expedition, seeds, None), script, None)
    for row, seed in enumerate(seeds):
        own = [(mask[row : row + 1], taken[row : row + 1]) for mask, taken in script]
        _, alone = play(BatchedParallelEnv(expedition, [seed], None), own, None)
        assert all(torch.equal(a[row], b[0]) for a, b in zip(together, alone, strict=True))


def test_a_new_adapter_takes_up_a_run_between_episodes(expedition):
    first = BatchedParallelEnv(expedition, [3, 4], None)
    state, _ = first.reset(None)
    done = torch.tensor([False, False])
    while not done.all():
        state, _, _, done = first.step(state, zeros(2))
    saved = AdapterState(**dataclasses.asdict(state))
    later = BatchedParallelEnv(expedition, [3, 4], None)
    mask = torch.tensor([False, True])
    resumed, observations = later.reset(saved, mask)
    state, expected = first.reset(state, mask)
    assert torch.equal(observations[1], expected[1])
    assert not observations[0].any()
    assert resumed == state
    _, _, rewards, done = later.step(resumed, zeros(2))
    assert bool(done[0])
    assert not rewards[0].any()


def test_a_run_cannot_be_taken_up_within_an_episode(expedition):
    state, _ = BatchedParallelEnv(expedition, [3, 4], None).reset(None)
    other = BatchedParallelEnv(expedition, [3, 4], None)
    with pytest.raises(ValueError, match=r"rows \[0\] left out"):
        other.reset(state, torch.tensor([False, True]))
    with pytest.raises(ValueError, match="2 rows found; 1 expected"):
        BatchedParallelEnv(expedition, [3], None).reset(state)
    resumed, _ = other.reset(state)
    assert resumed.episode == (1, 1)
    again, _ = other.reset(None)
    assert again.episode == (0, 0)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (torch.tensor([[0, 0, 0], [0, 2, 0]]), "row 1, agent 'miner': action 2 found; 0 to 1 expected"),
        (torch.tensor([[0, 0, -1], [0, 0, 0]]), "row 0, agent 'guard': action -1 found; 0 to 3 expected"),
        (torch.zeros((2, 2), dtype=torch.int64), r"actions int64 \[2, 2\] found; int64 \[2, 3\] expected"),
        (torch.zeros((2, 3)), r"actions float32 \[2, 3\] found; int64 \[2, 3\] expected"),
    ],
)
def test_a_wrong_action_is_refused_before_any_copy_is_stepped(expedition, actions, message):
    env = BatchedParallelEnv(expedition, [0, 1], None)
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=message):
        env.step(state, actions)
    assert all(copy.env.taken == [] for copy in env._copies)
    env.step(state, zeros(2))


def test_an_older_state_is_refused(expedition):
    env = BatchedParallelEnv(expedition, [0], None)
    state, _ = env.reset(None)
    env.step(state, zeros(1))
    with pytest.raises(ValueError, match="older state"):
        env.step(state, zeros(1))


@pytest.mark.parametrize("mask", [torch.ones(3, dtype=torch.bool), torch.ones(2, dtype=torch.int64)])
def test_a_wrong_mask_is_refused(expedition, mask):
    with pytest.raises(ValueError, match=r"mask .* found; bool \[2\] expected"):
        BatchedParallelEnv(expedition, [0, 1], None).reset(None, mask)


def test_the_first_reset_covers_every_row(expedition):
    with pytest.raises(ValueError, match=r"rows \[0\]"):
        BatchedParallelEnv(expedition, [0, 1], None).reset(None, torch.tensor([False, True]))


@pytest.mark.parametrize(
    ("where", "space", "message"),
    [
        ("action_spaces", spaces.Box(0, 1, (2,)), "agent 'miner': action space Box.* found; Discrete expected"),
        ("action_spaces", spaces.MultiDiscrete([2, 2]), "agent 'miner': action space MultiDiscrete"),
        ("observation_spaces", spaces.Dict({"observation": spaces.Discrete(2)}), "agent 'miner': .*Dict.*masks"),
        ("observation_spaces", spaces.MultiBinary(3), "'miner': .*MultiBinary.* found; Box or Discrete expected"),
    ],
)
def test_other_spaces_are_refused(expedition, where, space, message):
    def make():
        env = expedition()
        getattr(env, where)["miner"] = space
        return env

    with pytest.raises(TypeError, match=message):
        BatchedParallelEnv(make, [0], None)


def test_agents_that_change_between_episodes_are_refused(expedition):
    class Shrinking(expedition):
        def reset(self, seed=None, options=None):
            result = super().reset(seed, options)
            self.possible_agents = self.possible_agents[:2]
            return result

    with pytest.raises(ValueError, match=r"possible_agents \['scout', 'miner'\] found; .*'guard'\] expected"):
        BatchedParallelEnv(Shrinking, [0], None).reset(None)


def test_agents_that_nobody_has_named_are_refused(expedition):
    class Haunted(expedition):
        def reset(self, seed=None, options=None):
            result = super().reset(seed, options)
            self.agents.append("ghost")
            return result

    class HauntedLater(expedition):
        def step(self, actions):
            result = super().step(actions)
            self.agents.append("ghost")
            return result

    message = r"agents \['ghost'\] take part; some of \['scout', 'miner', 'guard'\] expected"
    with pytest.raises(ValueError, match=message):
        BatchedParallelEnv(Haunted, [0], None).reset(None)
    env = BatchedParallelEnv(HauntedLater, [0], None)
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=message):
        env.step(state, zeros(1))

    class Twins(expedition):
        def __init__(self):
            super().__init__()
            self.possible_agents = ["scout", "miner", "scout"]

    with pytest.raises(
        ValueError, match=r"possible_agents \['scout', 'miner', 'scout'\] found; each agent once expected"
    ):
        BatchedParallelEnv(Twins, [0], None)


def test_copies_that_differ_are_refused(expedition):
    made = []

    def make(change):
        made.append(expedition())
        if len(made) == 2:
            change(made[-1])
        return made[-1]

    def wider(env):
        env.observation_spaces["guard"] = spaces.Discrete(3)

    def fewer(env):
        env.possible_agents = env.possible_agents[:2]

    with pytest.raises(ValueError, match="'guard': two copies have different spaces"):
        BatchedParallelEnv(lambda: make(wider), [0, 1], None)
    made.clear()
    with pytest.raises(ValueError, match="possible_agents"):
        BatchedParallelEnv(lambda: make(fewer), [0, 1], None)
    one = expedition()
    with pytest.raises(ValueError, match="one environment twice"):
        BatchedParallelEnv(lambda: one, [0, 1], None)


def test_what_is_no_environment_is_refused(expedition):
    with pytest.raises(TypeError, match="SimpleNamespace found; a pettingzoo ParallelEnv expected"):
        BatchedParallelEnv(SimpleNamespace, [0], None)
    with pytest.raises(ValueError, match="no row seeds"):
        BatchedParallelEnv(expedition, [], None)

    class Nobody(expedition):
        def __init__(self):
            super().__init__()
            self.possible_agents = []

    with pytest.raises(ValueError, match="no possible_agents found"):
        BatchedParallelEnv(Nobody, [0], None)


def test_a_limit_is_needed(expedition):
    class Endless(expedition):
        def __init__(self):
            super().__init__()
            self.max_cycles = None

    with pytest.raises(ValueError, match=r"names no limit .*; episode_limit expected"):
        BatchedParallelEnv(Endless, [0], None)
    assert BatchedParallelEnv(Endless, [0], 5).episode_limit == 5
    with pytest.raises(ValueError, match="episode_limit 0 found"):
        BatchedParallelEnv(expedition, [0], 0)


def test_an_observation_outside_its_space_is_refused(expedition):
    class Wrong(expedition):
        def _observed(self, agents):
            return super()._observed(agents) | {self.agent: self.value}

    for agent, value, message in [
        ("scout", np.zeros(1), r"'scout': observation of shape \(1,\) found; \(3,\) expected"),
        ("miner", 6, "'miner': observation 6 found; one of 2 to 5 expected"),
    ]:
        Wrong.agent, Wrong.value = agent, value
        with pytest.raises(ValueError, match=message):
            BatchedParallelEnv(Wrong, [0], None).reset(None)


def test_close_closes_every_copy(expedition):
    closed = []

    class Closing(expedition):
        def close(self):
            closed.append(self)

    BatchedParallelEnv(Closing, [0, 1], None).close()
    assert len(closed) == 2


@pytest.mark.gpu
def test_results_are_on_the_device(expedition, check_batched_env):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    check_batched_env(lambda seeds: BatchedParallelEnv(expedition, seeds, None, "cuda"))
