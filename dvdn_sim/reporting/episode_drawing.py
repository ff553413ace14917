"""The frames of an episode as SVG: the environment, and over it the links between its agents."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from typing import Literal

from dvdn_sim.records import Edge, Episode, Frame, Links, Picture, Point, Shape

WIDTH = 1000
"""Of every drawing, in its own units; one of them is too little to see."""
RADIUS = 27.0
"""Of an agent on a circle, in these units."""
CLEAR = 5.0
"""Between an agent and where its links begin."""
Pair = tuple[int, int]
"""Two agents, the smaller index first."""
State = Literal["up", "cut", "absent"]
Place = Callable[[Point], Point]


@dataclass(frozen=True)
class Drawn:
    """What a frame shows of the agents.

    Attributes:
        scene: SVG that is drawn over links.
        where: Where agents are in the drawing.
        radius: Of an agent.
        height: Of the drawing.
    """

    scene: str
    where: Sequence[Point]
    radius: float
    height: float


def pairs_of(episode: Episode) -> list[Pair]:
    """All pairs of agents that have a link at some step, in whichever direction."""
    links = [frame.links for frame in episode.frames if frame.links is not None]
    return sorted({(min(edge), max(edge)) for each in links for edge in (*each.up, *each.cut)})


def state_of(links: Links, pair: Pair) -> tuple[State, Edge | None]:
    """How two agents are linked, and the one direction that is up where the other is not."""
    up = [edge for edge in (pair, pair[::-1]) if edge in links.up]
    if up:
        return "up", up[0] if len(up) == 1 else None
    return ("cut" if any(edge in links.cut for edge in (pair, pair[::-1])) else "absent"), None


def scenes(episode: Episode, labels: Sequence[str]) -> str:
    """Return one SVG that holds every frame, of which the first is shown.

    Args:
        episode: What was played.
        labels: What each frame shows, in words.
    """
    pictures = [frame.picture for frame in episode.frames if frame.picture is not None]
    if not pictures:
        return _svg(WIDTH, _frames(episode, labels, lambda _: _circle(len(episode.agents))))
    low = min(each.low[0] for each in pictures), min(each.low[1] for each in pictures)
    high = max(each.high[0] for each in pictures), max(each.high[1] for each in pictures)
    place, scale = _map(low, high)
    height = round((high[1] - low[1]) * scale)
    still = _still(pictures)
    ground = f'<rect width="{WIDTH}" height="{height}" fill="{_colour(pictures[0].background)}"/>'
    ground += "".join(_shape(shape, place, scale, pictures[0]) for shape in pictures[0].shapes[:still])

    def drawn(frame: Frame) -> Drawn:
        picture = frame.picture
        assert picture is not None  # noqa: S101  (narrowing: one environment draws all its frames or none)
        shapes = "".join(_shape(shape, place, scale, picture) for shape in picture.shapes[still:])
        where = [place(point) for point in picture.places]
        return Drawn(f'<g class="scene">{shapes}</g>', where, picture.radius * scale, height)

    return _svg(height, f'<g class="scene">{ground}</g>{_frames(episode, labels, drawn)}')


def places(episode: Episode, labels: Sequence[str]) -> str:
    """Return an SVG of where the topology has its agents; empty where they do not move."""
    every = [
        frame.links.places for frame in episode.frames if frame.links is not None and frame.links.places is not None
    ]
    if not every:
        return ""
    points = [point for each in every for point in each]
    (left, bottom), (right, top) = (tuple(map(end, zip(*points, strict=True))) for end in (min, max))
    margin = 0.08 * max(right - left, top - bottom, 1e-9)
    place, scale = _map((left - margin, bottom - margin), (right + margin, top + margin))
    height = round((top - bottom + 2 * margin) * scale)

    def drawn(frame: Frame) -> Drawn:
        now = (frame.links.places if frame.links is not None else None) or ()
        where = [place(point) for point in now]
        return Drawn(_discs(where), where, RADIUS, height)

    return _svg(height, _frames(episode, labels, drawn))


def timeline(episode: Episode, pairs: Sequence[Pair]) -> str:
    """Return when each pair was linked, one row for each, one column per frame; what is absent is left blank."""
    rows = []
    for pair in pairs:
        found = runs(episode, pair)
        label = escape(f"agents {pair[0]} and {pair[1]}: {', '.join(map(_said, found)) or 'absent'}")
        bars = "".join(
            f'<rect class="{kind}" x="{first}" width="{last + 1 - first}" y="{TOPS[kind]}" height="{9 - TOPS[kind]}"/>'
            for kind, first, last in found
        )
        cursor = '<rect class="cursor" x="0" y="0" width="1" height="10"/>'
        box = f'viewBox="0 0 {len(episode.frames)} 10" preserveAspectRatio="none" role="img" aria-label="{label}"'
        rows.append(f"<span>{pair[0]}–{pair[1]}</span><svg {box}>{bars}{cursor}</svg>")
    return f'<div class="timeline">{"".join(rows)}</div>'


TOPS = {"up": 1, "one-way": 1, "cut": 6}
"""Where bars begin, from the top; all end at 9 of 10."""


def runs(episode: Episode, pair: Pair) -> list[tuple[str, int, int]]:
    """From which frame to which a pair was linked how: up, one-way or cut; what is absent is left out."""
    found: list[tuple[str, int, int]] = []
    for step, frame in enumerate(episode.frames):
        state, direction = ("absent", None) if frame.links is None else state_of(frame.links, pair)
        name = "one-way" if direction is not None else state
        if found and found[-1][0] == name and found[-1][2] == step - 1:
            found[-1] = (name, found[-1][1], step)
        elif name != "absent":
            found.append((name, step, step))
    return found


def _said(run: tuple[str, int, int]) -> str:
    kind, first, last = run
    return f"{kind} at step {first}" if first == last else f"{kind} from step {first} to {last}"


def _svg(height: int, content: str) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" role="group" aria-label="the team, step by step"'
    return f'<svg class="frames" {box}>{content}</svg>'


def _frames(episode: Episode, labels: Sequence[str], drawn: Callable[[Frame], Drawn]) -> str:
    pairs, parts = pairs_of(episode), []
    for step, (frame, label) in enumerate(zip(episode.frames, labels, strict=True)):
        shown = drawn(frame)
        under, over = ("", "") if frame.links is None else _links(frame.links, pairs, shown)
        hidden = " hidden" if step else ""
        parts.append(
            f'<g data-step="{step}" role="img" aria-label="{escape(label)}"{hidden}>{under}{shown.scene}{over}</g>'
        )
    return "\n".join(parts)


def _links(links: Links, pairs: Sequence[Pair], shown: Drawn) -> tuple[str, str]:
    """Return the links of an instant, those of each kind in one path, and crosses over agents that are down."""
    strokes: dict[State, list[str]] = {"absent": [], "cut": [], "up": []}
    for pair in pairs:
        state, direction = state_of(links, pair)
        strokes[state].append(_stroke(shown, direction or pair, arrow=direction is not None))
    lines = "".join(f'<path class="{state}" d="{"".join(each)}"/>' for state, each in strokes.items() if each)
    crosses = "".join(_cross(shown.where[agent], 0.75 * shown.radius) for agent in links.down)
    return lines, f'<path class="down" d="{crosses}"/>' if crosses else ""


def _cross(centre: Point, arm: float) -> str:
    x, y = centre
    corners = [(x - arm, y - arm), (x + arm, y + arm), (x + arm, y - arm), (x - arm, y + arm)]
    return "M{}L{}M{}L{}".format(*map(_xy, corners))


def _stroke(shown: Drawn, edge: Edge, *, arrow: bool) -> str:
    """Return a line between two agents, bent around those between them; with an arrow if it leads one way only."""
    start, end = (complex(*shown.where[agent]) for agent in edge)
    length = abs(end - start)
    along = (end - start) / length if length else 1 + 0j
    near = (complex(*place) - start for agent, place in enumerate(shown.where) if agent not in edge)
    beside = ((each * along.conjugate()) for each in near)
    passes = any(0 < each.real < length and abs(each.imag) < shown.radius for each in beside)
    middle = (start + end) / 2
    if passes:  # towards the middle of the drawing, so that it stays within
        sides = [middle + 3.0 * shown.radius * along * turn for turn in (1j, -1j)]
        middle = min(sides, key=lambda side: abs(side - complex(WIDTH, shown.height) / 2))
    gap = min(shown.radius + CLEAR, 0.4 * length)
    leaves, arrives = _direction(start, middle, along), _direction(middle, end, along)
    first, tip = start + gap * leaves, end - gap * arrives
    bend = f"Q{_xy(middle)} {_xy(tip)}" if passes else f"L{_xy(tip)}"
    wings = [tip + arrives * complex(-26, side * 15) for side in (1, -1)]
    return f"M{_xy(first)}{bend}" + (f"M{_xy(wings[0])}L{_xy(tip)}L{_xy(wings[1])}" if arrow else "")


def _direction(start: complex, end: complex, otherwise: complex) -> complex:
    return (end - start) / abs(end - start) if end != start else otherwise


def _circle(count: int) -> Drawn:
    """Return agents on a circle, the first at the top, for an environment that cannot be drawn."""
    angles = [2 * math.pi * agent / count for agent in range(count)]
    where = [(500 + 400 * math.sin(angle), 500 - 400 * math.cos(angle)) for angle in angles]
    return Drawn(_discs(where), where, RADIUS, WIDTH)


def _discs(where: Sequence[Point]) -> str:
    return "".join(
        f'<circle class="agent" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}"/>'
        f'<text class="agent" x="{x:.1f}" y="{y:.1f}">{agent}</text>'
        for agent, (x, y) in enumerate(where)
    )


def _map(low: Point, high: Point) -> tuple[Place, float]:
    """Return what takes points of the world to the drawing, and how many of its units one of the world's is."""
    scale = WIDTH / (high[0] - low[0])
    return lambda point: ((point[0] - low[0]) * scale, (high[1] - point[1]) * scale), scale


def _still(pictures: Sequence[Picture]) -> int:
    """Return how many first shapes all pictures share: what does not move is drawn once."""
    same = takewhile(lambda shapes: len({*shapes}) == 1, zip(*(each.shapes for each in pictures), strict=False))
    return sum(1 for _ in same)


def _shape(shape: Shape, place: Place, scale: float, picture: Picture) -> str:
    colour, points = _colour(shape.colour), [place(point) for point in shape.points]
    (x, y), pixel = points[0], WIDTH / picture.width_px
    if shape.kind == "disc":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.size * scale:.1f}" fill="{colour}"/>'
    if shape.kind == "text":
        size = f'font-size="{shape.size * pixel:.1f}"'
        return f'<text x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}">{escape(shape.words)}</text>'
    if shape.kind == "rectangle":
        right, top = points[1]
        return f'<rect x="{x:.1f}" y="{top:.1f}" width="{right - x:.1f}" height="{y - top:.1f}" fill="{colour}"/>'
    path = "L".join(map(_xy, points))
    return f'<path d="M{path}" stroke="{colour}" stroke-width="{shape.size * pixel:.1f}"/>'


def _colour(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _xy(point: Point | complex) -> str:
    x, y = (point.real, point.imag) if isinstance(point, complex) else point
    return f"{x:.1f} {y:.1f}"
