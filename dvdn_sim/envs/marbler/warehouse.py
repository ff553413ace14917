"""`Warehouse`: six robots carry loads from the right to the left, each colour from one half to the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import uniform
from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Parts
from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT, Floats, Ints
from dvdn_sim.envs.marbler.scenario import EDGE, RADIUS, Ink, RobotState, Scenario, beside, places
from dvdn_sim.scenario import envs

PLACES, HEADINGS = 0, 1  # streams of draws


@dataclass(frozen=True)
class WarehouseState(RobotState):
    """See `RobotState`.

    Attributes:
        loaded: bool ``[E, N]``.
    """

    loaded: Mask


class Warehouse(Scenario[envs.Warehouse, WarehouseState]):
    """Robots load at the right edge and unload at the left; even ones are green, odd ones red.

    A robot without a load gets one where x > 1.0: red in the half y > 0, green in the other. It gets rid of it where
    x < −1.0, in the other half. Rewards are individual. Observation of a robot: x, y and loaded (0 or 1) of its own,
    then of its neighbours. Its colour is not among them, and `loaded` is from before the latest step's loading.
    Actions: 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.
    """

    settings = envs.Warehouse
    stream = "marbler/warehouse"
    rows = WarehouseState

    @property
    def bodies(self) -> Sequence[tuple[str, Colour]]:
        return [(("green", Ink.GREEN), ("red", Ink.RED))[robot % 2] for robot in range(self.n_agents)]

    @property
    def _own_bounds(self) -> tuple[Observations, Observations]:
        x, y = self._furthest
        blocks = self.spec.num_neighbors + 1
        return self._bounds([-x, -y, 0.0] * blocks, [x, y, 1.0] * blocks)

    @property
    def _inner(self) -> float:
        """Where zones begin, metres from the middle."""
        return EDGE - self.spec.goal_width

    @property
    def _parts(self) -> Parts:
        return {**super()._parts, "loaded": (bool, (self.n_agents,))}

    def _place(self, state: WarehouseState, rows: Ints) -> None:
        state.poses[rows, :, :2] = places(self.keys[rows], state.episode[rows], self.spec.spawns[0], PLACES)
        draws = uniform(self.keys[rows, None], state.episode[rows, None], HEADINGS, np.arange(self.n_agents))
        state.poses[rows, :, 2] = (draws * 2.0 - 1.0) * np.pi

    def _distances(self, state: WarehouseState) -> float:
        return self.spec.step_dist

    def _look(self, state: WarehouseState, rows: Ints) -> None:
        blocks = np.concatenate([state.poses[..., :2], state.loaded[..., None]], -1, dtype=np.float32)
        beside(rows, state.poses, blocks, self.spec.num_neighbors, state.observation)

    def _settle(self, state: WarehouseState, rows: Ints, actions: Ints, rewards: Rewards) -> None:
        self._look(state, rows)
        pays = self.spec.load_reward, self.spec.unload_reward
        _carry(rows, state.poses, state.loaded, state.done, self._inner, pays, rewards)

    def _paint(self, canvas: Canvas, state: WarehouseState, row: int) -> None:
        for low, high, right, left in (
            (-HALF_HEIGHT, 0.0, Ink.PALE_GREEN, Ink.PALE_RED),
            (0.0, HALF_HEIGHT, Ink.PALE_RED, Ink.PALE_GREEN),
        ):
            canvas.rectangle((self._inner, low), (EDGE, high), right)
            canvas.rectangle((-EDGE, low), (-self._inner, high), left)
        for (x, y, _), loaded in zip(state.poses[row].tolist(), state.loaded[row].tolist(), strict=True):
            if loaded:
                canvas.disc((x, y), 1.5 * RADIUS, Ink.BLACK)


@compiled
def _carry(
    rows: Ints, poses: Floats, loaded: Mask, done: Mask, inner: float, pays: tuple[float, float], rewards: Rewards
) -> None:
    """Load and unload, robot by robot."""
    load_reward, unload_reward = pays
    for row in rows:
        if done[row]:
            continue
        for robot in range(poses.shape[1]):
            x, y, green = poses[row, robot, 0], poses[row, robot, 1], robot % 2 == 0
            if not loaded[row, robot]:
                if x > inner and (y > 0.0) != green:
                    loaded[row, robot] = True
                    rewards[row, robot] = load_reward
            elif x < -inner and (y > 0.0) == green:
                loaded[row, robot] = False
                rewards[row, robot] = unload_reward
