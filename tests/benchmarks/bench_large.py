"""Large networks: an exchange of running sums, and what agents make of it; and many trials of small ones, in threads.

pytest tests/benchmarks/bench_large.py --benchmark-only
"""

import resource
import time

import numpy as np
import pytest
from exchange_cases import CALM, LOSSY

from dvdn_sim.network import Plan, Setting, exchanges, measure
from dvdn_sim.scenario import load_scenario


def running_sums(agents, degree, rounds, *changes):
    sums = f"algorithm.consensus={{rounds: {rounds}, policy: running_sum}}"
    regular = f"network.topology={{kind: k_regular, degree: {degree}}}"
    scenario = load_scenario(LOSSY, [sums, regular, "network.link.loss=20%", *CALM, *changes], any_agents=True)
    return Setting.from_scenario(scenario, agents=agents)[0]


@pytest.mark.parametrize(
    ("agents", "degree", "rounds", "packets"),
    [(10**4, 4, 50, 1), (10**4, 8, 50, 1), (10**5, 4, 20, 1), (10**5, 4, 20, 5), (10**6, 4, 20, 1), (10**6, 8, 20, 1)],
)
def test_running_sums(benchmark, agents, degree, rounds, packets):
    """The graph is there; the network is put in place, and books are checked."""
    setting = running_sums(agents, degree, rounds, f"network.link.mtu={-(-1308 // packets)} B")
    assert setting.packets == packets
    values = np.random.default_rng(0).normal(size=agents)
    list(exchanges(running_sums(100, degree, rounds), Plan(1, "warm")))

    def exchange():
        began = time.perf_counter()
        ((report,),) = exchanges(setting, Plan(1, "bench"))
        benchmark.extra_info["exchange_s"] = round(time.perf_counter() - began, 2)
        return setting.policy.apply(report.facts, values)

    held = benchmark.pedantic(exchange, rounds=1)
    disagreement = ((held - held.mean(1, keepdims=True)) ** 2).mean(1)
    benchmark.extra_info["messages"] = int(setting.messages)
    benchmark.extra_info["left of the disagreement"] = f"{disagreement[-1]:.2g}"
    benchmark.extra_info["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


MESH = ["algorithm.consensus.rounds=3", "network.topology={kind: complete}", "network.acks=true"]
REGULAR = ["algorithm.consensus.rounds=20", "network.topology={kind: k_regular, degree: 4}", *CALM]


@pytest.mark.parametrize(
    ("changes", "agents", "trials", "threads"),
    [([], 3, 10_000, 1), (MESH, 10, 10_000, 1), (REGULAR, 1000, 40, 1), (REGULAR, 1000, 40, 2)],
    ids=["readme", "mesh of 10", "1000 agents", "1000 agents, 2 threads"],
)
def test_trials(benchmark, changes, agents, trials, threads):
    """With every policy that the scenario allows."""
    setting = Setting.from_scenario(load_scenario(LOSSY, changes, any_agents=True), agents=agents)[0]
    measure(setting, 1)
    benchmark.pedantic(measure, (setting, trials), {"threads": threads}, rounds=1)
