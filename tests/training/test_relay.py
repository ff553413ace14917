"""Both limits of DVDN in whole runs on `relay`, where only messages tell what an action is worth to others.

Exact by algebra: on the complete graph without a loss A is 11ᵀ/N after one round, so that every agent's error is the
sum of all δ_j, and the own rewards in it add up to the team's: VDN's error. Where nothing arrives A is the identity,
and an agent's error is δ_i if it counts whom it heard: independent learning on its own reward. Taken literally it is
N δ_i, and Adam cancels the factor but for its ε, beside which the small gradients of this task are not large.

What is left are roundings: other orders of the sums, and 1/N of the reward in VDN's δ. They turn no choice here, so
that teams meet the same luck in every step. A clip would (VDN's is the team's, DVDN's each agent's), and standardised
rewards (own ones are scaled and not shifted).
"""

from functools import cache, partial

import pytest
from safetensors.numpy import load_file

import dvdn_sim
from dvdn_sim.learners import optim
from dvdn_sim.scenario import GtAdam, load_scenario

LEARNING = "hidden: 16, recurrent: false, gamma: 0.9, lr: 3e-3, clip: null, standardise_rewards: false"
COUNTED = "algorithm.self_estimate=count_aware"
ARMS = {
    "vdn": ["network=null", f"algorithm={{kind: vdn, {LEARNING}}}"],
    "lossless": ["network.link.loss=0%"],
    "lossless, counted": ["network.link.loss=0%", COUNTED],
    "own reward": ["network=null", f"algorithm={{kind: iql, reward_model: individual, {LEARNING}}}"],
    "silent": ["network.link.loss=100%"],
    "silent, counted": ["network.link.loss=100%", COUNTED],
    "lossy": [],
}
SHORT = ("seeds=[0, 1]", "training.steps=800", "training.epsilon.steps=400", "evaluation.every=200")


def run(arm, folder):
    """Return what every episode and evaluation returned, and the teams."""
    dvdn_sim.run(load_scenario("scenarios/relay.yaml", [*ARMS[arm], *SHORT]), device="cpu", out=folder)
    metrics = dvdn_sim.load_run(folder).metrics.sort("seed", "phase", "episodes")
    teams = [load_file(path) for path in sorted((folder / "policies").iterdir())]
    return metrics.select("seed", "phase", "episodes", "return_mean", "return_std").rows(), teams


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return cache(lambda arm: run(arm, tmp_path_factory.mktemp("relay") / "run"))


def apart(ones, others):
    """Return the largest difference between parameters of the same teams."""
    return max(abs(one[name] - other[name]).max() for one, other in zip(ones, others, strict=True) for name in one)


@pytest.mark.parametrize("arm", ["lossless", "lossless, counted"])
def test_where_all_is_heard_every_return_is_vdns_to_the_last_digit(ran, arm):
    (found, teams), (expected, those) = ran(arm), ran("vdn")
    assert found == expected
    assert len({row[3] for row in found}) > 20, "returns that never differ would prove nothing"
    assert 0.0 < apart(teams, those) < 1e-5


def test_where_nothing_is_heard_every_team_is_that_of_independent_learners_bit_for_bit(ran):
    assert ran("silent, counted")[0] == ran("own reward")[0]
    assert apart(ran("silent, counted")[1], ran("own reward")[1]) == 0.0


def test_taken_literally_it_is_so_but_for_adams_epsilon(ran, tmp_path, monkeypatch):
    """Without it, bit for bit: N is 4 here, and a power of two rounds nothing. With it, not."""
    assert apart(ran("silent")[1], ran("own reward")[1]) > 1e-5
    monkeypatch.setattr(optim, "GtAdam", partial(GtAdam, epsilon=1e-30))
    (found, teams), (expected, those) = (run(arm, tmp_path / arm) for arm in ("silent", "own reward"))
    assert found == expected
    assert apart(teams, those) == 0.0


def test_between_the_limits_is_neither(ran):
    """At 20 % loss: the comparison sees it."""
    assert ran("lossy")[0] not in (ran("vdn")[0], ran("own reward")[0])
    assert apart(ran("lossy")[1], ran("vdn")[1]) > 0.02
