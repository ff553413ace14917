"""The return at the end against λ_min(E[A]), for every run of a sweep: a table, a figure, and who was warned.

    python reports/stability/against.py sweeps/stability
    python reports/stability/against.py sweeps/stability --out reports/stability

λ_min is that of `dvdn-sim predict`, the warning that of `dvdn-sim check`. A run is *ruined* if its teams end below
random play: the interquartile mean of its seeds, in the last tenth of training.
"""

import argparse
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from dvdn_sim import load_run
from dvdn_sim.reporting import scores_of
from dvdn_sim.scenario import load_scenario, message_specs, stability, warnings_of
from dvdn_sim.statistics import interquartile_mean


def row_of(folder: Path) -> dict[str, object]:
    """Return what is known of a run: before it, and after."""
    run = load_run(folder)
    scenario = load_scenario(folder / "scenario.yaml")
    scores = np.array(list(scores_of({"": [run]})[""].values()))
    (spec,) = [sent for sent in message_specs(scenario) if sent.kind == "td"]
    agents = scenario.env.n_agents
    least = stability(scenario.network, spec, agents, scenario.seeds[0])
    random = run.metrics.filter(pl.col("phase") == "random")["return_mean"].mean()
    return {
        "exchange": folder.name.partition("=")[2],
        "agents": agents,
        "policy": spec.policy,
        "lambda_min": least.value,
        "lambda_min_error": least.error,
        "warned": any("diverge" in warning for warning in warnings_of(scenario)),
        "return": float(interquartile_mean(scores)),
        "least": min(scores),
        "largest": max(scores),
        "random": random,
    }


def figure_of(table: pl.DataFrame) -> go.Figure:
    """Draw a panel for each number of agents."""
    numbers = table["agents"].unique().sort().to_list()
    figure = make_subplots(1, len(numbers), subplot_titles=[f"{n} agents" for n in numbers], shared_yaxes=True)
    named = set[str]()
    for column, agents in enumerate(numbers, 1):
        of_agents = table.filter(pl.col("agents") == agents)
        for index, policy in enumerate(table["policy"].unique(maintain_order=True)):
            here = of_agents.filter(pl.col("policy") == policy)
            if here.is_empty():
                continue
            y, low, high = here["return"], here["return"] - here["least"], here["largest"] - here["return"]
            figure.add_scatter(
                x=here["lambda_min"], y=y, error_y={"array": high, "arrayminus": low, "thickness": 1, "width": 0},
                mode="markers", name=policy, legendgroup=policy, showlegend=policy not in named,
                marker={"color": qualitative.Safe[index], "symbol": index, "size": 8}, row=1, col=column,
            )  # fmt: skip
            named.add(policy)
        level, dotted = of_agents["random"].mean(), {"dash": "dot"}
        figure.add_hline(level, line=dotted, annotation_text="random play", row=1, col=column)
        figure.add_vline(0.0, line={"width": 1}, row=1, col=column)
    figure.update_xaxes(title="least eigenvalue of E[A]")
    figure.update_yaxes(title="return, last tenth of training", col=1)
    margin = {"l": 60, "r": 20, "t": 40, "b": 60}
    return figure.update_layout(width=1000, height=380, template="plotly_white", margin=margin)


def main() -> None:
    """Print the table and who was warned; write both, and the figure, if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweeps", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, help="write stability.csv and stability.svg into this folder")
    asked = parser.parse_args()
    folders = [path.parent for sweep in asked.sweeps for path in sorted(sweep.glob("*/manifest.json"))]
    table = pl.DataFrame([row_of(folder) for folder in folders if load_run(folder).finished]).sort("lambda_min")
    ruined = pl.col("return") < pl.col("random")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200, float_precision=3):
        print(table)  # noqa: T201 (its purpose)
        print(table.group_by("warned", ruined.alias("ruined")).len().sort("warned", "ruined"))  # noqa: T201
    if asked.out is not None:
        table.write_csv(asked.out / "stability.csv", float_precision=4)
        figure_of(table).write_image(asked.out / "stability.svg")


if __name__ == "__main__":
    main()
