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
    """What an environment looks like at an instant.

    Attributes:
        low: Lower left corner of what it shows.
        high: Its upper right corner.
        strokes: Each over those before it.
        places: Where the agents are in it.
        radius: How far around these places what is drawn of an agent reaches.
        width_px: Width that the sizes of lines and words are meant for.
        background: Colour behind everything.
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
    """What there is after a number of steps.

    Attributes:
        time_s: Simulated seconds since the beginning of the run.
        actions: What each agent did in the step that led here; None before the first.
        rewards: What each gained by it; None before the first step.
        links: None without a network.
        picture: None for an environment that cannot be drawn.
    """

    time_s: float | None
    actions: tuple[str, ...] | None
    rewards: tuple[float, ...] | None
    links: Links | None
    picture: Picture | None


@dataclass(frozen=True)
class Episode:
    """An episode of a trained team.

    Attributes:
        name: Of the scenario.
        headline: What the run was, in a line.
        seed: Whose team.
        number: Which of its evaluation episodes, from 0.
        agents: Their names.
        frames: From before the first step to after the last.
        network: The topology and the link in words; empty without a network.
        notes: What else is to be known of it.
    """

    name: str
    headline: str
    seed: int
    number: int
    agents: tuple[str, ...]
    frames: tuple[Frame, ...]
    network: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def returns(self) -> tuple[float, ...]:
        """Undiscounted team return up to each frame."""
        so_far, found = 0.0, []
        for frame in self.frames:
            so_far += sum(frame.rewards or ())
            found.append(so_far)
        return tuple(found)
