"""The Hybrid POMDP: from no communication to full, late and lossy in between, in conforming environments."""

from typing import ClassVar

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from mpe2 import simple_spread_v3, simple_tag_v3
from pettingzoo import ParallelEnv
from pettingzoo.test import parallel_api_test, parallel_seed_test
from watch import Watch

from dvdn_sim.envs import ForagingParallelEnv, parallel_env
from dvdn_sim.envs.marbler import MaterialTransport, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread
from dvdn_sim.hybrid import HybridParallelEnv
from dvdn_sim.scenario import ConstantTime, Network
from netmodels import LinkSpec
from netmodels.topology import Complete, Path, Range

COMPLETE = Complete()


def network(*, loss=0.0, delay=0.0, deadline=None, topology=COMPLETE, period=0.1, faults=(), **options):
    link = LinkSpec(rate=options.pop("rate", "unlimited"), delay=delay, loss=loss)
    return Network(
        topology=topology, link=link, deadline=deadline, control_period=period, compute=ConstantTime(0.0),
        faults=faults, **options,
    )  # fmt: skip


class Counting(ParallelEnv):
    """Three agents; each observes (its number, the step). Agent 2 leaves after three steps."""

    metadata: ClassVar = {"name": "counting"}
    possible_agents = ("a", "b", "c")

    def __init__(self, leaves_after=99):
        self.leaves_after, self.agents, self.time = leaves_after, [], 0
        self.observation_spaces = {agent: spaces.Box(-9.0, 99.0, (2,), np.float32) for agent in self.possible_agents}
        self.action_spaces = {agent: spaces.Discrete(2) for agent in self.possible_agents}

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def positions(self):
        return np.array([[0.0, 0.0], [1.0, 0.0], [1.0 + self.time, 0.0]])

    def seen(self):
        return {agent: np.array([self.possible_agents.index(agent), self.time], np.float32) for agent in self.agents}

    def reset(self, seed=None, options=None):
        self.agents, self.time = list(self.possible_agents), 0
        return self.seen(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.time += 1
        before, seen = self.agents, self.seen()
        gone = self.time >= self.leaves_after
        self.agents = [agent for agent in before if not (gone and agent == "c")]
        no, yes = dict.fromkeys(before, False), {agent: gone and agent == "c" for agent in before}
        return seen, dict.fromkeys(before, 0.0), yes, no, {agent: {} for agent in before}


def parts(observation):
    """Own observation, and (value, age, heard) of each of the others."""
    rest = observation[2:].reshape(2, 4)
    return observation[:2].tolist(), [(row[:2].tolist(), row[2], row[3]) for row in rest]


def walked(env, steps, seed=0):
    """Observations of agent a, from the reset on."""
    first = env.reset(seed=seed)[0]["a"]
    return [first, *(env.step(dict.fromkeys(env.agents, 0))[0]["a"] for _ in range(steps))]


@pytest.mark.parametrize(
    ("delay", "deadline", "age"), [(0.05, None, 1), (0.05, 0.05, 0), (0.25, 0.1, 2), (0.25, None, 3)]
)
def test_late_messages_are_as_old_as_they_say(delay, deadline, age):
    """A step lasts 0.1 s. With a delay of 0.25 s and a wait of 0.1 s, what was sent at 0 s counts at 0.3 s: step 2."""
    for time, observation in enumerate(
        walked(HybridParallelEnv(Counting(), network(delay=delay, deadline=deadline)), 6)
    ):
        heard = ([1, time - age], age, 1) if time >= age else ([0, 0], 0, 0)
        assert parts(observation)[1][0] == heard


def test_who_is_no_neighbour_is_not_heard():
    """A path a - b - c."""
    env = HybridParallelEnv(Counting(), network(topology=Path()))
    _, infos = env.reset(seed=0)
    assert infos["a"]["ages"] == {"b": 0}
    assert infos["b"]["ages"] == {"a": 0, "c": 0}


def test_ranges_ask_the_environment_where_agents_are():
    """c walks away: at 1, 2, 3, … from a, at 0, 1, 2, … from b; it is heard within 2, and then grows old."""
    env = HybridParallelEnv(Counting(), network(topology=Range(2.0)))
    _, infos = env.reset(seed=0)
    ages = [infos["a"]["ages"]]
    for _ in range(3):
        *_, infos = env.step(dict.fromkeys(env.agents, 0))
        ages.append(infos["a"]["ages"])
    assert ages == [{"b": 0, "c": 0}, {"b": 0, "c": 0}, {"b": 0, "c": 1}, {"b": 0, "c": 2}]


def test_who_has_left_says_nothing_more_and_grows_old():
    env = HybridParallelEnv(Counting(leaves_after=2), network())
    env.reset(seed=0)
    ages = [env.step(dict.fromkeys(env.agents, 0))[-1]["a"]["ages"]["c"] for _ in range(4)]
    assert ages == [0, 1, 2, 3]


def test_who_rests_is_heard_again_when_it_is_back():
    """c takes no part after steps 2 and 3; and of the ends only those that come are told."""

    class Terse(Watch):
        def step(self, actions):
            observed, paid, over, *rest = super().step(actions)
            return observed, paid, {agent: True for agent, ends in over.items() if ends}, *rest

    env = HybridParallelEnv(Terse(away=(2, 3), limit=9), network())
    env.reset(seed=0)
    ages = [env.step(dict.fromkeys(env.agents, 0))[-1]["a"]["ages"]["c"] for _ in range(6)]
    assert ages == [0, 0, 1, 2, 0, 0]


def test_a_crashed_agent_neither_speaks_nor_hears_and_may_forget():
    """b is down from 0.15 s to 0.35 s, steps 2 and 3."""
    for state, remembers in (("kept", {"a": 1, "c": 1}), ("lost", {})):
        faults = ({"kind": "crash", "node": 1, "at": 0.15, "for": 0.2, "state": state},)
        env = HybridParallelEnv(Counting(), network(faults=faults))
        env.reset(seed=0)
        infos = [env.step(dict.fromkeys(env.agents, 0))[-1] for _ in range(5)]
        assert [info["a"]["ages"]["b"] for info in infos] == [0, 1, 2, 0, 0]
        assert infos[1]["b"]["ages"] == remembers
        assert infos[3]["b"]["ages"] == {"a": 0, "c": 0}


def test_an_episode_forgets_the_one_before():
    """Messages under way at its end expire; the clock goes on."""
    env = HybridParallelEnv(Counting(), network(delay=0.25))
    walked(env, 5)
    under_way = env.counts.in_flight
    assert under_way > 0
    observations, _ = env.reset()
    assert parts(observations["a"])[1] == [([0, 0], 0, 0)] * 2
    assert env.counts.expired == under_way
    later = env.step(dict.fromkeys(env.agents, 0))[0]["a"]
    assert parts(later)[1] == [([0, 0], 0, 0)] * 2


def test_messages_of_ones_own():
    space = spaces.Box(-90.0, 990.0, (1,), np.float32)
    env = HybridParallelEnv(Counting(), network(), encode=encode, message_space=space)
    env.reset(seed=0)
    observation = env.step(dict.fromkeys(env.agents, 0))[0]["a"]
    assert observation.tolist() == [0, 1, 10, 0, 1, 10, 0, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 1), st.sampled_from([0.0, 0.03, 0.1, 0.37]), st.sampled_from([None, 0.0, 0.05, "auto"]),
    st.sampled_from(["link", "node", "medium", "node, broadcast", "medium, broadcast"]), st.integers(0, 99),
)  # fmt: skip
def test_whatever_the_network_does(loss, delay, deadline, share, seed):
    """Counts add up; a value is what its sender observed so many steps ago; ages fall only when something came."""
    deadline = None if deadline == "auto" and loss == 1.0 else deadline
    options = {"share": share.partition(",")[0], "broadcast": "broadcast" in share, "rate": "100 kbit/s"}
    env = HybridParallelEnv(Counting(), network(loss=loss, delay=delay, deadline=deadline, **options))
    for episode in range(2):
        observations, _ = env.reset(seed=seed if episode == 0 else None)
        for time in range(8):
            counts = env.counts
            assert counts.in_flight == counts.in_flight >= 0
            for agent, observation in observations.items():
                assert env.observation_space(agent).contains(observation)
                others = [other for other in range(3) if other != env.possible_agents.index(agent)]
                for other, (value, age, heard) in zip(others, parts(observation)[1], strict=True):
                    assert value == ([other, time - age] if heard else [0, 0])
                    assert 0 <= age <= time
            observations, *_ = env.step(dict.fromkeys(env.agents, 0))


ENVS = {
    "foraging": lambda: ForagingParallelEnv(players=3, field_size=(8, 8), max_num_food=2, sight=2, max_episode_steps=9),
    "spread": lambda: simple_spread_v3.parallel_env(max_cycles=9),
    "tag": lambda: simple_tag_v3.parallel_env(max_cycles=9),
    "our spread": lambda: parallel_env(SimpleSpread, max_episode_steps=9),
    "our adversary": lambda: parallel_env(SimpleAdversary, opponent="agent", max_episode_steps=9),
    "our warehouse": lambda: parallel_env(Warehouse, max_episode_steps=9),
    "our material": lambda: parallel_env(MaterialTransport, max_episode_steps=9),
}
LOSSY = {"loss": 0.3, "delay": 0.04, "deadline": 0.05}


@pytest.mark.parametrize("name", ENVS)
def test_it_is_a_conforming_environment(name):
    parallel_api_test(HybridParallelEnv(ENVS[name](), network(**LOSSY)), num_cycles=40)
    parallel_seed_test(lambda: HybridParallelEnv(ENVS[name](), network(**LOSSY)), num_cycles=20)


@pytest.mark.parametrize("loss", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", ENVS)
def test_the_game_itself_is_the_same_and_what_is_heard_was_seen(name, loss):
    """From full communication to none, to the last step; games end by time here, where the last word is still said."""
    env, plain = HybridParallelEnv(ENVS[name](), network(loss=loss)), ENVS[name]()
    (heard, infos), (seen, _) = env.reset(seed=3), plain.reset(seed=3)
    history, rng, terminated = [seen], np.random.default_rng(0), {}
    width = max(len(row) for row in seen.values())
    shares = []
    while heard and not any(terminated.values()):
        now = len(history) - 1
        for agent, row in heard.items():
            own = history[now][agent].astype(np.float32)
            assert np.array_equal(row[: len(own)], own)
            others = [other for other in env.possible_agents if other != agent]
            for other, (*message, age, there) in zip(others, row[len(own) :].reshape(-1, width + 2), strict=True):
                assert infos[agent]["ages"].get(other) == (age if there else None)
                said = history[now - int(age)][other] if there else np.zeros(0)
                assert np.array_equal(message, np.pad(said.astype(np.float32), (0, width - len(said))))
                shares.append(there and age == 0)
        if not env.agents:
            break
        actions = {agent: int(rng.integers(env.action_space(agent).n)) for agent in env.agents}
        heard, rewards, terminated, truncated, infos = env.step(actions)
        seen, *expected, _ = plain.step(actions)
        assert [rewards, terminated, truncated] == expected
        history.append(seen)
    assert not plain.agents
    assert all(truncated.values())
    assert {0.0: all(shares), 0.3: 0.5 < np.mean(shares) < 0.9, 1.0: not any(shares)}[loss]
    assert loss < 1.0 or env.counts.lost == {"loss": env.counts.sent}


def encode(agent, observation):
    return observation[1:] * 10


@pytest.mark.parametrize(
    ("env", "over", "options", "said"),
    [
        (Counting(), network(), {"encode": encode}, "belong together"),
        (Counting(), network(), {"message_space": spaces.Box(0, 1, (1,))}, "belong together"),
        (Counting(), network(), {"encode": encode, "message_space": spaces.Box(0, 1, (2, 2))}, "one axis expected"),
        (Counting(), network(deadline=0.2), {}, r"deadline 0\.2 s found; at most the control period, 0\.1 s"),
        (Counting(), network(faults=({"kind": "crash", "node": 7, "at": 0.0},)), {}, "expected agents below 3"),
        (5, network(), {}, "int found; a pettingzoo ParallelEnv expected"),
        (Counting(), "scenarios/lossy_lbf.yaml", {}, "str found; a Network expected, of a scenario its `network`"),
    ],
)
def test_what_does_not_fit_is_refused(env, over, options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        HybridParallelEnv(env, over, **options)
