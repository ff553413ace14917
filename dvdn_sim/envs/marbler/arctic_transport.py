"""`ArcticTransport`: two drones scout ice and water for two robots that must reach the goal at the far side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.draws import uniform
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler.scenario import (
    BLUE,
    EDGE,
    GREY,
    ORANGE,
    PALE_BLUE,
    PALE_GREEN,
    SAND,
    WHITE,
    RobotState,
    Scenario,
)
from dvdn_sim.scenario import envs as settings

CELL = 0.25
"""Metres."""
ROWS, COLUMNS = 8, 12
GROUND, ICE, WATER, GOAL = range(4)
START = ((-0.3, -0.8), (0.3, -0.8), (-0.9, -0.8), (0.9, -0.8))
"""Metres; all robots look towards larger y."""
ROBOTS, DRONES, OBS_DIM = 4, 2, 30
OTHERS = ((0, 1, 2, 3), (1, 0, 2, 3), (2, 3, 0, 1), (3, 2, 0, 1))
"""In which order each robot sees all four."""
AROUND = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))
"""Rows and columns of the tiles around a drone, in the order in which they are seen."""
TERRAIN, GOAL_COLUMN = 0, 1  # streams of draws


@dataclass(frozen=True)
class ArcticState(RobotState):
    """See `RobotState`.

    Attributes:
        terrain: int64 ``[E, 8, 12]``: 0 ground, 1 ice, 2 water, 3 goal; row 0 is at the top, y = 1.
        goal: int64 ``[E]``, g: the goal covers rows 0 and 1 of columns g - 1 and g.
        tiles: int64 ``[E, 4]``, what each robot stood on at its latest observation, ground after a reset.
        reached: bool ``[E, 4]``, whether it ever stood on the goal.
    """

    terrain: Tensor
    goal: Tensor
    tiles: Tensor
    reached: Tensor

    @property
    def goal_point(self) -> Tensor:
        """The middle of the goal's lower edge, float64 ``[E, 2]``, metres."""
        x = CELL * self.goal.double() - EDGE
        return torch.stack([x, torch.full_like(x, 0.5)], -1)


class ArcticTransport(Scenario[ArcticState, settings.ArcticTransport]):
    """Robots 0 and 1 are drones, 2 drives best on ice, 3 on water; the reward is shared.

    How far an action leads depends on the tile that a robot stood on at its latest observation: drones are always
    fast; the ice robot is fast on ice, slow on water, normal elsewhere; the water robot the other way round.
    Observation of a robot, 30 numbers: x, y and tile of all four, beginning with its own and its fellow's; the goal
    point; and the eight tiles around each drone. The reward sums, over robots 2 and 3, `not_reached_penalty` while one
    has never been on the goal, and `dist_multiplier` times its squared distance from the goal point while it is not on
    it now. The episode ends when both have been there.
    Actions: 0 left, 1 right, 2 up (towards smaller y, away from the goal), 3 down, 4 stay.
    """

    def __init__(
        self,
        spec: settings.ArcticTransport | None = None,
        *,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take the settings of a scenario, or the same as keywords (`dvdn-sim list envs`)."""
        spec = settings.ArcticTransport(**options) if spec is None else spec
        super().__init__(
            spec,
            "arctic_transport",
            agents=("drone_0", "drone_1", "ice_2", "water_3"),
            colours=(ORANGE, ORANGE, GREY, BLUE),
            row_seeds=row_seeds,
            device=device,
        )
        slow, normal, fast = spec.slow_step, spec.normal_step, spec.fast_step
        by_tile = [(fast,) * 4, (fast,) * 4, (normal, fast, slow, normal), (normal, slow, fast, normal)]
        self._steps = torch.tensor(by_tile, dtype=torch.float64).flatten().to(self.device)  # by robot and tile
        self._first_step = torch.arange(ROBOTS, device=self.device) * 4
        self._others = torch.tensor(OTHERS, device=self.device)
        self._around = torch.tensor(AROUND, device=self.device)
        start = torch.tensor([(x, y, math.pi / 2.0) for x, y in START], dtype=torch.float64)
        self._start = start.to(self.device)

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each."""
        x, y = self._position_bounds()
        furthest = CELL * (COLUMNS - 1) - EDGE
        low = [-x, -y, GROUND] * ROBOTS + [-furthest, 0.0] + [GROUND] * (DRONES * len(AROUND))
        high = [x, y, GOAL] * ROBOTS + [furthest, 0.5] + [GOAL] * (DRONES * len(AROUND))
        return self._bounds(low, high)

    def _begin(self, keys: Tensor, episode: Tensor) -> ArcticState:
        cell = torch.arange(ROWS * COLUMNS, device=keys.device)
        draws = uniform(keys[:, None], episode[:, None], torch.full_like(cell, TERRAIN), cell)
        terrain = (3.0 * draws).long().view(-1, ROWS, COLUMNS)
        goal = 1 + ((COLUMNS - 1) * uniform(keys, episode, torch.full_like(episode, GOAL_COLUMN))).long()
        row, column = (torch.arange(count, device=keys.device) for count in (ROWS, COLUMNS))
        behind = goal[:, None] - column  # 0 or 1 in the goal's columns
        terrain = torch.where((row < 2)[:, None] & ((behind == 0) | (behind == 1))[:, None], GOAL, terrain)
        shore = (row == ROWS - 1)[:, None] & (column > 0) & (column < COLUMNS - 1)
        terrain = torch.where(shore, GROUND, terrain)
        tiles = torch.zeros(len(keys), ROBOTS, dtype=torch.int64, device=keys.device)
        poses = self._start.expand(len(keys), -1, -1).clone()
        return ArcticState(**self._standing(poses, episode), terrain=terrain, goal=goal, tiles=tiles, reached=tiles > 0)

    def _distances(self, state: ArcticState) -> Tensor:
        return self._steps[self._first_step + state.tiles]

    def _observe(self, state: ArcticState) -> Tensor:
        row, column = cells(state.poses)
        terrain = state.terrain.flatten(1)
        tiles = terrain.gather(1, row * COLUMNS + column)
        robots = torch.cat([state.poses[..., :2], tiles[..., None]], -1)
        near_row = (row[:, :DRONES, None] + self._around[:, 0]).clamp(0, ROWS - 1)
        near_column = (column[:, :DRONES, None] + self._around[:, 1]).clamp(0, COLUMNS - 1)
        near = terrain.gather(1, (near_row * COLUMNS + near_column).flatten(1))
        shared = torch.cat([state.goal_point, near], -1)[:, None].expand(-1, ROBOTS, -1)
        return torch.cat([robots[:, self._others].flatten(2), shared], -1).float()

    def _settle(self, moved: ArcticState, actions: Tensor, violated: Tensor) -> tuple[ArcticState, Tensor, Tensor]:
        row, column = cells(moved.poses)
        tiles = moved.terrain.flatten(1).gather(1, row * COLUMNS + column)
        reached = moved.reached | (tiles == GOAL)
        apart = moved.poses[:, DRONES:, :2] - moved.goal_point[:, None]
        squared = apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]
        not_reached, distance = self._spec.not_reached_penalty, self._spec.dist_multiplier
        each = not_reached * (~reached[:, DRONES:]).double() + distance * squared * (tiles[:, DRONES:] != GOAL)
        reward = each[:, 0] + each[:, 1]
        after = replace(moved, observation=self._observe(moved), tiles=tiles, reached=reached)
        return after, reward[:, None].expand(-1, ROBOTS), reached[:, DRONES:].all(1)

    def _paint(self, canvas: Canvas, state: ArcticState, row: int) -> None:
        colours = (SAND, WHITE, PALE_BLUE, PALE_GREEN)
        for i, line in enumerate(state.terrain[row].tolist()):
            for j, tile in enumerate(line):
                corner = j * CELL - EDGE, 1.0 - (i + 1) * CELL
                canvas.rectangle(corner, (corner[0] + CELL, corner[1] + CELL), colours[tile])


def cells(poses: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of the tiles that robots are on, int64 ``[..., N]`` each; those beyond count as at the edge."""
    row = -((poses[..., 1] - 1.0) / CELL).trunc()
    column = ((poses[..., 0] + EDGE) / CELL).trunc()
    return row.clamp(0, ROWS - 1).long(), column.clamp(0, COLUMNS - 1).long()
