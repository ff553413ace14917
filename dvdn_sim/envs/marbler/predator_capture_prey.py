"""`PredatorCapturePrey`: predators sense prey that does not move, capture robots stop beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from dvdn_sim.envs.batch import check_finite
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler import picture
from dvdn_sim.envs.marbler.arena import DOWN, LEFT, MOVES, STAY, Grid, beside
from dvdn_sim.envs.marbler.scenario import BarrierName, FirstObservation, Options, RobotState, Scenario

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


class PredatorCapturePrey(Scenario[PreyState]):
    """Predators come first, then capture robots; the reward is shared.

    Prey is sensed once and for all when a predator is within `predator_radius` of it. Sensed prey, even of this very
    step, is captured by a capture robot within `capture_radius` whose action was to stay. Observation of a robot: x, y
    and the nearest uncaptured prey within its own sensing radius, -5, -5 if there is none, as for all capture robots;
    then the same of its neighbours. The episode ends when all prey is captured.
    Actions: 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.

    Args:
        predators: Robots that sense.
        captures: Robots that capture.
        num_prey: P.
        predator_radius: Metres.
        capture_radius: Metres.
        num_neighbors: How many others a robot sees, at most all. All of them come by number, fewer the nearest first.
        capability_aware: Whether robots tell their sensing and capture radii, too: two more numbers in every block.
        step_dist: How far one action leads, metres, if the time is enough.
        start_dist: Between places where robots begin, metres.
        prey_dist: Between places where prey begins, metres.
        sense_reward: Per prey newly sensed.
        capture_reward: Per prey newly captured.
        time_penalty: Every step.
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
        predators: int = 2,
        captures: int = 2,
        num_prey: int = 6,
        predator_radius: float = 0.45,
        capture_radius: float = 0.25,
        num_neighbors: int = 3,
        capability_aware: bool = False,
        step_dist: float = 0.2,
        start_dist: float = 0.3,
        prey_dist: float = 0.2,
        sense_reward: float = 1.0,
        capture_reward: float = 5.0,
        time_penalty: float = -0.05,
        max_episode_steps: int = 80,
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
        check_finite(predator_radius=predator_radius, capture_radius=capture_radius, step_dist=step_dist)
        check_finite(sense_reward=sense_reward, capture_reward=capture_reward, time_penalty=time_penalty)
        if predators < 0 or captures < 0:
            raise ValueError(f"{predators} predators and {captures} captures found; 0 or more of each expected")
        robots = predators + captures
        self._grid = Grid(LEFT, SPAWN_WIDTH, start_dist, robots)
        self._prey_grid = Grid(PREY_LEFT, SPAWN_WIDTH, prey_dist, num_prey)
        if not 0 <= num_neighbors < robots:
            raise ValueError(f"num_neighbors {num_neighbors} found; 0 to {robots - 1} expected")
        super().__init__(
            "predator_capture_prey",
            agents=tuple(f"{'predator' if i < predators else 'capture'}_{i}" for i in range(robots)),
            colours=(picture.BLUE,) * predators + (picture.ORANGE,) * captures,
            n_actions=MOVES,
            idle_action=STAY,
            obs_dim=(6 if capability_aware else 4) * (num_neighbors + 1),
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
        self._neighbours, self._aware = num_neighbors, capability_aware
        self._rewards = sense_reward, capture_reward, time_penalty
        sensing = [predator_radius] * predators + [0.0] * captures
        capture = [0.0] * predators + [capture_radius] * captures
        self._sensing, self._capture, self._step = (
            torch.tensor(each, dtype=torch.float64, device=self.device)
            for each in (sensing, capture, [step_dist] * robots)
        )

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each."""
        x, y = self._position_bounds()
        low, high = [-x, -y, NOTHING, NOTHING], [x, y, self._prey_grid.right, DOWN]
        if self._aware:
            low, high = [*low, 0.0, 0.0], [*high, float(self._sensing.max()), float(self._capture.max())]
        blocks = self._neighbours + 1
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
        if self._aware:
            radii = torch.stack([self._sensing, self._capture], -1)
            blocks.append(radii.expand(len(prey), -1, -1))
        return beside(torch.cat(blocks, -1).float(), state.poses[..., :2], self._neighbours)

    def _settle(self, moved: PreyState, actions: Tensor, violated: Tensor) -> tuple[PreyState, Tensor, Tensor]:
        apart = _apart(moved)
        sensed = moved.sensed | (apart <= self._sensing[:, None]).any(1)
        captures = (apart <= self._capture[:, None]) & (actions == STAY)[..., None]
        captured = moved.captured | (sensed & captures.any(1))
        sense_reward, capture_reward, time_penalty = self._rewards
        newly_sensed = (sensed & ~moved.sensed).sum(1).double()
        newly_captured = (captured & ~moved.captured).sum(1).double()
        reward = sense_reward * newly_sensed + capture_reward * newly_captured + time_penalty
        after = replace(moved, sensed=sensed, captured=captured)
        after = replace(after, observation=self._observe(after))
        return after, reward[:, None].expand(-1, self.n_agents), captured.all(1)

    def _paint(self, canvas: Canvas, state: PreyState, row: int) -> None:
        facts = zip(state.prey[row].tolist(), state.sensed[row].tolist(), state.captured[row].tolist(), strict=True)
        for (x, y), sensed, captured in facts:
            if not captured:
                canvas.disc((x, y), 0.04, picture.RED if sensed else picture.GREY)
        for (x, y, _), sensing, capture, colour in zip(
            state.poses[row].tolist(), self._sensing.tolist(), self._capture.tolist(), self._colours, strict=True
        ):
            picture.ring(canvas, (x, y), max(sensing, capture), colour)


def _apart(state: PreyState) -> Tensor:
    """Metres between robots and prey, float64 ``[E, N, P]``."""
    apart = state.poses[:, :, None, :2] - state.prey[:, None]
    return (apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]).sqrt()
