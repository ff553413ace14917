"""Compute times: moments in standard errors, one stream per agent."""

import numpy as np
import pytest
from scipy import stats
from small_networks import ConstantTime, LognormalTime, NormalTime

from dvdn_sim.network.simulation import ComputeTimes

N = 50_000
SIGMAS = 5.0


def taken(time, seed, keys, updates):
    """Nanoseconds, by agent and update."""
    times = ComputeTimes(time, seed, keys)
    return [list(each) for each in zip(*(times.take() for _ in range(updates)), strict=True)]


def draws(time, agents=1, seed=0):
    """Seconds, ``[N / agents, agents]``."""
    return np.array(taken(time, seed, range(agents), N // agents)).T * 1e-9


def within(sample, mean):
    assert abs(sample.mean() - mean) <= SIGMAS * sample.std() / np.sqrt(sample.size), (sample.mean(), mean)


def rectified_moments(mean, jitter):
    """Of max(0, x): by scipy's truncated normal and the probability of the cut."""
    positive = stats.truncnorm(-mean / jitter, np.inf, mean, jitter)
    share = 1 - stats.norm(mean, jitter).cdf(0)
    first = share * positive.mean()
    return first, share * (positive.var() + positive.mean() ** 2) - first**2


@pytest.mark.parametrize(("mean", "jitter"), [(0.010, 0.003), (0.002, 0.004), (0.0, 0.001)])
def test_normal_is_rectified(mean, jitter):
    sample = draws(NormalTime(mean, jitter))
    first, variance = rectified_moments(mean, jitter)
    within(sample, first)
    within((sample - first) ** 2, variance)
    assert sample.min() >= 0
    share = stats.norm.cdf(-mean / jitter)
    assert abs((sample == 0).mean() - share) <= SIGMAS * np.sqrt(share * (1 - share) / N) + 1e-12


@pytest.mark.parametrize(("mean", "jitter"), [(0.010, 0.003), (0.010, 0.010)])
def test_lognormal_has_the_mean_and_variance_that_it_states(mean, jitter):
    sample = draws(LognormalTime(mean, jitter))
    within(sample, mean)
    within((sample - mean) ** 2, jitter**2)
    assert sample.min() > 0
    # The shape too: the logarithm is normal, with σ² = ln(1 + (jitter/mean)²).
    sigma2 = np.log1p((jitter / mean) ** 2)
    within(np.log(sample), np.log(mean) - sigma2 / 2)
    within((np.log(sample) - np.log(mean) + sigma2 / 2) ** 2, sigma2)


@pytest.mark.parametrize("time", [NormalTime(0.01, 0.0), LognormalTime(0.01, 0.0), ConstantTime(0.01)], ids=repr)
def test_without_jitter_it_is_constant(time):
    assert taken(time, 0, range(5), 40) == [[10_000_000] * 40] * 5


def test_a_lognormal_time_of_mean_0_is_0():
    assert taken(LognormalTime(0.0, 0.001), 0, (0,), 1) == [[0]]


@pytest.mark.parametrize("time", [ConstantTime(0.01), NormalTime(0.01, 0.02), LognormalTime(0.01, 0.02)], ids=repr)
def test_times_are_python_ints(time):
    assert all(type(ns) is int and ns >= 0 for each in taken(time, 0, (0, 1, 2), 100) for ns in each)


def test_agents_draw_independently_by_their_keys():
    time = LognormalTime(0.01, 0.003)
    sample = draws(time, agents=4)
    correlation = np.corrcoef(sample.T)
    assert (np.abs(correlation - np.eye(4)) <= SIGMAS / np.sqrt(len(sample))).all()
    by_index, moved, fewer = (taken(time, 3, keys, 50) for keys in ((0, 1, 2), (2, 0, 1), (0, 1)))
    assert moved == [by_index[2], by_index[0], by_index[1]]
    assert fewer == by_index[:2]
