"""What the four scenarios share: the arena, how a step goes, when an episode ends, what a violation costs."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import uniform
from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Game, Parts, Rows
from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.marbler.robotarium import (
    BARRIERS,
    DT,
    HALF_HEIGHT,
    HALF_WIDTH,
    LOOK_AHEAD,
    MAX_SPEED,
    Floats,
    Ints,
    drive,
)
from dvdn_sim.scenario import envs

RADIUS: Final = 0.055  # metres, of a robot
MARGIN: Final = 0.1

LEFT, RIGHT, UP, DOWN = -1.4, 1.4, -0.9, 0.9
"""Metres: goals lie within. Up is towards smaller y."""
GO_LEFT, GO_RIGHT, GO_UP, GO_DOWN, STAY = range(5)
"""Moves."""
EDGE: Final = 1.5
"""Metres: zones at the left and right are measured from here."""


class Ink:
    """Colours of pictures."""

    RED: Colour = (208, 72, 58)
    GREEN: Colour = (58, 150, 88)
    BLUE: Colour = (52, 112, 190)
    ORANGE: Colour = (226, 142, 40)
    GREY: Colour = (120, 124, 130)
    PALE_RED: Colour = (246, 214, 208)
    PALE_GREEN: Colour = (212, 238, 218)
    PALE_BLUE: Colour = (206, 224, 246)
    PALE_GREY: Colour = (228, 230, 233)
    SAND: Colour = (240, 230, 210)
    BLACK: Colour = (30, 32, 36)
    WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class RobotState(Rows):
    """E arenas with N robots; what every scenario has. See `Rows`.

    Attributes:
        timed_out: bool ``[E]``, whether the time limit alone ended the episode.
        poses: float64 ``[E, N, 3]``: x, y, θ, metres and radians.
        observation: float32 ``[E, N, D]``, the latest: of a reset, zeros as in MARBLER, or of the end of a drive, which
            is before what robots load or unload there.
        collision: bool ``[E]``, whether the latest step found robots in collision.
        boundary: bool ``[E]``, whether it found one outside the arena.
        travelled: float64 ``[E, N]``, metres driven in the latest step. As in MARBLER's ``dist_travelled`` the last
            iteration of a step counts for the next one, unless a violation ends the episode.
        unbooked: float64 ``[E, N]``, metres of that last iteration.
    """

    timed_out: Mask
    poses: Floats
    observation: Observations
    collision: Mask
    boundary: Mask
    travelled: Floats
    unbooked: Floats


State = TypeVar("State", bound=RobotState)
Settings = TypeVar("Settings", bound=envs.Marbler)


class Scenario(Game[Settings, State]):
    """A MARBLER scenario; each fills in its own rules.

    One step drives the robots for `iterations_per_step` iterations towards goals that are set once, at its start. An
    iteration looks for violations before it moves, so one is found an iteration late, and what the last iteration
    causes is found in the next step. A violation replaces the reward and ends the step and the episode.

    While violations are penalised an episode is over before a centre can be further out than two iterations at full
    speed, 13.2 mm, from the boundary: |x| ≤ 1.6132 m, |y| ≤ 1.0132 m. Otherwise nothing but their goals holds robots.

    A state can be put together by hand, from one of `reset` by ``dataclasses.replace``. What `observe` then tells is
    its `observation`, until the next step makes a new one.
    """

    def __init__(self, spec: Settings | None = None, *, row_seeds: Sequence[int] = (0,), **options: Any) -> None:
        super().__init__(spec, row_seeds=row_seeds, **options)
        self._messages = self.n_actions // envs.MOVES  # which go with a move: action = move · messages + message

    @property
    def _idle_action(self) -> int:
        return int(STAY * self.n_actions // envs.MOVES)

    @property
    @abstractmethod
    def bodies(self) -> Sequence[tuple[str, Colour]]:
        """What sort of robot each is, and its colour in pictures."""

    @abstractmethod
    def _place(self, state: State, rows: Ints) -> None:
        """Put robots, and what else there is, where an episode begins; all of it is zero now."""

    @abstractmethod
    def _look(self, state: State, rows: Ints) -> None:
        """Write what robots see into the state's observation."""

    @abstractmethod
    def _settle(self, state: State, rows: Ints, actions: Ints, rewards: Rewards) -> None:
        """Follow the rules of the scenario after a drive, look, and set rewards and which rows are `done`.

        Rows in which robots violated a rule are done already; their rewards do not count.
        """

    @abstractmethod
    def _distances(self, state: State) -> Floats | float:
        """How far one action leads, metres, ``[E, N]``, ``[N]``, or a number."""

    @abstractmethod
    def _paint(self, canvas: Canvas, state: State, row: int) -> None:
        """Draw what is on the floor."""

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """The N names, by sort and number."""
        return tuple(f"{sort}_{i}" for i, (sort, _) in enumerate(self.bodies))

    def timed_out(self, state: State) -> Mask:
        """Which rows the time limit alone has ended (see `BatchedEnv.timed_out`)."""
        return state.timed_out

    def positions(self, state: State) -> Floats:
        """Where the robots are, metres, float64 ``[E, N, 2]``."""
        return state.poses[..., :2].copy()

    def _begin(self, state: State, rows: Ints) -> None:
        for name, part in vars(state).items():
            if name != "episode":
                part[rows] = 0
        self._place(state, rows)
        if self.spec.first_observation == "real":
            self._look(state, rows)

    def _step(self, state: State, actions: Ints, rewards: Rewards, seen: Observations) -> None:
        spec = self.spec
        going = ~state.done
        rows = going.nonzero()[0]
        goals, distances = np.empty((*actions.shape, 2)), np.empty(actions.shape)
        distances[:] = self._distances(state)
        aim(rows, state.poses, actions // self._messages, distances, goals)
        how = spec.iterations_per_step, spec.update_every, BARRIERS[spec.barrier], spec.penalize_violations
        drive(rows, state.poses, goals, how, (state.collision, state.boundary, state.travelled, state.unbooked))
        violated = going & (state.collision | state.boundary) & spec.penalize_violations
        state.done[:] |= violated
        self._settle(state, rows, actions, rewards)
        rewards[violated] = spec.violation_penalty
        state.step[:] += going
        late = going & (state.step >= self.episode_limit)
        state.timed_out[:] |= late & ~state.done
        state.done[:] |= late
        self._observe(state, seen)

    def _observe(self, state: State, seen: Observations) -> None:
        seen[:] = state.observation

    def _canvas(self, state: State, row: int, *, numbered: bool) -> tuple[Canvas, Sequence[Sequence[float]], float]:
        """Draw robots with their headings and, here in frames as well, their numbers."""
        canvas = Canvas(
            (-HALF_WIDTH - MARGIN, -HALF_HEIGHT - MARGIN),
            (HALF_WIDTH + MARGIN, HALF_HEIGHT + MARGIN),
            width_px=680,
            background=Ink.PALE_GREY,
        )
        canvas.rectangle((-HALF_WIDTH, -HALF_HEIGHT), (HALF_WIDTH, HALF_HEIGHT), Ink.WHITE)
        self._paint(canvas, state, row)
        poses: list[list[float]] = state.poses[row].tolist()
        for number, ((x, y, theta), (_, colour)) in enumerate(zip(poses, self.bodies, strict=True)):
            cos, sin = math.cos(theta), math.sin(theta)
            canvas.disc((x, y), RADIUS, colour)
            canvas.line([(x, y), (x + 1.6 * LOOK_AHEAD * cos, y + 1.6 * LOOK_AHEAD * sin)], Ink.BLACK, width_px=2.5)
            canvas.text((x - 0.015 * cos, y - 0.015 * sin), str(number), Ink.WHITE)
        return canvas, [pose[:2] for pose in poses], RADIUS

    @property
    def _parts(self) -> Parts:
        robots = self.n_agents
        return {
            **dict.fromkeys(("timed_out", "collision", "boundary"), (bool, ())),
            **dict.fromkeys(("travelled", "unbooked"), (float, (robots,))),
            "poses": (float, (robots, 3)),
            "observation": (np.float32, (robots, self.obs_dim)),
        }

    def _check_values(self, state: State) -> None:
        if not np.isfinite(state.poses).all():
            raise ValueError("poses that are not finite found; finite numbers expected")

    def _bounds(self, low: Sequence[float], high: Sequence[float]) -> tuple[Observations, Observations]:
        """Lowest and highest observed numbers, the same for every robot; each begins with its own place, or several."""
        lowest, highest = (np.tile(np.array(bound, np.float32), (self.n_agents, 1)) for bound in (low, high))
        return lowest, highest

    @property
    def _furthest(self) -> tuple[float, float]:
        """The largest |x| and |y| of a centre."""
        overshoot = 2.0 * DT * MAX_SPEED if self.spec.penalize_violations else math.inf
        return HALF_WIDTH + overshoot, HALF_HEIGHT + overshoot


def places(keys: NDArray[np.uint64], episode: Ints, spawn: envs.Spawn, stream: int) -> Floats:
    """Deal out places to begin at in M episodes, float64 ``[M, count, 2]``, as the Robotarium's helper does.

    The helper numbers the cells of a grid column by column and draws distinct numbers from 1 to their count, not from
    0: its first cell is never used, and the last number stands for a place one column further right, in the first row.
    """
    draws = uniform(keys[:, None], episode[:, None], stream, np.arange(spawn.columns * spawn.rows))
    column, row = np.divmod(draws.argsort(1)[:, : spawn.count] + 1, spawn.rows)
    return np.stack([column * spawn.spacing + spawn.left, row * spawn.spacing + UP], -1)


@compiled
def aim(rows: Ints, poses: Floats, moves: Ints, distances: Floats, goals: Floats) -> None:
    """Set where the moves of some rows lead: a robot's centre, moved along one axis and held in the limits.

    A robot beyond a limit is called back by every move, except by the one that leads back anyway.
    """
    for row in rows:
        for robot in range(poses.shape[1]):
            x, y, distance = poses[row, robot, 0], poses[row, robot, 1], distances[row, robot]
            move = moves[row, robot]
            if move == GO_LEFT:
                goal_x = max(x - distance, LEFT)
            elif move == GO_RIGHT:
                goal_x = min(x + distance, RIGHT)
            else:
                goal_x = min(max(x, LEFT), RIGHT)
            if move == GO_UP:
                goal_y = max(y - distance, UP)
            elif move == GO_DOWN:
                goal_y = min(y + distance, DOWN)
            else:
                goal_y = min(max(y, UP), DOWN)
            goals[row, robot, 0], goals[row, robot, 1] = goal_x, goal_y


@compiled
def beside(rows: Ints, poses: Floats, blocks: Observations, neighbours: int, observation: Observations) -> None:
    """Write what robots of some rows see: of blocks ``[E, N, B]`` their own, then those of k neighbours.

    If that is everybody else, they follow by number; otherwise the k nearest, the nearest first (MARBLER leaves their
    order open).
    """
    _, robots, size = blocks.shape
    order, squared = np.empty(robots, np.int64), np.empty(robots)
    for row in rows:
        for robot in range(robots):
            order[0], squared[0], count = robot, -1.0, 1
            for other in range(robots):
                if other != robot:
                    x, y = poses[row, robot, 0] - poses[row, other, 0], poses[row, robot, 1] - poses[row, other, 1]
                    apart = x * x + y * y if neighbours < robots - 1 else 0.0
                    place = count
                    while squared[place - 1] > apart:
                        order[place], squared[place] = order[place - 1], squared[place - 1]
                        place -= 1
                    order[place], squared[place] = other, apart
                    count += 1
            for place in range(neighbours + 1):
                for part in range(size):
                    observation[row, robot, place * size + part] = blocks[row, order[place], part]
