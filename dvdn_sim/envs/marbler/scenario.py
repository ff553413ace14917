"""What the four scenarios share: the arena, how a step goes, when an episode ends, what a violation costs."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

import torch
from torch import Tensor

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.batch import check_actions, check_episode, check_reset, described, refuse_broken, where
from dvdn_sim.envs.canvas import Canvas, Colour, Frame
from dvdn_sim.envs.marbler.robotarium import BARRIERS, DT, HALF_HEIGHT, HALF_WIDTH, LOOK_AHEAD, MAX_SPEED, drive
from dvdn_sim.records import Picture
from dvdn_sim.scenario import envs as settings

RED: Final[Colour] = (208, 72, 58)
GREEN: Final[Colour] = (58, 150, 88)
BLUE: Final[Colour] = (52, 112, 190)
ORANGE: Final[Colour] = (226, 142, 40)
GREY: Final[Colour] = (120, 124, 130)
PALE_RED: Final[Colour] = (246, 214, 208)
PALE_GREEN: Final[Colour] = (212, 238, 218)
PALE_BLUE: Final[Colour] = (206, 224, 246)
PALE_GREY: Final[Colour] = (228, 230, 233)
SAND: Final[Colour] = (240, 230, 210)
BLACK: Final[Colour] = (30, 32, 36)
WHITE: Final[Colour] = (255, 255, 255)

RADIUS: Final = 0.055  # metres, of a robot
MARGIN: Final = 0.1


def arena() -> Canvas:
    """An empty arena with a margin around it."""
    canvas = Canvas(
        (-HALF_WIDTH - MARGIN, -HALF_HEIGHT - MARGIN),
        (HALF_WIDTH + MARGIN, HALF_HEIGHT + MARGIN),
        width_px=680,
        background=PALE_GREY,
    )
    canvas.rectangle((-HALF_WIDTH, -HALF_HEIGHT), (HALF_WIDTH, HALF_HEIGHT), WHITE)
    return canvas


def ring(canvas: Canvas, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """A circle."""
    angles = [2.0 * math.pi * part / 60 for part in range(61)]
    canvas.line([(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in angles], colour)


def robots(canvas: Canvas, poses: Sequence[Sequence[float]], colours: Sequence[Colour]) -> None:
    """Robots of poses (x, y, θ), with their numbers and a line to their look-ahead points and on."""
    for number, ((x, y, theta), colour) in enumerate(zip(poses, colours, strict=True)):
        canvas.disc((x, y), RADIUS, colour)
        reach = 1.6 * LOOK_AHEAD
        canvas.line([(x, y), (x + reach * math.cos(theta), y + reach * math.sin(theta))], BLACK, width_px=2.5)
        canvas.text((x - 0.015 * math.cos(theta), y - 0.015 * math.sin(theta)), str(number), WHITE)


LEFT, RIGHT, UP, DOWN = -1.4, 1.4, -0.9, 0.9
"""Metres: goals lie within."""
EDGE: Final = 1.5
"""Metres: zones at the left and right are measured from here."""
MOVES: Final = 5
"""Actions of a robot that only moves: left, right, up, down, stay."""
STAY: Final = 4

_SHIFT = ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.0, 0.0))
# A robot beyond a limit is called back by every move, except by the one that leads back anyway.
_LOW = ((LEFT, UP), (-math.inf, UP), (LEFT, UP), (LEFT, -math.inf), (LEFT, UP))
_HIGH = ((math.inf, DOWN), (RIGHT, DOWN), (RIGHT, math.inf), (RIGHT, DOWN), (RIGHT, DOWN))


class Goals:
    """Where actions lead: the robot's centre, moved by its step distance along one axis and held in the limits."""

    def __init__(self, device: torch.device) -> None:
        """Make the tables."""
        self._shift, self._low, self._high = (
            torch.tensor(table, dtype=torch.float64, device=device) for table in (_SHIFT, _LOW, _HIGH)
        )

    def of(self, poses: Tensor, moves: Tensor, distance: Tensor) -> Tensor:
        """Return goals, float64 ``[E, N, 2]``, of moves 0 left, 1 right, 2 up, 3 down, 4 stay, by distances in m."""
        goal = poses[..., :2] + self._shift[moves] * distance[..., None]
        return torch.minimum(torch.maximum(goal, self._low[moves]), self._high[moves])


class Grid:
    """Places to begin at: cells of a grid, distinct ones, as the Robotarium's helper deals them out.

    The helper numbers the cells of a grid column by column and draws numbers from 1 to their count, not from 0: its
    first cell is never used, and the last number stands for a place one column further right, in the first row.

    Args:
        left: x of the first column, metres; the first row is at y = -0.9.
        width: Of the area, metres.
        spacing: Between neighbouring places, metres.
        count: How many are dealt out; the scenario's rules see to it that there are as many.
    """

    def __init__(self, left: float, width: float, spacing: float, count: int) -> None:
        # 1e-9: what is a whole number of spacings must not be lost to rounding.
        columns, rows = (math.floor(extent / spacing + 1e-9) for extent in (width, DOWN - UP))
        self._left, self._spacing, self._rows, self._count = left, spacing, rows, count
        self._cells = columns * rows
        self.right = left + columns * spacing
        """The largest x of a place, metres."""

    def places(self, keys: Tensor, *counters: Tensor) -> Tensor:
        """Return positions, float64 ``[M, count, 2]``; keys and counters are those of `uniform`, ``[M]``."""
        cells = torch.arange(self._cells, device=keys.device)
        draws = uniform(keys[:, None], *(counter[:, None] for counter in counters), cells)
        number = draws.argsort(1)[:, : self._count] + 1
        column = torch.div(number, self._rows, rounding_mode="floor")
        row = number - column * self._rows
        return torch.stack([column.double() * self._spacing + self._left, row.double() * self._spacing + UP], -1)


def beside(blocks: Tensor, positions: Tensor, neighbours: int) -> Tensor:
    """Return every robot's own block ``[E, N, B]`` followed by those of k neighbours, ``[E, N, (k + 1) B]``.

    If that is everybody else, they follow by number; otherwise the k nearest, the nearest first (MARBLER leaves their
    order open).
    """
    robots = blocks.shape[1]
    numbers = torch.arange(robots, device=blocks.device)
    others = numbers != numbers[:, None]
    if neighbours == robots - 1:
        order = (others * (numbers + 1)).argsort(1)
        return blocks[:, order].flatten(2)
    apart = positions[:, :, None] - positions[:, None]
    squared = apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]
    order = torch.where(others, squared, -1.0).argsort(stable=True, dim=2)[..., : neighbours + 1]
    index = order.flatten(1)[..., None].expand(-1, -1, blocks.shape[2])
    return blocks.gather(1, index).view(*order.shape[:2], -1)


@dataclass(frozen=True)
class RobotState:
    """A batch of E arenas with N robots; what every scenario has.

    Attributes:
        poses: float64 ``[E, N, 3]``: x, y, θ, metres and radians.
        observation: float32 ``[E, N, D]``, the latest.
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
        done: bool ``[E]``.
        timed_out: bool ``[E]``, whether the time limit alone ended the episode.
        collision: bool ``[E]``, whether the latest step found robots in collision.
        boundary: bool ``[E]``, whether it found one outside the arena.
        travelled: float64 ``[E, N]``, metres driven in the latest step. As in MARBLER's ``dist_travelled`` the last
            iteration of a step counts for the next one, unless a violation ends the episode.
        unbooked: float64 ``[E, N]``, metres of that last iteration.
    """

    poses: Tensor
    observation: Tensor
    step: Tensor
    episode: Tensor
    done: Tensor
    timed_out: Tensor
    collision: Tensor
    boundary: Tensor
    travelled: Tensor
    unbooked: Tensor


State = TypeVar("State", bound=RobotState)
Settings = TypeVar("Settings", bound=settings.Marbler)


class Scenario(ABC, Generic[State, Settings]):
    """A MARBLER scenario under the contract of `dvdn_sim.envs.api`; each fills in its own rules.

    One step drives the robots for `iterations_per_step` iterations towards goals that are set once, at its start. An
    iteration looks for violations before it moves, so one is found an iteration late, and what the last iteration
    causes is found in the next step. A violation replaces the reward and ends the step and the episode.

    While violations are penalised an episode is over before a centre can be further out than two iterations at full
    speed, 13.2 mm, from the boundary: |x| ≤ 1.6132 m, |y| ≤ 1.0132 m. Otherwise nothing but their goals holds robots.
    """

    def __init__(
        self,
        spec: Settings,
        name: str,
        *,
        agents: tuple[str, ...],
        colours: tuple[Colour, ...],
        idle_action: int = STAY,
        row_seeds: Sequence[int],
        device: torch.device | str,
    ) -> None:
        """Make what every scenario has; `name` is that of its stream of draws, `colours` are those of its pictures."""
        refuse_broken(spec, row_seeds)
        self.device, self._spec = torch.device(device), spec
        self.agents, self._colours = agents, colours
        self.n_copies, self.n_agents, self.n_actions = len(row_seeds), spec.n_agents, spec.n_actions
        self.obs_dim, self.obs_dims = spec.obs_dim, (spec.obs_dim,) * spec.n_agents
        self.episode_limit = spec.longest_episode
        self.available = torch.ones(self.n_agents, self.n_actions, dtype=torch.bool, device=self.device)
        self.idle_actions = torch.full((self.n_agents,), idle_action, device=self.device)
        self._counts = torch.full((self.n_agents,), self.n_actions, device=self.device)
        self._goals = Goals(self.device)
        self._keys = torch.tensor([key(seed, f"marbler/{name}") for seed in row_seeds], device=self.device)

    def reset(self, state: State | None, mask: Tensor | None = None) -> tuple[State, Tensor]:
        """Begin a new episode in some rows (see `BatchedEnv.reset`). The k-th one depends on (row seed, k) alone."""
        check_reset(None if state is None else len(state.step), mask, self.n_copies)
        if state is None:
            state = self._fresh(self._keys, torch.zeros_like(self._keys))
            return state, state.observation
        self._check_state(state)
        rows = torch.arange(self.n_copies, device=self.device) if mask is None else mask.nonzero().squeeze(1)
        if len(rows):
            fresh = self._fresh(self._keys[rows], state.episode[rows] + 1)
            parts = {name: old.index_copy(0, rows, getattr(fresh, name)) for name, old in vars(state).items()}
            state = type(state)(**parts)
        return state, state.observation

    def resume(self, episode: Tensor) -> State:
        """A state between two episodes (see `BatchedEnv.resume`)."""
        check_episode(episode, self.n_copies)
        return self._fresh(self._keys, episode)

    def step(self, state: State, actions: Tensor) -> tuple[State, Tensor, Tensor, Tensor]:
        """Take one step in every row that is not done (see `BatchedEnv.step`); any number of rows will do."""
        self._check_state(state)
        check_actions(actions, len(state.step), self._counts, self.agents)
        spec = self._spec
        driven = drive(
            state.poses,
            self._goals.of(state.poses, self._moves(actions), self._distances(state)),
            spec.iterations_per_step,
            update_every=spec.update_every,
            barrier=BARRIERS[spec.barrier],
            stop=spec.penalize_violations,
        )
        violated = driven.violation & spec.penalize_violations
        unbooked = torch.where(violated[:, None], 0.0, driven.last_move)
        moved = replace(
            state,
            poses=driven.poses,
            step=state.step + 1,
            collision=driven.collision,
            boundary=driven.boundary,
            travelled=state.unbooked + driven.travelled - unbooked,
            unbooked=unbooked,
        )
        after, rewards, finished = self._settle(moved, actions, violated)
        rewards = torch.where(violated[:, None], spec.violation_penalty, rewards)
        over, late = violated | finished, after.step >= self.episode_limit
        after = replace(after, done=over | late, timed_out=late & ~over)
        rewards = torch.where(state.done[:, None], 0.0, rewards)
        after = where(state.done, state, after)
        return after, after.observation, rewards, after.done

    def timed_out(self, state: State) -> Tensor:
        """Which rows the time limit alone has ended, bool ``[E]``."""
        return state.timed_out

    def positions(self, state: State) -> Tensor:
        """Where the robots are, metres, float64 ``[E, N, 2]``."""
        return state.poses[..., :2]

    def frame(self, state: State, row: int = 0) -> Frame:
        """A picture of one row, uint8 ``[height, width, 3]``: robots with their headings, in the arena."""
        return self._drawn(state, row).frame()

    def picture(self, state: State, row: int = 0) -> Picture:
        """The same as strokes."""
        return self._drawn(state, row).picture(self.positions(state)[row].tolist(), RADIUS)

    def _drawn(self, state: State, row: int) -> Canvas:
        canvas = arena()
        self._paint(canvas, state, row)
        robots(canvas, state.poses[row].tolist(), self._colours)
        return canvas

    @abstractmethod
    def _begin(self, keys: Tensor, episode: Tensor) -> State:
        """The beginning of an episode in M rows, of keys ``[M]``, with an observation of zeros."""

    @abstractmethod
    def _distances(self, state: State) -> Tensor:
        """How far one action leads, metres, ``[N]`` or ``[E, N]``."""

    @abstractmethod
    def _observe(self, state: State) -> Tensor:
        """What robots see, float32 ``[E, N, D]``."""

    @abstractmethod
    def _settle(self, moved: State, actions: Tensor, violated: Tensor) -> tuple[State, Tensor, Tensor]:
        """Return the state after the step, rewards, float64 ``[E, N]``, and which rows have reached their aim.

        In `moved` only what concerns robots is up to date; rewards of rows that are `violated` are not used.
        """

    @abstractmethod
    def _paint(self, canvas: Canvas, state: State, row: int) -> None:
        """Draw what is on the floor."""

    def _moves(self, actions: Tensor) -> Tensor:
        """Which way the actions lead, ``[E, N]``: 0 left, 1 right, 2 up, 3 down, 4 stay."""
        return actions

    def _fresh(self, keys: Tensor, episode: Tensor) -> State:
        state = self._begin(keys, episode)
        if self._spec.first_observation == "real":
            state = replace(state, observation=self._observe(state))
        return state

    def _standing(self, poses: Tensor, episode: Tensor) -> dict[str, Any]:
        """The fields of `RobotState` of M rows of robots that have not moved yet."""
        no, still = torch.zeros_like(episode, dtype=torch.bool), torch.zeros_like(poses[..., 0])
        return {
            "poses": poses,
            "observation": torch.zeros(len(poses), self.n_agents, self.obs_dim, device=poses.device),
            "step": torch.zeros_like(episode),
            "episode": episode,
            "done": no,
            "timed_out": no,
            "collision": no,
            "boundary": no,
            "travelled": still,
            "unbooked": still,
        }

    def _position_bounds(self) -> tuple[float, float]:
        """The largest |x| and |y| of a centre."""
        if not self._spec.penalize_violations:
            return float("inf"), float("inf")
        overshoot = 2.0 * DT * MAX_SPEED
        return HALF_WIDTH + overshoot, HALF_HEIGHT + overshoot

    def _bounds(self, low: Sequence[float], high: Sequence[float]) -> tuple[Tensor, Tensor]:
        """The same bounds for every robot, float32 ``[N, D]`` each."""
        each = (torch.tensor(bound, device=self.device).expand(self.n_agents, -1).clone() for bound in (low, high))
        lowest, highest = each
        return lowest, highest

    def _check_state(self, state: State) -> None:
        if state.poses.shape[1:] != (self.n_agents, 3) or state.poses.dtype != torch.float64:
            raise ValueError(f"poses {described(state.poses)} found; float64 [E, {self.n_agents}, 3] expected")
