"""What a world is made of: agents that move, landmarks that do not, and who bumps into whom."""

from dataclasses import dataclass
from typing import Literal

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
