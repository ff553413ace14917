"""One episode and one update in turn, of one team on one thread: the work that JaxMARL's VDN does in 15.7 ms.

    pytest tests/benchmarks/bench_iteration.py --benchmark-only

VDN, one recurrent network of 64 units for all agents, who see their number; minibatches of 32; MPE spread of three
agents, episodes of 26 steps. JaxMARL, compiled, took 15.7 ms for it on one core of another machine, 1.75 times its
floor there; what is compared is therefore both the time and the ratio to the floor of the same arithmetic here (see
`bench_update`).
"""

import numpy as np
import torch
from teams import forward_flop

from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import Loop, build

AGENTS, BATCH, STEPS, HIDDEN = 3, 32, 26, 64
SCENARIO = """\
name: iteration
seeds: [0]
env: {kind: mpe_spread, max_episode_steps: 26}
algorithm: {kind: vdn, share_parameters: true, hidden: 64}
training: {steps: 1_000_000_000, batch: 32, buffer: 500, epsilon: {start: 1.0, end: 0.05, steps: 100_000}}
evaluation: {every: 1_000_000_000, episodes: 1}
"""


class Nowhere:
    """Takes records and forgets them."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def test_an_episode_and_an_update(benchmark, yardstick):
    parts = build(parse_scenario(SCENARIO), device=torch.device("cpu"))
    loop, active = Loop(parts, Nowhere(), lambda progress: None), np.ones(1, bool)

    def episode():
        episodes, _ = loop._act(active)
        parts.replay.insert(episodes, active)
        loop._pass(episodes.lengths[:, 0], active)

    for _ in range(100):
        episode()

    def iteration():
        episode()
        loop._learn(active)

    benchmark.pedantic(iteration, rounds=150, warmup_rounds=10)
    for _ in range(4):
        yardstick.measure()
    forwards = 4 * BATCH + 1  # of the update, four times its minibatch; of the episode, once
    yardstick.compare(benchmark, forward_flop(parts.learner.network) * AGENTS * STEPS * forwards)
