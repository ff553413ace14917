"""Benchmarks are judged as ratios or rates on an idle core; they print what they measured and assert no time."""

import time

import pytest
import torch


class Yardstick:
    """The best rate of `torch.mm` on 1024x1024 float32 so far, in FLOP/s: what sets the floor of an amount of work."""

    def __init__(self):
        self._left, self._right, self._out = torch.rand(1024, 1024), torch.rand(1024, 1024), torch.empty(1024, 1024)
        self.rate = 0.0

    def measure(self):
        for _ in range(3):
            began = time.perf_counter()
            torch.mm(self._left, self._right, out=self._out)
            self.rate = max(self.rate, 2 * 1024**3 / (time.perf_counter() - began))

    def compare(self, benchmark, flop):
        """Record what was measured, and its ratio to the floor of so many operations."""
        floor_s, stats = flop / self.rate, benchmark.stats.stats
        benchmark.extra_info["mm_gflop_per_s"] = round(self.rate / 1e9, 1)
        benchmark.extra_info["floor_ms"] = round(floor_s * 1e3, 2)
        benchmark.extra_info["best_ms"] = round(stats.min * 1e3, 2)
        benchmark.extra_info["median_ms"] = round(stats.median * 1e3, 2)
        benchmark.extra_info["times_its_floor"] = round(stats.min / floor_s, 2)


@pytest.fixture
def yardstick():
    return Yardstick()


@pytest.fixture(autouse=True)
def _one_thread():
    """As the program itself has it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    for benchmark in session.benchmarks if session else ():
        for name, value in benchmark.extra_info.items():
            terminalreporter.write_line(f"{benchmark.name}: {name} = {value}")
