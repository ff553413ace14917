"""How agents come to agree, round by round and per policy, as an SVG that needs no library."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from dvdn_sim.consensus.theory.trajectory import Trajectory
from dvdn_sim.network.figures import Figure

WIDTH, HEIGHT = 860, 440
TOP, BOTTOM, LEFT, PANEL, GAP = 84, 66, 62, 350, 66
FLOOR = 1e-6
# Okabe and Ito's colours, which colour-blind readers tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
Curve = Sequence[float]


def error_figure(title: str, curves: Mapping[str, Trajectory], predicted: Mapping[str, Figure], start: float) -> str:
    """Draw what is left after every round, in root mean square.

    Args:
        title: What stands above it; after a colon, what stands below that.
        curves: What was measured, per policy, the scenario's own first.
        predicted: Figures of the scenario's own policy, drawn as circles.
        start: Mean square before the first round.

    Returns:
        The text of an SVG: on the left the error about the true mean, on the right the disagreement.
    """
    panels = [
        ("error about the true mean (rms)", "mse_after_rounds", {name: curve.mse for name, curve in curves.items()}),
        ("disagreement (rms)", "disagreement_after_rounds", {n: curve.disagreement for n, curve in curves.items()}),
    ]
    drawn = {label: {n: _rms(start, c.tolist()) for n, c in each.items()} for label, _, each in panels}
    least = min(value for each in drawn.values() for curve in each.values() for value in curve)
    largest = max(value for each in drawn.values() for curve in each.values() for value in curve)
    powers = math.floor(math.log10(least) + 1e-9), max(math.ceil(math.log10(largest) - 1e-9), 0)
    name, _, subtitle = title.partition(": ")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{escape(name)}</text>',
        f'<text x="{LEFT}" y="46" fill="#555">{escape(subtitle)}</text>',
    ]
    for index, (label, figure, _) in enumerate(panels):
        expected = predicted[figure].value
        circles = _rms(start, expected if isinstance(expected, tuple) else (expected,))
        parts += _panel(LEFT + index * (PANEL + GAP), label, drawn[label], circles, powers)
    return "\n".join([*parts, *_legend(list(curves)), "</svg>"]) + "\n"


def _rms(start: float, squares: Sequence[float]) -> list[float]:
    return [max(math.sqrt(max(square, 0.0)), FLOOR) for square in (start, *squares)]


def _panel(left: int, label: str, curves: Mapping[str, Curve], circles: Curve, powers: tuple[int, int]) -> list[str]:
    """One pair of axes with all its curves; the vertical one is logarithmic, between two powers of 10."""
    rounds, height, (bottom, top) = len(circles) - 1, HEIGHT - TOP - BOTTOM, powers

    def across(k: int) -> float:
        return round(left + PANEL * k / rounds, 1)

    def down(value: float) -> float:
        return round(TOP + height * (math.log10(value) - top) / (bottom - top), 1)

    parts = [f'<text x="{left}" y="{TOP - 12}" font-weight="600">{label}</text>']
    for power in range(top, bottom - 1, -1):
        y = down(10.0**power)
        parts.append(f'<path d="M{left} {y}H{left + PANEL}" stroke="#ddd"/>')
        shown = "1" if power == 0 else f'10<tspan dy="-5" font-size="9">{power}</tspan>'
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{shown}</text>')
    for k in _ticks(rounds):
        x, y = across(k), TOP + height
        parts.append(f'<path d="M{x} {y}v5" stroke="#888"/><text x="{x}" y="{y + 19}" text-anchor="middle">{k}</text>')
    parts.append(f'<path d="M{left} {TOP}V{TOP + height}H{left + PANEL}" fill="none" stroke="#888"/>')
    parts.append(f'<text x="{left + PANEL}" y="{TOP + height + 36}" text-anchor="end">rounds</text>')
    for index, curve in reversed(list(enumerate(curves.values()))):  # the scenario's own on top
        points = " ".join(f"{across(k)},{down(value)}" for k, value in enumerate(curve))
        style = 'stroke-width="2.5"' if index == 0 else 'stroke-width="1.5" stroke-dasharray="5 2"'
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[index % len(COLOURS)]}" {style}/>')
    for k in range(1, rounds + 1):
        if rounds <= 40 or k % (rounds // 20) == 0:
            at = f'cx="{across(k)}" cy="{down(circles[k])}"'
            parts.append(f'<circle {at} r="3.5" fill="white" stroke="{COLOURS[0]}" stroke-width="1.5"/>')
    return parts


def _ticks(rounds: int) -> list[int]:
    """Round numbers to mark, at most 7 or so, from 0.

    >>> _ticks(3), _ticks(50)
    ([0, 1, 2, 3], [0, 10, 20, 30, 40, 50])
    """
    step = next(s for power in range(6) for s in (10**power, 2 * 10**power, 5 * 10**power) if rounds / s <= 6)
    return list(range(0, rounds + 1, step))


def _legend(names: Sequence[str]) -> list[str]:
    """All policies under the panels, and what the circles are."""
    parts, x, y = [], float(LEFT), HEIGHT - 12
    for index, name in enumerate(names):
        style = "" if index == 0 else ' stroke-dasharray="5 2"'
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<path d="M{x:g} {y - 4}h18" stroke="{colour}" stroke-width="2.5"{style}/>')
        parts.append(f'<text x="{x + 23:g}" y="{y}">{escape(name)}</text>')
        x += 38 + 7 * len(name)
    parts.append(f'<circle cx="{x + 6:g}" cy="{y - 4}" r="3.5" fill="white" stroke="{COLOURS[0]}" stroke-width="1.5"/>')
    parts.append(f'<text x="{x + 15:g}" y="{y}">predicted</text>')
    return parts
