"""Kill -9 runs of every algorithm and policy at random instants, resume them, and compare with uninterrupted ones.

    python tests/soak/kill.py --kills 200

The cases are those of the tests (tests/references/killing.py). A kill counts if it hit a run under way.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "references"))

from killing import CASES, Left, attempt, timed


def main() -> None:
    """Print a line per run, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    asked = parser.parse_args()
    rng, folder, began_s = np.random.default_rng(asked.seed), Path(tempfile.mkdtemp()), time.monotonic()
    usual_s, whole = {}, {}
    for case in CASES:
        timed(case, folder / "warm")  # the first fork waits for the imports
        shutil.rmtree(folder / "warm")
        usual_s[case] = timed(case, folder / case)
        whole[case] = Left.of(folder / case)
    kills = runs = 0
    while kills < asked.kills:
        case = list(CASES)[runs % len(CASES)]
        out, hits = folder / "killed", 0
        while not attempt(case, out, kill_after_s=float(rng.uniform(0.0, 1.0)) * usual_s[case]):
            hits += 1
        Left.of(out).check_equals(whole[case])
        shutil.rmtree(out)
        kills, runs = kills + hits, runs + 1
        print(f"{case}: killed {hits} times, equal to the last bit; {kills} kills in all", flush=True)  # noqa: T201
    print(  # noqa: T201
        f"{runs} runs of {len(CASES)} cases, {kills} kills, all records, digests, books, signs and policies equal;"
        f" {time.monotonic() - began_s:.0f} s"
    )


if __name__ == "__main__":
    main()
