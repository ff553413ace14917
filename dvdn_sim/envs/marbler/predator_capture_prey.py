"""`PredatorCapturePrey`: predators sense prey that does not move, capture robots stop beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dvdn_sim.compiled import compiled
from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Parts
from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.marbler.robotarium import Floats, Ints
from dvdn_sim.envs.marbler.scenario import DOWN, STAY, Ink, RobotState, Scenario, beside, places
from dvdn_sim.scenario import envs

NOTHING = -5.0
"""Both coordinates of the prey that a robot sees, when it sees none."""
PLACES, PREY = 0, 1  # streams of draws
Prey = tuple[Floats, Mask, Mask]


@dataclass(frozen=True)
class PreyState(RobotState):
    """See `RobotState`.

    Attributes:
        prey: Positions, float64 ``[E, P, 2]``, metres.
        sensed: bool ``[E, P]``, whether a robot has ever had it in its sensing radius.
        captured: bool ``[E, P]``.
    """

    prey: Floats
    sensed: Mask
    captured: Mask

    @property
    def remaining(self) -> Ints:
        """Prey not captured yet, int64 ``[E]``."""
        left: Ints = (~self.captured).sum(1)
        return left


class PredatorCapturePrey(Scenario[envs.PredatorCapturePrey, PreyState]):
    """Predators come first, then capture robots; the reward is shared.

    Prey is sensed once and for all when a predator is within `predator_radius` of it. Sensed prey, even of this very
    step, is captured by a capture robot within `capture_radius` whose action was to stay. Observation of a robot: x, y
    and the nearest uncaptured prey within its own sensing radius, -5, -5 if there is none, as for all capture robots;
    then the same of its neighbours. The episode ends when all prey is captured.
    Actions: 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.
    """

    settings = envs.PredatorCapturePrey
    stream = "marbler/predator_capture_prey"
    rows = PreyState

    @cached_property
    def _radii(self) -> Floats:
        """How far each robot senses, and captures, ``[N, 2]``."""
        predator, capture = (self.spec.predator_radius, 0.0), (0.0, self.spec.capture_radius)
        return np.array([predator] * self.spec.predators + [capture] * self.spec.captures)

    @property
    def bodies(self) -> Sequence[tuple[str, Colour]]:
        return [("predator", Ink.BLUE)] * self.spec.predators + [("capture", Ink.ORANGE)] * self.spec.captures

    @property
    def _own_bounds(self) -> tuple[Observations, Observations]:
        x, y = self._furthest
        prey = self.spec.spawns[1]
        low, high = [-x, -y, NOTHING, NOTHING], [x, y, prey.left + prey.columns * prey.spacing, DOWN]
        if self.spec.capability_aware:
            low, high = [*low, 0.0, 0.0], [*high, *self._radii.max(0).tolist()]
        blocks = self.spec.num_neighbors + 1
        return self._bounds(low * blocks, high * blocks)

    @property
    def _parts(self) -> Parts:
        prey = self.spec.num_prey
        return {**super()._parts, "prey": (float, (prey, 2)), "sensed": (bool, (prey,)), "captured": (bool, (prey,))}

    def _place(self, state: PreyState, rows: Ints) -> None:
        robots, prey = self.spec.spawns
        state.poses[rows, :, :2] = places(self.keys[rows], state.episode[rows], robots, PLACES)
        state.prey[rows] = places(self.keys[rows], state.episode[rows], prey, PREY)

    def _distances(self, state: PreyState) -> float:
        return self.spec.step_dist

    def _look(self, state: PreyState, rows: Ints) -> None:
        prey = np.full(state.poses[..., :2].shape, NOTHING)
        _nearest(rows, state.poses, state.prey, state.captured, self._radii, prey)
        told = [state.poses[..., :2], prey]
        if self.spec.capability_aware:
            told.append(np.broadcast_to(self._radii, prey.shape))
        blocks = np.concatenate(told, -1, dtype=np.float32)
        beside(rows, state.poses, blocks, self.spec.num_neighbors, state.observation)

    def _settle(self, state: PreyState, rows: Ints, actions: Ints, rewards: Rewards) -> None:
        spec, prey = self.spec, (state.prey, state.sensed, state.captured)
        pays = spec.sense_reward, spec.capture_reward, spec.time_penalty
        _hunt(rows, state.poses, actions, prey, self._radii, state.done, pays, rewards)
        self._look(state, rows)

    def _paint(self, canvas: Canvas, state: PreyState, row: int) -> None:
        facts = zip(state.prey[row].tolist(), state.sensed[row].tolist(), state.captured[row].tolist(), strict=True)
        for (x, y), sensed, captured in facts:
            if not captured:
                canvas.disc((x, y), 0.04, Ink.RED if sensed else Ink.GREY)
        angles = [2.0 * math.pi * part / 60 for part in range(61)]
        robots = zip(state.poses[row].tolist(), self._radii.max(1).tolist(), self.bodies, strict=True)
        for (x, y, _), radius, (_, colour) in robots:
            canvas.line([(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles], colour)


@compiled
def _apart(poses: Floats, prey: Floats, row: int, robot: int, number: int) -> float:
    """Metres between a robot and a prey."""
    x, y = poses[row, robot, 0] - prey[row, number, 0], poses[row, robot, 1] - prey[row, number, 1]
    return math.sqrt(x * x + y * y)


@compiled
def _hunt(
    rows: Ints, poses: Floats, actions: Ints, prey: Prey,
    radii: Floats, done: Mask, pays: tuple[float, float, float], rewards: Rewards,
) -> None:  # fmt: skip
    """Sense and capture prey, pay, and end where all is captured."""
    places, sensed, captured = prey
    sense_reward, capture_reward, time_penalty = pays
    for row in rows:
        newly_sensed = newly_captured = 0
        remaining = False
        for number in range(places.shape[1]):
            near = caught = False
            for robot in range(poses.shape[1]):
                apart = _apart(poses, places, row, robot, number)
                if apart <= radii[robot, 0]:
                    near = True
                if apart <= radii[robot, 1] and actions[row, robot] == STAY:
                    caught = True
            if near and not sensed[row, number]:
                sensed[row, number] = True
                newly_sensed += 1
            if caught and sensed[row, number] and not captured[row, number]:
                captured[row, number] = True
                newly_captured += 1
            remaining |= not captured[row, number]
        rewards[row] = sense_reward * newly_sensed + capture_reward * newly_captured + time_penalty
        done[row] |= not remaining


@compiled
def _nearest(rows: Ints, poses: Floats, prey: Floats, captured: Mask, radii: Floats, found: Floats) -> None:
    """Write where the nearest uncaptured prey is that each robot of some rows senses, if there is any."""
    for row in rows:
        for robot in range(poses.shape[1]):
            nearest = math.inf
            for number in range(prey.shape[1]):
                apart = _apart(poses, prey, row, robot, number)
                if not captured[row, number] and apart <= radii[robot, 0] and apart < nearest:
                    nearest = apart
                    found[row, robot, 0], found[row, robot, 1] = prey[row, number, 0], prey[row, number, 1]
