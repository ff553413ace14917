"""The return at the end against what the operators are like, for every cell of the sweep: tables, and a figure.

    python reports/sorting/against.py sweeps/sorting
    python reports/sorting/against.py sweeps/sorting --out reports/sorting

Two numbers of the operators stand for a cell. `a_eff` is that of the records. The *noise* v is that of an agent's
target, in units of what it is in silence (docs/tasks.md),

    v = E Σ_ij (1 - A_ij / E[A_jj])² / (N (N - 1)),

over 200 exchanges that nobody learned from. In silence, A = I, it is 1; with A = J it is 0. The closed form says that a
team ends at central - headroom · v; nothing in it is fitted. Cells whose λ_min is negative are left out, and open in
the figure: there learning climbs (docs/method.md).
"""

import argparse
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import polars as pl
from numpy.typing import NDArray
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from dvdn_sim import load_run
from dvdn_sim.consensus import POLICIES, WEIGHTS, operator_of
from dvdn_sim.network import Plan, Setting, exchanges
from dvdn_sim.reporting import scores_of
from dvdn_sim.scenario import load_scenario, message_specs, stability, warnings_of
from dvdn_sim.statistics import interquartile_mean

OPERATORS = 200
STABLE = -1e-9
"""A least eigenvalue above it is 0 or more, rounding apart."""


def noise_of(setting: Setting) -> float:
    """Return v."""
    (reports,) = exchanges(setting, Plan(1, "rows", each=OPERATORS))
    policy = POLICIES[setting.sent.policy](WEIGHTS[setting.sent.weights])
    operators = np.array([operator_of(policy, each.facts) for each in reports])
    own = operators.diagonal(0, 1, 2).mean(0)
    return float(((1.0 - operators / own) ** 2).sum((1, 2)).mean() / (setting.n_agents * (setting.n_agents - 1)))


def row_of(folder: Path) -> dict[str, object]:
    """Return what is known of a cell: before it, and after."""
    run, scenario = load_run(folder), load_scenario(folder / "scenario.yaml")
    scores = np.array(list(scores_of({"": [run]})[""].values()))
    found: dict[str, object] = {
        "exchange": folder.name.partition("=")[2], "lr": scenario.algorithm.lr, "lambda_min": None, "warned": False,
        "a_eff": 0.0, "noise": 0.0, "return": float(interquartile_mean(scores)), "least": min(scores),
        "largest": max(scores), "seeds": len(scores),
    }  # fmt: skip
    if scenario.network is not None and (sent := [spec for spec in message_specs(scenario) if spec.kind == "td"]):
        least = stability(scenario.network, sent[0], scenario.env.n_agents, scenario.seeds[0])
        (setting,) = Setting.from_scenario(scenario)
        found |= {
            "lambda_min": least.value, "warned": any("diverge" in warning for warning in warnings_of(scenario)),
            "a_eff": run.network["a_eff"].mean(), "noise": noise_of(setting),
        }  # fmt: skip
    return found


def explained(found: NDArray[np.float64], said: NDArray[np.float64]) -> float:
    """Return R², of what is said about values."""
    return 1.0 - float(((found - said) ** 2).sum() / ((found - found.mean()) ** 2).sum())


def main() -> None:
    """Print the table and what is explained of it; write both, and the figure, if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--out", type=Path, help="write tables/sorting.csv and figures/sorting.svg into this folder")
    asked = parser.parse_args()
    folders = [path.parent for path in sorted(asked.sweep.glob("*/manifest.json"))]
    table = pl.DataFrame([row_of(folder) for folder in folders if load_run(folder).finished], infer_schema_length=None)
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=3):
        print(table)  # noqa: T201 (its purpose)
    ends = {
        name: table.row(by_predicate=pl.col("exchange") == name, named=True)["return"] for name in ("vdn", "silent")
    }
    stable = table.filter(pl.col("lambda_min") > STABLE)
    found = stable["return"].to_numpy()
    closed = ends["vdn"] - (ends["vdn"] - ends["silent"]) * stable["noise"].to_numpy()
    print(f"{len(stable)} cells with λ_min of 0 or more; headroom {ends['vdn'] - ends['silent']:.3f}")  # noqa: T201
    print(f"R² of the closed form, nothing fitted: {explained(found, closed):.3f}")  # noqa: T201
    for name in ("noise", "a_eff"):
        for degree in (1, 2):
            x = stable[name].to_numpy()
            said = np.polyval(np.polyfit(x, found, degree), x)
            print(f"R² of a curve of degree {degree} in {name}: {explained(found, said):.3f}")  # noqa: T201
    if asked.out is not None:
        for name in ("tables", "figures"):
            (asked.out / name).mkdir(exist_ok=True)
        table.write_csv(asked.out / "tables" / "sorting.csv", float_precision=4)
        figure_of(table, ends).write_image(asked.out / "figures" / "sorting.svg")


def figure_of(table: pl.DataFrame, ends: dict[str, float]) -> go.Figure:
    """Draw the return against both numbers, by graph; open where λ_min is negative."""
    figure = make_subplots(1, 2, shared_yaxes=True)
    graphs = table["exchange"].str.replace(r"-\d+-\d+%$", "").unique(maintain_order=True)
    for index, graph in enumerate(name for name in graphs if name not in ends):
        here = table.filter(pl.col("exchange").str.replace(r"-\d+-\d+%$", "") == graph)
        symbols = [f"circle{'-open' if least < STABLE else ''}" for least in here["lambda_min"]]
        y, low, high = here["return"], here["return"] - here["least"], here["largest"] - here["return"]
        for column, name in enumerate(("noise", "a_eff"), 1):
            figure.add_scatter(
                x=here[name], y=y, error_y={"array": high, "arrayminus": low, "thickness": 1, "width": 0},
                mode="markers", name=graph, legendgroup=graph, showlegend=column == 1, hovertext=here["exchange"],
                marker={"color": qualitative.Safe[index], "symbol": symbols, "size": 8}, row=1, col=column,
            )  # fmt: skip
    line = {"color": "black", "width": 1}
    figure.add_scatter(
        x=[0, 1], y=[ends["vdn"], ends["silent"]], mode="lines", line=line, name="closed form", row=1, col=1
    )
    for name, level in ends.items():
        figure.add_hline(level, line={"dash": "dot", "width": 1}, annotation_text=name)
    figure.update_xaxes(title="noise of an agent's target, v", col=1).update_xaxes(title="a_eff", col=2)
    figure.update_yaxes(title="return, last tenth of training", col=1)
    margin = {"l": 60, "r": 20, "t": 30, "b": 60}
    return figure.update_layout(width=1000, height=420, template="plotly_white", margin=margin)


if __name__ == "__main__":
    main()
