"""What our environments look like, in strokes that keep sharp at any size; what their actions are called."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.lbf import picture as lbf
from dvdn_sim.envs.lbf.state import LbfState
from dvdn_sim.envs.marbler import picture as marbler
from dvdn_sim.envs.marbler.material_transport import MESSAGES
from dvdn_sim.envs.marbler.robotarium import HALF_HEIGHT, HALF_WIDTH
from dvdn_sim.envs.marbler.scenario import Scenario as Arena
from dvdn_sim.envs.mpe import picture as mpe
from dvdn_sim.envs.mpe.env import ParticleEnv
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.records import Picture, Point, Shape
from dvdn_sim.scenario import Env, Foraging, Marbler, Particles

FORAGING = ("none", "north", "south", "west", "east", "load")
PARTICLES = {"mpe2": ("none", "-x", "+x", "-y", "+y"), "legacy": ("none", "+x", "-x", "+y", "-y")}
ROBOTS = ("-x", "+x", "-y", "+y", "stay")
LBF_NOTE = "In a disc stands a player's level, above it its number; in a square the level of food."


class Strokes:
    """Takes what a `Canvas` takes, and keeps it."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = []

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """See `Canvas.disc`."""
        self.shapes.append(Shape("disc", (centre,), colour, radius))

    def rectangle(self, low: Point, high: Point, colour: Colour) -> None:
        """See `Canvas.rectangle`."""
        self.shapes.append(Shape("rectangle", (low, high), colour))

    def line(self, points: Sequence[Point], colour: Colour, width_px: float = 1.0) -> None:
        """See `Canvas.line`."""
        self.shapes.append(Shape("line", tuple(points), colour, width_px))

    def text(self, centre: Point, words: str, colour: Colour, height_px: float = 12.0) -> None:
        """See `Canvas.text`."""
        self.shapes.append(Shape("text", (centre,), colour, height_px, words))


def picture_of(env: object, state: Any, row: int) -> Picture | None:
    """What a row of an environment looks like; None for those of others, which we cannot look into."""
    if isinstance(env, LevelBasedForaging):
        return _field(state, row)
    if isinstance(env, ParticleEnv):
        return _world(env, state, row)
    return _arena(env, state, row) if isinstance(env, Arena) else None


def action_names(spec: Env, n_actions: int) -> tuple[str, ...]:
    """What each action of an environment is called; its number where it has no name.

    Args:
        spec: The scenario's environment.
        n_actions: Of an agent.
    """
    names: tuple[str, ...] = ()
    if isinstance(spec, Foraging):
        names = FORAGING
    elif isinstance(spec, Particles):
        names = PARTICLES[spec.physics]
    elif spec.kind == "marbler_material":
        names = tuple(f"{move}, says {message}" for move in ROBOTS for message in range(MESSAGES))
    elif isinstance(spec, Marbler):
        names = ROBOTS
    return names if len(names) == n_actions else tuple(map(str, range(n_actions)))


def _field(state: LbfState, row: int) -> Picture:
    """A field; row 0 is at the top, and players on one cell share it."""
    rows, columns = state.size
    strokes, cell_px = Strokes(), 400 / columns
    for line in range(rows + 1):
        strokes.line([(0.0, -line), (columns, -line)], lbf.GRID)
    for line in range(columns + 1):
        strokes.line([(line, 0.0), (line, -rows)], lbf.GRID)
    for down, right, level in state.foods[:, :, row].T.tolist():
        if level > 0:
            strokes.rectangle((right + 0.12, -down - 0.88), (right + 0.88, -down - 0.12), lbf.FOOD)
            strokes.text((right + 0.5, -down - 0.5), str(level), lbf.INK, 0.5 * cell_px)
    players = state.players[:, :, row].T.tolist()
    sharing = Counter((down, right) for down, right, _ in players)
    placed: Counter[tuple[int, int]] = Counter()
    places: list[Point] = []
    for player, (down, right, level) in enumerate(players):
        share = 1 / sharing[down, right]
        centre = right + share * (placed[down, right] + 0.5), -down - 0.55
        placed[down, right] += 1
        places.append(centre)
        strokes.disc(centre, 0.36 * share, lbf.PLAYERS[player % len(lbf.PLAYERS)])
        strokes.text(centre, str(level), lbf.INK, 0.45 * share * cell_px)
        strokes.text((centre[0], -down - 0.1), f"#{player}", mpe.INK, 0.22 * cell_px)
    return Picture((0.0, -float(rows)), (float(columns), 0.0), tuple(strokes.shapes), tuple(places), radius=0.36)


def _world(env: ParticleEnv, state: MpeState, row: int) -> Picture:
    """A world of particles, opponents included."""
    world = env._world  # noqa: SLF001  (what it is made of, as its own picture has it)
    positions, landmarks = state.positions[row].tolist(), state.landmarks[row].tolist()
    half = max(mpe.HALF_WIDTH, *(abs(number) + 0.25 for point in positions + landmarks for number in point))
    strokes = Strokes()
    strokes.line([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], mpe.EDGE)
    for agent, (x, y) in zip(world.agents, positions, strict=True):
        red, green, blue = (round(255 * part) for part in agent.colour)
        strokes.disc((x, y), agent.radius, (red, green, blue))
    for index, (x, y) in enumerate(landmarks):  # last, so that one that is covered is seen
        goal = world.has_goal and index == int(state.goal[row])
        strokes.disc((x, y), world.landmark_radius, mpe.GOAL if goal else mpe.LANDMARK)
    for agent, (x, y) in zip(world.agents, positions, strict=True):
        strokes.text((x, y + agent.radius + 0.05), agent.name, mpe.INK, 11)
    places = _points(env.positions(state)[row].tolist())
    radius = max(agent.radius for agent in world.agents)
    return Picture((-half, -half), (half, half), tuple(strokes.shapes), places, radius)


def _arena(env: Arena[Any], state: Any, row: int) -> Picture:
    """A Robotarium from above."""
    strokes = Strokes()
    canvas = cast("Canvas", strokes)
    strokes.rectangle((-HALF_WIDTH, -HALF_HEIGHT), (HALF_WIDTH, HALF_HEIGHT), marbler.WHITE)
    env._paint(canvas, state, row)  # noqa: SLF001  (as its own picture has it)
    marbler.robots(canvas, state.poses[row].tolist(), env._colours)  # noqa: SLF001
    right, top = HALF_WIDTH + marbler.MARGIN, HALF_HEIGHT + marbler.MARGIN
    return Picture(
        low=(-right, -top),
        high=(right, top),
        shapes=tuple(strokes.shapes),
        places=_points(env.positions(state)[row].tolist()),
        radius=marbler.RADIUS,
        width_px=680,
        background=marbler.PALE_GREY,
    )


def _points(places: Sequence[Sequence[float]]) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in places)
