"""Environment steps per second of the MARBLER scenarios, resets included, on one thread.

    pytest tests/benchmarks/bench_marbler.py --benchmark-only

Uniform random play of 256 copies, each begun anew as soon as it is done. A step of Warehouse is 29 iterations of six
robots and two projections with 15 constraints each. About half of the time goes into the projections, for the robots
of a third of the copies: some 15 sweeps of 30 operations on tensors so small that calling them is what costs. The rest
is sines, cosines and running sums of 29 poses, and a tenth is looking for collisions.
"""

import time

import numpy as np
import pytest
import torch

from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse

COPIES, WARM_UP, WINDOWS, WINDOW = 256, 60, 10, 40  # copies; steps; windows; steps per window


@pytest.mark.parametrize("scenario", [ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse])
def test_steps_per_second(benchmark, scenario):
    env = scenario(row_seeds=range(COPIES))
    rng = np.random.default_rng(0)
    shape = WARM_UP + WINDOWS * WINDOW, COPIES, env.n_agents
    actions = torch.from_numpy(rng.integers(0, env.n_actions, shape))
    seconds, busy, ended = [], [], 0

    def play():
        nonlocal ended
        state, _ = env.reset(None)
        began = time.perf_counter(), time.process_time()
        for step, taken in enumerate(actions, start=-WARM_UP):
            if step >= 0 and step % WINDOW == 0:
                began = time.perf_counter(), time.process_time()
            state, _, _, done = env.step(state, taken)
            state, _ = env.reset(state, done)
            if step >= 0:
                ended += int(done.sum())
            if step >= 0 and step % WINDOW == WINDOW - 1:
                seconds.append(time.perf_counter() - began[0])
                busy.append(time.process_time() - began[1])

    benchmark.pedantic(play, rounds=1)
    rates = WINDOW * COPIES / np.array(seconds)
    benchmark.extra_info["env_steps_per_s_best"] = round(float(rates.max()))
    benchmark.extra_info["env_steps_per_s_median"] = round(float(np.median(rates)))
    # What a busy machine leaves to other programs is not in this one.
    benchmark.extra_info["env_steps_per_cpu_s_best"] = round(float(WINDOW * COPIES / min(busy)))
    benchmark.extra_info["steps_per_episode"] = round(WINDOWS * WINDOW * COPIES / max(ended, 1), 1)
