"""An episode as one page: the team at each step, the links between its agents, what they did and what they gained.

Frames are SVG: the environment, and over it the links. A drawing is `WIDTH` units wide. What is drawn is worked out
here; the template ``episode.html.j2`` writes it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from dvdn_sim.records import Edge, Episode, Links, Point, Stroke
from dvdn_sim.reporting.page import render

MARK = '<p class="muted" data-page="dvdn-sim episode">'
"""By which such a page is known again."""
MAX_ROWS = 40
"""Rows of the drawing of links over time."""
WIDTH = 1000
RADIUS = 27.0
"""Of an agent on a circle, in units of a drawing."""
ROOM = 2.0
"""Above a map, in its margins, for its scale."""
CLEAR = 5.0
"""Between an agent and where its links begin."""
Pair = tuple[int, int]
"""Two agents, the smaller index first."""
State = Literal["up", "cut", "absent"]
Element = tuple[str, dict[str, str], str]
"""An SVG element: its name, attributes and text."""


def episode_page(episode: Episode) -> str:
    """Return the page, which is the same for the same episode."""
    heard = [None if frame.links is None else _heard(frame.links, len(episode.agents)) for frame in episode.frames]
    over_time, changing = _links_over_time(episode)
    return render(
        "episode",
        f"{episode.name}: team of seed {episode.seed}, episode {episode.number}",
        mark=MARK,
        width=WIDTH,
        episode=episode,
        heard=heard,
        labels=[_label(step, each) for step, each in enumerate(heard)],
        scenes=_scenes(episode),
        places=_places(episode),
        linked=any(each is not None for each in heard),
        over_time=over_time,
        timeline={pair: states(episode, pair) for pair in changing},
    )


def _heard(links: Links, agents: int) -> list[str]:
    """Return whom each agent could hear: a trained one sends and needs no messages."""
    senders = [", ".join(str(sender) for sender, receiver in links.up if receiver == agent) for agent in range(agents)]
    return ["down" if agent in links.down else each or "nobody" for agent, each in enumerate(senders)]


def _label(step: int, heard: Sequence[str] | None) -> str:
    """Return a frame in words.

    >>> _label(3, _heard(Links(up=((0, 1), (1, 0)), cut=((1, 2),), down=(2,)), 4))
    'step 3: agent 0 could hear 1; agent 1 could hear 0; agent 2 is down; agent 3 could hear nobody'
    """
    said = [
        f"agent {agent} {'is' if each == 'down' else 'could hear'} {each}" for agent, each in enumerate(heard or ())
    ]
    return f"step {step}: {'; '.join(said)}" if said else f"step {step}"


def _links_over_time(episode: Episode) -> tuple[str, list[Pair]]:
    """Return in words which links are the same all the time, and the pairs whose link comes and goes."""
    pairs, last = pairs_of(episode), len(episode.frames) - 1
    changing = [pair for pair in pairs if states(episode, pair) not in ([("up", 0, last)], [("cut", 0, last)])]
    steady = ", ".join(f"{a}\N{NON-BREAKING HYPHEN}{b}" for a, b in pairs if (a, b) not in changing)
    words = f"The same at every step: {steady}." if steady else ""
    if len(changing) > MAX_ROWS:
        words += f" Of {len(changing)} pairs whose link comes and goes the first {MAX_ROWS} are drawn."
    if not pairs:
        words = "The topology has no links at any of these steps."
    return words.strip(), changing[:MAX_ROWS]


def pairs_of(episode: Episode) -> list[Pair]:
    """Return all pairs of agents that have a link at some step, in whichever direction."""
    links = [frame.links for frame in episode.frames if frame.links is not None]
    return sorted({(min(edge), max(edge)) for each in links for edge in (*each.up, *each.cut)})


def state_of(links: Links, pair: Pair) -> tuple[State, Edge | None]:
    """Return how two agents are linked, and the one direction that is up where the other is not."""
    up = [edge for edge in (pair, pair[::-1]) if edge in links.up]
    if up:
        return "up", up[0] if len(up) == 1 else None
    return ("cut" if any(edge in links.cut for edge in (pair, pair[::-1])) else "absent"), None


def states(episode: Episode, pair: Pair) -> list[tuple[str, int, int]]:
    """Return how a pair was linked from which frame to which: up, one-way or cut; what is absent is left out."""
    found: list[tuple[str, int, int]] = []
    for step, frame in enumerate(episode.frames):
        state, direction = ("absent", None) if frame.links is None else state_of(frame.links, pair)
        name = "one-way" if direction is not None else state
        if found and found[-1][0] == name and found[-1][2] == step - 1:
            found[-1] = (name, found[-1][1], step)
        elif name != "absent":
            found.append((name, step, step))
    return found


@dataclass(frozen=True)
class Team:
    """The agents in a frame: what is drawn of them, over which links are; where they are, and their radius."""

    elements: Sequence[Element]
    where: Sequence[Point]
    radius: float


@dataclass(frozen=True)
class Drawing:
    """Every frame of a picture."""

    height: int
    ground: Sequence[Element]  # what is in all of them
    frames: Sequence[tuple[dict[State, str], Sequence[Element], str]]  # paths of links by state, the team, crosses


def _scenes(episode: Episode) -> Drawing:
    """Return the environment, or agents on a circle, the first at the top, if it cannot be drawn."""
    pictures = [frame.picture for frame in episode.frames if frame.picture is not None]
    if not pictures:
        angles = [2 * math.pi * agent / len(episode.agents) for agent in range(len(episode.agents))]
        circle = [(500 + 400 * math.sin(angle), 500 - 400 * math.cos(angle)) for angle in angles]
        return _drawing(episode, WIDTH, [_discs(circle)] * len(episode.frames))
    lefts, bottoms = zip(*(each.low for each in pictures), strict=True)
    rights, tops = zip(*(each.high for each in pictures), strict=True)
    place, scale, height = _map((min(lefts), min(bottoms)), (max(rights), max(tops)))
    first, pixel = pictures[0], WIDTH / pictures[0].width_px
    # What does not move is drawn once: the first strokes that all pictures share.
    same = takewhile(lambda each: len({*each}) == 1, zip(*(each.strokes for each in pictures), strict=False))
    still = sum(1 for _ in same)
    ground = ("rect", {"width": str(WIDTH), "height": str(height), "fill": _colour(first.background)}, "")
    strokes = [[_element(stroke, place, scale, pixel) for stroke in each.strokes] for each in pictures]
    teams = [Team(drawn[still:], [*map(place, each.places)], each.radius * scale)
             for drawn, each in zip(strokes, pictures, strict=True)]  # fmt: skip
    return _drawing(episode, height, teams, [ground, *strokes[0][:still]])


def _places(episode: Episode) -> Drawing | None:
    """Return where the topology has its agents; None where they do not move."""
    every = [frame.links.places for frame in episode.frames if frame.links is not None and frame.links.places]
    if not every:
        return None
    points = [point for each in every for point in each]
    (left, bottom), (right, top) = (tuple(map(end, zip(*points, strict=True))) for end in (min, max))
    margin = 0.08 * max(right - left, top - bottom, 1e-9)
    place, scale, height = _map((left - margin, bottom - margin), (right + margin, top + margin + ROOM * margin))
    return _drawing(episode, height, [_discs([*map(place, now)]) for now in every], _rulers(scale, episode.reach_m))


def _rulers(scale: float, reach_m: float | None) -> list[Element]:
    """Return a bar that is a round number of metres long, and one as long as agents reach, if it fits."""
    lengths = [factor * 10.0**power for power in range(-9, 10) for factor in (1, 2, 5)]
    rulers = {f"{(bar := max(each for each in lengths if each * scale <= 0.3 * WIDTH)):g} m": bar}
    if reach_m is not None:
        rulers[f"range {reach_m:g} m"] = reach_m
    elements: list[Element] = []
    for row, (words, length) in enumerate(rulers.items()):
        right, y = 30 + length * scale, 40 + 50 * row
        if right < 0.7 * WIDTH:
            elements.append(
                (
                    "path",
                    {"class": "ruler", "d": f"M30 {y - 10}V{y + 10}M30 {y}H{right:.1f}M{right:.1f} {y - 10}V{y + 10}"},
                    "",
                )
            )
            elements.append(("text", {"class": "ruler", "x": f"{right + 15:.1f}", "y": str(y)}, words))
        else:
            elements.append(("text", {"class": "ruler", "x": "30", "y": str(y)}, f"{words}, beyond this picture"))
    return elements


def _map(low: Point, high: Point) -> tuple[Callable[[Point], Point], float, int]:
    """Return what takes points of a world to the drawing, how many of its units one of the world's is, its height."""
    scale = WIDTH / (high[0] - low[0])
    height = round((high[1] - low[1]) * scale)
    return lambda point: ((point[0] - low[0]) * scale, (high[1] - point[1]) * scale), scale, height


def _drawing(episode: Episode, height: int, teams: Sequence[Team], ground: Sequence[Element] = ()) -> Drawing:
    """Draw the links of every frame over its team, those of each kind in one path, and crosses over who is down."""
    pairs, frames = pairs_of(episode), []
    for frame, team in zip(episode.frames, teams, strict=True):
        paths: dict[State, str] = {"absent": "", "cut": "", "up": ""}
        links = frame.links or Links(())
        for pair in pairs:  # none, without a network
            state, direction = state_of(links, pair)
            paths[state] += _line(team, direction or pair, height, arrow=direction is not None)
        crosses = "".join(_cross(team.where[agent], 0.75 * team.radius) for agent in links.down)
        frames.append(({state: path for state, path in paths.items() if path}, team.elements, crosses))
    return Drawing(height, ground, frames)


def _cross(centre: Point, arm: float) -> str:
    x, y = centre
    corners = [(x - arm, y - arm), (x + arm, y + arm), (x + arm, y - arm), (x - arm, y + arm)]
    return "M{}L{}M{}L{}".format(*map(_xy, corners))


def _line(team: Team, edge: Edge, height: float, *, arrow: bool) -> str:
    """Return a line between two agents, bent around those between them; with an arrow if it leads one way only."""
    start, end = (complex(*team.where[agent]) for agent in edge)
    length = abs(end - start)
    along = (end - start) / length if length else 1 + 0j
    near = (complex(*place) - start for agent, place in enumerate(team.where) if agent not in edge)
    beside = ((each * along.conjugate()) for each in near)
    passes = any(0 < each.real < length and abs(each.imag) < team.radius for each in beside)
    middle = (start + end) / 2
    if passes:  # towards the middle of the drawing, so that it stays within
        sides = [middle + 3.0 * team.radius * along * turn for turn in (1j, -1j)]
        middle = min(sides, key=lambda side: abs(side - complex(WIDTH, height) / 2))
    gap = min(team.radius + CLEAR, 0.4 * length)
    leaves, arrives = _direction(start, middle, along), _direction(middle, end, along)
    first, tip = start + gap * leaves, end - gap * arrives
    bend = f"Q{_xy(middle)} {_xy(tip)}" if passes else f"L{_xy(tip)}"
    wings = [tip + arrives * complex(-26, side * 15) for side in (1, -1)]
    return f"M{_xy(first)}{bend}" + (f"M{_xy(wings[0])}L{_xy(tip)}L{_xy(wings[1])}" if arrow else "")


def _direction(start: complex, end: complex, otherwise: complex) -> complex:
    return (end - start) / abs(end - start) if end != start else otherwise


def _discs(where: Sequence[Point]) -> Team:
    """Return agents as discs with their numbers."""
    elements: list[Element] = []
    for agent, (x, y) in enumerate(where):
        elements.append(("circle", {"class": "agent", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{RADIUS:g}"}, ""))
        elements.append(("text", {"class": "agent", "x": f"{x:.1f}", "y": f"{y:.1f}"}, str(agent)))
    return Team(elements, where, RADIUS)


def _element(stroke: Stroke, place: Callable[[Point], Point], scale: float, pixel: float) -> Element:
    """Return a stroke as SVG; `scale` and `pixel` are one unit of the world and one pixel in units of the drawing."""
    colour, points = _colour(stroke.colour), [place(point) for point in stroke.points]
    x, y = points[0]
    at, size = {"x": f"{x:.1f}", "y": f"{y:.1f}"}, f"{stroke.size * pixel:.1f}"
    match stroke.kind:
        case "disc":
            radius = f"{stroke.size * scale:.1f}"
            return "circle", {"cx": at["x"], "cy": at["y"], "r": radius, "fill": colour}, ""
        case "text":
            return "text", {**at, "font-size": size, "fill": colour}, stroke.words
        case "rectangle":
            right, top = points[1]
            box = {"x": at["x"], "y": f"{top:.1f}", "width": f"{right - x:.1f}", "height": f"{y - top:.1f}"}
            return "rect", {**box, "fill": colour}, ""
        case "line":
            return "path", {"d": f"M{'L'.join(map(_xy, points))}", "stroke": colour, "stroke-width": size}, ""


def _colour(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _xy(point: Point | complex) -> str:
    x, y = (point.real, point.imag) if isinstance(point, complex) else point
    return f"{x:.1f} {y:.1f}"
