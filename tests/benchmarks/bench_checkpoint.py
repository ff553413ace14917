"""Seconds and bytes of a checkpoint of a long run: ten teams on LBF Easy, their rings of 5000 episodes full.

    pytest tests/benchmarks/bench_checkpoint.py --benchmark-only -s

The first checkpoint of a process that begins anew writes the whole ring; every later one what is new: here 100 episodes
of each team, more than a core trains in a minute. Beside it, what going on costs: verifying and loading everything.
"""

import time
from pathlib import Path

import numpy as np
import torch

from dvdn_sim.scenario import load_scenario
from dvdn_sim.training import Session

SCENARIO = Path(__file__).parents[2] / "scenarios" / "paper" / "lbf_easy_vdn.yaml"
NEW = 100
CHECKPOINTS = 5


def insert(parts, count: int) -> None:
    """So many random episodes in every ring."""
    env, everyone = parts.train_envs.env, np.ones(parts.train_envs.replicas, bool)

    def act(observations, _):
        return torch.randint(env.n_actions, observations.shape[:2])

    for _ in range(count):
        parts.replay.insert(parts.train_envs.play(act, everyone), everyone)


def session_in(folder: Path) -> Session:
    scenario = load_scenario(SCENARIO, ["seeds=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"])
    session = Session(scenario)
    session.open(folder, session.build("cpu"))
    return session


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "checkpoint").iterdir())


def test_a_checkpoint(benchmark, tmp_path):
    session = session_in(tmp_path)
    insert(session.parts, session.parts.scenario.training.buffer)
    began = time.perf_counter()
    session.checkpoint()
    first_s, first_bytes = time.perf_counter() - began, size(tmp_path)
    seconds, before = [], {path.name for path in session.checkpoints.folder.iterdir()}
    written = []
    for _ in range(CHECKPOINTS):
        insert(session.parts, NEW)
        began = time.perf_counter()
        session.checkpoint()
        seconds.append(time.perf_counter() - began)
        now = {path.name for path in session.checkpoints.folder.iterdir()}
        written.append(sum((session.checkpoints.folder / name).stat().st_size for name in now - before))
        before = now
    again = session_in(tmp_path)
    benchmark.pedantic(again.restore, rounds=1)
    assert (again.parts.replay.inserted == session.parts.replay.inserted).all()
    benchmark.extra_info["ring_mb"] = round(session.parts.replay.size_bytes / 1e6)
    benchmark.extra_info["first_s"] = round(first_s, 2)
    benchmark.extra_info["first_mb"] = round(first_bytes / 1e6)
    benchmark.extra_info["further_s_median"] = round(float(np.median(seconds)), 3)
    benchmark.extra_info["further_mb"] = round(float(np.median(written)) / 1e6, 1)
    benchmark.extra_info["go_on_s"] = round(benchmark.stats.stats.mean, 2)
