"""What a process of its own leaves of every kind of run, in a few hashes: ``python same_bytes.py FOLDER``."""

import hashlib
import json
import sys
from pathlib import Path

from killing import BASE, CASES, FAULTS

import dvdn_sim
from dvdn_sim.records import load_run
from dvdn_sim.scenario import Scenario, parse_scenario

SHORT = ("training.steps=72", "evaluation.every=40")


def scenario_of(case: str) -> Scenario:
    """One of `CASES`, shorter, and with faults of every kind if it has a network."""
    faults = () if "network=null" in CASES[case] else (FAULTS,)
    return parse_scenario(BASE, [*CASES[case], *faults, *SHORT])


def left_by(case: str, out: Path) -> str:
    """Hash of a run's records, of the network's books and of the trained teams."""
    digest = dvdn_sim.run(scenario_of(case), device="cpu", out=out).as_json()["digest"]
    manifest = load_run(out).manifest
    books = {name: manifest[name] for name in ("messages", "packets", "cut_for_ever", "signs", "audit")}
    total = hashlib.sha256(f"{digest} {json.dumps(books)}".encode())
    for path in sorted((out / "policies").iterdir()):
        total.update(path.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    found = {case: left_by(case, Path(sys.argv[1]) / case) for case in CASES}
    json.dump({"hash": hash("x"), "left": found}, sys.stdout)
