"""What became of the messages, and how long rounds took."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from dvdn_sim.reporting.exchanges import QUANTILES
from dvdn_sim.reporting.figure import Figure, Switch, View, axes, colour, plain, row
from dvdn_sim.reporting.study import Cell, Study

IN_TIME, LATE, EXPIRED, IN_FLIGHT = "held in time", "late", "expired", "in flight at the end"
KINDS = {"td": "TD errors", "gt": "parameters and trackers"}


def fates(study: Study) -> Figure | None:
    """Draw what became of all messages of every cell; None where no cell sent any."""
    counts = {cell.id: found for cell in study.cells if (found := _counts(cell))}
    if not counts:
        return None
    reasons = sorted({fate for found in counts.values() for fate in found} - {IN_TIME, LATE, EXPIRED, IN_FLIGHT})
    shown = [fate for fate in (IN_TIME, LATE, EXPIRED, *reasons, IN_FLIGHT) if any(fate in c for c in counts.values())]
    names = list(counts)[::-1]
    traces = [
        {
            "type": "bar", "orientation": "h", "name": fate, "y": names,
            "x": plain([100.0 * counts[name].get(fate, 0) / sum(counts[name].values()) for name in names]),
            "marker": {"color": colour(number)}, "hovertemplate": f"%{{y}}<br>{fate}: %{{x:.2f}} %<extra></extra>",
        }
        for number, fate in enumerate(shown)
    ]  # fmt: skip
    layout = axes("share of the messages sent (%)", "", barmode="stack", height=190 + 24 * len(names), legend="fate")
    total = sum(sum(found.values()) for found in counts.values())
    return Figure(
        id="messages",
        title="What became of the messages",
        said="Every message that was sent, acknowledgements among them, is in exactly one of these; each run's audit"
        " says that none is missing. Of an acknowledgement sent several times, copies that come after the exchange is"
        " over are expired: nothing was lost by them.",
        alt=f"{total} messages of {len(counts)} cells by their fate, as shares; the numbers are in the table.",
        switches=[],
        views={(): View(traces, layout)},
        table=pl.DataFrame(
            [
                row(cell.at, {fate.replace(" ", "_"): counts[cell.id].get(fate, 0) for fate in shown})
                for cell in study.cells
                if cell.id in counts
            ],
            infer_schema_length=None,
        ),
    )


def _counts(cell: Cell) -> dict[str, int]:
    """Return how many messages met which fate, those that none met left out."""
    messages: Any = cell.manifest.get("messages")
    if not isinstance(messages, Mapping):
        return {}
    plain_fates = {IN_TIME: "held", LATE: "late", EXPIRED: "expired", IN_FLIGHT: "in_flight"}
    counts = {fate: int(messages[name]) for fate, name in plain_fates.items()}
    counts |= {f"lost: {reason}": int(count) for reason, count in messages["lost"].items()}
    return {fate: count for fate, count in counts.items() if count}


def round_times(study: Study) -> Figure | None:
    """Draw how long agents took for a round, in every cell; None where there were none."""
    kinds = [kind for kind in KINDS if any(_times(cell, kind) for cell in study.cells)]
    if not kinds:
        return None
    rows: list[dict[str, object]] = []
    views: dict[tuple[str, ...], View] = {}
    for kind in kinds:
        cells = [cell for cell in study.cells if _times(cell, kind)][::-1]
        times = [[1e3 * value for value in _times(cell, kind)] for cell in cells]
        names = [cell.id for cell in cells]
        traces = [
            {
                "type": "scatter", "mode": "lines+markers", "x": [low, middle, high], "y": [name] * 3, "name": name,
                "line": {"color": colour(0), "width": 3}, "marker": {"color": colour(0), "size": [7, 11, 7]},
                "showlegend": False, "hovertemplate": "%{y}: %{x:.2f} ms<extra></extra>",
            }
            for name, (low, middle, high, _) in zip(names, times, strict=True)
        ]  # fmt: skip
        layout = axes("time of a round (ms)", "", height=140 + 24 * len(names), showlegend=False, yaxis_type="category")
        views[(KINDS[kind],)] = View(traces, layout)
        rows += [
            row(cell.at, {
                "carries": kind,
                **{f"round_time_ms_p{100 * q:.0f}": value for q, value in zip(QUANTILES, each, strict=True)},
                "longest_wait_ms": _deadline_ms(cell, kind),
            })
            for cell, each in zip(cells[::-1], times[::-1], strict=True)
        ]  # fmt: skip
    return Figure(
        id="round_times",
        title="How long rounds took",
        said="Median, and between which two times 90 % of rounds were over, for an agent; messages that come too late"
        " are waited for until the deadline, if there is one.",
        alt="Round times of every cell; the numbers are in the table.",
        switches=[Switch("messages with", [KINDS[kind] for kind in kinds])],
        views=views,
        table=pl.DataFrame(rows, infer_schema_length=None),
    )


def _times(cell: Cell, kind: str) -> tuple[float, ...]:
    return () if cell.exchanges is None else cell.exchanges.round_time_s.get(kind) or ()


def _deadline_ms(cell: Cell, kind: str) -> float | None:
    deadline_s = None if cell.exchanges is None else cell.exchanges.deadline_s[kind]
    return None if deadline_s is None else 1e3 * deadline_s
