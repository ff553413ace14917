"""`Sorting` and `Relay`: the rules under the contract of a batched environment, and the picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Game, Parts, Rows
from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.ring.rules import begin_rows, observe_rows, relay_rows, sort_rows
from dvdn_sim.scenario import envs
from netmodels.streams import stream

NEW: Colour = (120, 130, 145)
RIGHT: Colour = (46, 125, 80)
WRONG: Colour = (190, 60, 50)
INK: Colour = (255, 255, 255)
BLACK: Colour = (40, 40, 40)


@dataclass(frozen=True)
class RingState(Rows):
    """Where E rings of N robots stand.

    Attributes:
        key: uint64 ``[E]``, names the draws of the episode.
        signs: int64 ``[E, M, N]``, what robots see and saw, newest first; M is 1, and one more for each step of memory.
        chosen: int64 ``[E, N]``, what they did last; -1 at the beginning.
        right: bool ``[E, N]``, whether that was right.
    """

    key: NDArray[np.uint64]
    signs: NDArray[np.int64]
    chosen: NDArray[np.int64]
    right: NDArray[np.bool_]


parts_of = attrgetter("key", "signs", "chosen", "right")
Settings = TypeVar("Settings", bound=envs.Ring)


class RingGame(Game[Settings, RingState]):
    """What both tasks share: signs are drawn anew in every step, and seen one-hot."""

    rows = RingState
    moving = ("signs", "chosen", "right", "step", "done")
    _past = 1

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """``robot_0`` and so on."""
        return tuple(f"robot_{i}" for i in range(self.n_agents))

    @property
    def _own_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """0 and 1."""
        shape = self.n_agents, self.obs_dim
        return np.zeros(shape, np.float32), np.ones(shape, np.float32)

    @cached_property
    def _places(self) -> NDArray[np.float64]:
        angles = math.pi / 2 - 2 * math.pi * np.arange(self.n_agents) / self.n_agents
        return np.stack([np.cos(angles), np.sin(angles)], 1)

    def positions(self, state: RingState) -> NDArray[np.float64]:
        """On a circle of radius 1, robot 0 at the top, the others clockwise; they never move."""
        return np.tile(self._places, (len(state.step), 1, 1))

    def timed_out(self, state: RingState) -> Mask:
        """Which rows are done: nothing else ends an episode."""
        return state.done

    @property
    def _parts(self) -> Parts:
        robots = (self.n_agents,)
        return {
            "key": (np.uint64, ()),
            "signs": (np.int64, (self._past, *robots)),
            "chosen": (np.int64, robots),
            "right": (bool, robots),
        }

    def _begin(self, state: RingState, rows: NDArray[np.int64]) -> None:
        begin_rows(rows, self.keys, state.episode, parts_of(state), self.spec.signs)

    def _observe(self, state: RingState, seen: Observations) -> None:
        observe_rows(state.signs, seen)

    def _clock(self, state: RingState) -> tuple[NDArray[np.int64], Mask, int]:
        return state.step, state.done, self.episode_limit

    def _check_values(self, state: RingState) -> None:
        wrong = state.signs[(state.signs < 0) | (state.signs >= self.spec.signs)]
        if wrong.size:
            raise ValueError(f"sign {wrong[0]} found; 0 to {self.spec.signs - 1} expected")

    def _canvas(self, state: RingState, row: int, *, numbered: bool) -> tuple[Canvas, Sequence[Sequence[float]], float]:
        """Draw a ring; beside each robot stands what it chose last, inside the ring its number."""
        canvas, radius = Canvas((-1.7, -1.7), (1.7, 1.7)), min(0.2, 0.8 * math.pi / self.n_agents)
        names, height = self.spec.action_names, 400 / 3.4 * radius
        outside, inside = 1.25 + radius, 0.9 - radius
        places: list[list[float]] = self._places.tolist()
        for robot, (x, y) in enumerate(places):
            action, sign = int(state.chosen[row, robot]), int(state.signs[row, 0, robot])
            canvas.disc((x, y), radius, NEW if action < 0 else RIGHT if state.right[row, robot] else WRONG)
            canvas.text((x, y), str(sign), INK, height)
            canvas.text((outside * x, outside * y), "" if action < 0 else names[action], BLACK, min(0.7 * height, 12.0))
            if numbered:
                canvas.text((inside * x, inside * y), f"#{robot}", BLACK, min(0.7 * height, 12.0))
        return canvas, places, radius


def codes_of(spec: envs.Sorting) -> NDArray[np.int64]:
    """Return the right chute for each label, int64 ``[N, labels]``: a robot's own, the same in all episodes and seeds.

    No two labels share a chute where there are enough; else all chutes have the same number of labels, or one more.
    """
    codes = np.empty((spec.players, spec.labels), np.int64)
    for robot in range(spec.players):
        luck = stream(spec.codes, "sorting codes", robot)
        codes[robot] = luck.permutation(luck.permutation(spec.chutes)[np.arange(spec.labels) % spec.chutes])
    return codes


class Sorting(RingGame[envs.Sorting]):
    """Robots at a round belt send parcels to chutes; the right chute for a label is each robot's own (`codes`).

    Actions: a chute. Observation of a robot: the label of the parcel before it, one-hot. All robots gain the same, by
    how many were right, or how many groups as a whole; if all were, an episode's rewards sum to 1 over the team. No
    action does nothing: a robot that is down lets parcels pass to chute 0.
    """

    settings = envs.Sorting
    stream = "sorting"

    def __init__(self, spec: envs.Sorting | None = None, *, row_seeds: Sequence[int] = (0,), **options: Any) -> None:
        super().__init__(spec, row_seeds=row_seeds, **options)
        self._past, self.codes = 1 + self.spec.memory, codes_of(self.spec)

    def _step(self, state: RingState, actions: NDArray[np.int64], rewards: Rewards, seen: Observations) -> None:
        spec = self.spec
        rules = self.codes, spec.memory, spec.neighbours, spec.group_size
        sort_rows(parts_of(state), self._clock(state), actions, rewards, seen, *rules)


class Relay(RingGame[envs.Relay]):
    """Robots on a ring work for themselves, or hand the next one a tool, which gains 1 if it asked for that one.

    Actions: 0 work for oneself, 1 the first tool, and so on. Observation of a robot: the tool that the next one asks
    for, one-hot. Every robot gains its own rewards, divided by the number of robots and of steps, so that 1 is the most
    for the team. No action does nothing: a robot that is down works for itself.
    """

    settings = envs.Relay
    stream = "relay"

    def _step(self, state: RingState, actions: NDArray[np.int64], rewards: Rewards, seen: Observations) -> None:
        spec = self.spec
        relay_rows(parts_of(state), self._clock(state), actions, rewards, seen, spec.tools, spec.own_reward)
