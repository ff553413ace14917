import math

import numpy as np
import pytest

SIGMAS = 5.0


class InSigmas:
    """Compares a sample with what a model states, in standard errors."""

    @staticmethod
    def mean(sample, mean, sigmas=SIGMAS):
        error = float(np.std(sample)) / math.sqrt(len(sample))
        assert abs(float(np.mean(sample)) - mean) <= sigmas * error + 1e-12 * abs(mean), (np.mean(sample), mean, error)

    @classmethod
    def variance(cls, sample, mean, variance, sigmas=SIGMAS):
        cls.mean((np.asarray(sample) - mean) ** 2, variance, sigmas)

    @staticmethod
    def quantile(sample, probability, value, sigmas=SIGMAS):
        # An atom at the quantile makes the share at or below it exceed the probability.
        below, at_or_below = float(np.mean(sample < value)), float(np.mean(sample <= value))
        error = math.sqrt(probability * (1.0 - probability) / len(sample))
        assert below - sigmas * error <= probability <= at_or_below + sigmas * error, (below, at_or_below, probability)

    @staticmethod
    def batch_means(sample, mean, sigmas=SIGMAS, batches=100):
        """For dependent samples: batches long enough to be independent of each other."""
        means = np.asarray(sample, dtype=float).reshape(batches, -1).mean(axis=1)
        error = float(means.std(ddof=1)) / math.sqrt(batches)
        assert abs(float(means.mean()) - mean) <= sigmas * error + 1e-12 * abs(mean), (means.mean(), mean, error)


@pytest.fixture
def in_sigmas():
    return InSigmas
