"""An episode as one page: the team at each step, the links between its agents, what they did and what they gained.

Frames are SVG: the environment, and over it the links. A drawing is `WIDTH` units wide.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from typing import Literal

from markupsafe import Markup

from dvdn_sim.records import Edge, Episode, Frame, Links, Picture, Point, Stroke
from dvdn_sim.reporting.page import render

MARK = '<p class="muted" data-page="dvdn-sim episode">'
"""By which such a page is known again."""
MAX_ROWS = 40
"""Rows of the drawing of links over time."""
WIDTH = 1000
RADIUS = 27.0
"""Of an agent on a circle, in units of a drawing."""
CLEAR = 5.0
"""Between an agent and where its links begin."""
Pair = tuple[int, int]
"""Two agents, the smaller index first."""
State = Literal["up", "cut", "absent"]
Place = Callable[[Point], Point]
"""Takes a point of the world to the drawing."""


def episode_page(episode: Episode) -> str:
    """Return the page, which is the same for the same episode."""
    labels = [_label(step, len(episode.agents), frame.links) for step, frame in enumerate(episode.frames)]
    linked = any(frame.links is not None for frame in episode.frames)
    over_time, changing = _links_over_time(episode) if linked else ("", [])
    return render(
        "episode",
        f"{episode.name}: team of seed {episode.seed}, episode {episode.number}",
        mark=MARK,
        episode=episode,
        labels=labels,
        frames=[_facts(episode, step) for step in range(len(episode.frames))],
        scenes=Markup(_scenes(episode, labels)),  # noqa: S704 (what others wrote in it is escaped)
        places=Markup(_places(episode, labels)),  # noqa: S704
        linked=linked,
        over_time=over_time,
        timeline=[_timeline(episode, pair) for pair in changing],
    )


def _label(step: int, agents: int, links: Links | None) -> str:
    """Return a frame in words.

    >>> _label(3, 4, Links(up=((0, 1), (1, 0)), cut=((1, 2),), down=(2,)))
    'step 3: agent 0 hears 1; agent 1 hears 0; agent 2 is down; agent 3 hears nobody'
    """
    if links is None:
        return f"step {step}"
    heard = ("is down" if agent in links.down else f"hears {_senders(links, agent)}" for agent in range(agents))
    return f"step {step}: {'; '.join(f'agent {agent} {words}' for agent, words in enumerate(heard))}"


def _senders(links: Links, agent: int) -> str:
    return ", ".join(str(sender) for sender, receiver in links.up if receiver == agent) or "nobody"


def _facts(episode: Episode, step: int) -> dict[str, object]:
    """Return what agents did, gained and heard up to a frame."""
    frame = episode.frames[step]
    links, count = frame.links, range(len(episode.agents))
    columns = [
        list(map(str, count)),
        episode.agents,
        frame.actions or ["–" for _ in count],
        [f"{each:.4g}" for each in frame.rewards] if frame.rewards else ["–" for _ in count],
    ]
    if links is not None:
        columns.append(["down" if agent in links.down else _senders(links, agent) for agent in count])
    return {
        "step": step,
        "so_far": f"{episode.returns[step]:.4g}",
        "time_s": frame.time_s,
        "faults": () if links is None else links.faults,
        "heads": ["#", "agent", "did", "gained", "hears"][: len(columns)],
        "rows": list(zip(*columns, strict=True)),
    }


def _links_over_time(episode: Episode) -> tuple[str, list[Pair]]:
    """Return in words which links are the same all the time, and the pairs whose link comes and goes."""
    pairs, last = pairs_of(episode), len(episode.frames) - 1
    changing = [pair for pair in pairs if states(episode, pair) not in ([("up", 0, last)], [("cut", 0, last)])]
    steady = ", ".join(f"{a}\u2060–\u2060{b}" for a, b in pairs if (a, b) not in changing)  # not broken at a line's end
    words = f"The same at every step: {steady}." if steady else ""
    if len(changing) > MAX_ROWS:
        words += f" Of {len(changing)} pairs whose link comes and goes the first {MAX_ROWS} are drawn."
    if not pairs:
        words = "The topology has no links at any of these steps."
    return words.strip(), changing[:MAX_ROWS]


def _timeline(episode: Episode, pair: Pair) -> dict[str, object]:
    """Return when a pair was linked, for its row of the drawing."""
    found = states(episode, pair)
    words = (f"{kind} at step {first}" if first == last else f"{kind} from step {first} to {last}"
             for kind, first, last in found)  # fmt: skip
    label = f"agents {pair[0]} and {pair[1]}: {', '.join(words) or 'absent'}"
    return {"name": f"{pair[0]}–{pair[1]}", "label": label, "states": found}


@dataclass(frozen=True)
class Drawn:
    """What a frame shows of the agents: SVG over which links are drawn, where agents are, their radius, the height."""

    scene: str
    where: Sequence[Point]
    radius: float
    height: float


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


def _scenes(episode: Episode, labels: Sequence[str]) -> str:
    """Return one SVG that holds every frame, of which the first is shown; labels are the frames in words."""
    pictures = [frame.picture for frame in episode.frames if frame.picture is not None]
    if not pictures:
        return _svg(WIDTH, _frames(episode, labels, lambda _: _circle(len(episode.agents))))
    low = min(each.low[0] for each in pictures), min(each.low[1] for each in pictures)
    high = max(each.high[0] for each in pictures), max(each.high[1] for each in pictures)
    place, scale = _map(low, high)
    height = round((high[1] - low[1]) * scale)
    still = _still(pictures)
    ground = f'<rect width="{WIDTH}" height="{height}" fill="{_colour(pictures[0].background)}"/>'
    ground += "".join(_svg_of(stroke, place, scale, pictures[0]) for stroke in pictures[0].strokes[:still])

    def drawn(frame: Frame) -> Drawn:
        picture = frame.picture
        assert picture is not None  # noqa: S101  (narrowing: one environment draws all its frames or none)
        strokes = "".join(_svg_of(stroke, place, scale, picture) for stroke in picture.strokes[still:])
        where = [place(point) for point in picture.places]
        return Drawn(f'<g class="scene">{strokes}</g>', where, picture.radius * scale, height)

    return _svg(height, f'<g class="scene">{ground}</g>{_frames(episode, labels, drawn)}')


def _places(episode: Episode, labels: Sequence[str]) -> str:
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
    """Return how many first strokes all pictures share: what does not move is drawn once."""
    same = takewhile(lambda strokes: len({*strokes}) == 1, zip(*(each.strokes for each in pictures), strict=False))
    return sum(1 for _ in same)


def _svg_of(stroke: Stroke, place: Place, scale: float, picture: Picture) -> str:
    colour, points = _colour(stroke.colour), [place(point) for point in stroke.points]
    (x, y), pixel = points[0], WIDTH / picture.width_px
    if stroke.kind == "disc":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{stroke.size * scale:.1f}" fill="{colour}"/>'
    if stroke.kind == "text":
        size = f'font-size="{stroke.size * pixel:.1f}"'
        return f'<text x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}">{escape(stroke.words)}</text>'
    if stroke.kind == "rectangle":
        right, top = points[1]
        return f'<rect x="{x:.1f}" y="{top:.1f}" width="{right - x:.1f}" height="{y - top:.1f}" fill="{colour}"/>'
    path = "L".join(map(_xy, points))
    return f'<path d="M{path}" stroke="{colour}" stroke-width="{stroke.size * pixel:.1f}"/>'


def _colour(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _xy(point: Point | complex) -> str:
    x, y = (point.real, point.imag) if isinstance(point, complex) else point
    return f"{x:.1f} {y:.1f}"
