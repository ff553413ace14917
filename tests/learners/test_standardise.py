"""Running reward statistics against EPyMARL's rule (src/components/standarize_stream.py), said again in plain Python.

Init mean 0, variance 1, count 1e-4; every minibatch is merged before it is used; variance unbiased; padding counts.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_team import RunningMoments

from dvdn_sim.learners import RewardStatistics

CPU = torch.device("cpu")


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(2, 4), st.integers(1, 6), st.integers(0, 10**6))
def test_equals_the_plain_rule(replicas, batch, updates, seed):
    """Each replica's padding reaches to its own longest episode, and its statistics ignore its batch mates."""
    rng = np.random.default_rng(seed)
    statistics, plain = RewardStatistics(replicas, CPU), [RunningMoments() for _ in range(replicas)]
    for _ in range(updates):
        longest = rng.integers(1, 8, replicas)
        rewards = np.zeros((replicas, int(longest.max()), batch))
        for replica, steps in enumerate(longest):
            rewards[replica, :steps] = rng.normal(3.0, 2.0, (steps, batch)) * (rng.random((steps, batch)) < 0.7)
        active = rng.random(replicas) < 0.7
        statistics.merge(torch.from_numpy(rewards), torch.from_numpy(longest), torch.from_numpy(active))
        for replica in np.flatnonzero(active):
            plain[replica].update(rewards[replica, : longest[replica]].ravel().tolist())
        standardised = statistics.standardise(torch.from_numpy(rewards[:, None]))[:, 0]
        for replica, moments in enumerate(plain):
            assert float(statistics.mean[replica]) == pytest.approx(moments.mean, rel=1e-12, abs=1e-12)
            assert float(statistics.variance[replica]) == pytest.approx(moments.variance, rel=1e-12)
            expected = (rewards[replica] - moments.mean) / moments.variance**0.5
            np.testing.assert_allclose(standardised[replica], expected, rtol=1e-11, atol=1e-11)


def test_merging_parts_is_the_whole():
    """Chan's rule: with unbiased parts EPyMARL's variance is (Σ n_k var_k + spread of means)/n, near numpy's of all."""
    values = np.random.default_rng(0).normal(2.0, 3.0, (40, 25, 4))
    statistics = RewardStatistics(1, CPU)
    for part in values:
        statistics.merge(torch.from_numpy(part[None]), torch.tensor([25]), torch.tensor([True]))
    assert float(statistics.mean) == pytest.approx(values.mean(), rel=1e-5)
    assert float(statistics.variance) == pytest.approx(values.var(), rel=0.02)
    assert float(statistics.count) == pytest.approx(4000 + 1e-4)


def test_rewards_that_are_all_zero_stay_zero():
    """Sparse rewards: nothing earned yet must not become 0/0; the prior's count keeps the variance above 0."""
    statistics = RewardStatistics(1, CPU)
    zeros = torch.zeros(1, 50, 32)
    for _ in range(200):
        statistics.merge(zeros, torch.tensor([50]), torch.tensor([True]))
    assert torch.equal(statistics.standardise(zeros[:, None])[:, 0], zeros)
    assert float(statistics.variance) > 0


def test_single_precision_in_single_precision_out():
    statistics = RewardStatistics(1, CPU)
    assert statistics.standardise(torch.ones(1, 2, 2)).dtype == torch.float32
    assert statistics.mean.dtype == torch.float64
