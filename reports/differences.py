"""How much better one cell is than another, over equal seeds: what the studies say beside the tables of their pages.

    python reports/differences.py sweeps/link_failure/policy=self,loss=40% sweeps/link_failure/policy=self,loss=0%
    python reports/differences.py RUN OTHER 5 6 7 8 9          of these seeds alone

Interquartile means of the paired differences with 95 % intervals, as on a page (docs/statistics.md).
"""

import sys

from dvdn_sim.records.read import load_run
from dvdn_sim.reporting.curves import area, curves_of, final_mean
from dvdn_sim.statistics.comparison import compare

run, other, *wanted = sys.argv[1:]
curves = [curves_of(load_run(each)) for each in (run, other)]
seeds = [int(each) for each in wanted] or sorted(curves[0].keys() & curves[1].keys())
for name, measure in (("last tenth of training", final_mean), ("mean over training", area)):
    ours, theirs = ({"": {seed: measure(each[seed]) for seed in seeds}} for each in curves)
    found = compare(ours, theirs).difference
    low, high = found.interval
    print(f"{name}, {len(seeds)} seeds: {found.value:+.3f} ({low:+.3f} to {high:+.3f})")  # noqa: T201 (that is what it is for)
