"""What became of the messages, how long rounds took, and what the health checks of the runs saw."""

from collections.abc import Mapping, Sequence
from typing import Any

from dvdn_sim.records import HEALTH_CHECKS
from dvdn_sim.reporting.curves import QUANTILES
from dvdn_sim.reporting.plots import Choice, Figure, Json, View, Views, axes, colour, heatmap, plain, row, table
from dvdn_sim.reporting.study import Cell, Study

IN_TIME, LATE, EXPIRED, IN_FLIGHT = "held in time", "late", "expired", "in flight at the end"
KINDS = {"td": "TD errors", "gt": "parameters and trackers"}


def message_outcomes(study: Study) -> Figure | None:
    """Draw what became of all messages of every cell; None where no cell sent any."""
    counts = {cell.id: found for cell in study.cells if (found := _counts(cell))}
    if not counts:
        return None
    seen = {outcome for found in counts.values() for outcome in found}
    reasons = sorted(seen - {IN_TIME, LATE, EXPIRED, IN_FLIGHT})
    shown = [outcome for outcome in (IN_TIME, LATE, EXPIRED, *reasons, IN_FLIGHT) if outcome in seen]
    names = list(counts)[::-1]
    traces = [
        {
            "type": "bar", "orientation": "h", "name": outcome, "y": names,
            "x": plain([100.0 * counts[name].get(outcome, 0) / sum(counts[name].values()) for name in names]),
            "marker": {"color": colour(number)}, "hovertemplate": f"%{{y}}<br>{outcome}: %{{x:.2f}} %<extra></extra>",
        }
        for number, outcome in enumerate(shown)
    ]  # fmt: skip
    layout = axes("share of the messages sent (%)", "", "outcome", barmode="stack", height=190 + 24 * len(names))
    total = sum(sum(found.values()) for found in counts.values())
    return Figure(
        id="messages",
        title="What became of the messages",
        caption="Every message that was sent, acknowledgements among them, is in exactly one of these; each run's audit"
        " says that none is missing. Of an acknowledgement sent several times, copies that come after the exchange is"
        " over are expired: nothing was lost by them.",
        alt=f"{total} messages of {len(counts)} cells by their outcome, as shares; the numbers are in the table.",
        choices=[],
        views={(): View(traces, layout)},
        table=table(
            row(cell.at, {outcome.replace(" ", "_"): counts[cell.id].get(outcome, 0) for outcome in shown})
            for cell in study.cells
            if cell.id in counts
        ),
    )


def _counts(cell: Cell) -> dict[str, int]:
    """Return how many messages had which outcome, those that none had left out."""
    messages: Any = cell.manifest.get("messages")
    if not isinstance(messages, Mapping):
        return {}
    names = {IN_TIME: "held", LATE: "late", EXPIRED: "expired", IN_FLIGHT: "in_flight"}
    counts = {outcome: int(messages[name]) for outcome, name in names.items()}
    counts |= {f"lost: {reason}": int(count) for reason, count in messages["lost"].items()}
    return {outcome: count for outcome, count in counts.items() if count}


def round_times(study: Study) -> Figure | None:
    """Draw how long agents took for a round, in every cell; None where there were none."""
    times = {
        kind: {cell.id: [1e3 * value for value in found] for cell in study.cells if (found := _times(cell, kind))}
        for kind in KINDS
    }
    kinds = [kind for kind in KINDS if times[kind]]
    if not kinds:
        return None
    return Figure(
        id="round_times",
        title="How long rounds took",
        caption="Median, and between which two times 90 % of rounds were over, for an agent; messages that come too"
        " late are waited for until the deadline, if there is one.",
        alt="Round times of every cell; the numbers are in the table.",
        choices=[Choice("messages with", [KINDS[kind] for kind in kinds])],
        views=_round_time_views({KINDS[kind]: times[kind] for kind in kinds}),
        table=table(
            row(cell.at, {
                "carries": kind,
                **{f"round_time_ms_p{100 * q:.0f}": value
                   for q, value in zip(QUANTILES, times[kind][cell.id], strict=True)},
                "longest_wait_ms": _deadline_ms(cell, kind),
            })
            for kind in kinds for cell in study.cells if cell.id in times[kind]
        ),
    )  # fmt: skip


def _round_time_views(times: Mapping[str, Mapping[str, Sequence[float]]]) -> Views:
    views: Views = {}
    for kind, found in times.items():
        traces = [
            {
                "type": "scatter", "mode": "lines+markers", "x": [low, middle, high], "y": [name] * 3, "name": name,
                "line": {"color": colour(0), "width": 3}, "marker": {"color": colour(0), "size": [7, 11, 7]},
                "showlegend": False, "hovertemplate": "%{y}: %{x:.2f} ms<extra></extra>",
            }
            for name, (low, middle, high, _) in list(found.items())[::-1]
        ]  # fmt: skip
        layout = axes("time of a round (ms)", "", height=140 + 24 * len(found), showlegend=False, yaxis_type="category")
        views[(kind,)] = View(traces, layout)
    return views


def _times(cell: Cell, kind: str) -> tuple[float, ...]:
    return () if cell.exchanges is None else cell.exchanges.round_time_s.get(kind) or ()


def _deadline_ms(cell: Cell, kind: str) -> float | None:
    deadline_s = None if cell.exchanges is None else cell.exchanges.deadline_s[kind]
    return None if deadline_s is None else 1e3 * deadline_s


def health_checks(study: Study) -> Figure | None:
    """Draw in how many seeds each health check warned; None where none did."""
    seen = {cell.id: {check: _first_steps(cell, check) for check in HEALTH_CHECKS} for cell in study.cells}
    troubled = sum(any(found.values()) for found in seen.values())
    if not troubled:
        return None
    cells = list(study.cells)[::-1]
    text = [[f"{len(seen[cell.id][check])} of {len(cell.curves)}" for check in HEALTH_CHECKS] for cell in cells]
    shares = [[len(seen[cell.id][check]) / len(cell.curves) for check in HEALTH_CHECKS] for cell in cells]
    names = [cell.id for cell in cells]
    trace = heatmap(list(HEALTH_CHECKS), names, shares, text, "%{y}<br>%{x}: %{text} seeds") | {"zmin": 0, "zmax": 1}
    layout = axes(
        "sign", "", xaxis_type="category", yaxis_type="category", showlegend=False, height=140 + 28 * len(cells)
    )
    return Figure(
        id="signs",
        title="Signs of trouble",
        caption="In how many seeds the checks that watch a run saw a sign: "
        + "; ".join(f"{check}, {meaning}" for check, meaning in HEALTH_CHECKS.items())
        + ". A sign is no proof; each run's own words are in the table of runs.",
        alt=f"Signs of trouble in {troubled} of {len(cells)} cells; the numbers are in the table.",
        choices=[],
        views={(): View([trace], layout)},
        table=table(
            row(cell.at, _health_numbers(check, len(cell.curves), seen[cell.id][check]))
            for cell in study.cells
            for check in HEALTH_CHECKS
        ),
    )


def _first_steps(cell: Cell, check: str) -> Sequence[int]:
    """Return when a check warned first, of each seed in which it did."""
    return sorted(warning.env_steps for warning in cell.health if warning.name == check)


def _health_numbers(check: str, seeds: int, steps: Sequence[int]) -> Json:
    earliest, latest = (steps[0], steps[-1]) if steps else (None, None)
    return {
        "sign": check,
        "seeds": seeds,
        "seeds_with_it": len(steps),
        "first_seen_env_steps_earliest": earliest,
        "first_seen_env_steps_latest": latest,
    }
