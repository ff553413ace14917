"""`ArcticTransport`: two drones scout ice and water for two robots that must reach the goal at the far side."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import uniform
from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Parts
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler.robotarium import Floats, Ints
from dvdn_sim.envs.marbler.scenario import EDGE, Ink, RobotState, Scenario
from dvdn_sim.scenario import envs

CELL = 0.25
"""Metres."""
ROWS, COLUMNS = 8, 12
GROUND, ICE, WATER, GOAL = range(4)
GOAL_Y = 0.5
"""Metres: the lower edge of the goal."""
START = ((-0.3, -0.8), (0.3, -0.8), (-0.9, -0.8), (0.9, -0.8))
"""Metres; all robots look towards larger y."""
ROBOTS, DRONES = 4, 2
OTHERS = np.array([(0, 1, 2, 3), (1, 0, 2, 3), (2, 3, 0, 1), (3, 2, 0, 1)])
"""In which order each robot sees all four."""
AROUND = np.array([(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)])
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

    terrain: Ints
    goal: Ints
    tiles: Ints
    reached: Mask

    @property
    def goal_x(self) -> Floats:
        """Where the middle of the goal's lower edge is, float64 ``[E]``, metres; its y is 0.5."""
        return CELL * self.goal.astype(np.float64) - EDGE


class ArcticTransport(Scenario[envs.ArcticTransport, ArcticState]):
    """Robots 0 and 1 are drones, 2 drives best on ice, 3 on water; the reward is shared.

    How far an action leads depends on the tile that a robot stood on at its latest observation: drones are always
    fast; the ice robot is fast on ice, slow on water, normal elsewhere; the water robot the other way round.
    Observation of a robot, 30 numbers: x, y and tile of all four, beginning with its own and its fellow's; the goal
    point, in the middle of the goal's lower edge; and the eight tiles around each drone. The reward sums, over robots 2
    and 3, `not_reached_penalty` while one has never been on the goal, and `dist_multiplier` times its squared distance
    from the goal point while it is not on it now. The episode ends when both have been there.
    Actions: 0 left, 1 right, 2 up (towards smaller y, away from the goal), 3 down, 4 stay.
    """

    settings = envs.ArcticTransport
    stream = "marbler/arctic_transport"
    rows = ArcticState
    bodies = (("drone", Ink.ORANGE), ("drone", Ink.ORANGE), ("ice", Ink.GREY), ("water", Ink.BLUE))

    @cached_property
    def _steps(self) -> Floats:
        """How far an action leads, by robot and tile."""
        slow, normal, fast = self.spec.slow_step, self.spec.normal_step, self.spec.fast_step
        drone, ice, water = (fast,) * 4, (normal, fast, slow, normal), (normal, slow, fast, normal)
        return np.array([drone, drone, ice, water])

    @property
    def _own_bounds(self) -> tuple[Observations, Observations]:
        x, y = self._furthest
        goal_x, tiles = CELL * (COLUMNS - 1) - EDGE, DRONES * len(AROUND)
        low = [-x, -y, GROUND] * ROBOTS + [-goal_x, 0.0] + [GROUND] * tiles
        high = [x, y, GOAL] * ROBOTS + [goal_x, GOAL_Y] + [GOAL] * tiles
        return self._bounds(low, high)

    @property
    def _parts(self) -> Parts:
        return {
            **super()._parts,
            "terrain": (np.int64, (ROWS, COLUMNS)),
            "goal": (np.int64, ()),
            "tiles": (np.int64, (ROBOTS,)),
            "reached": (bool, (ROBOTS,)),
        }

    def _place(self, state: ArcticState, rows: Ints) -> None:
        state.poses[rows] = [(x, y, math.pi / 2.0) for x, y in START]
        keys, episode = self.keys[rows], state.episode[rows]
        draws = uniform(keys[:, None], episode[:, None], TERRAIN, np.arange(ROWS * COLUMNS))
        terrain = (3.0 * draws).astype(np.int64).reshape(-1, ROWS, COLUMNS)
        goal = 1 + ((COLUMNS - 1) * uniform(keys, episode, GOAL_COLUMN)).astype(np.int64)
        each = np.arange(len(rows))
        for column in (goal - 1, goal):
            terrain[each, :2, column] = GOAL
        terrain[:, ROWS - 1, 1 : COLUMNS - 1] = GROUND  # the shore
        state.terrain[rows], state.goal[rows] = terrain, goal

    def _distances(self, state: ArcticState) -> Floats:
        return self._steps[np.arange(ROBOTS), state.tiles]

    def _look(self, state: ArcticState, rows: Ints) -> None:
        _look(rows, state.poses, state.terrain, state.goal_x, state.observation)

    def _settle(self, state: ArcticState, rows: Ints, actions: Ints, rewards: Rewards) -> None:
        self._look(state, rows)
        progress, pays = (state.tiles, state.reached), (self.spec.not_reached_penalty, self.spec.dist_multiplier)
        _arrive(rows, state.poses, state.terrain, state.goal_x, progress, state.done, pays, rewards)

    def _check_values(self, state: ArcticState) -> None:
        super()._check_values(state)
        if not ((state.tiles >= GROUND) & (state.tiles <= GOAL)).all():
            raise ValueError(f"tiles from {state.tiles.min()} to {state.tiles.max()} found; 0 to {GOAL} expected")

    def _paint(self, canvas: Canvas, state: ArcticState, row: int) -> None:
        colours = (Ink.SAND, Ink.WHITE, Ink.PALE_BLUE, Ink.PALE_GREEN)
        for i, line in enumerate(state.terrain[row].tolist()):
            for j, tile in enumerate(line):
                corner = j * CELL - EDGE, 1.0 - (i + 1) * CELL
                canvas.rectangle(corner, (corner[0] + CELL, corner[1] + CELL), colours[tile])


@compiled
def cell(x: float, y: float) -> tuple[int, int]:
    """Row and column of the tile at a place; what is beyond counts as at the edge."""
    row, column = (1.0 - y) / CELL, (x + EDGE) / CELL
    return int(min(max(row, 0.0), ROWS - 1.0)), int(min(max(column, 0.0), COLUMNS - 1.0))


@compiled
def _look(rows: Ints, poses: Floats, terrain: Ints, goal_x: Floats, observation: Observations) -> None:
    for row in rows:
        for robot in range(ROBOTS):
            seen = observation[row, robot]
            for place in range(ROBOTS):
                other = OTHERS[robot, place]
                x, y = poses[row, other, 0], poses[row, other, 1]
                i, j = cell(x, y)
                seen[3 * place], seen[3 * place + 1], seen[3 * place + 2] = x, y, terrain[row, i, j]
            at = 3 * ROBOTS
            seen[at], seen[at + 1] = goal_x[row], GOAL_Y
            for drone in range(DRONES):
                i, j = cell(poses[row, drone, 0], poses[row, drone, 1])
                for k in range(len(AROUND)):
                    near_i = min(max(i + AROUND[k, 0], 0), ROWS - 1)
                    near_j = min(max(j + AROUND[k, 1], 0), COLUMNS - 1)
                    seen[at + 2 + drone * len(AROUND) + k] = terrain[row, near_i, near_j]


@compiled
def _arrive(
    rows: Ints, poses: Floats, terrain: Ints, goal_x: Floats,
    progress: tuple[Ints, Mask], done: Mask, pays: tuple[float, float], rewards: Rewards,
) -> None:  # fmt: skip
    """Tell each robot's tile and whether it has reached the goal; pay, and end where both have."""
    tiles, reached = progress
    not_reached_penalty, dist_multiplier = pays
    for row in rows:
        reward = 0.0
        for robot in range(ROBOTS):
            x, y = poses[row, robot, 0], poses[row, robot, 1]
            i, j = cell(x, y)
            tiles[row, robot] = terrain[row, i, j]
            if tiles[row, robot] == GOAL:
                reached[row, robot] = True
            if robot >= DRONES:
                if not reached[row, robot]:
                    reward += not_reached_penalty
                if tiles[row, robot] != GOAL:
                    x, y = x - goal_x[row], y - GOAL_Y
                    reward += dist_multiplier * (x * x + y * y)
        done[row] |= reached[row, 2] and reached[row, 3]
        rewards[row] = reward
