"""`Warehouse`: six robots carry loads from the right to the left, each colour from one half to the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from dvdn_sim.draws import uniform
from dvdn_sim.envs.batch import check_finite
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler import picture
from dvdn_sim.envs.marbler.arena import EDGE, LEFT, MOVES, RIGHT, STAY, Grid, beside
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT
from dvdn_sim.envs.marbler.scenario import BarrierName, FirstObservation, Options, RobotState, Scenario

BLOCK = 3  # numbers that a robot tells of itself
PLACES, HEADINGS = 0, 1  # streams of draws


@dataclass(frozen=True)
class WarehouseState(RobotState):
    """See `RobotState`.

    Attributes:
        loaded: bool ``[E, N]``.
    """

    loaded: Tensor


class Warehouse(Scenario[WarehouseState]):
    """Robots load at the right edge and unload at the left; even ones are green, odd ones red.

    A robot without a load gets one where x > 1.0: red in the half y > 0, green in the other. It gets rid of it where
    x < −1.0, in the other half. Rewards are individual. Observation of a robot: x, y and loaded (0 or 1) of its own,
    then of its neighbours. Its colour is not among them, and `loaded` is from before the latest step's loading.
    Actions: 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.

    Args:
        num_robots: N.
        num_neighbors: How many others a robot sees, at most N - 1. All of them come by number, fewer the nearest first.
        step_dist: How far one action leads, metres, if the time is enough.
        start_dist: Between places to begin at, metres.
        goal_width: Of the zones, metres, measured from x = ±1.5.
        load_reward: For the robot that loads.
        unload_reward: For the robot that unloads.
        max_episode_steps: Steps of an episode, less one (see `time_limit_plus_one`).
        iterations_per_step: Robotarium iterations of 0.033 s per step (MARBLER's ``update_frequency``).
        update_every: Iterations for which the robots' controller holds a command; 1 for the real Robotarium.
        barrier: How near robots may come: `safe`, 0.2 m, or `default`, 0.17 m and gently.
        penalize_violations: Whether collisions and leaving the arena end the episode.
        violation_penalty: What every robot then gets instead of its reward.
        first_observation: `zeros` after a reset, as in MARBLER, or the `real` one.
        time_limit_plus_one: Whether the last step is the one after `max_episode_steps`, as in MARBLER.
        row_seeds: E seeds; rows with equal seeds play equal episodes.
        device: Where all tensors are.

    Raises:
        ValueError: A number out of range, or a choice that there is not.
    """

    def __init__(
        self,
        *,
        num_robots: int = 6,
        num_neighbors: int = 5,
        step_dist: float = 0.2,
        start_dist: float = 0.6,
        goal_width: float = 0.5,
        load_reward: float = 1.0,
        unload_reward: float = 3.0,
        max_episode_steps: int = 100,
        iterations_per_step: int = 29,
        update_every: int = 15,
        barrier: BarrierName = "safe",
        penalize_violations: bool = True,
        violation_penalty: float = -5.0,
        first_observation: FirstObservation = "zeros",
        time_limit_plus_one: bool = True,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
    ) -> None:
        check_finite(step_dist=step_dist, goal_width=goal_width, load_reward=load_reward, unload_reward=unload_reward)
        self._grid = Grid(LEFT, RIGHT - LEFT, start_dist, num_robots)
        if not 0 <= num_neighbors < num_robots:
            raise ValueError(f"num_neighbors {num_neighbors} found; 0 to {num_robots - 1} expected")
        colours = ("green", "red")
        super().__init__(
            "warehouse",
            agents=tuple(f"{colours[i % 2]}_{i}" for i in range(num_robots)),
            colours=tuple((picture.GREEN, picture.RED)[i % 2] for i in range(num_robots)),
            n_actions=MOVES,
            idle_action=STAY,
            obs_dim=BLOCK * (num_neighbors + 1),
            options=Options(
                max_episode_steps,
                iterations_per_step,
                update_every,
                barrier,
                penalize_violations,
                violation_penalty,
                first_observation,
                time_limit_plus_one,
            ),
            row_seeds=row_seeds,
            device=device,
        )
        self._neighbours, self._inner = num_neighbors, EDGE - goal_width
        self._load_reward, self._unload_reward = load_reward, unload_reward
        self._step = torch.full((num_robots,), step_dist, dtype=torch.float64, device=self.device)
        self._green = torch.arange(num_robots, device=self.device) % 2 == 0

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each."""
        x, y = self._position_bounds()
        blocks = self._neighbours + 1
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
        return beside(blocks, state.poses[..., :2], self._neighbours)

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
        rewards = self._load_reward * loads.double() + self._unload_reward * unloads.double()
        after = replace(moved, observation=self._observe(moved), loaded=(moved.loaded | loads) & ~unloads)
        return after, rewards, torch.zeros_like(violated)

    def _paint(self, canvas: Canvas, state: WarehouseState, row: int) -> None:
        for low, high, right, left in (
            (-HALF_HEIGHT, 0.0, picture.PALE_GREEN, picture.PALE_RED),
            (0.0, HALF_HEIGHT, picture.PALE_RED, picture.PALE_GREEN),
        ):
            canvas.rectangle((self._inner, low), (EDGE, high), right)
            canvas.rectangle((-EDGE, low), (-self._inner, high), left)
        for (x, y, _), loaded in zip(state.poses[row].tolist(), state.loaded[row].tolist(), strict=True):
            if loaded:
                canvas.disc((x, y), 1.5 * picture.RADIUS, picture.BLACK)
