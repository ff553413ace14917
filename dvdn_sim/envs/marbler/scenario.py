"""What the four scenarios share: how a step goes, when an episode ends, what a violation costs."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import Tensor

from dvdn_sim.draws import key
from dvdn_sim.envs.batch import check_actions, check_episode, check_finite, check_mask, described, where
from dvdn_sim.envs.canvas import Canvas, Colour, Frame
from dvdn_sim.envs.marbler import picture
from dvdn_sim.envs.marbler.arena import Goals
from dvdn_sim.envs.marbler.barrier import BARRIERS
from dvdn_sim.envs.marbler.robotarium import DT, HALF_HEIGHT, HALF_WIDTH, MAX_SPEED, drive
from dvdn_sim.records import Picture

BarrierName = Literal["safe", "default"]
FirstObservation = Literal["zeros", "real"]


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


@dataclass(frozen=True)
class Options:
    """What can be set in every scenario; the names and defaults are documented there.

    Raises:
        ValueError: A number below 1, or a choice that there is not.
    """

    max_episode_steps: int
    iterations_per_step: int
    update_every: int
    barrier: BarrierName
    penalize_violations: bool
    violation_penalty: float
    first_observation: FirstObservation
    time_limit_plus_one: bool

    def __post_init__(self) -> None:
        check_finite(violation_penalty=self.violation_penalty)
        for name in ("max_episode_steps", "iterations_per_step", "update_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} found; 1 or more expected")
        for name, choices in (("barrier", tuple(BARRIERS)), ("first_observation", ("zeros", "real"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} {getattr(self, name)!r} found; {' or '.join(map(repr, choices))} expected")


class Scenario(ABC, Generic[State]):
    """A MARBLER scenario under the contract of `dvdn_sim.envs.api`; each fills in its own rules.

    One step drives the robots for `iterations_per_step` iterations towards goals that are set once, at its start. An
    iteration looks for violations before it moves, so one is found an iteration late, and what the last iteration
    causes is found in the next step. A violation replaces the reward and ends the step and the episode.

    While violations are penalised an episode is over before a centre can be further out than two iterations at full
    speed, 13.2 mm, from the boundary: |x| ≤ 1.6132 m, |y| ≤ 1.0132 m. Otherwise nothing but their goals holds robots.
    """

    def __init__(
        self,
        name: str,
        *,
        agents: tuple[str, ...],
        colours: tuple[Colour, ...],
        n_actions: int,
        idle_action: int,
        obs_dim: int,
        options: Options,
        row_seeds: Sequence[int],
        device: torch.device | str,
    ) -> None:
        """Make what every scenario has.

        Args:
            name: Of the stream of its draws.
            agents: N names.
            colours: N colours for pictures.
            n_actions: A, of every robot.
            idle_action: The one that stays.
            obs_dim: D.
            options: What can be set in every scenario.
            row_seeds: E seeds.
            device: Where all tensors are.

        Raises:
            ValueError: No row seeds.
        """
        if len(row_seeds) == 0:
            raise ValueError("no row_seeds found; 1 or more expected")
        self.device = torch.device(device)
        self.agents, self._colours = agents, colours
        self.n_copies, self.n_agents, self.n_actions = len(row_seeds), len(agents), n_actions
        self.obs_dim, self.obs_dims = obs_dim, (obs_dim,) * len(agents)
        self.episode_limit = options.max_episode_steps + options.time_limit_plus_one
        self.available = torch.ones(len(agents), n_actions, dtype=torch.bool, device=self.device)
        self.idle_actions = torch.full((len(agents),), idle_action, device=self.device)
        self._counts = torch.full((len(agents),), n_actions, device=self.device)
        self._options, self._goals = options, Goals(self.device)
        self._keys = torch.tensor([key(seed, f"marbler/{name}") for seed in row_seeds], device=self.device)

    def reset(self, state: State | None, mask: Tensor | None = None) -> tuple[State, Tensor]:
        """Begin a new episode in some rows (see `BatchedEnv.reset`). The k-th one depends on (row seed, k) alone.

        Raises:
            ValueError: The first call leaves a row out; `mask` has another shape or dtype; a state of other rows.
        """
        if mask is not None:
            check_mask(mask, self.n_copies)
        if state is None:
            if mask is not None and not bool(mask.all()):
                raise ValueError("the first reset leaves rows out; all expected")
            state = self._fresh(self._keys, torch.zeros_like(self._keys))
            return state, state.observation
        self._check_state(state)
        if len(state.step) != self.n_copies:
            raise ValueError(f"a state of {len(state.step)} rows found; {self.n_copies} expected")
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
        """Take one step in every row that is not done (see `BatchedEnv.step`); any number of rows will do.

        Raises:
            ValueError: An action that there is not; another shape or dtype; a state of another game.
        """
        self._check_state(state)
        check_actions(actions, len(state.step), self._counts, self.agents)
        options = self._options
        driven = drive(
            state.poses,
            self._goals.of(state.poses, self._moves(actions), self._distances(state)),
            options.iterations_per_step,
            update_every=options.update_every,
            barrier=BARRIERS[options.barrier],
            stop=options.penalize_violations,
        )
        violated = driven.violation & options.penalize_violations
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
        rewards = torch.where(violated[:, None], options.violation_penalty, rewards)
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
        return self._drawn(state, row).picture(self.positions(state)[row].tolist(), picture.RADIUS)

    def _drawn(self, state: State, row: int) -> Canvas:
        canvas = picture.arena()
        self._paint(canvas, state, row)
        picture.robots(canvas, state.poses[row].tolist(), self._colours)
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
        """What follows from where the robots are now.

        Args:
            moved: The state after the drive; only what concerns robots is up to date.
            actions: int64 ``[E, N]``.
            violated: bool ``[E]``, the rows that a violation ends; their rewards are not used.

        Returns:
            The state after the step, observation and all; rewards, float64 ``[E, N]``; and which rows have reached
            what they were after, bool ``[E]``.
        """

    @abstractmethod
    def _paint(self, canvas: Canvas, state: State, row: int) -> None:
        """Draw what is on the floor."""

    def _moves(self, actions: Tensor) -> Tensor:
        """Which way the actions lead, ``[E, N]``: 0 left, 1 right, 2 up, 3 down, 4 stay."""
        return actions

    def _fresh(self, keys: Tensor, episode: Tensor) -> State:
        state = self._begin(keys, episode)
        if self._options.first_observation == "real":
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
        if not self._options.penalize_violations:
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
