"""Any PettingZoo game as a batch: one with unlike agents, those of ``mpe2``, and what is refused."""

import dataclasses
import importlib
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv

from dvdn_sim.envs import AdapterState, BatchedParallelEnv
from dvdn_sim.learners import EpisodeReplay
from dvdn_sim.training.rollout import ReplicaEnvs
from netmodels.streams import stream


class Expedition(ParallelEnv):
    """Three agents that share nothing but the clock: unlike spaces, one leaves early, one may end the game."""

    metadata: ClassVar = {"name": "expedition"}

    def __init__(self, limit: int = 6, late: str | None = None) -> None:
        self.max_cycles = limit
        self.possible_agents = ["scout", "miner", "guard"]
        self.late = late
        self.observation_spaces = {
            "scout": spaces.Box(-np.inf, np.inf, (3,)),
            "miner": spaces.Discrete(4, start=2),
            "guard": spaces.Box(-np.inf, np.inf, (2, 2), dtype=np.float64),
        }
        self.action_spaces = {
            "scout": spaces.Discrete(3),
            "miner": spaces.Discrete(2, start=5),
            "guard": spaces.Discrete(4),
        }
        self.agents: list[str] = []
        self.seeds: list[int] = []
        self.taken: list[dict[str, int]] = []

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def _observed(self, agents):
        return {
            agent: int(self.rng.integers(2, 6)) if agent == "miner" else self.rng.normal(size=space.shape)
            for agent, space in self.observation_spaces.items()
            if agent in agents
        }

    def reset(self, seed=None, options=None):
        self.seeds.append(seed)
        self.rng = np.random.default_rng(seed)
        self.time = 0
        self.guard_leaves_at = int(self.rng.integers(1, 5))
        self.agents = [agent for agent in self.possible_agents if agent != self.late]
        return self._observed(self.agents), {agent: {} for agent in self.agents}

    def step(self, actions):
        assert list(actions) == self.agents
        self.taken.append(dict(actions))
        self.time += 1
        acting = list(self.agents)
        if self.late is not None and self.time == 2:
            acting.append(self.late)
        rewards = {agent: float(actions.get(agent, 0)) + float(self.rng.random()) for agent in acting}
        over = self.rng.random() < 0.1
        terminated = {agent: over or (agent == "guard" and self.time >= self.guard_leaves_at) for agent in acting}
        truncated = dict.fromkeys(acting, self.time >= self.max_cycles)
        self.agents = [
            agent for agent in self.possible_agents if agent in acting and not (terminated[agent] or truncated[agent])
        ]
        return self._observed(acting), rewards, terminated, truncated, {agent: {} for agent in acting}


def zeros(rows):
    return np.zeros((rows, 3), np.int64)


def test_fulfils_the_contract(check_batched_env):
    check_batched_env(lambda seeds: BatchedParallelEnv(Expedition, seeds, None))


def test_sizes_are_those_of_the_largest():
    env = BatchedParallelEnv(Expedition, [0, 1], None)
    assert (env.n_copies, env.n_agents, env.n_actions, env.obs_dim, env.episode_limit) == (2, 3, 4, 4, 6)
    assert env.agents == ("scout", "miner", "guard")
    assert env.available.tolist() == [[True, True, True, False], [True, True, False, False], [True] * 4]
    assert BatchedParallelEnv(lambda: Expedition(limit=None), [0], 5).episode_limit == 5


def test_observations_are_flattened_one_hot_and_padded():
    env = BatchedParallelEnv(Expedition, [7], None)
    _, observations = env.reset(None)
    twin = Expedition()
    expected, _ = twin.reset(seed=int(stream(7, "reset", 0).integers(2**31)))
    scout, miner, guard = observations[0]
    assert np.array_equal(scout, [*expected["scout"].astype(np.float32), 0.0])
    assert np.array_equal(miner, np.eye(4)[expected["miner"] - 2])
    assert np.array_equal(guard, expected["guard"].astype(np.float32).ravel())


def test_episode_seeds_depend_on_row_seed_and_count_alone():
    made = []
    env = BatchedParallelEnv(lambda: made.append(Expedition()) or made[-1], [5, 9], None)
    state, _ = env.reset(None)
    state, _ = env.reset(state, np.array([False, True]))
    state, _ = env.reset(state, np.array([False, True]))
    state, _ = env.reset(state)
    seed_of = lambda seed, k: int(stream(seed, "reset", k).integers(2**31))  # noqa: E731
    assert made[0].seeds == [seed_of(5, k) for k in range(2)]
    assert made[1].seeds == [seed_of(9, k) for k in range(4)]
    assert state.episode.tolist() == [1, 3]
    env.step(state, np.array([[2, 1, 3]] * 2))
    assert made[0].taken == [{"scout": 2, "miner": 6, "guard": 3}], "actions count from the start of their space"


def test_an_agent_that_left_observes_nothing_and_gets_nothing():
    env = BatchedParallelEnv(Expedition, range(40), None)
    state, _ = env.reset(None)
    leaves_at = np.array([copy.env.guard_leaves_at for copy in env._copies])
    done = np.zeros(40, bool)
    checked = 0
    for now in range(1, 7):
        running = ~done
        state, observations, rewards, done = env.step(state, zeros(40))
        last, gone = running & (leaves_at == now), running & (leaves_at < now)
        assert bool(observations[last, 2].any(axis=1).all())
        assert bool((rewards[last, 2] > 0).all())
        assert not observations[gone, 2].any()
        assert not rewards[gone, 2].any()
        assert bool((rewards[gone, :2] > 0).all())
        checked += int(gone.sum())
    assert checked > 20
    assert bool(done.all())


def test_an_agent_may_join_late():
    env = BatchedParallelEnv(lambda: Expedition(limit=4, late="scout"), range(20), None)
    state, observations = env.reset(None)
    assert not observations[:, 0].any()
    for now in range(1, 5):
        state, observations, rewards, done = env.step(state, zeros(20))
        running = ~done
        assert bool(observations[running, 0].any(axis=1).all()) == (now >= 2)
        assert bool((rewards[running, 0] > 0).all()) == (now >= 2)
        if now == 2:
            assert int(running.sum()) > 5
            break


def test_an_agent_kept_in_the_list_after_its_end_stays_out():
    class Lingering(Expedition):
        def step(self, actions):
            everyone = list(self.agents)
            result = super().step({agent: actions.get(agent, 0) for agent in everyone})
            self.agents = everyone
            return result

    env = BatchedParallelEnv(Lingering, [1], None)
    state, _ = env.reset(None)
    for _ in range(6):
        state, _, _, done = env.step(state, zeros(1))
    assert bool(done)
    assert env._copies[0].env.agents == ["scout", "miner", "guard"]


class Shifts(Expedition):
    """The guard is away at some steps, without an end of it, and nobody else leaves."""

    def __init__(self, *steps, ends=False):
        super().__init__(limit=6)
        self.steps, self.ends = steps, ends

    def step(self, actions):
        observed, paid, over, cut, infos = super().step(actions)
        away, over = self.time in self.steps, dict.fromkeys(over, False)
        if not cut["scout"]:
            self.agents = self.possible_agents[:2] if away else list(self.possible_agents)
        return observed, paid, over | {"guard": self.ends and away}, cut, infos


def test_an_agent_may_rest_and_come_back():
    """It does not act, as the game asserts; it observes what there is for it, else zeros; what it is paid counts."""
    made = []
    env = BatchedParallelEnv(lambda: made.append(Shifts(2, 3)) or made[-1], [0], None)
    state, _ = env.reset(None)
    told = []
    for _ in range(6):
        state, observations, rewards, done = env.step(state, np.array([[1, 1, 3]]))
        told.append((bool(observations[0, 2].any()), bool(rewards[0, 2])))
    assert told == [(True, True), (True, True), (False, False), (False, False), (True, True), (True, True)]
    assert ["guard" in actions for actions in made[0].taken] == [True, True, False, False, True, True]
    assert (done.tolist(), env.timed_out(state).tolist()) == ([True], [True])


def test_an_agent_that_comes_back_after_its_end_is_told():
    env = BatchedParallelEnv(lambda: Shifts(2, ends=True), [0], None)
    state, _ = env.reset(None)
    for _ in range(2):
        state, *_ = env.step(state, zeros(1))
    with pytest.raises(ValueError, match="step 3: agent 'guard' found again after its end; one that only rests"):
        env.step(state, zeros(1))


def test_the_episode_limit_cuts():
    env = BatchedParallelEnv(lambda: Expedition(limit=100), [0, 1, 2, 3], 2)
    state, _ = env.reset(None)
    state, _, _, _ = env.step(state, zeros(4))
    state, _, _, done = env.step(state, zeros(4))
    assert done.tolist() == [True] * 4
    assert max(env.step(state, zeros(4))[0].step) == 2


@pytest.mark.parametrize("limit", [5, np.int64(5), np.int16(5), 5.0, np.float32(5)])
def test_any_whole_number_is_a_limit(limit):
    for env in (
        BatchedParallelEnv(lambda: Expedition(limit), [0], None), BatchedParallelEnv(Expedition, [0], limit),
    ):  # fmt: skip
        assert (type(env.episode_limit), env.episode_limit) == (int, 5)


def test_a_new_adapter_takes_up_a_run_between_episodes():
    first = BatchedParallelEnv(Expedition, [3, 4], None)
    state, _ = first.reset(None)
    done = np.array([False, False])
    while not done.all():
        state, _, _, done = first.step(state, zeros(2))
    saved = AdapterState(**dataclasses.asdict(state))
    later = BatchedParallelEnv(Expedition, [3, 4], None)
    mask = np.array([False, True])
    resumed, observations = later.reset(saved, mask)
    state, expected = first.reset(state, mask)
    assert np.array_equal(observations[1], expected[1])
    assert not observations[0].any()
    assert all(np.array_equal(part, vars(state)[name]) for name, part in vars(resumed).items())
    _, _, rewards, done = later.step(resumed, zeros(2))
    assert bool(done[0])
    assert not rewards[0].any()


def test_what_does_not_go_on_from_where_it_is_is_refused():
    env, started = (BatchedParallelEnv(Expedition, [3, 4], None) for _ in range(2))
    state, _ = started.reset(None)
    started.step(state, zeros(2))
    one = np.array([False, True])
    for call, message in (
        (lambda: started.step(state, zeros(2)), "older state"),
        (lambda: env.reset(None, one), r"rows \[0\]"),
        (lambda: env.reset(state, one), r"rows \[0\] left out"),
        (lambda: BatchedParallelEnv(Expedition, [3], None).reset(state), "2 rows found; 1 expected"),
        (lambda: env.reset(None, np.ones(3, bool)), r"mask .* found; bool \[2\] expected"),
        (lambda: env.reset(None, np.ones(2, np.int64)), r"mask .* found; bool \[2\] expected"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert [env.reset(of)[0].episode.tolist() for of in (state, None)] == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.array([[0, 0, 0], [0, 2, 0]]), "row 1, agent 'miner': action 2 found; 0 to 1 expected"),
        (np.array([[0, 0, -1], [0, 0, 0]]), "row 0, agent 'guard': action -1 found; 0 to 3 expected"),
        (np.zeros((2, 2), np.int64), r"actions int64 \[2, 2\] found; int64 \[2, 3\] expected"),
        (np.zeros((2, 3)), r"actions float64 \[2, 3\] found; int64 \[2, 3\] expected"),
    ],
)
def test_a_wrong_action_is_refused_before_any_copy_is_stepped(actions, message):
    env = BatchedParallelEnv(Expedition, [0, 1], None)
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=message):
        env.step(state, actions)
    assert all(copy.env.taken == [] for copy in env._copies)
    env.step(state, zeros(2))


@pytest.mark.parametrize(
    ("where", "space", "message"),
    [
        ("action_spaces", spaces.Box(0, 1, (2,)), "agent 'miner': action space Box.* found; Discrete expected"),
        ("action_spaces", spaces.MultiDiscrete([2, 2]), "agent 'miner': action space MultiDiscrete"),
        (
            "observation_spaces",
            spaces.Dict({"observation": spaces.Discrete(2), "action_mask": spaces.MultiBinary(2)}),
            "agent 'miner': .*Dict.*masks, which .* not obeyed yet",
        ),
        ("observation_spaces", spaces.Dict({"place": spaces.Discrete(2)}), r"Dict\(.* Box .* \(gymnasium\.spaces\."),
        ("observation_spaces", spaces.Box(0, 255, (8, 8, 3), np.uint8), r"'miner': a picture found, \[8, 8, 3\]"),
        ("observation_spaces", spaces.MultiBinary(3), "'miner': .*MultiBinary.* found; Box or Discrete expected"),
    ],
)
def test_other_spaces_are_refused(where, space, message):
    def make():
        env = Expedition()
        getattr(env, where)["miner"] = space
        return env

    with pytest.raises(TypeError, match=message):
        BatchedParallelEnv(make, [0], None)
    with pytest.raises(TypeError, match="SimpleNamespace found; a pettingzoo ParallelEnv expected"):
        BatchedParallelEnv(SimpleNamespace, [0], None)


def with_agents(*names):
    """The same game with other possible agents."""
    env = Expedition()
    env.possible_agents = list(names)
    return env


def acting(n_actions):
    """The same game with many actions of the guard."""
    env = Expedition()
    env.action_spaces["guard"] = spaces.Discrete(n_actions)
    return env


def copies_that_differ(change):
    """Makes a first game and then changed ones."""
    made = []

    def make():
        made.append(Expedition())
        if len(made) > 1:
            change(made[-1])
        return made[-1]

    return make


ONE = Expedition()


def test_so_many_actions_come_back_from_the_replay():
    """The last one of as many as are taken."""
    envs = ReplicaEnvs(BatchedParallelEnv(lambda: acting(32_768), [0], 1), 1, torch.device("cpu"))
    sizes = {"n_agents": 3, "obs_dim": 4, "steps": 1, "reward_dtype": torch.float32, "device": envs.device}
    replay = EpisodeReplay([0], capacity=1, **sizes)
    replay.insert(envs.play(lambda *_: np.array([[0, 0, 32_767]]), np.ones(1, bool)), np.ones(1, bool))
    assert replay.minibatch(np.zeros((1, 1), np.int64)).actions[0, :, 0, 0].tolist() == [0, 0, 32_767]


@pytest.mark.parametrize(
    ("make", "row_seeds", "limit", "message"),
    [
        (Expedition, [], None, "no row seeds"),
        (Expedition, [0], 0, "episode_limit 0 found"),
        (Expedition, [0], 2.5, "episode_limit 2.5 found; a whole number, 1 or more, expected"),
        (lambda: Expedition(np.inf), [0], None, "episode_limit inf found"),
        (lambda: Expedition(limit=None), [0], None, r"test_adapt.Expedition names no limit .*; episode_limit expected"),
        (lambda: Expedition(limit=True), [0], None, r"names no limit"),
        (lambda: acting(40_000), [0], None, "agent 'guard': 40000 actions found; 32768 at most expected"),
        (with_agents, [0], None, "no possible_agents found"),
        (
            lambda: with_agents("scout", "miner", "scout"), [0], None,
            r"possible_agents \['scout', 'miner', 'scout'\] found; each agent once expected",
        ),
        (lambda: with_agents(1, "1"), [0], None, r"possible_agents \[1, '1'\] found; each agent once expected"),
        (lambda: ONE, [0, 1], None, "one environment twice"),
        (
            copies_that_differ(lambda env: env.observation_spaces.update(guard=spaces.Discrete(3))), [0, 1], None,
            "'guard': two copies have different spaces",
        ),
        (copies_that_differ(lambda env: env.possible_agents.pop()), [0, 1], None, "possible_agents"),
    ],
)  # fmt: skip
def test_what_makes_no_batch_is_refused(make, row_seeds, limit, message):
    with pytest.raises(ValueError, match=message):
        BatchedParallelEnv(make, row_seeds, limit)


def test_close_closes_every_copy(monkeypatch):
    closed = []
    monkeypatch.setattr(Expedition, "close", lambda env: closed.append(env.possible_agents))
    BatchedParallelEnv(Expedition, [0, 1], None).close()
    assert len(closed) == 2


def ghost(env, result):
    env.agents.append("ghost")
    return result


def guard_removed(env, result):
    env.possible_agents.pop()
    return result


def paying(reward):
    """Makes the guard's reward another one."""
    return lambda _, result: (result[0], result[1] | {"guard": reward}, *result[2:])


def masking(_, result):
    *rest, infos = result
    return *rest, infos | {"guard": {"action_mask": np.ones(4, np.int8)}}


@pytest.mark.parametrize(
    ("method", "meddle", "message"),
    [
        ("reset", guard_removed, r"possible_agents \['scout', 'miner'\] found; .*'guard'\] exp"),
        ("reset", ghost, r"agents \['ghost'\] take part; some of \['scout', 'miner', 'guard'\] expected"),
        ("step", ghost, r"agents \['ghost'\] take part; some of \['scout', 'miner', 'guard'\] expected"),
        ("_observed", {"scout": np.zeros(1)}, r"step 0: .*'scout': observation of shape \(1,\) found; \(3,\) expected"),
        (
            "_observed",
            {"scout": [0.5, np.nan, 1.0]},
            "step 0: agent 'scout': nan found at place 1 of its observation; a",
        ),
        ("_observed", {"guard": np.full((2, 2), 1e39)}, r"'guard': 1e\+39 found at place 0 .* finite float32 expected"),
        ("_observed", {"guard": [[0.0, 0.0], [0.0, -np.inf]]}, "'guard': -inf found at place 3"),
        ("_observed", {"scout": {"observation": np.zeros(3)}}, "'scout': observation of type dict found; numbers exp"),
        ("_observed", {"miner": 6}, "'miner': observation 6 found; one of 2 to 5 expected"),
        ("_observed", {"miner": -1}, "'miner': observation -1 found; one of 2 to 5 expected"),
        ("_observed", {"miner": 2.7}, "'miner': observation 2.7 found; one of 2 to 5 expected"),
        ("_observed", {"miner": np.nan}, "'miner': observation nan found; one of 2 to 5 expected"),
        ("step", paying(np.nan), "step 1: agent 'guard': reward nan found; a finite float32 expected"),
        ("step", paying(-np.inf), "step 1: agent 'guard': reward -inf found"),
        ("step", paying(1e39), r"step 1: agent 'guard': reward 1e\+39 found"),
        ("step", paying(None), "step 1: agent 'guard': reward None found"),
        ("step", paying(np.ones(2)), r"step 1: agent 'guard': reward \[1. 1.\] found; a finite float32 expected"),
        ("reset", masking, "agent 'guard': an action_mask found among its infos; masks, .* are not obeyed yet"),
        ("step", masking, "agent 'guard': an action_mask found among its infos"),
    ],
)
def test_what_cannot_be_played_on_is_refused(method, meddle, message):
    """Something is wrong once it is played."""

    class Meddled(Expedition):
        pass

    def meddled(env, *args, **more):
        result = getattr(Expedition, method)(env, *args, **more)
        return result | meddle if isinstance(meddle, dict) else meddle(env, result)

    setattr(Meddled, method, meddled)
    env = BatchedParallelEnv(Meddled, [0], None)
    with pytest.raises(ValueError, match=message):
        env.step(env.reset(None)[0], zeros(1))


@pytest.mark.parametrize("game", ["simple_spread_v3", "simple_adversary_v3", "simple_tag_v3"])
def test_takes_games_that_it_was_not_made_for(game, check_batched_env):
    """mpe2's: teams whose observations differ in length, truncated after 25 steps."""
    make = importlib.import_module(f"mpe2.{game}").parallel_env
    env = BatchedParallelEnv(make, [4], None)
    check_batched_env(lambda seeds: BatchedParallelEnv(make, seeds, None))
    twin = make()
    expected, _ = twin.reset(seed=int(stream(4, "reset", 0).integers(2**31)))
    state, observations = env.reset(None)
    rng = np.random.default_rng(0)
    while twin.agents:
        for agent, row in zip(env.agents, observations[0], strict=True):
            assert np.array_equal(row[: len(expected[agent])], expected[agent].astype(np.float32))
            assert not row[len(expected[agent]) :].any()
        actions = rng.integers(0, 5, env.n_agents)
        expected, gained, _, _, _ = twin.step(dict(zip(env.agents, actions.tolist(), strict=True)))
        state, observations, rewards, done = env.step(state, actions[None])
        assert rewards[0].tolist() == [gained[agent] for agent in env.agents]
    assert (done.tolist(), env.timed_out(state).tolist(), state.step.tolist()) == ([True], [True], [25])
