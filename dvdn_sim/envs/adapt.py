"""Any PettingZoo ``ParallelEnv`` as a batch: E copies in this process, stepped one after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv  # type: ignore[import-untyped, unused-ignore]

from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Rows, check_actions, check_episode, check_mask
from netmodels.streams import stream
from netmodels.units import legible

Row = NDArray[np.float32]
MakeEnv = Callable[[], ParallelEnv[Any, Any, Any]]
LARGEST = float(np.finfo(np.float32).max)
MOST_ACTIONS = 2**15
"""As many as the replay tells apart, which keeps them as int16."""
PLAYED_TWICE = 200
"""Steps, to see whether an environment repeats itself."""
LIMIT_NAMES = ("max_cycles", "max_episode_steps", "episode_limit")
MASK = "action_mask"
"""Under which PettingZoo's environments say, in observations or infos, what an agent may do at this step."""
NO_MASKS = "masks, which say what an agent may do at this step, are not obeyed yet"


@contextmanager
def closing(make_env: MakeEnv | None) -> Iterator[MakeEnv | None]:
    """Hand on what makes environments, and in the end, whatever comes, close all that it has made."""
    with ExitStack() as made:

        def make(make_env: MakeEnv) -> ParallelEnv[Any, Any, Any]:
            env = make_env()
            made.callback(getattr(env, "close", lambda: None))
            return env

        yield None if make_env is None else partial(make, make_env)


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
        """Fill `row`, float32 [width]; ValueError if `observation` is not in the space, or not all of it is finite."""
        values = np.asarray(observation)
        if values.dtype.kind not in "biuf":
            found = f"observation of type {type(observation).__name__} found"
            raise ValueError(f"agent {self.agent!r}: {found}; numbers expected")
        if self.start is None:
            if values.shape != self.shape:
                found = f"observation of shape {values.shape} found"
                raise ValueError(f"agent {self.agent!r}: {found}; {self.shape} expected")
            with np.errstate(over="ignore"):
                row[:] = values.ravel()
            if not np.isfinite(row).all():
                place = int(np.isfinite(row).argmin())
                found = f"{values.ravel()[place]} found at place {place} of its observation"
                raise ValueError(f"agent {self.agent!r}: {found}; a finite float32 expected")
            return
        index = int(values) - self.start if values.ndim == 0 and float(values).is_integer() else -1
        if not 0 <= index < self.width:
            expected = f"{self.start} to {self.start + self.width - 1}"
            raise ValueError(f"agent {self.agent!r}: observation {observation!r} found; one of {expected} expected")
        row[:] = 0.0
        row[index] = 1.0


def encoder(agent: str, space: object) -> Encoder:
    """Return how observations of `space` become a row; TypeError if it is neither Box nor Discrete, or a picture."""
    if isinstance(space, spaces.Discrete):
        return Encoder(agent, (int(space.n),), int(space.start))
    if isinstance(space, spaces.Box):
        if space.dtype == np.uint8 and len(space.shape) > 1 and bool((space.high == 255).all()):
            remedy = "numbers expected: learners have no convolutions; a wrapper may shrink, scale and flatten it"
            raise TypeError(f"agent {agent!r}: a picture found, {list(space.shape)} bytes; {remedy}")
        return Encoder(agent, space.shape, None)
    expected = "Box or Discrete expected, which a wrapper may make of it (gymnasium.spaces.utils.flatten)"
    if isinstance(space, spaces.Dict) and MASK in space.spaces:
        expected = f"{NO_MASKS}: the rest alone expected"
    raise TypeError(f"agent {agent!r}: observation space {legible(str(space))} found; {expected}")


def _in_words(space: object) -> str:
    """Return in a line what tells a space from others; the bounds of a Box as their hash."""
    if not isinstance(space, spaces.Box):
        return " ".join(str(space).split())
    bounds = blake2b(space.low.tobytes() + space.high.tobytes(), digest_size=4).hexdigest()
    return f"Box {list(space.shape)} of {space.dtype}, bounds {bounds}"


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
    An agent that has left (terminated or truncated) observes zeros and gets reward 0 from the next step on. One that
    is not among ``agents`` for a while does not act, observes what it is given, or zeros, and may come back. A row is
    done when no agent is left, or after `episode_limit` steps.

    The k-th episode of a row starts from ``reset(seed)`` with a seed that depends on (row seed, k) alone. So a run that
    is taken up between two episodes needs only the counters: a new adapter accepts any `AdapterState` in `reset` if the
    rows it leaves out are done (they observe zeros). Otherwise `state` must be the one that the latest call returned.

    Args:
        make: Builds one copy; called E times, a new object each time.
        row_seeds: E seeds; rows with equal seeds play equal episodes.
        episode_limit: Steps after which an episode is cut. None takes the copy's own limit, its attribute
            ``max_cycles``, ``max_episode_steps`` or ``episode_limit``.

    Attributes:
        name: Module and class. What an environment calls itself tells nothing.
        identity: Lines that, with the name, tell it from others: what wraps it, agents and their spaces, the limit.

    Raises:
        TypeError: Not a ``ParallelEnv``, or a space of another kind; the message names agent and space.
        ValueError: No rows, no agents, no limit, or copies that differ from one another.
    """

    def __init__(self, make: MakeEnv, row_seeds: Sequence[int], episode_limit: int | None) -> None:
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
        self.episode_limit = _limit(first, episode_limit)
        self.name = first.name
        self.identity = (*first.identity(), f"episodes of {self.episode_limit} steps at most")
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
            ValueError: `state` is not the latest one; an action that its agent does not have; another shape or dtype;
                or a game that gives what nobody can learn from, such as a reward that is not finite.
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

    def unrepeated(self) -> str:
        """Play some episodes twice, with the same seeds and actions; return what differs, in words, or nothing.

        Before the first `reset`. Whatever differs is drawn from elsewhere than from what ``reset(seed)`` began.
        """
        first, again = (list(self._beginning()) for _ in range(2))
        self._observations[...] = 0.0
        for (step, found), (_, then) in zip(first, again, strict=False):
            if not np.array_equal(found, then):
                return f"what agents see or gain at step {step} of an episode"
        return ""

    def _beginning(self) -> Iterator[tuple[int, Rewards]]:
        """Play random actions in the first copy, `PLAYED_TWICE` steps in all; yield steps, and what there is then."""
        copy, counts, left = self._copies[0], self.available.sum(1), PLAYED_TWICE
        while left > 0:
            luck = stream(self._row_seeds[0], "played twice", left)
            over, step, rewards = copy.reset(int(luck.integers(2**31))), 0, np.zeros(self.n_agents)
            yield step, np.append(self._observations[0], rewards)
            while not over and step < min(self.episode_limit, left):
                over, step = copy.step(luck.integers(counts).tolist(), rewards), step + 1
                yield step, np.append(self._observations[0], rewards)
            left -= step + 1

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


def _class_of(env: object) -> str:
    return legible(f"{type(env).__module__}.{type(env).__qualname__}", most=1000)


class _Copy:
    """One environment, writing what its agents observe into rows that it was given."""

    def __init__(self, env: ParallelEnv[Any, Any, Any]) -> None:
        if not isinstance(env, ParallelEnv):
            of_turns = "; pettingzoo.utils.aec_to_parallel makes one of it" if isinstance(env, AECEnv) else ""
            raise TypeError(f"{_class_of(env)} found; a pettingzoo ParallelEnv expected{of_turns}")
        self.name = _class_of(env.unwrapped)
        if not getattr(env, "possible_agents", None):
            raise ValueError(f"{self.name}: no possible_agents found; at least one agent expected")
        self.env = env
        self.ids = tuple(env.possible_agents)
        if len(set(map(str, self.ids))) < len(self.ids):
            raise ValueError(f"possible_agents {list(self.ids)} found; each agent once expected")
        self.encoders = tuple(encoder(str(agent), env.observation_space(agent)) for agent in self.ids)
        actions = [env.action_space(agent) for agent in self.ids]
        for agent, space in zip(self.ids, actions, strict=True):
            if not isinstance(space, spaces.Discrete):
                raise TypeError(f"agent {str(agent)!r}: action space {legible(str(space))} found; Discrete expected")
            if space.n > MOST_ACTIONS:
                raise ValueError(f"agent {str(agent)!r}: {space.n} actions found; {MOST_ACTIONS} at most expected")
        self.action_counts = tuple(int(space.n) for space in actions)
        self.action_starts = tuple(int(space.start) for space in actions)
        self._rows: list[Row] = []
        self._step = 0
        self._here: list[bool] = []
        self._gone: list[bool] = []
        self._left: list[bool] = []
        self.truncated = False
        """Whether an agent that was still there at the latest step was cut off by the game's time limit."""

    def identity(self) -> tuple[str, ...]:
        """What tells it from other environments of its class, line by line: what wraps it, agents and spaces."""
        outermost = _class_of(self.env)
        wrapped = () if outermost == self.name else (f"wrapped in {outermost}",)
        agents = (
            f"{str(agent)!r} observes {_in_words(self.env.observation_space(agent))}, "
            f"and acts in {_in_words(self.env.action_space(agent))}"
            for agent in self.ids
        )
        return *wrapped, *agents

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
        observations, infos = self.env.reset(seed=seed)
        self.check_agents(self.ids)
        self._step = 0
        present = self._present()
        self._here = [agent in present for agent in self.ids]
        self._gone = [False] * len(self.ids)
        self._left = [False] * len(self.ids)
        self._observe(observations, infos)
        return not any(self._here)

    def step(self, actions: list[int], rewards: NDArray[np.float64]) -> bool:
        """Step with actions [N], write the rewards, float64 [N]; return whether nobody is left."""
        here, gone, left = self._here, self._gone, self._left
        taken = {
            agent: start + action
            for agent, start, action, present in zip(self.ids, self.action_starts, actions, here, strict=True)
            if present
        }
        observations, gained, terminated, truncated, infos = self.env.step(taken)
        self._step += 1
        self.truncated = any(truncated.values()) and not all(terminated.values())
        self._observe(observations, infos)
        present_now = self._present()
        for i, agent in enumerate(self.ids):
            present = agent in present_now
            if not gone[i]:
                rewards[i] = self._reward(agent, gained.get(agent, 0.0))
                gone[i] = bool(terminated.get(agent) or truncated.get(agent))
            elif left[i] and present:
                rests = "one that only rests is neither terminated nor truncated"
                raise ValueError(f"step {self._step}: agent {str(agent)!r} found again after its end; {rests}")
            left[i] = gone[i] and not present
            here[i] = present and not gone[i]
        return not any(here)

    def _reward(self, agent: Any, found: Any) -> float:
        """Return a reward; ValueError if it is not one number that the replay can keep."""
        try:
            reward = float(found)
        except (TypeError, ValueError):
            reward = np.nan
        if not abs(reward) <= LARGEST:
            said = f"step {self._step}: agent {str(agent)!r}: reward {legible(str(found))} found"
            raise ValueError(f"{said}; a finite float32 expected")
        return reward

    def _present(self) -> list[Any]:
        """Who takes part now."""
        present: list[Any] = self.env.agents
        unknown = [agent for agent in present if agent not in self.ids]
        if unknown:
            raise ValueError(f"agents {unknown} take part; some of {list(self.ids)} expected")
        return present

    def _observe(self, observations: Mapping[Any, Any], infos: Mapping[Any, Any]) -> None:
        masked = next((agent for agent, info in infos.items() if info and MASK in info), None)
        if masked is not None:
            raise ValueError(f"agent {str(masked)!r}: an {MASK} found among its infos; {NO_MASKS}: none expected")
        for agent, gone, each, row in zip(self.ids, self._gone, self.encoders, self._rows, strict=True):
            if gone or agent not in observations:
                row[:] = 0.0
                continue
            try:
                each.write(observations[agent], row)
            except ValueError as error:
                raise ValueError(f"step {self._step}: {error}") from None


def _limit(copy: _Copy, asked: int | None) -> int:
    """Return the steps after which an episode has ended, as asked for or as the environment itself says."""
    own = (getattr(copy.env.unwrapped, name, None) for name in LIMIT_NAMES)
    found: Any = asked if asked is not None else next((each for each in own if _is_number(each)), None)
    if found is None:
        raise ValueError(f"{copy.name} names no limit ({', '.join(LIMIT_NAMES)}); episode_limit expected")
    if not _is_number(found) or found < 1 or found % 1:
        raise ValueError(f"episode_limit {found} found; a whole number, 1 or more, expected")
    return int(found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
