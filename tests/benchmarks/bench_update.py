"""One update of DVDN, with gradient tracking and without, against the floor that its arithmetic sets, on one thread.

    pytest tests/benchmarks/bench_update.py --benchmark-only

The floor: 4 x the forward pass's operations (online and target forward, backward twice a forward) of N networks on B
sequences of T + 1 steps, at the rate that `torch.mm` reaches on 1024x1024 float32 in the same process. Both are the
best of many, measured in turn, because the speed of a shared core wanders; each turn of updates begins with one that
is not counted, because the yardstick has emptied the caches.
"""

import numpy as np
import pytest
import torch
from teams import Trained, forward_flop, make_learner

from dvdn_sim.learners import EpisodeReplay, Episodes, RecurrentQ
from dvdn_sim.scenario import Dvdn, DvdnGt

AGENTS, BATCH, STEPS = 3, 32, 50
NETWORK = RecurrentQ(obs_dim=18, hidden=64, n_actions=6)
FLOP = 4 * forward_flop(NETWORK) * AGENTS * BATCH * (STEPS + 1)
ROUNDS = 100
CPU = torch.device("cpu")


def full_replay(rng, episodes=400):
    """Whole episodes of T steps."""
    replay = EpisodeReplay(
        [0],
        capacity=episodes,
        n_agents=AGENTS,
        obs_dim=NETWORK.obs_dim,
        steps=STEPS,
        reward_dtype=torch.float32,
        device=CPU,
    )
    for _ in range(episodes):
        observations = torch.from_numpy(rng.random((1, 1, AGENTS, STEPS + 1, NETWORK.obs_dim), np.float32))
        actions = torch.from_numpy(rng.integers(0, NETWORK.n_actions, (1, 1, AGENTS, STEPS)))
        shape = 1, 1, AGENTS, STEPS
        rewards = torch.from_numpy(rng.random(shape) * (rng.random(shape) < 0.05))
        nowhere = torch.zeros(1, 1, dtype=torch.bool)
        replay.insert(Episodes(observations, actions, rewards, np.array([[STEPS]]), nowhere), np.ones(1, bool))
    return replay


def measured(benchmark, yardstick, work):
    """Time `work` and the yardstick in turn."""

    def turn():
        yardstick.measure()
        work()

    benchmark.pedantic(work, setup=turn, rounds=ROUNDS, warmup_rounds=5)
    yardstick.compare(benchmark, FLOP)


@pytest.mark.parametrize("spec", [Dvdn(), DvdnGt()], ids=lambda spec: spec.kind)
def test_update(benchmark, yardstick, spec):
    """Ids, gather, local errors, update: all that a train step does beside the exchanges, on a complete graph."""
    replay = full_replay(np.random.default_rng(0))
    available = np.ones((AGENTS, NETWORK.n_actions), bool)
    learner = make_learner(spec, NETWORK, seeds=[0], available=available, steps=STEPS, batch=BATCH, dtype=torch.float32)
    team, operator = Trained(learner), np.full((1, AGENTS, AGENTS), 1 / AGENTS)

    def update():
        team.learn(replay.minibatch(replay.sample_ids(learner.updates, BATCH)), operator)

    measured(benchmark, yardstick, update)


def test_recurrent_q_alone(benchmark, yardstick):
    """The part of it that the floor counts: forward of online and target networks, backward of the online ones."""
    rows = NETWORK.initial_parameters([np.random.default_rng(i) for i in range(2 * AGENTS)]).float()
    tape = NETWORK.tape(networks=2 * AGENTS, trained=AGENTS, steps=STEPS + 1, batch=BATCH, like=rows)
    edges = BATCH * np.arange(-1, STEPS + 2)
    tape.parameters.copy_(rows)
    tape.seen[..., :-1].uniform_()
    tape.d_q.uniform_()

    def unroll():
        tape.forward(edges)
        tape.backward(edges)

    measured(benchmark, yardstick, unroll)
