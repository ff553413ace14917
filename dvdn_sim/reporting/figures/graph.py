"""The network drawn: who was linked with whom at some moments of training, and what each link carried."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from dvdn_sim.network import LinksUp
from dvdn_sim.reporting import plots
from dvdn_sim.reporting.plots import Choice, Figure, Json, View, Views
from dvdn_sim.reporting.study import Cell, Study

FRAMES = 6
"""Moments of training that are drawn."""
MAX_CELLS = 24
"""Cells that are drawn; the loads of all are in the table."""
BEST, WORST = 0.95, 0.5
"""Shares of packets held in time at which a link's colour changes."""

Loads = dict[tuple[int, int], tuple[int, int]]
"""Packets sent and held in time, by the pair of agents, both directions together."""


def graph(study: Study) -> Figure | None:
    """Draw the links of the cells at some moments, and their loads; None where there is no network."""
    cells = [cell for cell in study.cells if cell.scenario is not None and _loads(cell)]
    if not cells:
        return None
    moments = [f"{number + 1} of {FRAMES}" for number in range(FRAMES)]
    views: Views = {
        (cell.id, moment): view
        for cell in cells[:MAX_CELLS]
        for moment, view in zip(moments, _frames(cell), strict=False)
    }
    left = f" Of {len(cells)} cells the first {MAX_CELLS} are drawn." if len(cells) > MAX_CELLS else ""
    return Figure(
        id="graph",
        title="The network",
        caption="Solid: linked at that moment of the first seed's training; dashed: cut by a fault, one way at least."
        " The wider a line, the more it carried in the whole run; its colour tells how many of its packets were held in"
        f" time.{left}",
        alt="Agents on a circle with the links between them; what each link carried is in the table.",
        choices=[Choice("cell", list(dict.fromkeys(state[0] for state in views))), Choice("moment", moments)],
        views=views,
        table=plots.table(
            plots.row(cell.at, {"agent": a, "other": b, "sent": sent, "held": held,
                                "held_in_time": held / sent if sent else None})
            for cell in cells for (a, b), (sent, held) in sorted(_loads(cell).items())
        ),
    )  # fmt: skip


def _loads(cell: Cell) -> Loads:
    links: Any = cell.manifest.get("packets") or []
    loads: Loads = {}
    for link in links:
        pair = min(link["sender"], link["receiver"]), max(link["sender"], link["receiver"])
        sent, held = loads.get(pair, (0, 0))
        loads[pair] = sent + link["sent"], held + link["held"]
    return loads


def _frames(cell: Cell) -> Iterator[View]:
    scenario, loads = cell.scenario, _loads(cell)
    if scenario is None or scenario.network is None:
        return
    n_agents = scenario.env.n_agents
    links_up = LinksUp(scenario.network, n_agents=n_agents, seed=scenario.seeds[0])
    angles = [2 * math.pi * agent / n_agents for agent in range(n_agents)]
    places = [(math.sin(angle), math.cos(angle)) for angle in angles]
    last = cell.points.height - 1
    for number in range(FRAMES):
        point = cell.points.row(round(number * last / (FRAMES - 1)), named=True)
        now_s = point["sim_time_s"] or 0.0
        links = links_up.at(round(now_s * 1e9), episode=point["episodes"], update=point["updates"])
        lines = dict.fromkeys(_pairs(links.up), "solid") | dict.fromkeys(_pairs(links.cut), "dash")
        traces = [_link(pair, dash, loads, places) for pair, dash in lines.items()]
        title = f"after {point['env_steps']} steps, at {now_s:.1f} s of simulated time"
        if links.down:
            title += f"; down: {', '.join(map(str, links.down))}"
        yield View([*traces, _agents(places, links.down)], _layout(title))


def _pairs(edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted({(min(edge), max(edge)) for edge in edges})


def _link(pair: tuple[int, int], dash: str, loads: Loads, places: Sequence[tuple[float, float]]) -> Json:
    sent, held = loads.get(pair, (0, 0))
    share = held / sent if sent else 0.0
    width = 1.5 + 6.0 * sent / max(1, *(each for each, _ in loads.values()))
    number = 2 if share >= BEST else 4 if share >= WORST else 1
    (x, y), (to_x, to_y) = places[pair[0]], places[pair[1]]
    hover = f"{pair[0]} – {pair[1]}: {sent} packets, {share:.1%} held in time" if sent else f"{pair[0]} – {pair[1]}"
    return {
        "type": "scatter", "mode": "lines", "x": [x, (x + to_x) / 2, to_x], "y": [y, (y + to_y) / 2, to_y],
        "line": {"width": width, "color": plots.colour(number), "dash": dash}, "showlegend": False,
        "text": [hover] * 3, "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _agents(places: Sequence[tuple[float, float]], down: Sequence[int]) -> Json:
    return {
        "type": "scatter", "mode": "markers+text", "x": [x for x, _ in places], "y": [y for _, y in places],
        "text": [str(agent) for agent in range(len(places))], "textfont": {"size": 14, "color": "ink"},
        "marker": {
            "size": 34, "color": "card",
            "line": {"width": 2, "color": ["muted" if agent in down else "ink" for agent in range(len(places))]},
        },
        "showlegend": False, "hoverinfo": "skip",
    }  # fmt: skip


def _layout(title: str) -> Json:
    hidden = {"visible": False, "range": [-1.25, 1.25], "fixedrange": True}
    return {
        "xaxis": hidden, "yaxis": hidden | {"scaleanchor": "x"}, "height": 440, "showlegend": False,
        "title": {"text": title, "font": {"size": 13}},
    }  # fmt: skip
