"""`Warehouse`: six robots carry loads from the right to the left, each colour from one half to the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.draws import uniform
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT
from dvdn_sim.envs.marbler.scenario import (
    BLACK,
    EDGE,
    GREEN,
    LEFT,
    PALE_GREEN,
    PALE_RED,
    RADIUS,
    RED,
    RIGHT,
    Grid,
    RobotState,
    Scenario,
    beside,
)
from dvdn_sim.scenario import envs as settings

BLOCK = 3  # numbers that a robot tells of itself
PLACES, HEADINGS = 0, 1  # streams of draws


@dataclass(frozen=True)
class WarehouseState(RobotState):
    """See `RobotState`.

    Attributes:
        loaded: bool ``[E, N]``.
    """

    loaded: Tensor


class Warehouse(Scenario[WarehouseState, settings.Warehouse]):
    """Robots load at the right edge and unload at the left; even ones are green, odd ones red.

    A robot without a load gets one where x > 1.0: red in the half y > 0, green in the other. It gets rid of it where
    x < −1.0, in the other half. Rewards are individual. Observation of a robot: x, y and loaded (0 or 1) of its own,
    then of its neighbours. Its colour is not among them, and `loaded` is from before the latest step's loading.
    Actions: 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.
    """

    def __init__(
        self,
        spec: settings.Warehouse | None = None,
        *,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take the settings of a scenario, or the same as keywords (`dvdn-sim list envs`)."""
        spec = settings.Warehouse(**options) if spec is None else spec
        robots = range(spec.num_robots)
        super().__init__(
            spec,
            "warehouse",
            agents=tuple(f"{('green', 'red')[i % 2]}_{i}" for i in robots),
            colours=tuple((GREEN, RED)[i % 2] for i in robots),
            row_seeds=row_seeds,
            device=device,
        )
        self._grid = Grid(LEFT, RIGHT - LEFT, spec.start_dist, spec.num_robots)
        self._inner = EDGE - spec.goal_width
        self._step = torch.full((spec.num_robots,), spec.step_dist, dtype=torch.float64, device=self.device)
        self._green = torch.arange(spec.num_robots, device=self.device) % 2 == 0

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each."""
        x, y = self._position_bounds()
        blocks = self._spec.num_neighbors + 1
        return self._bounds([-x, -y, 0.0] * blocks, [x, y, 1.0] * blocks)

    def _begin(self, keys: Tensor, episode: Tensor) -> WarehouseState:
        places = self._grid.places(keys, episode, torch.full_like(episode, PLACES))
        robots = torch.arange(self.n_agents, device=keys.device)
        draws = uniform(keys[:, None], episode[:, None], torch.full_like(robots, HEADINGS), robots)
        poses = torch.cat([places, (draws[..., None] * 2.0 - 1.0) * torch.pi], -1)
        loaded = torch.zeros(len(keys), self.n_agents, dtype=torch.bool, device=keys.device)
        return WarehouseState(**self._standing(poses, episode), loaded=loaded)

    def _distances(self, state: WarehouseState) -> Tensor:
        return self._step

    def _observe(self, state: WarehouseState) -> Tensor:
        blocks = torch.cat([state.poses[..., :2], state.loaded[..., None]], -1).float()
        return beside(blocks, state.poses[..., :2], self._spec.num_neighbors)

    def _settle(
        self,
        moved: WarehouseState,
        actions: Tensor,
        violated: Tensor,
    ) -> tuple[WarehouseState, Tensor, Tensor]:
        x, y, _ = moved.poses.unbind(-1)
        upper = y > 0.0
        going = ~violated[:, None]
        loads = ~moved.loaded & (x > self._inner) & (upper != self._green) & going
        unloads = moved.loaded & (x < -self._inner) & (upper == self._green) & going
        rewards = self._spec.load_reward * loads.double() + self._spec.unload_reward * unloads.double()
        after = replace(moved, observation=self._observe(moved), loaded=(moved.loaded | loads) & ~unloads)
        return after, rewards, torch.zeros_like(violated)

    def _paint(self, canvas: Canvas, state: WarehouseState, row: int) -> None:
        for low, high, right, left in (
            (-HALF_HEIGHT, 0.0, PALE_GREEN, PALE_RED),
            (0.0, HALF_HEIGHT, PALE_RED, PALE_GREEN),
        ):
            canvas.rectangle((self._inner, low), (EDGE, high), right)
            canvas.rectangle((-EDGE, low), (-self._inner, high), left)
        for (x, y, _), loaded in zip(state.poses[row].tolist(), state.loaded[row].tolist(), strict=True):
            if loaded:
                canvas.disc((x, y), 1.5 * RADIUS, BLACK)
