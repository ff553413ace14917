"""Policies: what an agent makes of the messages it holds, and of those it does not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.weights import Weights

Values = npt.NDArray[np.float64]


class Policy(Protocol):
    """From the facts of an exchange to what every agent holds after it."""

    def operator(self, facts: Facts) -> Values:
        """A ``[K, N, N]``, cumulative and row-stochastic: after round k agent i holds Σ_j A[k, i, j] x_j."""
        ...

    def apply(self, facts: Facts, values: Values) -> Values:
        """What agents hold after every round, ``[K, N, ...]``, from their values ``[N, ...]`` before; sparse."""
        ...


@dataclass(frozen=True)
class ReturnToSelf:
    """`self`: x_i ← x_i + Σ_{j held} w_ij (x_j - x_i); the weight of a message that did not come returns to oneself.

    Source: "biased compensation" of Fagnani and Zampieri (2009), as named in our notes; not re-read.

    Keeps under loss: row sums, agreement (equal values stay as they are), the convex hull of the values.
    Loses under one-way loss: column sums, so the mean of the values walks. Without loss and with Metropolis weights
    every step is symmetric and doubly stochastic.
    """

    weights: Weights

    def step(self, facts: Facts) -> Values:
        """The operator of every round alone, ``[K, N, N]``."""
        senders, receivers = facts.edges.T
        steps = np.zeros((facts.rounds, facts.n_agents, facts.n_agents))
        steps[:, receivers, senders] = self.weights(facts) * facts.held
        diagonal = np.arange(facts.n_agents)
        steps[:, diagonal, diagonal] = 1.0 - steps.sum(axis=2)
        return steps

    def operator(self, facts: Facts) -> Values:
        """Cumulative: A[k] = step[k] · A[k-1]."""
        steps = self.step(facts)
        for k in range(1, len(steps)):
            steps[k] = steps[k] @ steps[k - 1]
        return steps

    def apply(self, facts: Facts, values: Values) -> Values:
        """The same without a matrix, linear in the edges; what was not heard is not touched, so it may be no number."""
        senders, receivers = facts.edges.T
        rounds = np.empty((facts.rounds, *values.shape))
        for k, (held, weights) in enumerate(zip(facts.held, self.weights(facts), strict=True)):
            before = values if k == 0 else rounds[k - 1]
            heard, hearing = senders[held], receivers[held]
            pull = weights[held].reshape(-1, *(1,) * (values.ndim - 1)) * (before[heard] - before[hearing])
            rounds[k] = before
            np.add.at(rounds[k], hearing, pull)
        return rounds


POLICIES: Mapping[str, Callable[[Weights], Policy]] = {"self": ReturnToSelf}
"""By the name that scenarios use."""
