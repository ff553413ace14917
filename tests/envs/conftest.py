"""A small game with unlike agents, and the contract of a batched environment as one function."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv

Make = Callable[[Sequence[int]], Any]


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


@pytest.fixture(scope="session")
def expedition() -> type[Expedition]:
    return Expedition


def _random_actions(env: Any, rng: np.random.Generator) -> torch.Tensor:
    counts = env.available.sum(dim=1).cpu().numpy()
    return torch.from_numpy(rng.integers(0, counts, (env.n_copies, env.n_agents))).to(env.device)


def _check_shapes(env: Any, observations: torch.Tensor) -> None:
    assert observations.shape == (env.n_copies, env.n_agents, env.obs_dim)
    assert observations.dtype == torch.float32
    assert env.available.shape == (env.n_agents, env.n_actions)
    assert env.available.dtype == torch.bool
    assert bool(env.available[:, 0].all())
    assert bool(env.available.any(dim=0).all())
    assert len(env.agents) == env.n_agents


def check_batched_env(make: Make) -> None:
    """Assert the contract of `BatchedEnv` for the environment that ``make(row_seeds)`` builds."""
    seeds = (3, 4, 3)
    together, alone = make(seeds), [make([seed]) for seed in seeds]
    rng = np.random.default_rng(0)
    state, seen = together.reset(None)
    states, firsts = zip(*(env.reset(None) for env in alone), strict=True)
    states = list(states)
    _check_shapes(together, seen)
    assert torch.equal(seen, torch.cat(firsts))
    assert torch.equal(seen[0], seen[2])
    done = torch.zeros(3, dtype=torch.bool, device=together.device)
    steps = torch.zeros(3, dtype=torch.int64)
    for _ in range(3 * together.episode_limit + 3):
        before, was_done = seen.clone(), done
        actions = _random_actions(together, rng)
        state, seen, rewards, done = together.step(state, actions)
        assert rewards.dtype == torch.float64
        assert done.dtype == torch.bool
        for row, env in enumerate(alone):
            states[row], obs, reward, over = env.step(states[row], actions[row : row + 1])
            assert torch.equal(obs[0], seen[row])
            assert torch.equal(reward[0], rewards[row])
            assert bool(over[0]) == bool(done[row])
        assert torch.equal(seen[was_done], before[was_done])
        assert not rewards[was_done].any()
        assert bool(done[was_done].all())
        steps = torch.where(was_done.cpu(), steps, steps + 1)
        assert int(steps.max()) <= together.episode_limit
        if bool(rng.random() < 0.3):
            mask = done & torch.from_numpy(rng.random(3) < 0.7).to(done)
            kept = seen.clone()
            state, seen = together.reset(state, mask)
            assert torch.equal(seen[~mask], kept[~mask])
            for row in torch.nonzero(mask).flatten().tolist():
                states[row], obs = alone[row].reset(states[row])
                assert torch.equal(obs[0], seen[row])
            done, steps = done & ~mask, torch.where(mask.cpu(), 0, steps)
    _check_resumed(make, seeds, rng)


def _check_resumed(make: Make, seeds: tuple[int, ...], rng: np.random.Generator) -> None:
    """Another process goes on from the numbers of the episodes alone, whichever rows come next."""
    latest = (2, 0, 1)
    resumed = make(seeds)
    state = resumed.resume(torch.tensor(latest, device=resumed.device))
    mask = torch.tensor([True, False, True], device=resumed.device)
    state, _ = resumed.reset(state, mask)
    state, seen = resumed.reset(state, ~mask)
    actions = _random_actions(resumed, rng)
    _, after, rewards, done = resumed.step(state, actions)
    for row, (seed, episode) in enumerate(zip(seeds, latest, strict=True)):
        uninterrupted = make([seed])
        own = None
        for _ in range(episode + 2):
            own, first = uninterrupted.reset(own)
        _, obs, reward, over = uninterrupted.step(own, actions[row : row + 1])
        assert torch.equal(first[0], seen[row])
        assert torch.equal(obs[0], after[row])
        assert torch.equal(reward[0], rewards[row])
        assert bool(over[0]) == bool(done[row])
    for wrong in (torch.zeros(3), torch.zeros(2, dtype=torch.int64), torch.tensor([0, -1, 0])):
        with pytest.raises(ValueError, match=r"episode .* found; .* expected"):
            resumed.resume(wrong.to(resumed.device))


@pytest.fixture(scope="session", name="check_batched_env")
def _check_batched_env() -> Callable[[Make], None]:
    return check_batched_env
