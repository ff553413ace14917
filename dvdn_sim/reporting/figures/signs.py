"""What the live checks said of every cell."""

from collections.abc import Sequence

import polars as pl

from dvdn_sim.records import HEALTH_CHECKS as CHECKS
from dvdn_sim.reporting.figure import Figure, View, axes, row
from dvdn_sim.reporting.study import Cell, Study


def signs(study: Study) -> Figure | None:
    """Draw in how many seeds each sign of trouble was seen; None where none was."""
    seen = {cell.id: {sign: _first_steps(cell, sign) for sign in CHECKS} for cell in study.cells}
    if not any(steps for found in seen.values() for steps in found.values()):
        return None
    cells = list(study.cells)[::-1]
    text = [[f"{len(seen[cell.id][sign])} of {len(cell.curves)}" for sign in CHECKS] for cell in cells]
    trace = {
        "type": "heatmap", "x": list(CHECKS), "y": [cell.id for cell in cells], "text": text, "texttemplate": "%{text}",
        "z": [[len(seen[cell.id][sign]) / len(cell.curves) for sign in CHECKS] for cell in cells], "zmin": 0, "zmax": 1,
        "hovertemplate": "%{y}<br>%{x}: %{text} seeds<extra></extra>", "colorscale": "Viridis", "xgap": 2, "ygap": 2,
        "showscale": False,
    }  # fmt: skip
    layout = axes("sign", "", xaxis_type="category", yaxis_type="category", showlegend=False)
    troubled = sum(any(found.values()) for found in seen.values())
    return Figure(
        id="signs",
        title="Signs of trouble",
        said="In how many seeds the checks that watch a run saw a sign: "
        + "; ".join(f"{sign}, {told}" for sign, told in CHECKS.items())
        + ". A sign is no proof; each run's own words are in the table of runs.",
        alt=f"Signs of trouble in {troubled} of {len(cells)} cells; the numbers are in the table.",
        switches=[],
        views={(): View([trace], layout | {"height": 140 + 28 * len(cells)})},
        table=pl.DataFrame(
            [
                row(cell.at, _numbers(sign, len(cell.curves), seen[cell.id][sign]))
                for cell in study.cells
                for sign in CHECKS
            ],
            infer_schema_length=None,
        ),
    )


def _first_steps(cell: Cell, name: str) -> Sequence[int]:
    """Return when a sign was seen first, of each seed in which it was."""
    return sorted(sign.env_steps for sign in cell.signs if sign.name == name)


def _numbers(sign: str, seeds: int, steps: Sequence[int]) -> dict[str, object]:
    earliest, latest = (steps[0], steps[-1]) if steps else (None, None)
    return {
        "sign": sign,
        "seeds": seeds,
        "seeds_with_it": len(steps),
        "first_seen_env_steps_earliest": earliest,
        "first_seen_env_steps_latest": latest,
    }
