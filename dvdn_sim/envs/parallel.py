"""One copy of a batched environment as a PettingZoo ``ParallelEnv``: `BatchedParallelEnv` the other way round."""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv  # type: ignore[import-untyped, unused-ignore]

from dvdn_sim.envs.api import Playable
from dvdn_sim.envs.canvas import Frame

Observations = dict[str, NDArray[np.float32]]
Infos = dict[str, dict[str, object]]
Outcome = tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]


class SameSpaces(ParallelEnv[str, Any, int]):  # type: ignore[misc, unused-ignore]
    """Agents whose spaces never change."""

    agents: list[str]
    observation_spaces: dict[str, spaces.Box]
    action_spaces: dict[str, spaces.Discrete]

    def observation_space(self, agent: str) -> spaces.Box:
        """Return the observation space of `agent`, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Return the action space of `agent`, always the same object."""
        return self.action_spaces[agent]

    def _acting(self) -> list[str]:
        """Who acts now; RuntimeError if the episode is over or has not begun."""
        if not self.agents:
            raise RuntimeError("the episode is over or has not begun: call reset first")
        return self.agents

    def _told(self, observations: Observations, rewards: Sequence[float], *, over: bool, truncated: bool) -> Outcome:
        """What `step` returns; nobody is left once it is over."""
        agents, self.agents = self.agents, [] if over else self.agents
        gained = dict(zip(agents, map(float, rewards), strict=True))
        ended, cut = dict.fromkeys(agents, over and not truncated), dict.fromkeys(agents, over and truncated)
        return observations, gained, ended, cut, {agent: {} for agent in agents}


def parallel_env(
    kind: Callable[..., Playable[Any]], *, render_mode: str | None = None, **settings: object
) -> "SingleParallelEnv":
    """One copy of an environment of ours, made from its class and the class's keywords.

    >>> from dvdn_sim.envs.lbf import LevelBasedForaging
    >>> env = parallel_env(LevelBasedForaging, players=2, field_size=(5, 6), max_num_food=1, sight=2)
    >>> observations, infos = env.reset(seed=3)
    >>> env.agents, observations["player_0"].shape
    (['player_0', 'player_1'], (9,))
    """
    return SingleParallelEnv(lambda row_seeds: kind(**settings, row_seeds=row_seeds), render_mode)


class SingleParallelEnv(SameSpaces):
    """One copy of a batched environment, under PettingZoo's contract.

    Actions are Discrete, observations Box without the padding of the batch. All agents stay to the end; there they are
    truncated if the time was up, and terminated if the game was over. A seed names an episode, the first one of the
    row with that seed; `reset` without a seed goes on to the next, and begins with seed 0.

    Attributes:
        episode_limit: Steps after which an episode is truncated.

    Args:
        make: Builds the batch from one row seed, ``[seed]``; called again for each seed.
        render_mode: ``rgb_array`` for an environment that can be drawn.

    Raises:
        ValueError: A render mode that there is not, or a batch of several rows.
    """

    def __init__(self, make: Callable[[Sequence[int]], Playable[Any]], render_mode: str | None = None) -> None:
        if render_mode not in {None, "rgb_array"}:
            raise ValueError(f"render_mode {render_mode!r} found; None or 'rgb_array' expected")
        self._make, self.render_mode = make, render_mode
        self._state: Any = None
        self._env = env = self._made(0)
        modes = {"render_modes": ["rgb_array"], "render_fps": 5}
        self.metadata = {"name": type(env).__name__, **modes, "is_parallelizable": True}
        self.episode_limit = env.episode_limit
        self.possible_agents = list(env.agents)
        self.agents: list[str] = []
        low, high = env.observation_bounds
        self.observation_spaces = {
            agent: spaces.Box(low[i, :width].copy(), high[i, :width].copy(), dtype=np.float32)
            for i, (agent, width) in enumerate(zip(env.agents, env.obs_dims, strict=True))
        }
        counts = env.available.sum(1).tolist()
        self.action_spaces = {agent: spaces.Discrete(n) for agent, n in zip(env.agents, counts, strict=True)}

    def reset(self, seed: int | None = None, options: dict[str, object] | None = None) -> tuple[Observations, Infos]:
        """Start an episode; `options` are not used."""
        if seed is not None:
            self._env, self._state = self._made(seed), None
        self._state, observations = self._env.reset(self._state)
        self.agents = list(self.possible_agents)
        return self._observed(observations), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> Outcome:
        """Take one step, all agents at once.

        Raises:
            RuntimeError: The episode is over; `reset` first.
            ValueError: Agents without an action, unknown agents, or an action that its agent does not have.
        """
        agents = self._acting()
        if set(actions) != set(agents):
            raise ValueError(f"actions of {sorted(map(str, actions))} found; of {agents} expected")
        chosen = np.array([[index(actions[agent]) for agent in agents]], np.int64)
        observations, rewards, done = self._env.advance(self._state, chosen)
        truncated = bool(self._env.timed_out(self._state)[0])
        return self._told(self._observed(observations), rewards[0], over=bool(done[0]), truncated=truncated)

    def positions(self) -> NDArray[np.float64]:
        """Where the agents are, ``[N, 2]`` in the order of `possible_agents` (see `Playable.positions`).

        Raises:
            RuntimeError: There has been no `reset`.
        """
        places: NDArray[np.float64] = self._env.positions(self._begun())[0]
        return places

    def render(self) -> Frame:
        """A picture, uint8 ``[height, width, 3]``.

        Raises:
            RuntimeError: There is no render mode, or there has been no `reset`.
        """
        if self.render_mode is None:
            raise RuntimeError("no render_mode found; 'rgb_array' expected, when the environment is made")
        return self._env.frame(self._begun())

    def _made(self, seed: int) -> Playable[Any]:
        env = self._make([seed])
        if env.n_copies != 1:
            raise ValueError(f"make returned {env.n_copies} rows for one row seed; 1 expected")
        return env

    def _begun(self) -> Any:
        if self._state is None:
            raise RuntimeError("no episode has begun: call reset first")
        return self._state

    def _observed(self, observations: NDArray[np.float32]) -> Observations:
        return {
            agent: row[:width].copy()
            for agent, row, width in zip(self.possible_agents, observations[0], self._env.obs_dims, strict=True)
        }
