"""A field drawn: foods as green squares, players as discs, each with its level."""

from collections import Counter

from dvdn_sim.envs.canvas import Canvas, Colour, Frame
from dvdn_sim.envs.lbf.state import LbfState

GRID: Colour = (222, 222, 222)
FOOD: Colour = (97, 158, 75)
INK: Colour = (255, 255, 255)
PLAYERS: tuple[Colour, ...] = ((42, 93, 158), (205, 98, 38), (122, 82, 160), (28, 128, 128), (176, 48, 84))


def frame(state: LbfState, row: int = 0) -> Frame:
    """A picture of one row, 400 pixels wide; row 0 of the field is at the top. Players on one cell share it."""
    rows, columns = state.size
    canvas = Canvas((0.0, -float(rows)), (float(columns), 0.0))
    for line in range(rows + 1):
        canvas.line([(0.0, -line), (columns, -line)], GRID)
    for line in range(columns + 1):
        canvas.line([(line, 0.0), (line, -rows)], GRID)
    cell_px = 400 / columns
    for down, right, level in state.foods[:, :, row].T.tolist():
        if level > 0:
            canvas.rectangle((right + 0.12, -down - 0.88), (right + 0.88, -down - 0.12), FOOD)
            canvas.text((right + 0.5, -down - 0.5), str(level), INK, 0.5 * cell_px)
    players = state.players[:, :, row].T.tolist()
    sharing = Counter((down, right) for down, right, _ in players)
    placed: Counter[tuple[int, int]] = Counter()
    for player, (down, right, level) in enumerate(players):
        share = 1 / sharing[down, right]
        centre = right + share * (placed[down, right] + 0.5), -down - 0.5
        placed[down, right] += 1
        canvas.disc(centre, 0.4 * share, PLAYERS[player % len(PLAYERS)])
        canvas.text(centre, str(level), INK, 0.5 * share * cell_px)
    return canvas.frame()
