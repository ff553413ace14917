"""What a policy is; and mixing, x_i ← x_i + Σ_j p_ij (x_j - x_i), which is what most policies do in a round.

In this form agreement is a fixed point to the last bit, whichever pulls p_ij there are, and what does not pull is never
touched, so it may be no number. A policy without memory is said by its pulls, ``[K, E]``, zero for unused edges.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts

Values = npt.NDArray[np.float64]


class Policy(Protocol):
    """From the facts of an exchange to what every agent holds after it."""

    def operator(self, facts: Facts) -> Values:
        """A ``[K, N, N]``, cumulative: after round k agent i holds Σ_j A[k, i, j] x_j. Row-stochastic but for one."""
        ...

    def apply(self, facts: Facts, values: Values) -> Values:
        """What agents hold after every round, ``[K, N, ...]``, from their values ``[N, ...]`` before; sparse."""
        ...


class MemorylessPolicy(Policy, Protocol):
    """A policy whose round k needs nothing but what agents hold when it begins."""

    def step(self, facts: Facts) -> Values:
        """The operator of every round alone, ``[K, N, N]``."""
        ...


def mixed(own: Values, receivers: npt.NDArray[np.int64], pulls: Values, heard: Values) -> Values:
    """x_i + Σ p (heard - x_i), with one entry of the last three for each message that is used.

    Args:
        own: What each agent holds, ``[N, ...]``.
        receivers: Who uses the message.
        pulls: How much.
        heard: The values in it, ``[messages, ...]``.
    """
    after = own.copy()
    np.add.at(after, receivers, scaled(pulls, heard - own[receivers]))
    return after


def scaled(factors: Values, values: Values) -> Values:
    """Values ``[M, ...]`` times factors ``[M]``."""
    return factors.reshape(-1, *(1,) * (values.ndim - 1)) * values


def pulled_steps(facts: Facts, pulls: Values) -> Values:
    """The operator of every round alone, ``[K, N, N]``: pulls off the diagonal, what is left of 1 on it."""
    senders, receivers = facts.edges.T
    steps = np.zeros((facts.rounds, facts.n_agents, facts.n_agents))
    steps[:, receivers, senders] = pulls
    diagonal = np.arange(facts.n_agents)
    steps[:, diagonal, diagonal] = 1.0 - steps.sum(axis=2)
    return steps


def cumulative(steps: Values) -> Values:
    """A[k] = step[k] · A[k-1]; writes over the steps."""
    for k in range(1, len(steps)):
        steps[k] = steps[k] @ steps[k - 1]
    return steps


def pulled_rounds(facts: Facts, pulls: Values, values: Values) -> Values:
    """What agents hold after every round, ``[K, N, ...]``; linear in the edges."""
    senders, receivers = facts.edges.T
    rounds = np.empty((facts.rounds, *values.shape))
    before = values
    for k, pull in enumerate(pulls):
        used = np.flatnonzero(pull)
        before = rounds[k] = mixed(before, receivers[used], pull[used], before[senders[used]])
    return rounds
