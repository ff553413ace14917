"""What became of the messages, how long rounds took, and what the health checks of the runs saw."""

from dvdn_sim.records import HEALTH_CHECKS
from dvdn_sim.reporting import plots
from dvdn_sim.reporting.curves import QUANTILES
from dvdn_sim.reporting.plots import Choice, Figure, Json, View
from dvdn_sim.reporting.study import Cell, Study

IN_TIME, LATE, EXPIRED, IN_FLIGHT = "held in time", "late", "expired", "in flight at the end"
KINDS = {"td": "TD errors", "gt": "parameters and trackers"}


def message_outcomes(study: Study) -> Figure | None:
    """Draw what became of all messages of every cell; None where no cell sent any."""
    counts = {cell.id: found for cell in study.cells if (found := _outcomes(cell))}
    if not counts:
        return None
    seen = {outcome for found in counts.values() for outcome in found}
    reasons = sorted(seen - {IN_TIME, LATE, EXPIRED, IN_FLIGHT})
    shown = [outcome for outcome in (IN_TIME, LATE, EXPIRED, *reasons, IN_FLIGHT) if outcome in seen]
    totals, names = {name: sum(found.values()) for name, found in counts.items()}, list(counts)[::-1]
    traces = [
        {
            "type": "bar", "orientation": "h", "name": outcome, "y": names,
            "x": plots.plain([100.0 * counts[name].get(outcome, 0) / totals[name] for name in names]),
            "marker": {"color": plots.colour(number)},
            "hovertemplate": f"%{{y}}<br>{outcome}: %{{x:.2f}} %<extra></extra>",
        }
        for number, outcome in enumerate(shown)
    ]  # fmt: skip
    layout = plots.axes("share of the messages sent (%)", "", "outcome", barmode="stack", height=190 + 24 * len(names))
    return Figure(
        id="messages",
        title="What became of the messages",
        caption="Every message that was sent, acknowledgements among them, is in exactly one of these; each run's audit"
        " says that none is missing. Of an acknowledgement sent several times, copies that come after the exchange is"
        " over are expired: nothing was lost by them.",
        alt=f"{sum(totals.values())} messages of {len(counts)} cells by their outcome, as shares; the numbers are in"
        " the table.",
        choices=[],
        views={(): View(traces, layout)},
        table=plots.table(
            plots.row(cell.at, {outcome.replace(" ", "_"): counts[cell.id].get(outcome, 0) for outcome in shown})
            for cell in study.cells
            if cell.id in counts
        ),
    )


def _outcomes(cell: Cell) -> dict[str, int]:
    """Return how many messages had which outcome, those that none had left out."""
    messages = cell.manifest.get("messages")
    if not messages:
        return {}
    names = {IN_TIME: "held", LATE: "late", EXPIRED: "expired", IN_FLIGHT: "in_flight"}
    counts = {outcome: int(messages[name]) for outcome, name in names.items()}
    counts |= {f"lost: {reason}": int(count) for reason, count in messages["lost"].items()}
    return {outcome: count for outcome, count in counts.items() if count}


def round_times(study: Study) -> Figure | None:
    """Draw how long agents took for a round, in every cell; None where there were none."""
    exchanges = [(cell, cell.exchanges) for cell in study.cells if cell.exchanges is not None]
    times_ms = {
        kind: {cell.id: [1e3 * time for time in found] for cell, each in exchanges
               if (found := each.round_time_s.get(kind))}
        for kind in KINDS
    }  # fmt: skip
    kinds = [kind for kind in KINDS if times_ms[kind]]
    if not kinds:
        return None

    def longest_wait_ms(deadline_s: float | None) -> float | None:
        return None if deadline_s is None else 1e3 * deadline_s

    def view(kind: str) -> View:
        traces: list[Json] = [
            {
                "type": "scatter", "mode": "lines+markers", "x": [low, middle, high], "y": [name] * 3, "name": name,
                "line": {"color": plots.colour(0), "width": 3},
                "marker": {"color": plots.colour(0), "size": [7, 11, 7]},
                "showlegend": False, "hovertemplate": "%{y}: %{x:.2f} ms<extra></extra>",
            }
            for name, (low, middle, high, _) in reversed(times_ms[kind].items())
        ]  # fmt: skip
        height = 140 + 24 * len(traces)
        return View(
            traces, plots.axes("time of a round (ms)", "", height=height, showlegend=False, yaxis_type="category")
        )

    return Figure(
        id="round_times",
        title="How long rounds took",
        caption="Median, and between which two times 90 % of rounds were over, for an agent; messages that come too"
        " late are waited for until the deadline, if there is one.",
        alt="Round times of every cell; the numbers are in the table.",
        choices=[Choice("messages with", [KINDS[kind] for kind in kinds])],
        views={(KINDS[kind],): view(kind) for kind in kinds},
        table=plots.table(
            plots.row(cell.at, {
                "carries": kind,
                **{f"round_time_ms_p{100 * q:.0f}": value
                   for q, value in zip(QUANTILES, times_ms[kind][cell.id], strict=True)},
                "longest_wait_ms": longest_wait_ms(each.deadline_s[kind]),
            })
            for kind in kinds for cell, each in exchanges if cell.id in times_ms[kind]
        ),
    )  # fmt: skip


def health_checks(study: Study) -> Figure | None:
    """Draw in how many seeds each health check warned; None where none did."""
    first_seen = {  # of each seed in which a check warned, its step
        cell.id: {
            check: sorted(warning.env_steps for warning in cell.health if warning.name == check)
            for check in HEALTH_CHECKS
        }
        for cell in study.cells
    }
    troubled = sum(any(found.values()) for found in first_seen.values())
    if not troubled:
        return None
    checks, cells = list(HEALTH_CHECKS), list(study.cells)[::-1]
    seeds_of = {cell.id: len(cell.curves) + len(first_seen[cell.id]["diverged"]) for cell in cells}
    counts = [[(len(first_seen[cell.id][check]), seeds_of[cell.id]) for check in checks] for cell in cells]
    text = [[f"{count} of {seeds}" for count, seeds in line] for line in counts]
    shares = [[count / seeds for count, seeds in line] for line in counts]
    hover = "%{y}<br>%{x}: %{text} seeds"
    trace = plots.heatmap(checks, [cell.id for cell in cells], shares, text, hover) | {"zmin": 0, "zmax": 1}
    layout = plots.axes(
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
        table=plots.table(
            plots.row(cell.at, {
                "sign": check,
                "seeds": seeds_of[cell.id],
                "seeds_with_it": len(steps),
                "first_seen_env_steps_earliest": min(steps, default=None),
                "first_seen_env_steps_latest": max(steps, default=None),
            })
            for cell in study.cells for check, steps in first_seen[cell.id].items()
        ),
    )  # fmt: skip
