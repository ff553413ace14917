"""Figures as SVG files, drawn by a browser that nobody sees; for whoever wants them without opening the page."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dvdn_sim.errors import DvdnSimError
from dvdn_sim.reporting.figure import Figure, Json, View
from dvdn_sim.reporting.html import asset

WIDTH, HEIGHT = 860, 440
MOST_STATES = 12
"""States of a figure's switches up to which all are drawn; of a figure with more, the first alone."""
_COLOUR = re.compile(r"(series-\d|ink|muted|line|accent|card|paper)(?:/([\d.]+))?")


def write_svgs(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Write the figures, one file for each state of their switches: ``learning--simulated_time--20.svg``.

    Args:
        figures: of a page.
        folder: where to; made if it is not there.

    Returns:
        The files.

    Raises:
        DvdnSimError: There is no kaleido, or no Chrome or Chromium that it can use.
    """
    try:
        import kaleido  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise DvdnSimError(
            "SVG files need kaleido: pip install 'dvdn-sim[figures]'; the page saves them, too"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {folder / name: _light(view) for figure in figures for name, view in _named(figure)}
    wanted = [
        {
            "fig": view,
            "path": str(path),
            "opts": {"format": "svg", "width": WIDTH, "height": view["layout"].get("height", HEIGHT)},
        }
        for path, view in drawn.items()
    ]
    try:
        kaleido.write_fig_from_object_sync(wanted)
    except Exception as error:  # whatever a browser may say
        raise DvdnSimError(f"SVG files need Chrome or Chromium: {error}; the page saves them, too") from error
    return list(drawn)


def _named(figure: Figure) -> Iterator[tuple[str, View]]:
    states = [state for state in figure.states() if state in figure.views]
    for state in states if len(states) <= MOST_STATES else states[:1]:
        words = [re.sub(r"[^A-Za-z0-9.=+-]+", "_", option).strip("_") for option in state]
        yield "--".join([figure.id, *words]) + ".svg", figure.views[state]


def _light(view: View) -> Json:
    """Return a view with colours as plotly knows them: the page's own, in its light theme."""
    layout: Json = {
        "font": {"family": "DejaVu Sans, sans-serif", "size": 13, "color": "ink"},
        "paper_bgcolor": "card", "plot_bgcolor": "card", "margin": {"l": 60, "r": 20, "t": 48, "b": 104},
        **view.layout,
        "legend": {"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom", "x": 0,
                   **view.layout.get("legend", {})},
        "xaxis": _axis(view.layout["xaxis"]), "yaxis": _axis(view.layout["yaxis"]),
    }  # fmt: skip
    found: Json = _coloured({"data": list(view.traces), "layout": layout})
    return found


def _axis(given: Json) -> Json:
    return {"automargin": True, "gridcolor": "line", "zerolinecolor": "muted", "linecolor": "line", **given}


def _coloured(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _coloured(each, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_coloured(each, key) for each in value]
    named = _COLOUR.fullmatch(value) if isinstance(value, str) and key.endswith("color") else None
    if named is None:
        return value
    red, green, blue = (int(_palette()[named[1]][at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{named[2] or 1})"


@cache
def _palette() -> dict[str, str]:
    """Return the colours of the light theme, as the style of all pages has them."""
    light = asset("document.css").split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
