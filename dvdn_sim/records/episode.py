"""One episode as it was played, step by step: what a page shows of it.

Points are x to the right and y up, as on a canvas of `dvdn_sim.envs.canvas`.
"""

from dataclasses import dataclass, field
from typing import Literal

Point = tuple[float, float]
Edge = tuple[int, int]
"""Sender and receiver, by their indices."""


@dataclass(frozen=True)
class Stroke:
    """One stroke of a picture.

    Attributes:
        kind: What it is.
        points: Centre of a disc or of words; two opposite corners of a rectangle, the lower left one first; a line's
            points in order.
        colour: Red, green, blue, 0 to 255.
        size: Radius of a disc; width of a line and height of words in pixels of a picture `Picture.width_px` wide.
        words: What is written.
    """

    kind: Literal["disc", "rectangle", "line", "text"]
    points: tuple[Point, ...]
    colour: tuple[int, int, int]
    size: float = 0.0
    words: str = ""


@dataclass(frozen=True)
class Picture:
    """What an environment looks like at an instant, from the `low` to the `high` corner.

    Shapes are each drawn over those before; `places` are where the agents are, and what is drawn of one reaches
    `radius` around its place. Widths of lines and heights of words are meant for a picture `width_px` wide.
    """

    low: Point
    high: Point
    strokes: tuple[Stroke, ...]
    places: tuple[Point, ...]
    radius: float
    width_px: int = 400
    background: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True)
class Links:
    """Which directed links there are at an instant.

    Attributes:
        up: Of the topology's links, those that nothing has taken down; sorted, as is all here.
        cut: Those that a fault has taken down: the link itself, or one of its ends.
        down: Agents that have crashed.
        faults: Kinds of the faults under way.
        places: Where the topology has its agents, in metres; None where they do not move.
    """

    up: tuple[Edge, ...]
    cut: tuple[Edge, ...] = ()
    down: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    places: tuple[Point, ...] | None = None


@dataclass(frozen=True)
class Frame:
    """What there is after a number of steps, and the actions and rewards of the step that led here; None before it.

    Without a network there is no time and there are no links; an environment that cannot be drawn has no picture.
    """

    time_s: float | None
    actions: tuple[str, ...] | None
    rewards: tuple[float, ...] | None
    links: Links | None
    picture: Picture | None


@dataclass(frozen=True)
class Episode:
    """An episode of a trained team, from before the first step to after the last.

    `number` counts the seed's evaluation episodes from 0; `network` is the topology and the link in words, `reach_m`
    how far apart agents are linked, in metres, where that decides it.
    """

    name: str
    headline: str
    seed: int
    number: int
    agents: tuple[str, ...]
    frames: tuple[Frame, ...]
    network: tuple[str, ...] = ()
    reach_m: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def returns(self) -> tuple[float, ...]:
        """Undiscounted team return up to each frame."""
        so_far, found = 0.0, []
        for frame in self.frames:
            so_far += sum(frame.rewards or ())
            found.append(so_far)
        return tuple(found)
