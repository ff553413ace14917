"""`ParticleEnv`: a task, its physics and its opponents under the contract of a batched environment."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.draws import keys, uniform
from dvdn_sim.envs.api import Mask, Observations
from dvdn_sim.envs.batch import Game, Parts, check_actions, described
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.mpe.opponents import Opponent, Random, Still
from dvdn_sim.envs.mpe.world import ACTIONS, Floats, Going, Integers, MpeState, World, begin, bodies_of, clock_of
from dvdn_sim.scenario.envs import Opposed, Particles

Settings = TypeVar("Settings", bound=Particles)
Two = TypeVar("Two", bound=Opposed)

EDGE, INK, PAPER = (205, 205, 205), (40, 40, 40), (255, 255, 255)
LANDMARK, GOAL = (90, 90, 90), (60, 160, 60)
HALF_WIDTH = 1.35


class ParticleEnv(Game[Settings, MpeState]):
    """What all tasks share. Learners are agents in a row, from number `_first` on."""

    stream = "mpe"
    rows = MpeState
    moving: ClassVar[tuple[str, ...]] = ("positions", "velocities", "step", "done")
    _first = 0
    _memory_shape = (0, 0)

    def __init__(self, spec: Settings | None = None, *, row_seeds: Sequence[int] = (0,), **options: Any) -> None:
        super().__init__(spec, row_seeds=row_seeds, **options)
        self._world, self._legacy = self._made(), self.spec.physics == "legacy"
        self._physics = self._world.traits(), self._world.colliders, self._legacy, self.episode_limit
        self._near = self.spec.observation == "nearest"
        self._opponent_keys = keys(row_seeds, "mpe opponent")

    @abstractmethod
    def _made(self) -> World:
        """Return the bodies of the task."""

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """The N names, as in ``mpe2``."""
        return tuple(agent.name for agent in self._world.agents[self._first :][: self.n_agents])

    @property
    def _own_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Infinite, as in ``mpe2``, except for padding, which is 0."""
        real = np.arange(self.obs_dim) < np.array(self.obs_dims)[:, None]
        highest = np.where(real, np.inf, 0.0).astype(np.float32)
        return -highest, highest

    def positions(self, state: MpeState) -> Floats:
        """Where the agents are, in metres (see `Playable.positions`)."""
        return state.positions[:, self._first : self._first + self.n_agents].copy()

    def timed_out(self, state: MpeState) -> Mask:
        """Which rows are done: nothing else ends an episode (see `BatchedEnv.timed_out`)."""
        return state.done

    def place(
        self, positions: Floats, landmarks: Floats, *, velocities: Floats | None = None, goal: Integers | None = None
    ) -> MpeState:
        """Put any number of worlds together by hand, at the beginning of episode 0.

        Positions and velocities are of all agents, opponents included, ``[E, M, 2]``, landmarks ``[E, L, 2]``, goals
        int64 ``[E]``. Draws of row i are those of row seed i, counted round and round. Refuses (ValueError) what does
        not fit this game.
        """
        state = self._empty(len(positions))
        given = {"positions": positions, "landmarks": landmarks, "velocities": velocities, "goal": goal}
        parts = {name: values for name, values in given.items() if values is not None}
        state = replace(state, **{name: np.array(part, getattr(state, name).dtype) for name, part in parts.items()})
        self._check(state)
        return state

    @property
    def _parts(self) -> Parts:
        bodies = (float, (len(self._world.agents), 2))
        return {
            "positions": bodies,
            "velocities": bodies,
            "landmarks": (float, (self._world.landmarks, 2)),
            "goal": (np.int64, ()),
            "memory": (np.float32, self._memory_shape),
            "key": (np.uint64, ()),
        }

    def _empty(self, n_rows: int) -> MpeState:
        state = super()._empty(n_rows)
        state.key[:] = self._opponent_keys[np.arange(n_rows) % self.n_copies]
        return state

    def _begin(self, state: MpeState, rows: Integers) -> None:
        goals = self._world.landmarks if self._world.has_goal else 1
        begin(bodies_of(state), state.goal, goals, self._world.landmark_spread, self.keys, state.episode, rows)

    def _going(self, state: MpeState, actions: Integers) -> Going:
        """Return what a step takes, with the actions of all agents."""
        return bodies_of(state), clock_of(state), self._physics, actions

    def _check_values(self, state: MpeState) -> None:
        if ((state.goal < 0) | (state.goal >= max(1, self._world.landmarks))).any():
            raise ValueError(f"goal {state.goal.tolist()} found; one of {self._world.landmarks} landmarks expected")

    def _canvas(self, state: MpeState, row: int, *, numbered: bool) -> tuple[Canvas, Sequence[Sequence[float]], float]:
        """Draw ± 1.35 m, or as much as it takes to show everything; names have numbers."""
        places, landmarks = state.positions[row].tolist(), state.landmarks[row].tolist()
        half = max(HALF_WIDTH, 0.25 + max(abs(number) for place in places + landmarks for number in place))
        canvas = Canvas((-half, -half), (half, half), background=PAPER)
        canvas.line([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], EDGE)
        for agent, (x, y) in zip(self._world.agents, places, strict=True):
            red, green, blue = (round(255 * part) for part in agent.colour)
            canvas.disc((x, y), agent.size, (red, green, blue))
        for index, (x, y) in enumerate(landmarks):  # last, so that one that is covered is seen
            colour = GOAL if self._world.has_goal and index == state.goal[row] else LANDMARK
            canvas.disc((x, y), self._world.landmark_size, colour)
        for agent, (x, y) in zip(self._world.agents, places, strict=True):
            canvas.text((x, y + agent.size + 0.05), agent.name, INK, height_px=11)
        own = self.positions(state)[row].tolist()
        return canvas, own, max(agent.size for agent in self._world.agents)


class OpposedEnv(ParticleEnv[Two]):
    """A task whose other side may be played by opponents, who act on what they saw before the step, as learners do."""

    moving = (*ParticleEnv.moving, "memory")

    def __init__(
        self,
        spec: Two | None = None,
        *,
        opponent: str | Opponent | None = None,
        row_seeds: Sequence[int] = (0,),
        **options: Any,
    ) -> None:
        """Take a scenario's settings, or the same as keywords; a policy as `opponent` plays in place of theirs."""
        if isinstance(opponent, str):
            options["opponent"], opponent = opponent, None
        super().__init__(spec, row_seeds=row_seeds, **options)
        self.obs_dims = self.spec.obs_dims
        named: dict[str, Opponent | None] = {
            "agent": None, "scripted": self._script(), "random": Random(), "still": Still()
        }  # fmt: skip
        self._opponent = named[self.spec.opponent] if opponent is None else opponent
        if self._opponent is None:
            return
        memory_size = getattr(self._opponent, "memory_size", None)
        if not isinstance(memory_size, int) or not callable(getattr(self._opponent, "act", None)):
            raise TypeError(f"opponent {opponent!r} found; an Opponent, with memory_size and act, expected")
        if self.spec.opponent == "agent":
            raise ValueError(f"opponent {opponent!r} found beside `opponent: agent`; one of the two expected")
        self._memory_shape = (self.spec.opponents, memory_size)
        self._first = self.spec.opponents if self.spec.first_opponent == 0 else 0

    @abstractmethod
    def _script(self) -> Opponent:
        """Return who plays the opponents by a script."""

    @abstractmethod
    def _see(self, state: MpeState, first: int, seen: Observations) -> None:
        """Write what agents from number `first` on see, ``[E, n, D]``, all zeros now."""

    def _observe(self, state: MpeState, seen: Observations) -> None:
        self._see(state, self._first, seen)

    def _begin(self, state: MpeState, rows: Integers) -> None:
        super()._begin(state, rows)
        state.memory[rows] = 0.0

    def _going(self, state: MpeState, actions: Integers) -> Going:
        if self._opponent is not None:
            theirs = self._play(self._opponent, state)
            actions = np.concatenate((theirs, actions) if self.spec.first_opponent == 0 else (actions, theirs), 1)
        return super()._going(state, actions)

    def _play(self, opponent: Opponent, state: MpeState) -> Integers:
        """Return the opponents' actions, int64 ``[E, K]``; what they remember goes into the state.

        Refuses (ValueError) a policy that answers with another shape or dtype, or an action that there is not.
        """
        rows, (count, size) = len(state.step), self._memory_shape
        seen = np.zeros((rows, count, self.spec.opponent_sees), np.float32)
        self._see(state, self.spec.first_opponent, seen)
        chance = uniform(state.key, state.episode * self.episode_limit + state.step, np.arange(count)[:, None]).T
        chosen, memory = opponent.act(
            seen.reshape(rows * count, -1), state.memory.reshape(rows * count, size).copy(), chance.ravel()
        )
        _check_answer("actions", chosen, np.int64, (rows * count,))
        _check_answer("memory", memory, np.float32, (rows * count, size))
        if size:
            np.copyto(state.memory, memory.reshape(state.memory.shape), where=~state.done[:, None, None])
        names = tuple(agent.name for agent in self._world.agents[self.spec.first_opponent :][:count])
        return check_actions(chosen.reshape(rows, count), rows, np.ones((count, ACTIONS), bool), names)


def _check_answer(what: str, found: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    """Refuse (ValueError) an answer of another dtype or shape."""
    if found.dtype != dtype or found.shape != shape:
        expected = f"{np.dtype(dtype)} {list(shape)}"
        raise ValueError(f"opponent's {what} {described(found)} found; {expected} expected")
