"""`MaterialTransport`: fast and slow robots bring material from two zones to the left, and send each other messages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from dvdn_sim.draws import uniform
from dvdn_sim.envs.batch import check_finite
from dvdn_sim.envs.canvas import Canvas
from dvdn_sim.envs.marbler import picture
from dvdn_sim.envs.marbler.arena import EDGE, LEFT, MOVES, STAY, Grid
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT
from dvdn_sim.envs.marbler.scenario import BarrierName, FirstObservation, Options, RobotState, Scenario

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


class MaterialTransport(Scenario[MaterialState]):
    """Fast robots come first, then slow ones; the reward is shared.

    Robots take turns by number. An empty one takes what it can carry, from zone 2 where x > 1.0, else from zone 1, a
    disc around the origin; a loaded one unloads where x < −1.0. Observation of a robot: x, y, its load, what is left
    in zones 1 and 2, and the messages of all robots, its own included. Loads and zones are from before the latest
    step's loading, and other robots' positions are not among it. The episode ends when all material is delivered.
    Actions: 4 · move + message; moves are 0 left, 1 right, 2 up (towards smaller y), 3 down, 4 stay.

    Args:
        n_fast_agents: Fast robots.
        n_slow_agents: Slow robots.
        fast_step: How far one action leads a fast robot, metres, if the time is enough.
        slow_step: The same of a slow one.
        small_torque: What a fast robot can carry.
        large_torque: What a slow one can.
        end_goal_width: Of zone 2 and of the place to unload, metres, measured from x = ±1.5.
        zone1_radius: Metres.
        zone1: Material in zone 1: mean and standard deviation of a normal number, cut to a whole one, at least 0.
        zone2: The same of zone 2.
        load_multiplier: Reward per unit loaded.
        unload_multiplier: Reward per unit unloaded.
        time_penalty: Every step.
        capability_aware: Whether robots see their own capacity and step distance, too.
        start_dist: Between places to begin at, metres.
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
        n_fast_agents: int = 2,
        n_slow_agents: int = 2,
        fast_step: float = 0.45,
        slow_step: float = 0.15,
        small_torque: int = 5,
        large_torque: int = 15,
        end_goal_width: float = 0.5,
        zone1_radius: float = 0.35,
        zone1: tuple[float, float] = (100.0, 10.0),
        zone2: tuple[float, float] = (20.0, 4.0),
        load_multiplier: float = 0.025,
        unload_multiplier: float = 0.075,
        time_penalty: float = -0.1,
        capability_aware: bool = False,
        start_dist: float = 0.3,
        max_episode_steps: int = 70,
        iterations_per_step: int = 74,
        update_every: int = 15,
        barrier: BarrierName = "safe",
        penalize_violations: bool = True,
        violation_penalty: float = -6.0,
        first_observation: FirstObservation = "zeros",
        time_limit_plus_one: bool = True,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
    ) -> None:
        check_finite(fast_step=fast_step, slow_step=slow_step, end_goal_width=end_goal_width, zone1_radius=zone1_radius)
        check_finite(zone1_mean=zone1[0], zone1_spread=zone1[1], zone2_mean=zone2[0], zone2_spread=zone2[1])
        check_finite(load_multiplier=load_multiplier, unload_multiplier=unload_multiplier, time_penalty=time_penalty)
        if n_fast_agents < 0 or n_slow_agents < 0:
            raise ValueError(f"{n_fast_agents} fast and {n_slow_agents} slow robots found; 0 or more of each expected")
        if min(small_torque, large_torque) < 1:
            raise ValueError(f"torques {small_torque} and {large_torque} found; 1 or more each expected")
        robots = n_fast_agents + n_slow_agents
        self._grid = Grid(LEFT, end_goal_width, start_dist, robots)
        super().__init__(
            "material_transport",
            agents=tuple(f"{'fast' if i < n_fast_agents else 'slow'}_{i}" for i in range(robots)),
            colours=(picture.BLUE,) * n_fast_agents + (picture.ORANGE,) * n_slow_agents,
            n_actions=MOVES * MESSAGES,
            idle_action=STAY * MESSAGES,
            obs_dim=5 + robots + 2 * capability_aware,
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
        self._inner, self._radius, self._aware = EDGE - end_goal_width, zone1_radius, capability_aware
        self._multipliers, self._time_penalty = (load_multiplier, unload_multiplier), time_penalty
        steps = [fast_step] * n_fast_agents + [slow_step] * n_slow_agents
        self._step = torch.tensor(steps, dtype=torch.float64, device=self.device)
        self._capacity = torch.tensor(
            [small_torque] * n_fast_agents + [large_torque] * n_slow_agents, device=self.device
        )
        means, deviations = zip(zone1, zone2, strict=True)
        self._means, self._deviations = (
            torch.tensor(each, dtype=torch.float64, device=self.device) for each in (means, deviations)
        )

    @cached_property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest observed numbers, float32 ``[N, D]`` each; the zones' contents have no bound."""
        x, y = self._position_bounds()
        most = float(self._capacity.max())
        low, high = [-x, -y, 0.0, 0.0, 0.0], [x, y, most, torch.inf, torch.inf]
        low, high = [*low, *[0.0] * self.n_agents], [*high, *[MESSAGES - 1.0] * self.n_agents]
        if self._aware:
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
        if self._aware:
            parts.append(torch.stack([self._capacity, self._step], -1).expand(len(everybody), -1, -1))
        return torch.cat([part.float() for part in parts], -1)

    def _settle(self, moved: MaterialState, actions: Tensor, violated: Tensor) -> tuple[MaterialState, Tensor, Tensor]:
        moved = replace(moved, messages=actions % MESSAGES)
        observation = self._observe(moved)
        x, y, _ = moved.poses.unbind(-1)
        going = ~violated[:, None]
        unloads = (moved.loads > 0) & (x < -self._inner) & going
        right = x > self._inner
        middle = ~right & ((x * x + y * y).sqrt() <= self._radius)
        load_multiplier, unload_multiplier = self._multipliers
        reward = self._time_penalty + unload_multiplier * (moved.loads * unloads).sum(1).double()
        empty = (moved.loads == 0) & going
        wants = torch.stack([empty & middle, empty & right], -1) * self._capacity[:, None]
        left, taken = moved.zones, []
        for wanted in wants.unbind(1):
            taken.append(torch.minimum(wanted, left))
            left = left - taken[-1]
        loaded = torch.stack(taken, 1).sum(2)
        reward = reward + load_multiplier * loaded.sum(1).double()
        loads = torch.where(unloads, 0, moved.loads + loaded)
        after = replace(moved, observation=observation, loads=loads, zones=left)
        return after, reward[:, None].expand(-1, self.n_agents), after.remaining == 0

    def _paint(self, canvas: Canvas, state: MaterialState, row: int) -> None:
        middle, right = state.zones[row].tolist()
        canvas.rectangle((-EDGE, -HALF_HEIGHT), (-self._inner, HALF_HEIGHT), picture.PALE_GREEN)
        canvas.rectangle((self._inner, -HALF_HEIGHT), (EDGE, HALF_HEIGHT), picture.PALE_RED)
        canvas.disc((0.0, 0.0), self._radius, picture.PALE_RED)
        canvas.text((0.0, 0.0), str(middle), picture.BLACK, 16)
        canvas.text(((self._inner + EDGE) / 2.0, 0.0), str(right), picture.BLACK, 16)
        for (x, y, _), load in zip(state.poses[row].tolist(), state.loads[row].tolist(), strict=True):
            if load:
                canvas.text((x, y + 0.1), f"+{load}", picture.BLACK)
