"""`PredatorCapturePrey`: predators sense prey that does not move, capture robots stop beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler.scenario import (
    BLUE,
    DOWN,
    GREY,
    LEFT,
    ORANGE,
    RED,
    STAY,
    Grid,
    RobotState,
    Scenario,
    beside,
    ring,
)
from dvdn_sim.scenario import envs as settings

NOTHING = -5.0
"""Both coordinates of the prey that a robot sees, when it sees none."""
SPAWN_WIDTH = 0.9  # metres, of the areas for robots, from the left limit, and for prey
PREY_LEFT = 0.5
PLACES, PREY = 0, 1  # streams of draws


@dataclass(frozen=True)
class PreyState(RobotState):
    """See `RobotState`.

    Attributes:
        prey: Positions, float64 ``[E, P, 2]``, metres.
        sensed: bool ``[E, P]``, whether a robot has ever had it in its sensing radius.
        captured: bool ``[E, P]``.
    """

    prey: Tensor
    sensed: Tensor
    captured: Tensor

    @property
    def remaining(self) -> Tensor:
        """Prey not captured yet, int64 ``[E]``."""
        return (~self.captured).sum(1)


class PredatorCapturePrey(Scenario[PreyState, settings.PredatorCapturePrey]):
    """Predators come first, then capture robots; the reward is shared.

    Prey is sensed once and for all when a predator is within `predator_radius` of it. Sensed prey, even of this very
    step, is captured by a capture robot within `capture_radius` whose action was to stay. Observation of a robot: x, y
    and the nearest uncaptured prey within its own sensing radius, -5, -5 if there is none, as for all capture robots;
    then the same of its neighbours. The episode ends when all prey is captured.
    Actions: 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.
    """

    def __init__(
        self,
        spec: settings.PredatorCapturePrey | None = None,
        *,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take the settings of a scenario, or the same as keywords (`dvdn-sim list envs`)."""
        spec = settings.PredatorCapturePrey(**options) if spec is None else spec
        predators, captures, robots = spec.predators, spec.captures, spec.n_agents
        super().__init__(
            spec,
            "predator_capture_prey",
            agents=tuple(f"{'predator' if i < predators else 'capture'}_{i}" for i in range(robots)),
            colours=(BLUE,) * predators + (ORANGE,) * captures,
            row_seeds=row_seeds,
            device=device,
        )
        self._grid = Grid(LEFT, SPAWN_WIDTH, spec.start_dist, robots)
        self._prey_grid = Grid(PREY_LEFT, SPAWN_WIDTH, spec.prey_dist, spec.num_prey)
        sensing = [spec.predator_radius] * predators + [0.0] * captures
        capture = [0.0] * predators + [spec.capture_radius] * captures
        self._sensing, self._capture, self._step = (
            torch.tensor(each, dtype=torch.float64, device=self.device)
            for each in (sensing, capture, [spec.step_dist] * robots)
        )

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each."""
        x, y = self._position_bounds()
        low, high = [-x, -y, NOTHING, NOTHING], [x, y, self._prey_grid.right, DOWN]
        if self._spec.capability_aware:
            low, high = [*low, 0.0, 0.0], [*high, float(self._sensing.max()), float(self._capture.max())]
        blocks = self._spec.num_neighbors + 1
        return self._bounds(low * blocks, high * blocks)

    def _begin(self, keys: Tensor, episode: Tensor) -> PreyState:
        places = self._grid.places(keys, episode, torch.full_like(episode, PLACES))
        prey = self._prey_grid.places(keys, episode, torch.full_like(episode, PREY))
        poses = torch.cat([places, torch.zeros_like(places[..., :1])], -1)
        no = torch.zeros(prey.shape[:2], dtype=torch.bool, device=keys.device)
        return PreyState(**self._standing(poses, episode), prey=prey, sensed=no, captured=no)

    def _distances(self, state: PreyState) -> Tensor:
        return self._step

    def _observe(self, state: PreyState) -> Tensor:
        apart = _apart(state)
        seen = (apart <= self._sensing[:, None]) & ~state.captured[:, None]
        distance, nearest = torch.where(seen, apart, torch.inf).min(2)
        prey = state.prey.gather(1, nearest[..., None].expand(-1, -1, 2))
        blocks = [state.poses[..., :2], torch.where(distance.isinf()[..., None], NOTHING, prey)]
        if self._spec.capability_aware:
            radii = torch.stack([self._sensing, self._capture], -1)
            blocks.append(radii.expand(len(prey), -1, -1))
        return beside(torch.cat(blocks, -1).float(), state.poses[..., :2], self._spec.num_neighbors)

    def _settle(self, moved: PreyState, actions: Tensor, violated: Tensor) -> tuple[PreyState, Tensor, Tensor]:
        apart = _apart(moved)
        sensed = moved.sensed | (apart <= self._sensing[:, None]).any(1)
        captures = (apart <= self._capture[:, None]) & (actions == STAY)[..., None]
        captured = moved.captured | (sensed & captures.any(1))
        newly_sensed = (sensed & ~moved.sensed).sum(1).double()
        newly_captured = (captured & ~moved.captured).sum(1).double()
        spec = self._spec
        reward = spec.sense_reward * newly_sensed + spec.capture_reward * newly_captured + spec.time_penalty
        after = replace(moved, sensed=sensed, captured=captured)
        after = replace(after, observation=self._observe(after))
        return after, reward[:, None].expand(-1, self.n_agents), captured.all(1)

    def _paint(self, canvas: Canvas, state: PreyState, row: int) -> None:
        facts = zip(state.prey[row].tolist(), state.sensed[row].tolist(), state.captured[row].tolist(), strict=True)
        for (x, y), sensed, captured in facts:
            if not captured:
                canvas.disc((x, y), 0.04, RED if sensed else GREY)
        for (x, y, _), sensing, capture, colour in zip(
            state.poses[row].tolist(), self._sensing.tolist(), self._capture.tolist(), self._colours, strict=True
        ):
            ring(canvas, (x, y), max(sensing, capture), colour)


def _apart(state: PreyState) -> Tensor:
    """Metres between robots and prey, float64 ``[E, N, P]``."""
    apart = state.poses[:, :, None, :2] - state.prey[:, None]
    return (apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]).sqrt()
