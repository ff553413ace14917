"""A million exchanges under random faults: memory stays flat, and the books balance at every look.

    python tests/soak/exchanges.py --exchanges 1_000_000

The cases are those of tests/references/long_networks.py, one after the other; each network goes on for its whole share.
"""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "references"))

from long_networks import CASES, exchanging, network_of

LOOKS = 40
"""Of each network: audits, and readings of its memory."""


def resident_bytes() -> int:
    """What the process holds of the machine's memory now."""
    gc.collect()
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def soak(name: str, exchanges: int, seed: int) -> Counter[str]:
    """Let one network exchange, and look at it now and then; returns the fates of its messages."""
    case, began_s = CASES[name], time.monotonic()
    network = network_of(case, seed, exchanges)
    readings = []
    for done in exchanging(network, case, exchanges):
        if done % max(exchanges // LOOKS, 1) == 0:
            audit = network.counters.audit()
            if audit != "ok":
                sys.exit(f"{name}, exchange {done}, seed {seed}: {audit}")
            readings.append(resident_bytes())
    counts = network.counters.messages
    fates = Counter(sent=counts.sent, held=counts.delivered, late=counts.late, expired=counts.expired) + counts.lost
    fates["in flight"] = counts.in_flight
    early, middle, last = (readings[min(int(share * LOOKS), LOOKS - 1)] / 1e6 for share in (0.1, 0.5, 1.0))
    print(  # noqa: T201
        f"{name:12s} {exchanges} exchanges, {network.now_s:.0f} s simulated, {time.monotonic() - began_s:.0f} s;"
        f" {len(readings)} audits ok\n"
        f"             resident at 10 %, 50 %, 100 %: {early:.1f}, {middle:.1f}, {last:.1f} MB\n"
        f"             {', '.join(f'{fate} {count}' for fate, count in fates.items())}",
        flush=True,
    )
    return fates


def main() -> None:
    """Print each case as it is done, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exchanges", type=int, default=1_000_000, help="of all cases together")
    parser.add_argument("--seed", type=int, default=0, help="of links and faults")
    asked = parser.parse_args()
    began_s, share, total = time.monotonic(), asked.exchanges // len(CASES), Counter()
    first = resident_bytes()
    for name in CASES:
        total += soak(name, share, asked.seed)
    print(  # noqa: T201
        f"{share * len(CASES)} exchanges, {total['sent']} messages, every audit at zero; resident {first / 1e6:.1f} MB"
        f" before, {resident_bytes() / 1e6:.1f} MB after; {time.monotonic() - began_s:.0f} s"
    )


if __name__ == "__main__":
    main()
