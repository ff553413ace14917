"""Environments of others: how often they are made, what tells one from another, and who acts in them."""

import shutil

import numpy as np
import pytest
from edited_folders import edit
from gymnasium import spaces
from pettingzoo.utils import BaseParallelWrapper
from watch import Watch

from dvdn_sim import evaluate, load_policy, load_run, run
from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.training import play_episode, summarise


@pytest.fixture(autouse=True)
def _nothing_made_yet():
    Watch.made.clear()


@pytest.fixture
def train(tiny, tmp_path):
    """Trains for a few steps in a folder of its own, and returns it."""

    def trained(make, *changes, **options):
        few = "training={steps: 60, batch: 2, buffer: 4, epsilon: {steps: 30}}", "evaluation.epsilon=0"
        run(tiny(*few, *changes), device="cpu", out=tmp_path / "run", make_env=make, **options)
        return tmp_path / "run"

    return trained


def test_so_many_are_made_as_play_and_all_are_closed(train):
    folder = train(Watch, "evaluation.episodes=7")
    assert len(Watch.made) == 2 * (1 + 7), "two seeds, a copy of each that trains, and seven that are evaluated"
    evaluate(folder, device="cpu", make_env=Watch, episodes=3)
    play_episode(folder, device="cpu", make_env=Watch, number=3)
    assert len(Watch.made) == 16 + 2 * 3 + 2 * 7
    assert all(env.taken and env.closed == 1 for env in Watch.made)


def test_all_are_closed_whatever_comes(train):
    """The fourth cannot be made; the network does not fit; a game breaks down."""

    class Rare(Watch):
        def __init__(self):
            if len(self.made) == 3:
                raise LookupError
            super().__init__()

    class Broken(Watch):
        def step(self, actions):
            raise ZeroDivisionError

    with pytest.raises(LookupError):
        train(Rare)
    with pytest.raises(ScenarioError, match=r"does not fit 9 agents.*; `network.topology=\{kind: complete\}` fits any"):
        train(lambda: Watch(ids=range(9)))
    with pytest.raises(ZeroDivisionError):
        train(Broken)
    assert len(Watch.made) > 9
    assert all(env.closed == 1 for env in Watch.made)


class Other(Watch):
    """Of the same name, paid for something else."""


class Wide(Watch):
    """Sees as many numbers, within other bounds."""

    def observation_space(self, agent):
        return spaces.Box(-2, 2, (2,), np.float32)


Wide.__qualname__ = "Watch"


@pytest.mark.parametrize(
    ("make", "limit", "said"),
    [
        (Other, None, "env: watch.Watch before, .*test_own_envs.Other now"),
        (Wide, None, r"'c' observes Box \[2\] of float32, bounds \w+, and acts in Discrete\(3\) now"),
        (lambda: Watch(ids=("a", "b", "d")), None, "'d' observes .* now"),
        (Watch, 4, "episodes of 5 steps at most before\n  episodes of 4 steps at most now"),
    ],
)
def test_another_environment_does_not_go_on_with_a_run(train, make, limit, said):
    """Whether it came to its end or not, and though it has the same name."""
    folder = train(Watch)
    assert train(Watch, resume=True) == folder
    for state in ("finished", "interrupted"):
        edit(folder / "manifest.json", state=state)
        with pytest.raises(RunFolderError, match=said):
            train(make, resume=True, episode_limit=limit)


class Doubled(BaseParallelWrapper):
    """Pays twice as much, and leaves the spaces as they are."""

    def step(self, actions):
        observed, paid, *rest = self.env.step(actions)
        return observed, {agent: 2 * reward for agent, reward in paid.items()}, *rest


def test_what_wraps_an_environment_is_part_of_it(train):
    folder = train(Watch)
    with pytest.raises(RunFolderError, match=r"expected\n  wrapped in .*test_own_envs\.Doubled now$"):
        train(lambda: Doubled(Watch()), resume=True)
    assert load_run(folder).manifest["env"] == "watch.Watch"


def test_an_environment_called_as_one_of_ours_is_not_taken_for_it(train):
    """Its players, sizes and class name are those of `lbf` in the scenario."""
    named = type("lbf", (Watch,), {"metadata": {"name": "lbf"}, "__str__": lambda _: "lbf"})
    folder = train(lambda: named(ids=[f"player_{i}" for i in range(3)]))
    with pytest.raises(RunFolderError, match=r"test_own_envs.lbf', came from Python; call `dvdn_sim.evaluate` or"):
        evaluate(folder, device="cpu")


def test_no_name_damages_a_run(train):
    """What an environment calls itself is not asked; names of its class are written in one line."""

    class Loud(Watch):
        def __str__(self):
            raise RuntimeError("reset first")

    Loud.__qualname__ = "two\nlines\x1b[31m"
    folder = train(Loud)
    assert load_run(folder).manifest["env"] == __name__ + r".two\nlines\x1b[31m"
    assert (
        (folder / "scenario.yaml").read_text().startswith(f"# Trained in {__name__}" + r".two\nlines\x1b[31m, in place")
    )
    assert evaluate(folder, device="cpu", make_env=Loud).returns.shape[0] == 2


def test_a_reward_that_is_none_is_told_and_not_taken_for_divergence(train, tmp_path):
    class Unpaid(Watch):
        def step(self, actions):
            observed, paid, *rest = super().step(actions)
            return observed, paid | ({"b": np.nan} if self.time == 3 and len(self.taken) > 350 else {}), *rest

    with pytest.raises(ValueError, match="step 3: agent 'b': reward nan found"):
        train(Unpaid)
    assert "agent 'b': reward nan" in load_run(tmp_path / "run").manifest["state"]


@pytest.mark.parametrize(
    "options", [{"ids": (0, 1, 2)}, {"ids": ((0, 1), 2, "b")}, {"leaves": 2}, {"away": (1, 2)}, {"away": (4,)}]
)
def test_a_team_acts_in_a_loop_as_it_was_trained(train, options):
    """Agents that are no strings, one that leaves, one that rests: the same actions, by those alone who take part."""
    make = lambda: Watch(**options)  # noqa: E731
    folder = train(make, "evaluation.episodes=1")
    evaluate(folder, device="cpu", make_env=make)
    for seed, expected in zip((0, 1), Watch.made[-2:], strict=True):
        env, policy = make(), load_policy(folder, seed=seed)
        observations, _ = env.reset(seed=0)
        policy.reset()
        while env.agents:
            observations, *_ = env.step(policy.act(observations, env.agents))
        assert env.taken == expected.taken


def test_what_draws_from_elsewhere_than_its_seed_is_told(train):
    """A reward at one step, an observation at the first, and nothing: the words of the warning are those of the end."""

    class Unseeded(Watch):
        lucky, dazed = 3, None

        def seen(self):
            observed = super().seen()
            return observed | {"b": self.luck() * observed["b"]} if self.time == self.dazed else observed

        def luck(self):
            return np.float32(np.random.random())  # noqa: NPY002

        def step(self, actions):
            observed, paid, *rest = super().step(actions)
            return observed, paid | ({"a": self.luck()} if self.time == self.lucky else {}), *rest

    class Dazed(Unseeded):
        lucky, dazed = None, 0

    see = "what agents see or gain at step"
    for make, said in ((Unseeded, f"{see} 3 of an episode"), (Dazed, f"{see} 0 of an episode"), (Watch, "")):
        told = []
        summary = train(make, warn=told.append)
        text = summarise(load_run(summary)).text()
        assert [f"does not repeat itself, nor will this run: {said} is another" in line for line in told] == [
            True
        ] * bool(said)
        assert (f"repeating  no: {said} is another" in text) == bool(said)
        shutil.rmtree(summary)


def test_a_run_without_an_update_says_so(train):
    """Twelve episodes make no minibatch of thirteen."""
    for batch in (13, 12):
        folder = train(Watch, f"training.batch={batch}", "training.buffer=20")
        assert ("no update: too few episodes" in summarise(load_run(folder)).text()) == (batch == 13)
        shutil.rmtree(folder)


def test_an_observation_that_is_none_is_told(train):
    """By a policy as in training."""
    folder = train(Watch)
    policy = load_policy(folder, seed=0)
    assert set(policy.act({"a": np.zeros(2)})) == {"a"}
    with pytest.raises(ValueError, match="agent 'a': nan found at place 1 of its observation"):
        policy.act({"a": [0.0, np.nan]})
    with pytest.raises(ValueError, match="agent 'd' found; one of a, b, c expected"):
        policy.act({}, ["d"])
