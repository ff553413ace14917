"""Differences from the baseline, with their intervals."""

from collections.abc import Iterator

import polars as pl

from dvdn_sim.reporting.contrasts import Contrast, contrasts
from dvdn_sim.reporting.figure import (
    COLOURS,
    SYMBOLS,
    Figure,
    Json,
    Switch,
    View,
    axes,
    colour,
    interval_columns,
    plain,
    row,
)
from dvdn_sim.reporting.measures import LAST, SCORES
from dvdn_sim.reporting.study import Study


def differences(study: Study) -> Figure | None:
    """Draw how much better every arm is than the baseline, cell by cell; None without one."""
    found = {counted: contrasts(study, measure) for counted, measure in SCORES.items()}
    first = found[LAST]
    if not first:
        return None
    axis, baseline = study.compare
    said = (f"{axis}={each.label}{f' at {each.where}' if each.where else ''}: {text(each)}" for each in first)
    return Figure(
        id="differences",
        title=f"Differences from {axis}={baseline}",
        said="Interquartile mean of the differences between runs of equal seeds, which share their luck, and its 95 %"
        " interval. An interval across zero says that this sweep shows no difference.",
        alt="; ".join(said),
        switches=[Switch("return of", list(SCORES))],
        views={(counted,): _view(study, each) for counted, each in found.items()},
        table=pl.DataFrame(
            [row for counted, each in found.items() for row in _rows(axis, counted, each)], infer_schema_length=None
        ),
    )


def _view(study: Study, found: list[Contrast]) -> View:
    axis, baseline = study.compare
    labels = [label for label in study.axes[axis] if label != baseline]
    places = list(dict.fromkeys(each.where or "all cells" for each in found))
    traces = [_trace([each for each in found if each.label == label], label, n) for n, label in enumerate(labels)]
    layout = axes(
        f"return, minus that of {axis}={baseline}", "", height=180 + 26 * len(found), legend=axis,
        yaxis_type="category", yaxis_categoryarray=places[::-1], yaxis_categoryorder="array",
        scattermode="group", scattergap=0.4, xaxis_zeroline=True,
    )  # fmt: skip
    return View(traces, layout)


def text(contrast: Contrast) -> str:
    """Say a difference with its interval: ``+0.12 (+0.05 to +0.19)``."""
    found = contrast.found.difference
    ends = "" if found.interval is None else f" ({found.interval[0]:+.2f} to {found.interval[1]:+.2f})"
    return f"{found.value:+.2f}{ends}".replace("-", "−")


def _trace(found: list[Contrast], label: str, number: int) -> Json:
    ends = [each.found.difference.interval or (each.found.difference.value,) * 2 for each in found]
    values = plain([each.found.difference.value for each in found])
    return {
        "type": "scatter", "mode": "markers", "name": label, "x": values,
        "y": [each.where or "all cells" for each in found], "orientation": "h",
        "marker": {"color": colour(number % COLOURS), "size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]},
        "error_x": {
            "type": "data", "symmetric": False, "color": colour(number), "thickness": 1.5, "width": 4,
            "array": plain([high - value for (_, high), value in zip(ends, values, strict=True)]),
            "arrayminus": plain([value - low for (low, _), value in zip(ends, values, strict=True)]),
        },
        "text": [f"{label}: {text(each)}" for each in found], "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _rows(axis: str, counted: str, found: list[Contrast]) -> Iterator[dict[str, object]]:
    for each in found:
        difference, better = each.found.difference, each.found.probability_of_improvement
        yield row({axis: each.label}, {
            "return_of": counted,
            "where": each.where or "all cells",
            "pairs": each.found.pairing.pairs,
            "difference_iqm": difference.value,
            **interval_columns("difference", difference),
            "probability_of_improvement": better.value,
            **interval_columns("improvement", better),
        })  # fmt: skip
