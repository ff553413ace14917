"""How much better one cell is than another, over equal seeds: what the studies say beside the tables of their pages.

    python reports/differences.py sweeps/sorting/exchange=tree-5-0% sweeps/sorting/exchange=silent
    python reports/differences.py RUN OTHER 5 6 7 8 9          of these seeds alone

Differences of interquartile means with 95 % intervals, as on a page (docs/statistics.md); each by itself, uncorrected.
"""

import argparse

from dvdn_sim.reporting import area, final_mean, finished_runs, scores_of
from dvdn_sim.statistics import compare


def main() -> None:
    """Print the differences at the end and over training."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("other")
    parser.add_argument("seeds", nargs="*", type=int, help="two or more; all that both have, if none is given")
    asked = parser.parse_args()
    runs, left_out = finished_runs([asked.run, asked.other])
    if left_out:
        parser.error("; ".join(f"{each.run_dir}: {each.why}" for each in left_out))
    shared = sorted(set(runs[0].seeds) & set(runs[1].seeds))
    seeds = asked.seeds or shared
    if len(seeds) < 2 or not set(seeds) <= set(shared):
        parser.error(f"two or more seeds that both runs have expected; they share {shared}")
    for name, measure in (("last tenth of training", final_mean), ("mean over training", area)):
        scores = [scores_of({"": [run]}, measure)[""] for run in runs]
        ours, theirs = ({"": {seed: each[seed] for seed in seeds}} for each in scores)
        found = compare(ours, theirs).difference
        low, high = found.interval
        print(f"{name}, {len(seeds)} seeds: {found.value:+.3f} ({low:+.3f} to {high:+.3f})")  # noqa: T201 (its purpose)


if __name__ == "__main__":
    main()
