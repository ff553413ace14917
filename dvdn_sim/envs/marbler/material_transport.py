"""`MaterialTransport`: fast and slow robots bring material from two zones to the left, and send each other messages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TypeVar

import numpy as np

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import uniform
from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import Parts
from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT, Floats, Ints
from dvdn_sim.envs.marbler.scenario import EDGE, Ink, RobotState, Scenario, places
from dvdn_sim.scenario import envs
from dvdn_sim.scenario.envs import MESSAGES

T = TypeVar("T")
PLACES, MATERIAL = 0, 1  # streams of draws


@dataclass(frozen=True)
class MaterialState(RobotState):
    """See `RobotState`.

    Attributes:
        loads: int64 ``[E, N]``, what robots carry.
        zones: int64 ``[E, 2]``, what is left in the disc in the middle and in the band at the right.
        messages: int64 ``[E, N]``, of the latest step.
    """

    loads: Ints
    zones: Ints
    messages: Ints

    @property
    def remaining(self) -> Ints:
        """Units that are not delivered yet, int64 ``[E]``."""
        left: Ints = self.zones.sum(1) + self.loads.sum(1)
        return left


class MaterialTransport(Scenario[envs.MaterialTransport, MaterialState]):
    """Fast robots come first, then slow ones; the reward is shared.

    Robots take turns by number. An empty one takes what it can carry, from zone 2 where x > 1.0, else from zone 1, a
    disc around the origin; a loaded one unloads where x < −1.0. Observation of a robot: x, y, its load, what is left
    in zones 1 and 2, and the messages of all robots, its own included. Loads and zones are from before the latest
    step's loading, and other robots' positions are not among it. The episode ends when all material is delivered.
    Actions: 4 · move + message; moves are 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.
    """

    settings = envs.MaterialTransport
    stream = "marbler/material_transport"
    rows = MaterialState

    def _each(self, fast: T, slow: T) -> list[T]:
        """What fast robots have, and what slow ones have, robot by robot."""
        return [fast] * self.spec.n_fast_agents + [slow] * self.spec.n_slow_agents

    @cached_property
    def _capacity(self) -> Ints:
        return np.array(self._each(self.spec.small_torque, self.spec.large_torque))

    @cached_property
    def _steps(self) -> Floats:
        return np.array(self._each(self.spec.fast_step, self.spec.slow_step))

    @property
    def bodies(self) -> Sequence[tuple[str, Colour]]:
        return self._each(("fast", Ink.BLUE), ("slow", Ink.ORANGE))

    @property
    def _own_bounds(self) -> tuple[Observations, Observations]:
        """Lowest and highest observed numbers; the zones' contents have no bound."""
        x, y = self._furthest
        most, messages = float(self._capacity.max()), [MESSAGES - 1.0] * self.n_agents
        capabilities = [most, float(self._steps.max())] * self.spec.capability_aware
        high = [x, y, most, math.inf, math.inf, *messages, *capabilities]
        return self._bounds([-x, -y, *[0.0] * (len(high) - 2)], high)

    @property
    def _inner(self) -> float:
        """Where zone 2 and the place to unload begin, metres from the middle."""
        return EDGE - self.spec.end_goal_width

    @property
    def _parts(self) -> Parts:
        return {
            **super()._parts,
            "loads": (np.int64, (self.n_agents,)),
            "zones": (np.int64, (2,)),
            "messages": (np.int64, (self.n_agents,)),
        }

    def _place(self, state: MaterialState, rows: Ints) -> None:
        (robots,) = self.spec.spawns
        state.poses[rows, :, :2] = places(self.keys[rows], state.episode[rows], robots, PLACES)
        draws = uniform(self.keys[rows, None], state.episode[rows, None], MATERIAL, np.arange(2))
        normal = NormalDist()
        for row, pair in zip(rows, draws, strict=True):
            for zone, (mean, deviation) in enumerate((self.spec.zone1, self.spec.zone2)):
                # Half a draw's spacing more, for 0 has no normal number. The original can begin with less than nothing.
                material = mean + deviation * normal.inv_cdf(max(pair[zone], 2.0**-54))
                state.zones[row, zone] = max(int(material), 0)

    def _distances(self, state: MaterialState) -> Floats:
        return self._steps

    def _look(self, state: MaterialState, rows: Ints) -> None:
        own, everybody = np.dstack([state.poses[..., :2], state.loads]), np.hstack([state.zones, state.messages])
        seen = state.observation
        seen[rows, :, :3] = own[rows]
        seen[rows, :, 3 : 5 + self.n_agents] = everybody[rows, None]
        if self.spec.capability_aware:
            seen[rows, :, -2:] = np.column_stack([self._capacity, self._steps])

    def _settle(self, state: MaterialState, rows: Ints, actions: Ints, rewards: Rewards) -> None:
        state.messages[rows] = actions[rows] % MESSAGES
        self._look(state, rows)
        spec, edges = self.spec, (self._inner, self.spec.zone1_radius)
        pays = spec.load_multiplier, spec.unload_multiplier, spec.time_penalty
        _carry(rows, state.poses, state.loads, state.zones, self._capacity, state.done, edges, pays, rewards)

    def _paint(self, canvas: Canvas, state: MaterialState, row: int) -> None:
        middle, right = state.zones[row].tolist()
        canvas.rectangle((-EDGE, -HALF_HEIGHT), (-self._inner, HALF_HEIGHT), Ink.PALE_GREEN)
        canvas.rectangle((self._inner, -HALF_HEIGHT), (EDGE, HALF_HEIGHT), Ink.PALE_RED)
        canvas.disc((0.0, 0.0), self.spec.zone1_radius, Ink.PALE_RED)
        canvas.text((0.0, 0.0), str(middle), Ink.BLACK, 16)
        canvas.text(((self._inner + EDGE) / 2.0, 0.0), str(right), Ink.BLACK, 16)
        for (x, y, _), load in zip(state.poses[row].tolist(), state.loads[row].tolist(), strict=True):
            if load:
                canvas.text((x, y + 0.1), f"+{load}", Ink.BLACK)


@compiled
def _carry(
    rows: Ints, poses: Floats, loads: Ints, zones: Ints, capacity: Ints,
    done: Mask, edges: tuple[float, float], pays: tuple[float, float, float], rewards: Rewards,
) -> None:  # fmt: skip
    """Load and unload, robot by robot; pay, and end where all is delivered."""
    inner, zone1_radius = edges
    load_multiplier, unload_multiplier, time_penalty = pays
    for row in rows:
        if done[row]:
            continue
        loaded = unloaded = left = 0
        for robot in range(poses.shape[1]):
            x, y = poses[row, robot, 0], poses[row, robot, 1]
            if loads[row, robot] > 0:
                if x < -inner:
                    unloaded += loads[row, robot]
                    loads[row, robot] = 0
            elif x > inner or math.sqrt(x * x + y * y) <= zone1_radius:
                zone = 1 if x > inner else 0
                taken = min(capacity[robot], zones[row, zone])
                zones[row, zone] -= taken
                loads[row, robot] = taken
                loaded += taken
            left += loads[row, robot]
        rewards[row] = time_penalty + unload_multiplier * unloaded + load_multiplier * loaded
        done[row] = left + zones[row, 0] + zones[row, 1] == 0
