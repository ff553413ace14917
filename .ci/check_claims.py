"""Check what the README claims of the run of scenarios/lossy_lbf.yaml against the folder that the run left."""

import sys

from dvdn_sim import load_run
from dvdn_sim.training import summarise

found = summarise(load_run(sys.argv[1])).as_json()
per_seed, first, random = found["return"]["per_seed"], found["first_return"], found["random_return"]
trained = found["return"]["mean"]
claims = {
    f"a uniform random team gets between 0.05 and 0.35: {random:.2f}": 0.05 <= random <= 0.35,
    f"the trained team ends at least 0.3 higher: {trained:.2f}": trained >= random + 0.3,
    f"every seed ends above its first evaluation: {per_seed} after {first}": all(
        last > start for last, start in zip(per_seed, first, strict=True)
    ),
    f"the run ends within ten minutes: {found['wall_s']:.0f} s": found["wall_s"] <= 600,
    f"the audit adds up: {found['audit']}": found["audit"] == "ok",
}
for claim, holds in claims.items():
    sys.stdout.write(f"{'ok  ' if holds else 'FAIL'} {claim}\n")
sys.exit(not all(claims.values()))
