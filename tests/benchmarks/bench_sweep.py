"""What a sweep costs beside its runs: 500 trivial cells on one process and on two.

    pytest tests/benchmarks/bench_sweep.py --benchmark-only -s

Overhead is everything but the runs themselves, per cell: reading and checking the cells, starting processes and
importing torch, handing out jobs, writing the table. Judged at 50 ms per cell, and a speed-up of 1.8 on two idle cores.
The processor's time of the process that hands out jobs tells the same on a machine that is busy otherwise.
"""

import time

import pytest

from dvdn_sim.sweeps import Ended, Pool, load_cells, run_sweep

TRIVIAL = """\
name: trivial
question: What does a sweep cost beside its runs?
base:
  name: trivial
  seeds: [0]
  env: {kind: lbf, field_size: [5, 5], players: 2, max_num_food: 1, max_food_level: 1, sight: 4, max_episode_steps: 2}
  algorithm: {kind: iql, hidden: 4}
  training: {steps: 2, batch: 1, buffer: 2, epsilon: {steps: 10}, target_update: 10}
  evaluation: {every: 2, episodes: 1}
axes:
  - {path: algorithm.lr, values: [VALUES]}
  - {path: algorithm.gamma, values: [0.9, 0.95, 0.97, 0.98, 0.99]}
"""
CELLS = 500
WALL_S: dict[int, float] = {}


class Work:
    """Adds up the seconds of the runs themselves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def begin(self, table, jobs):
        """Nothing to show."""

    def stop(self):
        """Nothing to show."""

    def take(self, event):
        """Keep what a job took."""
        self.seconds += event.outcome.work_s if isinstance(event, Ended) else 0.0


@pytest.mark.parametrize("processes", [1, 2])
def test_trivial_cells(benchmark, tmp_path, processes):
    values = ", ".join(f"{1 + number}e-5" for number in range(CELLS // 5))
    (tmp_path / "sweep.yaml").write_text(TRIVIAL.replace("VALUES", values), encoding="utf-8")
    work = Work()

    def sweep():
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        loaded, cells = load_cells(tmp_path / "sweep.yaml")
        benchmark.extra_info["reading_ms_per_cell"] = round(1e3 * (time.perf_counter() - began_s) / CELLS, 1)
        table = run_sweep(loaded, cells, Pool(processes), tmp_path / "out", device="cpu", watch=work)
        WALL_S[processes] = time.perf_counter() - began_s
        benchmark.extra_info["own_cpu_ms_per_cell"] = round(1e3 * (time.process_time() - began_cpu_s) / CELLS, 1)
        assert table.count("finished") == CELLS

    benchmark.pedantic(sweep, rounds=1)
    spent = processes * WALL_S[processes] - work.seconds
    benchmark.extra_info["wall_s"] = round(WALL_S[processes], 1)
    benchmark.extra_info["run_ms_per_cell"] = round(1e3 * work.seconds / CELLS, 1)
    benchmark.extra_info["overhead_ms_per_cell"] = round(1e3 * spent / processes / CELLS, 1)
    if len(WALL_S) == 2:
        benchmark.extra_info["speed_up"] = round(WALL_S[1] / WALL_S[2], 2)
