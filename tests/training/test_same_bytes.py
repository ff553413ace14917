"""Invariant 7 for every algorithm, policy, form and kind of environment: same bytes, whatever texts hash to."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import same_bytes
from killing import CASES

from dvdn_sim.records import load_run
from dvdn_sim.scenario import ALGORITHMS


def in_a_process(hash_seed, out):
    """Every case in a process in which texts hash in this way."""
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, same_bytes.__file__, str(out)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_every_kind_of_run_leaves_the_same_bytes(tmp_path):
    """Records, books and trained teams of 19 lossy runs with faults; the processes hash texts differently indeed."""
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(in_a_process, "12", (tmp_path / "first", tmp_path / "second"))
    assert first["hash"] != second["hash"]
    assert list(first["left"]) == list(CASES)
    assert first["left"] == second["left"]
    assert len(set(first["left"].values())) == len(CASES)
    # And something happened in them.
    runs = {case: load_run(tmp_path / "first" / case) for case in CASES}
    assert {run.manifest["algorithm"] for run in runs.values()} == set(ALGORITHMS)
    assert all(min(run.metrics.filter(seed=seed)["updates"].max() for seed in run.seeds) >= 10 for run in runs.values())
    exchanged = {case: run.network for case, run in runs.items() if run.network.height}
    assert set(CASES) - set(exchanged) == {"iql", "vdn", "qmix"}
    for rows in exchanged.values():
        assert rows["lost"].sum() > 0
        assert rows.filter(rows["faults"] != "").height > 0
