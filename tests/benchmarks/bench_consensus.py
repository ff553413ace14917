"""A million agents, four million directed links, twenty rounds at 20 % loss: one value each, by the policies for many.

pytest tests/benchmarks/bench_consensus.py --benchmark-only
"""

import tracemalloc

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, Facts, metropolis, round_numbers
from netmodels.topology import KRegular

N, ROUNDS = 10**6, 20


@pytest.fixture(scope="module")
def facts():
    graph, rng = KRegular(degree=4).graph(N, 0), np.random.default_rng(0)
    numbers = round_numbers(ROUNDS)
    latest = np.full((ROUNDS, len(graph.links)), -1, numbers.dtype)
    for number, row in zip(numbers, latest, strict=True):
        row[rng.random(len(row), np.float32) < 0.8] = number
    held = latest == numbers[:, None]
    np.maximum.accumulate(latest, axis=0, out=latest)
    return Facts(N, graph.links, np.ones(latest.shape, bool), latest, held[:, graph.into])


@pytest.mark.parametrize("name", ["self", "symmetric", "running_sum", "push_sum"])
def test_applied(benchmark, facts, name):
    """In less than a minute, and 3 GB with what the facts take."""
    policy, values = POLICIES[name](metropolis), np.random.default_rng(1).normal(size=N)
    benchmark.pedantic(policy.apply, (facts, values), rounds=1)
    tracemalloc.start()
    policy.apply(facts, values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    benchmark.extra_info["peak_gb"] = round(peak / 1e9, 2)
