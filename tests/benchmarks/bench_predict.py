"""`consensus` against `predict` with many trials, and how long both take on a large sparse network.

pytest tests/benchmarks/bench_predict.py --benchmark-only
"""

import resource

import pytest
from exchange_cases import LOSSY, SCENES, policies_of, worst_policy_figure

from dvdn_sim.network import Setting, measure, predict
from dvdn_sim.scenario import load_scenario

TRIALS = 2000


@pytest.mark.parametrize("name", SCENES)
def test_agreement(benchmark, name):
    def furthest():
        return {policy: worst_policy_figure(name, policy, TRIALS) for policy in policies_of(name)}

    found = benchmark.pedantic(furthest, rounds=1)
    for policy, (figure, apart_by) in found.items():
        benchmark.extra_info[policy] = f"{apart_by:.1f} standard errors ({figure})"
    assert max(apart_by for _, apart_by in found.values()) <= 4.0


@pytest.mark.parametrize("command", ["predict", "consensus"])
def test_1000_agents_4000_links_50_rounds(benchmark, command):
    scenario = load_scenario(LOSSY, ["algorithm.consensus.rounds=50", "network.share=link"])
    setting = Setting.from_scenario(scenario, agents=1000, links=4000)[0]
    benchmark.pedantic(predict if command == "predict" else lambda given: measure(given, 1), (setting,), rounds=1)
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
