"""Environment steps per second of 1024 copies, against one ``mpe2`` in the same process on the same thread.

    pytest tests/benchmarks/bench_mpe.py --benchmark-only

Whole episodes of 25 steps with uniform random actions, drawn beforehand; resets are included. All agents act, as in
``mpe2``; `scripted` plays the adversary or the prey besides, which ``mpe2`` does not. Time is that of the processor, so
that what else runs on the machine counts for little; the fastest episodes are compared.
"""

import time

import pytest
import torch
from mpe2 import simple_adversary_v3, simple_spread_v3, simple_tag_v3

from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag

COPIES, STEPS = 1024, 25
PAPER = {"physics": "legacy", "observation": "nearest"}
GAMES = {
    "spread": (simple_spread_v3, SimpleSpread),
    "spread of the paper": (simple_spread_v3, lambda **rows: SimpleSpread(reward="individual", **PAPER, **rows)),
    "adversary": (simple_adversary_v3, lambda **rows: SimpleAdversary(opponent="agent", **rows)),
    "adversary, scripted": (simple_adversary_v3, SimpleAdversary),
    "tag": (simple_tag_v3, lambda **rows: SimpleTag(opponent="agent", **rows)),
    "tag, scripted": (simple_tag_v3, SimpleTag),
}


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("game", GAMES)
def test_steps_per_second(benchmark, game):
    module, make = GAMES[game]
    env = make(row_seeds=range(COPIES))
    original = module.parallel_env()
    original.reset(seed=0)
    draws = torch.randint(5, (STEPS, COPIES, original.num_agents), generator=torch.Generator().manual_seed(0))
    named = [dict(zip(original.agents, of_step[0].tolist(), strict=True)) for of_step in draws]
    actions = draws[:, :, : env.n_agents].contiguous()

    def play():
        state, _ = env.reset(None)
        for of_step in actions:
            state, *_ = env.step(state, of_step)

    theirs = []
    for _ in range(60):
        begin = time.process_time()
        original.reset()
        for of_step in named:
            original.step(of_step)
        theirs.append(time.process_time() - begin)
    benchmark.pedantic(play, rounds=60, warmup_rounds=5)
    ours = benchmark.stats.stats.min
    info = benchmark.extra_info
    info["mpe2_steps_per_s"] = round(STEPS / min(theirs))
    info["steps_per_s"] = round(STEPS * COPIES / ours)
    info["times_mpe2"] = round(COPIES * min(theirs) / ours)
