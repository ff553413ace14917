"""How bodies move: pushed by their actions and by what they touch, damped, never faster than their limit.

One step lasts dt = 0.1 s. With the force F of the old positions on a mass of 1 kg

    v' = (1 - 0.25) v + F dt, scaled down to the maximum speed where it is above
    x' = x + v dt    `mpe2`: PettingZoo from 1.23 on, and mpe2 (the v3 environments)
    x' = x + v' dt   `legacy`: OpenAI's release, its forks, PettingZoo up to 1.22 (the v2 environments)

so that with `mpe2` an action moves its agent one step later. The orders also differ in what actions mean: 0 none, then
-x, +x, -y, +y with `mpe2` and +x, -x, +y, -y with `legacy`.

Two bodies at distance d, with radii that add up to r, push each other apart with F = 100 k log(1 + exp((r - d) / k)),
k = 0.001 m (Lowe et al. 2017, the code released with it). Bodies in one and the same place have no direction to be
pushed in, and are not, until their actions part them (the originals divide by zero, and are nan from there on).
"""

from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.vectors import joined, length, total
from dvdn_sim.envs.mpe.world import World

Order = Literal["mpe2", "legacy"]

ACTIONS = 5
DT = 0.1
DAMPING = 0.25
CONTACT_FORCE = 100.0
CONTACT_MARGIN = 1e-3
NOWHERE_NEARER = 1e-150  # m; so that the push of bodies in one place, 0 / 0 m, is 0


def directions(order: Order) -> Tensor:
    """Where each action pushes, unit vectors, float64 ``[5, 2]``."""
    towards = torch.tensor([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]], dtype=torch.float64)
    return -towards if order == "legacy" else towards


class Physics:
    """Moves the agents of a world."""

    def __init__(self, world: World, order: Order, device: torch.device) -> None:
        """Make the tables. `directions` tells where each action pushes, ``[5, 2]``.

        Args:
            world: Its bodies.
            order: `mpe2` or `legacy`.
            device: Where states are.
        """
        self.directions = directions(order).to(device)
        self._velocity_first = order == "legacy"
        accel = torch.tensor([agent.accel for agent in world.agents], dtype=torch.float64, device=device)
        self._pushes = (accel[:, None, None] * self.directions).flatten(0, 1).t().contiguous()  # by agent, then action
        self._offsets = torch.arange(len(accel), device=device) * ACTIONS
        limits = torch.tensor([agent.max_speed for agent in world.agents], dtype=torch.float64)
        self._limits = limits.to(device) if bool(limits.isfinite().any()) else None
        agents = [agent.radius for agent in world.agents]
        radii = torch.tensor(agents + [world.landmark_radius] * world.landmarks, dtype=torch.float64)
        bodies = {"none": 0, "agents": len(agents), "all": len(radii)}[world.collide]
        self._landmarks_too = world.collide == "all"
        self._touching = (radii[: len(agents), None] + radii[:bodies]).to(device)

    def step(self, positions: Tensor, velocities: Tensor, landmarks: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step.

        Args:
            positions: float64 ``[E, M, 2]``.
            velocities: float64 ``[E, M, 2]``.
            landmarks: float64 ``[E, L, 2]``.
            actions: int64 ``[E, M]``, 0 to 4.

        Returns:
            The new positions and velocities.
        """
        after = self._pushed(velocities, self._force(positions, landmarks, actions))
        return positions + (after if self._velocity_first else velocities) * DT, after

    def _force(self, positions: Tensor, landmarks: Tensor, actions: Tensor) -> Tensor:
        force = self._pushes[:, (actions + self._offsets).t().contiguous()].permute(2, 1, 0)
        if self._touching.shape[1] == 0:
            return force
        bodies = joined(positions, landmarks) if self._landmarks_too else positions
        apart = positions[:, :, None] - bodies[:, None]
        distance = length(apart)
        # torch's own softplus and logaddexp round differently at the end of a batch; exp and log1p do not. Beyond -700
        # exp is slow, and the force less than 1e-300 N.
        overlap = (self._touching - distance) / CONTACT_MARGIN
        pressed = overlap.clamp(min=0) + torch.log1p(torch.exp(-overlap.abs().clamp(max=700)))
        push = CONTACT_FORCE * CONTACT_MARGIN * pressed / distance.clamp(min=NOWHERE_NEARER)
        return force + total(push[..., None] * apart, 2)

    def _pushed(self, velocities: Tensor, force: Tensor) -> Tensor:
        after = velocities * (1 - DAMPING) + force * DT
        if self._limits is None:
            return after
        speed = length(after)
        scale = torch.where(speed > self._limits, self._limits / speed, 1.0)
        return after * scale[..., None]
