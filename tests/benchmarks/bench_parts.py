"""Where an iteration of the README's run goes, part by part, on one thread, beside the floor of its update.

    pytest tests/benchmarks/bench_parts.py --benchmark-only

Two teams play an episode of ten steps each, exchange temporal differences and learn; records are written. The parts are
calls that do not contain each other; the loop itself is the rest. A part's time is the tenth of its calls' shortest,
because the speed of a shared core wanders. docs/performance.md says what was found.
"""

import contextlib
import time
from pathlib import Path

import numpy as np
import torch
from teams import forward_flop

from dvdn_sim.records import RecordWriter, create_run_dir
from dvdn_sim.scenario import load_scenario
from dvdn_sim.training import Loop, Recorder, build

SCENARIO = Path(__file__).parents[2] / "scenarios" / "lossy_lbf.yaml"
WARM_UP, ITERATIONS = 100, 500
PARTS = {
    "episode": ["train_envs.play"],
    "replay": ["replay.insert", "replay.sample_ids", "replay.minibatch"],
    "update": ["learner.local_errors", "learner.differentiate", "learner.step"],
    "exchange": ["communication.of_errors", "communication.errors_held"],
    "records": ["recorder.update", "recorder.episode"],
}


class _Enough(Exception):  # noqa: N818 (no error)
    """Ends the run."""


def timed(method, spent):
    def call(*args):
        began = time.perf_counter()
        found = method(*args)
        spent.append(time.perf_counter() - began)
        return found

    return call


def test_parts_of_an_iteration(benchmark, yardstick, tmp_path):
    scenario = load_scenario(SCENARIO, ["evaluation={every: 1_000_000, episodes: 1}"])
    parts = build(scenario, device=torch.device("cpu"))
    recorder = Recorder(RecordWriter(create_run_dir(tmp_path / "run", scenario.name)), scenario.seeds, parts.networks)
    marks, spent = [], {}

    def watch(progress):
        marks.append(time.perf_counter())
        if len(marks) == WARM_UP + ITERATIONS:
            raise _Enough

    loop = Loop(parts, recorder, watch)
    owners = vars(parts) | {"recorder": recorder, "communication": loop._communication}
    for part, methods in PARTS.items():
        for method in methods:
            owner, name = owners[method.split(".")[0]], method.split(".")[1]
            spent.setdefault(part, []).append([])
            object.__setattr__(owner, name, timed(getattr(owner, name), spent[part][-1]))

    def train():
        with contextlib.suppress(_Enough):
            loop.run()

    benchmark.pedantic(train, rounds=1)
    for _ in range(5):
        yardstick.measure()
    network, training = parts.learner.network, scenario.training
    sequences = len(scenario.seeds) * parts.train_envs.env.n_agents * training.batch
    flop = 4 * forward_flop(network) * sequences * parts.train_envs.env.episode_limit
    told = {"iteration": np.diff(marks[WARM_UP:])} | {
        part: np.sum([calls[-ITERATIONS:] for calls in of_calls], axis=0) for part, of_calls in spent.items()
    }
    for part, seconds in told.items():
        best, median = np.quantile(seconds, [0.1, 0.5]) * 1e3
        benchmark.extra_info[f"{part}_ms"] = f"{best:.2f} (median {median:.2f})"
    benchmark.extra_info["floor_of_the_update_ms"] = round(flop / yardstick.rate * 1e3, 2)
    benchmark.extra_info["mm_gflop_per_s"] = round(yardstick.rate / 1e9, 1)
