"""`Game`: what every environment of ours does alike, so that a family writes down its rules and nothing else."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import keys
from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.canvas import Canvas, Frame
from dvdn_sim.envs.permuted import Permutations
from dvdn_sim.records import Picture
from dvdn_sim.scenario import Env


@dataclass(frozen=True)
class Rows:
    """Where E rows of a game stand; each game adds arrays of its own, all with a leading axis of rows.

    Attributes:
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
        done: bool ``[E]``.
    """

    step: NDArray[np.int64]
    episode: NDArray[np.int64]
    done: Mask

    def copy(self, names: Iterable[str] | None = None) -> Self:
        """The same, with arrays of its own, or with those named, while it shares the others."""
        made = object.__new__(self.__class__)
        parts = made.__dict__  # written at once: a step in one row takes as long as a dozen such lines
        parts.update(self.__dict__)
        for name in names or tuple(parts):
            parts[name] = parts[name].copy()
        return made


# Made once: numpy is slower with the types.
BOOL, INT64, FLOAT32 = np.dtype(bool), np.dtype(np.int64), np.dtype(np.float32)
Parts = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]
"""Arrays of a state by name: their type, and their shape in one row."""

State = TypeVar("State", bound=Rows)
Settings = TypeVar("Settings", bound=Env)


class Game(ABC, Generic[Settings, State]):
    """E rows of a game under the contract of `dvdn_sim.envs.api.Playable`: numpy in and out.

    A game takes the settings that a scenario takes, or the same as keywords. `row_seeds` are E seeds: rows with equal
    seeds play equal episodes, and the k-th episode of a row depends on its seed and k alone.

    Raises:
        ValueError: Settings that do not go together, or no rows.
    """

    settings: ClassVar[type[Env]]
    """The scenario's model of this game."""
    stream: ClassVar[str]
    """Names the draws with which episodes begin."""
    rows: ClassVar[type[Rows]]
    """What a state is."""
    moving: ClassVar[tuple[str, ...] | None] = None
    """The arrays of a state that steps write; None for all."""

    def __init__(self, spec: Settings | None = None, *, row_seeds: Sequence[int] = (0,), **options: Any) -> None:
        made: Any = settings_of(self.settings, spec, options)
        self.spec: Settings = made
        if not row_seeds:
            raise ValueError("no row_seeds found; 1 or more expected")
        self.keys = keys(row_seeds, self.stream)
        self.n_copies, self.n_agents, self.n_actions = len(row_seeds), self.spec.n_agents, self.spec.n_actions
        self.obs_dim, self.episode_limit = self.spec.obs_dim, self.spec.longest_episode
        self.obs_dims = (self.obs_dim,) * self.n_agents
        self.available = np.ones((self.n_agents, self.n_actions), bool)
        self._permutations = Permutations(self.spec) if self.spec.permuted else None
        idle = np.full(self.n_agents, self._idle_action)
        self.idle_actions = idle if self._permutations is None else self._permutations.told(idle)
        self._latest: State | None = None  # made here, and in need of no check

    @property
    @abstractmethod
    def agents(self) -> tuple[str, ...]:
        """The N names (see `BatchedEnv.agents`)."""

    @property
    def observation_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lowest and highest observed numbers (see `Playable.observation_bounds`)."""
        low, high = self._own_bounds
        return self._observed(low), self._observed(high)

    @property
    @abstractmethod
    def _own_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The lowest and the highest numbers that `_observe` writes, float32 ``[N, D]`` each."""

    @property
    def _idle_action(self) -> int:
        """The action that does nothing."""
        return 0

    @abstractmethod
    def positions(self, state: State) -> NDArray[np.float64]:
        """Where the agents are (see `Playable.positions`)."""

    @abstractmethod
    def timed_out(self, state: State) -> Mask:
        """Which rows the time limit alone has ended (see `BatchedEnv.timed_out`)."""

    @property
    @abstractmethod
    def _parts(self) -> Parts:
        """What a state has beside what `Rows` have."""

    @abstractmethod
    def _begin(self, state: State, rows: NDArray[np.int64]) -> None:
        """Write the beginnings of the episodes ``state.episode`` into the given rows, int64 ``[M]``."""

    @abstractmethod
    def _step(self, state: State, actions: NDArray[np.int64], rewards: Rewards, seen: Observations) -> None:
        """Take a step in every row that is not done, in place, and say what agents gain by it, ``[E, N]``, now zeros.

        What belongs to `Rows` is kept as well: `step` and `done`. Also of rows that are done, write what agents see
        then, as `_observe` does: one call of compiled code for both is quicker than two.
        """

    @abstractmethod
    def _observe(self, state: State, seen: Observations) -> None:
        """Write what agents observe, ``[E, N, D]``, all zeros now."""

    @abstractmethod
    def _canvas(self, state: State, row: int, *, numbered: bool) -> tuple[Canvas, Sequence[Sequence[float]], float]:
        """Draw one row; return also where the agents are on the canvas, and their radius.

        Frames of pixels show agents as the original does; pages have each of them `numbered`.
        """

    def _check_values(self, state: State) -> None:
        """Refuse (ValueError) what arrays hold, all of the right shape and type, if the rules would misread it.

        Compiled code checks no index, so nothing may be left that leads it out of an array.
        """

    def reset(self, state: State | None, mask: Mask | None = None) -> tuple[State, Observations]:
        """Begin a new episode in some rows (see `BatchedEnv.reset`)."""
        _check_reset(None if state is None else len(state.step), mask, self.n_copies)
        if state is None:
            state = self._empty(self.n_copies)
            state.episode[:] = -1
        else:
            if state is not self._latest:
                self._check(state)
            state = state.copy()
        self._begin_at(state, np.arange(self.n_copies) if mask is None else mask.nonzero()[0])
        return state, self.observe(state)

    def resume(self, episode: NDArray[np.int64]) -> State:
        """A state between two episodes (see `BatchedEnv.resume`)."""
        check_episode(episode, self.n_copies)
        state = self._empty(self.n_copies)
        state.episode[:] = episode - 1
        self._begin_at(state, np.arange(self.n_copies))
        return state

    def step(self, state: State, actions: NDArray[np.int64]) -> tuple[State, Observations, Rewards, Mask]:
        """Take one step in every row that is not done (see `BatchedEnv.step`); any number of rows will do."""
        if state is not self._latest:
            self._check(state)
        self._latest = after = state.copy(self.moving)
        return after, *self.advance(after, actions)

    def advance(self, state: State, actions: NDArray[np.int64]) -> tuple[Observations, Rewards, Mask]:
        """Take the same step in place (see `Playable.advance`)."""
        if state is not self._latest:
            self._check(state)
            self._latest = state
        if self._permutations is None:
            actions = self._fitting(actions, len(state.step))
        else:
            actions = self._permutations.meant(check_actions(actions, len(state.step), self.available, self.agents))
        rewards, seen = np.zeros(actions.shape), np.zeros((*actions.shape, self.obs_dim), FLOAT32)
        self._step(state, actions, rewards, seen)
        return self._observed(seen), rewards, state.done

    def observe(self, state: State) -> Observations:
        """What the agents see, float32 ``[E, N, D]``."""
        if state is not self._latest:
            self._check(state)
        seen = np.zeros((len(state.step), self.n_agents, self.obs_dim), FLOAT32)
        self._observe(state, seen)
        return self._observed(seen)

    def meant(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """What actions, ``[..., N]``, are called in the game, where agents may count in orders of their own."""
        return actions if self._permutations is None else self._permutations.meant(actions)

    def frame(self, state: State, row: int = 0) -> Frame:
        """A picture of one row, uint8 ``[height, width, 3]``."""
        return self._canvas(state, row, numbered=False)[0].frame()

    def picture(self, state: State, row: int = 0) -> Picture:
        """The same as strokes, with the agents' numbers."""
        canvas, places, radius = self._canvas(state, row, numbered=True)
        return canvas.picture(places, radius)

    def _observed(self, numbers: Observations) -> Observations:
        return numbers if self._permutations is None else self._permutations.observed(numbers)

    def _begin_at(self, state: State, rows: NDArray[np.int64]) -> None:
        _next_episode(rows, state.step, state.episode, state.done)
        if len(rows):
            self._begin(state, rows)
        self._latest = state

    def _empty(self, n_rows: int) -> State:
        """Room for so many rows, all of it zeros."""
        parts = {"step": (np.int64, ()), "episode": (np.int64, ()), "done": (bool, ()), **self._parts}
        made: Any = self.rows(**{name: np.zeros((n_rows, *shape), kind) for name, (kind, shape) in parts.items()})
        return made  # type: ignore[no-any-return]

    def _fitting(self, actions: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
        """Return actions, contiguous; refuse what does not fit (see `check_actions`)."""
        return check_actions(actions, n_rows, self.available, self.agents)

    def _check(self, state: State) -> None:
        """Refuse (ValueError) a state of another game."""
        rows = len(state.step)
        for name, one in vars(self._empty(1)).items():
            found, shape = getattr(state, name), (rows, *one.shape[1:])
            if found.shape != shape or found.dtype != one.dtype or not found.flags.c_contiguous:
                raise ValueError(f"{name} {described(found)} found; {one.dtype} {list(shape)}, contiguous, expected")
        self._check_values(state)


@compiled
def _next_episode(rows: NDArray[np.int64], step: NDArray[np.int64], episode: NDArray[np.int64], done: Mask) -> None:
    for row in rows:
        step[row], done[row] = 0, False
        episode[row] += 1


def settings_of(model: type[Settings], spec: Settings | None, options: Mapping[str, Any]) -> Settings:
    """Return settings, which may be given as keywords; refuse (ValueError) such as do not go together."""
    made = model(**options) if spec is None else spec
    for setting, message, remedy in made.broken_rules():
        raise ValueError(f"{setting}: {message}; {remedy}")
    return made


def _check_reset(n_rows: int | None, mask: Mask | None, n_copies: int) -> None:
    """Refuse (ValueError) a reset of a state of other rows, or a first one (None) that leaves a row out."""
    if mask is not None:
        check_mask(mask, n_copies)
    if n_rows is None and mask is not None and not mask.all():
        raise ValueError("the first reset leaves rows out; all expected")
    if n_rows not in {None, n_copies}:
        raise ValueError(f"a state of {n_rows} rows found; {n_copies} expected")


def check_mask(mask: Mask, n_copies: int) -> None:
    """Refuse (ValueError) a mask that is not bool ``[E]``."""
    if mask.shape != (n_copies,) or mask.dtype != BOOL:
        raise ValueError(f"mask {described(mask)} found; bool [{n_copies}] expected")


def check_episode(episode: NDArray[np.int64], n_copies: int) -> None:
    """Refuse (ValueError) numbers of episodes that are not int64 ``[E]``, each at least 0."""
    if episode.shape != (n_copies,) or episode.dtype != np.int64:
        raise ValueError(f"episode {described(episode)} found; int64 [{n_copies}] expected")
    if (episode < 0).any():
        raise ValueError(f"episode {episode.min()} found; 0 or more expected")


def check_actions(
    actions: NDArray[np.int64], n_copies: int, available: NDArray[np.bool_], agents: tuple[str, ...]
) -> NDArray[np.int64]:
    """Return actions, contiguous; refuse what is no array (TypeError), not int64 ``[E, N]``, or not its agent's."""
    if not isinstance(actions, np.ndarray):
        raise TypeError(
            f"actions {type(actions).__name__} found; an array, int64 [{n_copies}, {len(agents)}], expected"
        )
    if actions.shape != (n_copies, len(agents)) or actions.dtype != INT64:
        raise ValueError(f"actions {described(actions)} found; int64 [{n_copies}, {len(agents)}] expected")
    actions = np.ascontiguousarray(actions)
    wrong = _first_wrong(actions, available)
    if wrong >= 0:
        row, agent = divmod(wrong, len(agents))
        found, count = int(actions[row, agent]), int(available[agent].sum())
        raise ValueError(f"row {row}, agent {agents[agent]!r}: action {found} found; 0 to {count - 1} expected")
    return actions


@compiled
def _first_wrong(actions: NDArray[np.int64], available: NDArray[np.bool_]) -> int:
    """The place of the first action that its agent does not have, row by row; -1 if there is none."""
    rows, agents = actions.shape
    for row in range(rows):
        for agent in range(agents):
            action = actions[row, agent]
            if not (0 <= action < available.shape[1] and available[agent, action]):
                return int(row * agents + agent)
    return -1


def described(array: NDArray[Any]) -> str:
    """Its dtype and shape, for messages: ``float32 [2, 3]``."""
    return f"{array.dtype} {list(array.shape)}"
