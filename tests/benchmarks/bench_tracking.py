"""What tracking adds to an update: one step of every tracker with GTAdam, against one of Adam, on one thread.

    pytest tests/benchmarks/bench_tracking.py --benchmark-only -k "not optimum"

P = 26 566 parameters (18 observation numbers, hidden layers of 64, 6 actions), one team, everything heard on a random
tree. `added_ms` is what a tracker takes beyond Adam, which the update has in it already (bench_update.py).

`-k optimum` measures where trackers end instead: the table of docs/gradient_tracking.md.
"""

import time

import numpy as np
import pytest
import torch
from plain_tracking import PlainRunningSums, Quadratics, Sgd, descend, gtadam_of, lossy, ring, schedule_of

from dvdn_sim.consensus import POLICIES, lossless_facts, metropolis
from dvdn_sim.learners import TRACKERS, Adam, Exchanged
from netmodels.topology import Graph

P, ROUNDS = 26_566, 300


def best_ms(work):
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best * 1e3


def team(n_agents):
    rng = np.random.default_rng(0)
    omega = torch.from_numpy(rng.random((1, n_agents, P), np.float32))
    return omega, torch.from_numpy(rng.normal(size=(1, n_agents, P)).astype(np.float32)), rng


@pytest.mark.parametrize("n_agents", [3, 5, 12])
def test_adam(benchmark, n_agents):
    omega, gradient, _ = team(n_agents)
    adam = Adam(omega, 3e-4)
    benchmark.pedantic(lambda: adam.step(omega, gradient), rounds=ROUNDS, warmup_rounds=10)
    benchmark.extra_info["best_ms"] = round(benchmark.stats.stats.min * 1e3, 3)


@pytest.mark.parametrize("n_agents", [3, 5, 12])
@pytest.mark.parametrize("name", TRACKERS)
def test_tracker(benchmark, name, n_agents):
    omega, gradient, rng = team(n_agents)
    tree = Graph.undirected(n_agents, [(int(rng.integers(0, agent)), agent) for agent in range(1, n_agents)])
    facts = lossless_facts([tree])
    heard = {0: Exchanged(facts, POLICIES["self"](metropolis).operator(facts)[-1])}
    tracker, adam = TRACKERS[name](omega, gtadam_of(omega, 3e-4), schedule_of(P)), Adam(omega, 3e-4)
    exchanges, learning = [heard for _ in tracker.messages(0)], np.ones((1, n_agents), bool)

    def step():
        tracker.step(omega, gradient, updates=np.zeros(1, np.int64), exchanges=exchanges, learning=learning)

    benchmark.pedantic(step, rounds=ROUNDS, warmup_rounds=10)
    best = benchmark.stats.stats.min * 1e3
    benchmark.extra_info["best_ms"] = round(best, 3)
    benchmark.extra_info["added_ms"] = round(best - best_ms(lambda: adam.step(omega, gradient)), 3)


UPDATES, SEEDS = 2000, range(5)


def record(benchmark, offs, imbalances):
    """Medians over seeds: how far off the optimum at the end, updates until within 1e-8 of it, ‖Σz - Σg‖."""
    needed = [next((update for update, each in enumerate(off) if each < 1e-8), np.inf) for off in offs]
    benchmark.extra_info["off"] = f"{np.median([off[-1] for off in offs]):.1e}"
    benchmark.extra_info["imbalance"] = f"{np.median(imbalances):.1e}"
    benchmark.extra_info["updates_to_1e-8"] = float(np.median(needed))


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("paper", "self"),
        ("adapt_then_combine", "self"),
        ("averaging", "symmetric"),
        ("paper", "symmetric"),
        ("adapt_then_combine", "symmetric"),
        ("running_sum", "self"),
    ],
)
def test_optimum(benchmark, name, policy, p):
    """Five quadratics on a lossy ring, plain descent with lr 0.1."""
    offs, imbalances = [], []

    def run():
        for seed in SEEDS:
            rng, problem = np.random.default_rng(seed), Quadratics(5, 4, seed)
            omega = torch.zeros(1, 5, 4, dtype=torch.float64)
            tracker = TRACKERS[name](omega, Sgd(0.1), schedule_of(4))

            def exchange(rng=rng):
                facts = lossy(ring(5), p, rng)
                return Exchanged(facts, POLICIES[policy](metropolis).operator(facts)[-1])

            offs.append(descend(tracker, problem, omega, exchange, UPDATES))
            imbalances.append(float(tracker.figures(omega).get("tracker_imbalance", 0.0)))

    benchmark.pedantic(run, rounds=1)
    record(benchmark, offs, imbalances)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_optimum_with_last_heard_parameters(benchmark, p):
    """The same of running sums that take, of lost parameters, the last that were heard."""
    offs = []

    def run():
        for seed in SEEDS:
            rng, problem = np.random.default_rng(seed), Quadratics(5, 4, seed)
            plain, off = PlainRunningSums(np.zeros((5, 4)), 0.1, last_heard=True), []
            for _ in range(UPDATES):
                facts = lossy(ring(5), p, rng)
                plain.step(
                    problem.gradient(torch.from_numpy(plain.omega[None]))[0].numpy(), facts, metropolis(facts)[0]
                )
                off.append(problem.off(torch.from_numpy(plain.omega[None])))
            offs.append(off)

    benchmark.pedantic(run, rounds=1)
    record(benchmark, offs, [0.0])
