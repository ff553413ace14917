"""Any PettingZoo ``ParallelEnv`` as a batch: E copies in this process, stepped one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv  # type: ignore[import-untyped, unused-ignore]

from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Rows, check_actions, check_episode, check_mask
from netmodels.streams import stream

Row = NDArray[np.float32]


@dataclass(frozen=True)
class Encoder:
    """Writes the observations of one agent into rows: a Box in row-major order, a Discrete with 1 at its value.

    Attributes:
        agent: Name, for messages.
        shape: Of the Box; ``(n,)`` of a Discrete.
        start: Lowest value of a Discrete, None of a Box.
    """

    agent: str
    shape: tuple[int, ...]
    start: int | None

    @property
    def width(self) -> int:
        """Length of the row."""
        return int(np.prod(self.shape, dtype=np.int64))

    def write(self, observation: object, row: Row) -> None:
        """Fill `row`, float32 [width]; ValueError if `observation` does not lie in the space."""
        values = np.asarray(observation)
        if self.start is None:
            if values.shape != self.shape:
                found = f"observation of shape {values.shape} found"
                raise ValueError(f"agent {self.agent!r}: {found}; {self.shape} expected")
            row[:] = values.ravel()
            return
        index = int(values) - self.start if values.ndim == 0 else -1
        if not 0 <= index < self.width:
            expected = f"{self.start} to {self.start + self.width - 1}"
            raise ValueError(f"agent {self.agent!r}: observation {observation!r} found; one of {expected} expected")
        row[:] = 0.0
        row[index] = 1.0


def encoder(agent: str, space: object) -> Encoder:
    """Return how observations of `space` become a row; TypeError if it is neither Box nor Discrete."""
    if isinstance(space, spaces.Box):
        return Encoder(agent, space.shape, None)
    if isinstance(space, spaces.Discrete):
        return Encoder(agent, (int(space.n),), int(space.start))
    hint = " (masks that change from step to step are not taken)" if isinstance(space, spaces.Dict) else ""
    raise TypeError(f"agent {agent!r}: observation space {space} found{hint}; Box or Discrete expected")


LIMIT_NAMES = ("max_cycles", "max_episode_steps", "episode_limit")


@dataclass(frozen=True)
class AdapterState(Rows):
    """Where each row stands. The games themselves are held by the adapter's copies; this is what a checkpoint keeps.

    Attributes:
        timed_out: bool ``[E]``, whether a time limit ended it, that of the adapter or the game's own (truncation).
    """

    timed_out: Mask


class BatchedParallelEnv:
    """E copies of a PettingZoo ``ParallelEnv``, under the contract of `dvdn_sim.envs.api.BatchedEnv`.

    Actions are Discrete; observations are Box (flattened) or Discrete (one-hot). Agents whose spaces differ are padded.
    The first action of each agent is taken for the one that does nothing, as it is in most games.
    An agent that has left (terminated or truncated) observes zeros and gets reward 0 from the next step on. A row is
    done when no agent is left, or after `episode_limit` steps.

    The k-th episode of a row starts from ``reset(seed)`` with a seed that depends on (row seed, k) alone. So a run that
    is taken up between two episodes needs only the counters: a new adapter accepts any `AdapterState` in `reset` if the
    rows it leaves out are done (they observe zeros). Otherwise `state` must be the one that the latest call returned.

    Args:
        make: Builds one copy; called E times, a new object each time.
        row_seeds: E seeds; rows with equal seeds play equal episodes.
        episode_limit: Steps after which an episode is cut. None takes the copy's own limit, its attribute
            ``max_cycles``, ``max_episode_steps`` or ``episode_limit``.

    Raises:
        TypeError: Not a ``ParallelEnv``, or a space of another kind; the message names agent and space.
        ValueError: No rows, no agents, no limit, or copies that differ from one another.
    """

    def __init__(
        self,
        make: Callable[[], ParallelEnv[Any, Any, Any]],
        row_seeds: Sequence[int],
        episode_limit: int | None,
    ) -> None:
        if not row_seeds:
            raise ValueError("no row seeds found; one per copy expected")
        copies = [_Copy(make()) for _ in row_seeds]
        if len({id(copy.env) for copy in copies}) < len(copies):
            raise ValueError("make returned one environment twice; a new one at each call expected")
        first = copies[0]
        for copy in copies[1:]:
            first.check_equals(copy)
        self.n_copies = len(copies)
        self.n_agents = len(first.ids)
        self.agents = tuple(str(agent) for agent in first.ids)
        self.n_actions = max(first.action_counts)
        self.obs_dims = tuple(each.width for each in first.encoders)
        self.obs_dim = max(self.obs_dims)
        self.episode_limit = _limit(first.env, episode_limit)
        self.available = np.arange(self.n_actions) < np.array(first.action_counts)[:, None]
        self.idle_actions = np.zeros(self.n_agents, np.int64)
        self.action_starts = first.action_starts
        self.encoders = first.encoders
        self._copies = copies
        self._row_seeds = tuple(row_seeds)
        self._observations = np.zeros((self.n_copies, self.n_agents, self.obs_dim), np.float32)
        for copy, rows in zip(copies, self._observations, strict=True):
            copy.write_to(rows)
        self._latest: AdapterState | None = None

    def reset(self, state: AdapterState | None, mask: Mask | None = None) -> tuple[AdapterState, Observations]:
        """Begin the next episode of the rows in `mask` (see `BatchedEnv.reset`).

        Raises:
            ValueError: `mask` has another shape or dtype; or a row that it leaves out has no episode (first call), or
                is in the middle of one that is not the one held here; or a copy has changed its agents.
        """
        chosen = np.ones(self.n_copies, bool) if mask is None else mask
        check_mask(chosen, self.n_copies)
        if state is None or state is not self._latest:
            self._check_between(state, chosen)
            self._observations[...] = 0.0
        after = self._between(np.full(self.n_copies, -1)) if state is None else state.copy()
        for row in np.flatnonzero(chosen).tolist():
            after.episode[row] += 1
            after.step[row], after.timed_out[row] = 0, False
            seed = int(stream(self._row_seeds[row], "reset", after.episode[row]).integers(2**31))
            after.done[row] = self._copies[row].reset(seed)
        self._latest = after
        return after, self._observations.copy()

    def resume(self, episode: NDArray[np.int64]) -> AdapterState:
        """A state between two episodes (see `BatchedEnv.resume`).

        It is exact where `ParallelEnv.reset` with a seed begins anew, as its contract says; what an environment carries
        from one episode to the next in spite of that is lost.
        """
        check_episode(episode, self.n_copies)
        return self._between(episode.copy())

    def step(self, state: AdapterState, actions: NDArray[np.int64]) -> tuple[AdapterState, Observations, Rewards, Mask]:
        """Step the rows that are not done (see `BatchedEnv.step`).

        Raises:
            ValueError: `state` is not the latest one; an action that its agent does not have; another shape or dtype.
        """
        if state is not self._latest:
            raise ValueError("an older state found: the copies cannot go back; the latest one expected")
        check_actions(actions, self.n_copies, self.available, self.agents)
        after, chosen, rewards = state.copy(), actions.tolist(), np.zeros((self.n_copies, self.n_agents))
        for row in np.flatnonzero(~state.done).tolist():
            after.step[row] += 1
            copy = self._copies[row]
            over = copy.step(chosen[row], rewards[row])
            after.done[row] = over or after.step[row] >= self.episode_limit
            after.timed_out[row] = copy.truncated if over else after.done[row]
        self._latest = after
        return after, self._observations.copy(), rewards, after.done

    def timed_out(self, state: AdapterState) -> Mask:
        """Which rows a time limit ended, bool ``[E]``."""
        return state.timed_out

    def close(self) -> None:
        """Close every copy."""
        for copy in self._copies:
            copy.env.close()

    def _between(self, episode: NDArray[np.int64]) -> AdapterState:
        rows = self.n_copies
        return AdapterState(np.zeros(rows, np.int64), episode, np.ones(rows, bool), np.zeros(rows, bool))

    def _check_between(self, state: AdapterState | None, chosen: Mask) -> None:
        """Refuse (ValueError) to go on from a state that is not the one held, but at the start or between episodes."""
        may_be_left_out = np.zeros(self.n_copies, bool) if state is None else state.done
        if len(may_be_left_out) != self.n_copies:
            raise ValueError(f"a state of {len(may_be_left_out)} rows found; {self.n_copies} expected")
        if lacking := np.flatnonzero(~(chosen | may_be_left_out)).tolist():
            raise ValueError(f"rows {lacking} left out of the reset have no episode here that could go on")


class _Copy:
    """One environment, writing what its agents observe into rows that it was given."""

    def __init__(self, env: ParallelEnv[Any, Any, Any]) -> None:
        if not isinstance(env, ParallelEnv):
            raise TypeError(f"{type(env).__name__} found; a pettingzoo ParallelEnv expected")
        if not getattr(env, "possible_agents", None):
            raise ValueError(f"{env}: no possible_agents found; at least one agent expected")
        self.env = env
        self.ids = tuple(env.possible_agents)
        if len(set(self.ids)) < len(self.ids):
            raise ValueError(f"possible_agents {list(self.ids)} found; each agent once expected")
        self.encoders = tuple(encoder(str(agent), env.observation_space(agent)) for agent in self.ids)
        actions = [env.action_space(agent) for agent in self.ids]
        for agent, space in zip(self.ids, actions, strict=True):
            if not isinstance(space, spaces.Discrete):
                raise TypeError(f"agent {str(agent)!r}: action space {space} found; Discrete expected")
        self.action_counts = tuple(int(space.n) for space in actions)
        self.action_starts = tuple(int(space.start) for space in actions)
        self._rows: list[Row] = []
        self._here: list[bool] = []
        self._gone: list[bool] = []
        self.truncated = False
        """Whether an agent that was still there at the latest step was cut off by the game's time limit."""

    def check_equals(self, other: "_Copy") -> None:
        """Refuse (ValueError) a copy with other agents or other spaces."""
        other.check_agents(self.ids)
        mine, theirs = (
            zip(copy.encoders, copy.action_counts, copy.action_starts, strict=True) for copy in (self, other)
        )
        for agent, own, another in zip(self.ids, mine, theirs, strict=True):
            if own != another:
                raise ValueError(f"agent {str(agent)!r}: two copies have different spaces; equal ones expected")

    def check_agents(self, expected: tuple[object, ...]) -> None:
        """Refuse (ValueError) possible agents that are not the `expected` ones."""
        found = tuple(self.env.possible_agents)
        if found != expected:
            raise ValueError(f"possible_agents {list(found)} found; {list(expected)} expected, in every episode")

    def write_to(self, rows: NDArray[np.float32]) -> None:
        """Take float32 [N, D] as the place for observations."""
        self._rows = [row[: each.width] for row, each in zip(rows, self.encoders, strict=True)]

    def reset(self, seed: int) -> bool:
        """Begin the episode that `seed` names; return whether nobody takes part."""
        observations, _ = self.env.reset(seed=seed)
        self.check_agents(self.ids)
        present = self._present()
        self._here = [agent in present for agent in self.ids]
        self._gone = [False] * len(self.ids)
        self._observe(observations)
        return not any(self._here)

    def step(self, actions: list[int], rewards: NDArray[np.float64]) -> bool:
        """Step with actions [N], write the rewards, float64 [N]; return whether nobody is left."""
        here, gone = self._here, self._gone
        taken = {
            agent: start + action
            for agent, start, action, present in zip(self.ids, self.action_starts, actions, here, strict=True)
            if present
        }
        observations, gained, terminated, truncated, _ = self.env.step(taken)
        self.truncated = any(truncated.values()) and not all(terminated.values())
        self._observe(observations)
        present_now = self._present()
        for i, agent in enumerate(self.ids):
            if gone[i]:
                continue
            rewards[i] = gained.get(agent, 0.0)
            finished = terminated.get(agent) or truncated.get(agent)
            gone[i] = bool(finished) or (here[i] and agent not in present_now)
            here[i] = agent in present_now and not gone[i]
        return not any(here)

    def _present(self) -> list[Any]:
        """Who takes part now."""
        present: list[Any] = self.env.agents
        unknown = [agent for agent in present if agent not in self.ids]
        if unknown:
            raise ValueError(f"agents {unknown} take part; some of {list(self.ids)} expected")
        return present

    def _observe(self, observations: dict[Any, Any]) -> None:
        for agent, gone, each, row in zip(self.ids, self._gone, self.encoders, self._rows, strict=True):
            if not gone and agent in observations:
                each.write(observations[agent], row)
            else:
                row[:] = 0.0


def _limit(env: ParallelEnv[Any, Any, Any], asked: int | None) -> int:
    own = (getattr(env.unwrapped, name, None) for name in LIMIT_NAMES)
    limit = asked if asked is not None else next((value for value in own if isinstance(value, int)), None)
    if limit is None:
        raise ValueError(f"{env} names no limit ({', '.join(LIMIT_NAMES)}); episode_limit expected")
    if limit < 1:
        raise ValueError(f"episode_limit {limit} found; 1 or more expected")
    return limit
