"""A field drawn: foods as green squares, players as discs, each with its level."""

from collections import Counter

from dvdn_sim.envs.canvas import Canvas, Colour, Frame
from dvdn_sim.envs.lbf.state import LbfState
from dvdn_sim.records import Picture, Point

GRID: Colour = (222, 222, 222)
FOOD: Colour = (97, 158, 75)
INK: Colour = (255, 255, 255)
BLACK: Colour = (40, 40, 40)
PLAYERS: tuple[Colour, ...] = ((42, 93, 158), (205, 98, 38), (122, 82, 160), (28, 128, 128), (176, 48, 84))


def frame(state: LbfState, row: int = 0) -> Frame:
    """Draw one row, 400 pixels wide; row 0 of the field is at the top."""
    return _drawn(state, row, numbered=False)[0].frame()


def picture(state: LbfState, row: int = 0) -> Picture:
    """Draw one row as strokes, every player with its number."""
    canvas, places = _drawn(state, row, numbered=True)
    return canvas.picture(places, 0.36)


def _drawn(state: LbfState, row: int, *, numbered: bool) -> tuple[Canvas, list[Point]]:
    """Draw a row, and return where the players are; those on one cell share it, and a number takes some room."""
    rows, columns = state.size
    canvas, cell_px = Canvas((0.0, -float(rows)), (float(columns), 0.0)), 400 / columns
    height, radius, size = (0.55, 0.36, 0.45) if numbered else (0.5, 0.4, 0.5)
    for line in range(rows + 1):
        canvas.line([(0.0, -line), (columns, -line)], GRID)
    for line in range(columns + 1):
        canvas.line([(line, 0.0), (line, -rows)], GRID)
    for down, right, level in state.foods[:, :, row].T.tolist():
        if level > 0:
            canvas.rectangle((right + 0.12, -down - 0.88), (right + 0.88, -down - 0.12), FOOD)
            canvas.text((right + 0.5, -down - 0.5), str(level), INK, 0.5 * cell_px)
    players = state.players[:, :, row].T.tolist()
    sharing = Counter((down, right) for down, right, _ in players)
    placed: Counter[tuple[int, int]] = Counter()
    places: list[Point] = []
    for player, (down, right, level) in enumerate(players):
        share = 1 / sharing[down, right]
        centre = right + share * (placed[down, right] + 0.5), -down - height
        placed[down, right] += 1
        places.append(centre)
        canvas.disc(centre, radius * share, PLAYERS[player % len(PLAYERS)])
        canvas.text(centre, str(level), INK, size * share * cell_px)
        if numbered:
            canvas.text((centre[0], -down - 0.1), f"#{player}", BLACK, 0.22 * cell_px)
    return canvas, places
