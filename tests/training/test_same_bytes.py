"""Invariant 7 for every algorithm, policy, form and kind of environment: same bytes, whatever texts hash to."""

import json
import os
import subprocess
import sys

import pytest
from killing import CASES
from pin import run_of

from dvdn_sim.records import load_run
from dvdn_sim.scenario import ALGORITHMS

PROGRAM = """\
import json, pathlib, sys, pin
runs = {case: pin.run_of(case, pathlib.Path(sys.argv[1], case)) for case in pin.CASES}
json.dump({"hash": hash("x"), "runs": runs}, sys.stdout)
"""


@pytest.mark.slow
def test_every_kind_of_run_leaves_the_same_bytes(tmp_path):
    """Records, books and trained teams of 19 lossy runs with faults, here and where texts hash otherwise."""
    elsewhere = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", PROGRAM, str(tmp_path / "elsewhere")],
        env=os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    )
    here = {case: run_of(case, tmp_path / case) for case in CASES}
    found = json.loads(elsewhere.communicate()[0])
    assert found["hash"] != hash("x")
    assert found["runs"] == json.loads(json.dumps(here))
    assert len({each["teams"] for each in here.values()}) == len(CASES)
    # And something happened in them.
    runs = {case: load_run(tmp_path / case) for case in CASES}
    assert {run.manifest["algorithm"] for run in runs.values()} == set(ALGORITHMS)
    assert all(min(run.metrics.filter(seed=seed)["updates"].max() for seed in run.seeds) >= 10 for run in runs.values())
    exchanged = {case: run.network for case, run in runs.items() if run.network.height}
    assert set(CASES) - set(exchanged) == {"iql", "vdn", "qmix"}
    for rows in exchanged.values():
        assert rows["lost"].sum() > 0
        assert rows.filter(rows["faults"] != "").height > 0
