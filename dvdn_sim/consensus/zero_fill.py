"""`zero_fill`: a message that did not come counts as zero. The warning example, never a default."""

from dataclasses import dataclass

import numpy as np

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, cumulative, scaled
from dvdn_sim.consensus.weights import Weights, sum_by_receiver


@dataclass(frozen=True)
class ZeroFill:
    """`zero_fill`: x_i ← w_ii x_i + Σ_{j held} w_ij x_j, with w_ii = 1 - Σ_j w_ij over all neighbours, heard or not.

    Source: what a sum over received messages comes to when nobody thinks of loss; seen in published code.
    A warning.

    Keeps under loss: nothing. Without loss it is `self`.
    Loses: row sums, hence agreement: values shrink to zero, and agents that agree on 10 do not after a lost message.
    """

    weights: Weights

    def step(self, facts: Facts) -> Values:
        """The operator of every round alone, ``[K, N, N]``; not row-stochastic under loss."""
        senders, receivers = facts.edges.T
        weights = self.weights(facts)
        steps = np.zeros((facts.rounds, facts.n_agents, facts.n_agents))
        steps[:, receivers, senders] = weights * facts.held
        diagonal = np.arange(facts.n_agents)
        steps[:, diagonal, diagonal] = 1.0 - sum_by_receiver(facts, weights)
        return steps

    def operator(self, facts: Facts) -> Values:
        """Cumulative, ``[K, N, N]``: A[k] = step[k] · A[k-1]."""
        return cumulative(self.step(facts))

    def apply(self, facts: Facts, values: Values) -> Values:
        """The same without a matrix, ``[K, N, ...]``; linear in the edges."""
        senders, receivers = facts.edges.T
        weights = self.weights(facts)
        own = 1.0 - sum_by_receiver(facts, weights)
        rounds = np.empty((facts.rounds, *values.shape))
        before = values
        for k, held in enumerate(facts.held):
            rounds[k] = scaled(own[k], before)
            np.add.at(rounds[k], receivers[held], scaled(weights[k, held], before[senders[held]]))
            before = rounds[k]
        return rounds
