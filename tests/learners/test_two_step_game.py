"""The game for which QMIX was made, learnt by the whole learner: acting, replay, targets, networks and Adam."""

import numpy as np
import pytest
import torch
from teams import CPU, trained
from two_step_game import TwoStepGame

from dvdn_sim.learners import Actor, EpisodeReplay
from dvdn_sim.scenario import Dvdn, Qmix, Vdn
from dvdn_sim.training import ReplicaEnvs

SEEDS, COPIES, BATCH, ITERATIONS = [0, 1], 8, 32, 34
COMPLETE = np.full((len(SEEDS), 2, 2), 0.5)
COMMON = {"hidden": 16, "lr": 15e-3, "standardise_rewards": False}
MIXER = {"mixer_embed": 8, "hypernet_hidden": 16}


def greedy_returns(spec):
    """What each of two teams earns by its values after 248 updates from random play, as Rashid et al. train it."""
    made = trained(spec, seeds=SEEDS, available=np.ones((2, 2), bool), obs_dim=3, steps=2, batch=BATCH, target_update=8)
    learner, teams, everyone = made.learner, len(SEEDS), np.ones(len(SEEDS), bool)

    def actor(copies, name):
        return Actor(
            learner.network,
            layout=learner.layout,
            seeds=SEEDS,
            copies=copies,
            available=np.ones((2, 2), bool),
            idle_actions=np.zeros(2, np.int64),
            stream_name=name,
        )

    replay = EpisodeReplay(SEEDS, capacity=500, n_agents=2, obs_dim=3, steps=2, reward_dtype=torch.float64, device=CPU)
    train_envs, acting = ReplicaEnvs(TwoStepGame(teams * COPIES), teams, CPU), actor(COPIES, "exploration")
    for iteration in range(ITERATIONS):
        acting.begin(learner.acting_parameters, np.full(teams, iteration * COPIES), np.ones((2, teams)))
        replay.insert(train_envs.play(acting.act, everyone), everyone)
        for _ in range(COPIES if replay.stored.min() >= BATCH else 0):
            made.learn(replay.minibatch(replay.sample_ids(learner.updates, BATCH)), COMPLETE)
    assert learner.updates.tolist() == [COPIES * (ITERATIONS - BATCH // COPIES + 1)] * teams
    eval_envs, judging = ReplicaEnvs(TwoStepGame(teams), teams, CPU), actor(1, "evaluation")
    judging.begin(learner.acting_parameters, np.zeros(teams, np.int64), np.zeros((2, teams)))
    return eval_envs.play(judging.act, everyone).returns[:, 0].tolist()


SUMS = {
    "vdn": Vdn(**COMMON),
    "dvdn": Dvdn(**COMMON),
}
MIXERS = {
    "qmix": Qmix(**COMMON, **MIXER),
    "qmix-ps": Qmix(**COMMON, **MIXER, share_parameters=True),
    "qmix, no memory": Qmix(**COMMON, **MIXER, recurrent=False),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_of_values_settles_for_seven(name):
    """Also the one that agents find by consensus, on a complete graph."""
    assert greedy_returns(SUMS[name]) == [7.0] * 2


@pytest.mark.parametrize("name", MIXERS)
def test_a_mixer_finds_eight(name):
    assert greedy_returns(MIXERS[name]) == [8.0] * 2
