"""The step size that ended best with each exchange, of a sweep over exchanges and step sizes.

    python reports/sorting/choose.py sweeps/sorting_steps
    python reports/sorting/choose.py sweeps/sorting_steps --out reports/sorting/tables/steps.csv

A run's score is the mean return over seeds, in the last tenth of training. The step sizes that are printed are those of
`sweep.yaml`, which has other seeds.
"""

import argparse
from pathlib import Path

import polars as pl

from dvdn_sim import load_run
from dvdn_sim.records import read_cells
from dvdn_sim.reporting import scores_of


def main() -> None:
    """Print the best of each exchange, and write all of them if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--out", type=Path, help="write the score of every run into this file")
    asked = parser.parse_args()
    rows = []
    for row in read_cells(asked.sweep).rows:
        scores = scores_of({"": [load_run(asked.sweep / row.id)]})[""].values()
        rows.append({**row.axes, "return": sum(scores) / len(scores), "least": min(scores), "largest": max(scores)})
    table = pl.DataFrame(rows)
    if asked.out is not None:
        table.write_csv(asked.out, float_precision=4)
    best = table.sort("return", descending=True).group_by("exchange", maintain_order=True).first()
    for exchange in table["exchange"].unique(maintain_order=True):
        found = best.row(by_predicate=pl.col("exchange") == exchange, named=True)
        print(f"{exchange}: {found['lr']}  ({found['return']:.3f})")  # noqa: T201 (its purpose)


if __name__ == "__main__":
    main()
