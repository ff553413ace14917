"""`MaterialTransport`: fast and slow robots bring material from two zones to the left, and send each other messages."""

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
    BLUE,
    EDGE,
    LEFT,
    ORANGE,
    PALE_GREEN,
    PALE_RED,
    STAY,
    Grid,
    RobotState,
    Scenario,
)
from dvdn_sim.scenario import envs as settings

MESSAGES = 4
PLACES, MATERIAL = 0, 1  # streams of draws


@dataclass(frozen=True)
class MaterialState(RobotState):
    """See `RobotState`.

    Attributes:
        loads: int64 ``[E, N]``, what robots carry.
        zones: int64 ``[E, 2]``, what is left in the disc in the middle and in the band at the right.
        messages: int64 ``[E, N]``, of the latest step.
    """

    loads: Tensor
    zones: Tensor
    messages: Tensor

    @property
    def remaining(self) -> Tensor:
        """Units that are not delivered yet, int64 ``[E]``."""
        return self.zones.sum(1) + self.loads.sum(1)


class MaterialTransport(Scenario[MaterialState, settings.MaterialTransport]):
    """Fast robots come first, then slow ones; the reward is shared.

    Robots take turns by number. An empty one takes what it can carry, from zone 2 where x > 1.0, else from zone 1, a
    disc around the origin; a loaded one unloads where x < −1.0. Observation of a robot: x, y, its load, what is left
    in zones 1 and 2, and the messages of all robots, its own included. Loads and zones are from before the latest
    step's loading, and other robots' positions are not among it. The episode ends when all material is delivered.
    Actions: 4 · move + message; moves are 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.
    """

    def __init__(
        self,
        spec: settings.MaterialTransport | None = None,
        *,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take the settings of a scenario, or the same as keywords (`dvdn-sim list envs`)."""
        spec = settings.MaterialTransport(**options) if spec is None else spec
        fast, slow, robots = spec.n_fast_agents, spec.n_slow_agents, spec.n_agents
        super().__init__(
            spec,
            "material_transport",
            agents=tuple(f"{'fast' if i < fast else 'slow'}_{i}" for i in range(robots)),
            colours=(BLUE,) * fast + (ORANGE,) * slow,
            idle_action=STAY * MESSAGES,
            row_seeds=row_seeds,
            device=device,
        )
        self._grid = Grid(LEFT, spec.end_goal_width, spec.start_dist, robots)
        self._inner = EDGE - spec.end_goal_width
        steps, torques = [spec.fast_step] * fast + [spec.slow_step] * slow, (spec.small_torque, spec.large_torque)
        self._step = torch.tensor(steps, dtype=torch.float64, device=self.device)
        self._capacity = torch.tensor([torques[0]] * fast + [torques[1]] * slow, device=self.device)
        self._means, self._deviations = (
            torch.tensor(each, dtype=torch.float64, device=self.device)
            for each in zip(spec.zone1, spec.zone2, strict=True)
        )

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each; the zones' contents have no bound."""
        x, y = self._position_bounds()
        most = float(self._capacity.max())
        low, high = [-x, -y, 0.0, 0.0, 0.0], [x, y, most, torch.inf, torch.inf]
        low, high = [*low, *[0.0] * self.n_agents], [*high, *[MESSAGES - 1.0] * self.n_agents]
        if self._spec.capability_aware:
            low, high = [*low, 0.0, 0.0], [*high, most, float(self._step.max())]
        return self._bounds(low, high)

    def _begin(self, keys: Tensor, episode: Tensor) -> MaterialState:
        places = self._grid.places(keys, episode, torch.full_like(episode, PLACES))
        poses = torch.cat([places, torch.zeros_like(places[..., :1])], -1)
        zone = torch.arange(2, device=keys.device)
        draws = uniform(keys[:, None], episode[:, None], torch.full_like(zone, MATERIAL), zone)
        # Half a draw's spacing more, for 0 has no normal number.
        normal = self._means + self._deviations * torch.special.ndtri(draws + 2.0**-54)
        nothing = torch.zeros(len(keys), self.n_agents, dtype=torch.int64, device=keys.device)
        return MaterialState(
            **self._standing(poses, episode), loads=nothing, zones=normal.long().clamp(min=0), messages=nothing
        )

    def _moves(self, actions: Tensor) -> Tensor:
        return torch.div(actions, MESSAGES, rounding_mode="floor")

    def _distances(self, state: MaterialState) -> Tensor:
        return self._step

    def _observe(self, state: MaterialState) -> Tensor:
        everybody = torch.cat([state.zones, state.messages], -1)[:, None].expand(-1, self.n_agents, -1)
        parts = [state.poses[..., :2], state.loads[..., None], everybody]
        if self._spec.capability_aware:
            parts.append(torch.stack([self._capacity, self._step], -1).expand(len(everybody), -1, -1))
        return torch.cat([part.float() for part in parts], -1)

    def _settle(self, moved: MaterialState, actions: Tensor, violated: Tensor) -> tuple[MaterialState, Tensor, Tensor]:
        moved = replace(moved, messages=actions % MESSAGES)
        observation = self._observe(moved)
        x, y, _ = moved.poses.unbind(-1)
        going = ~violated[:, None]
        unloads = (moved.loads > 0) & (x < -self._inner) & going
        right = x > self._inner
        middle = ~right & ((x * x + y * y).sqrt() <= self._spec.zone1_radius)
        spec = self._spec
        reward = spec.time_penalty + spec.unload_multiplier * (moved.loads * unloads).sum(1).double()
        empty = (moved.loads == 0) & going
        wants = torch.stack([empty & middle, empty & right], -1) * self._capacity[:, None]
        left, taken = moved.zones, []
        for wanted in wants.unbind(1):
            taken.append(torch.minimum(wanted, left))
            left = left - taken[-1]
        loaded = torch.stack(taken, 1).sum(2)
        reward = reward + spec.load_multiplier * loaded.sum(1).double()
        loads = torch.where(unloads, 0, moved.loads + loaded)
        after = replace(moved, observation=observation, loads=loads, zones=left)
        return after, reward[:, None].expand(-1, self.n_agents), after.remaining == 0

    def _paint(self, canvas: Canvas, state: MaterialState, row: int) -> None:
        middle, right = state.zones[row].tolist()
        canvas.rectangle((-EDGE, -HALF_HEIGHT), (-self._inner, HALF_HEIGHT), PALE_GREEN)
        canvas.rectangle((self._inner, -HALF_HEIGHT), (EDGE, HALF_HEIGHT), PALE_RED)
        canvas.disc((0.0, 0.0), self._spec.zone1_radius, PALE_RED)
        canvas.text((0.0, 0.0), str(middle), BLACK, 16)
        canvas.text(((self._inner + EDGE) / 2.0, 0.0), str(right), BLACK, 16)
        for (x, y, _), load in zip(state.poses[row].tolist(), state.loads[row].tolist(), strict=True):
            if load:
                canvas.text((x, y + 0.1), f"+{load}", BLACK)
