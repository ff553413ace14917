"""What a world is made of: bodies, where they are, how they move, what is seen of them, and their picture."""

from dataclasses import dataclass
from functools import reduce
from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.envs.canvas import Canvas

Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 1."""

BLUE: Colour = (0.35, 0.35, 0.85)
GREEN: Colour = (0.35, 0.85, 0.35)
RED: Colour = (0.85, 0.35, 0.35)


@dataclass(frozen=True)
class Agent:
    """A disc that is pushed by its own actions.

    Attributes:
        name: As in ``mpe2``.
        radius: In metres.
        accel: Acceleration that an action gives, in m/s².
        max_speed: In m/s; infinite if there is no limit.
        colour: In pictures, and in what some agents observe.
    """

    name: str
    radius: float
    accel: float = 5.0
    max_speed: float = float("inf")
    colour: Colour = BLUE


@dataclass(frozen=True)
class World:
    """The bodies of a task. Every mass is 1 kg.

    Attributes:
        agents: In the order of every agent axis.
        landmarks: How many.
        landmark_radius: In metres.
        landmark_spread: Landmarks begin uniformly within ± this in x and y, in metres; agents within ± 1.
        collide: Who bumps into whom: nobody (`none`), agents into agents (`agents`), or into landmarks, too (`all`).
        has_goal: Whether one of the landmarks is the goal, drawn for each episode.
    """

    agents: tuple[Agent, ...]
    landmarks: int
    landmark_radius: float
    landmark_spread: float = 1.0
    collide: Literal["none", "agents", "all"] = "none"
    has_goal: bool = False


@dataclass(frozen=True)
class MpeState:
    """A batch of E worlds of M agents, opponents included, and L landmarks; never changed in place.

    In states that the environments make, E is the innermost axis of places and velocities in memory.

    Attributes:
        positions: float64 ``[E, M, 2]``, x and y in metres.
        velocities: float64 ``[E, M, 2]``, in m/s.
        landmarks: float64 ``[E, L, 2]``, where they are, in metres.
        goal: int64 ``[E]``, which landmark is the goal; 0 where a task has none.
        memory: float32 ``[E, K, H]``, what each of K opponents remembers; zeros at the beginning of an episode.
        key: int64 ``[E]``, names the draws of the row's opponents.
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
    """

    positions: Tensor
    velocities: Tensor
    landmarks: Tensor
    goal: Tensor
    memory: Tensor
    key: Tensor
    step: Tensor
    episode: Tensor


def length(vectors: Tensor) -> Tensor:
    """Euclidean norm along the last axis, of two numbers."""
    x, y = vectors.unbind(-1)
    return (x * x + y * y).sqrt()


def total(parts: Tensor, dim: int) -> Tensor:
    """Sum along one axis, one part after the other."""
    return reduce(torch.add, parts.unbind(dim))


def least(parts: Tensor, dim: int) -> Tensor:
    """Minimum along one axis."""
    return reduce(torch.minimum, parts.unbind(dim))


def joined(*parts: Tensor) -> Tensor:
    """Parts ``[E, m, c]`` one after the other along the middle axis, E innermost in memory."""
    return torch.cat([part.permute(1, 2, 0) for part in parts]).permute(2, 0, 1)


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
        """Make the tables."""
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
        """Return positions and velocities after a step, from those before and actions ``[E, M]``."""
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


def all_but_self(agents: int, viewers: range) -> Tensor:
    """Of each viewer the other agents, in order, int64 ``[n, agents - 1]``."""
    return torch.tensor([[j for j in range(agents) if j != i] for i in viewers], dtype=torch.int64)


def relative(places: Tensor, own: Tensor) -> Tensor:
    """Return places, ``[E, m, 2]`` or ``[E, n, m, 2]``, seen from viewers at `own` ``[E, n, 2]``: ``[E, n, m, 2]``."""
    return (places[:, None] if places.ndim == 3 else places) - own[:, :, None]


def among(values: Tensor, others: Tensor) -> Tensor:
    """Return the values ``[E, M, c]`` of the others, int64 ``[n, m]``, of each viewer: ``[E, n, m, c]``."""
    return values.permute(1, 2, 0)[others].permute(3, 0, 1, 2)


def of_nearest(seen: Tensor, values: Tensor) -> Tensor:
    """Return of values ``[E, n, m, c]`` those of the nearest of m places ``[E, n, m, 2]``, of equals the first."""
    (least, *distances), (chosen, *rest) = length(seen).unbind(2), values.unbind(2)
    for distance, value in zip(distances, rest, strict=True):
        nearer = distance < least
        least = torch.where(nearer, distance, least)
        chosen = torch.where(nearer[..., None], value, chosen)
    return chosen


def nearest(seen: Tensor) -> Tensor:
    """The nearest of m relative places ``[E, n, m, 2]``, as ``[E, n, 2]``; zeros if there is none."""
    return of_nearest(seen, seen) if seen.shape[2] else seen.new_zeros(*seen.shape[:2], 2)


def observed(*parts: Tensor) -> Tensor:
    """One observation from its parts ``[E, n, ...]``, one after the other: float32 ``[E, n, D]``."""
    # With E as the last axis parts are joined in long runs; one transposition of a matrix puts it first again.
    numbers = torch.cat([part.flatten(2).permute(1, 2, 0) for part in parts], 1).float()
    viewers, count, copies = numbers.shape
    return numbers.view(-1, copies).t().contiguous().view(copies, viewers, count)


Points = list[list[float]]

EDGE, INK, PAPER = (205, 205, 205), (40, 40, 40), (255, 255, 255)
LANDMARK, GOAL = (90, 90, 90), (60, 160, 60)
HALF_WIDTH = 1.35


def draw(world: World, positions: Points, landmarks: Points, goal: int) -> Canvas:
    """Draw one row; the canvas shows ± 1.35 m, or as much as it takes to show every agent."""
    far = max(abs(number) for point in positions + landmarks for number in point) + 0.25
    half = max(HALF_WIDTH, far)
    canvas = Canvas((-half, -half), (half, half), background=PAPER)
    canvas.line([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], EDGE)
    for agent, (x, y) in zip(world.agents, positions, strict=True):
        red, green, blue = (round(255 * part) for part in agent.colour)
        canvas.disc((x, y), agent.radius, (red, green, blue))
    for index, (x, y) in enumerate(landmarks):  # last, so that one that is covered is seen
        canvas.disc((x, y), world.landmark_radius, GOAL if world.has_goal and index == goal else LANDMARK)
    for agent, (x, y) in zip(world.agents, positions, strict=True):
        canvas.text((x, y + agent.radius + 0.05), agent.name, INK, height_px=11)
    return canvas
