"""`self`: the weight of a message that did not come returns to oneself."""

from dataclasses import dataclass

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, cumulative, pulled_rounds, pulled_steps
from dvdn_sim.consensus.weights import Weights


@dataclass(frozen=True)
class ReturnToSelf:
    """`self`: x_i ← x_i + Σ_{j held} w_ij (x_j - x_i).

    Source: the "biased compensation" of Fagnani and Zampieri, SIAM J. Control Optim. 48(1), 2009, as named in our
    notes.

    Keeps under loss: row sums, agreement (equal values stay as they are), the convex hull of the values.
    Loses under one-way loss: column sums, so the mean of the values walks; as much up as down if all links lose alike.
    Without loss and with weights of an undirected graph every step is symmetric and doubly stochastic.
    """

    weights: Weights

    def step(self, facts: Facts) -> Values:
        """The operator of every round alone, ``[K, N, N]``."""
        return pulled_steps(facts, self._pulls(facts))

    def operator(self, facts: Facts) -> Values:
        """Cumulative, ``[K, N, N]``: A[k] = step[k] · A[k-1]."""
        return cumulative(self.step(facts))

    def apply(self, facts: Facts, values: Values) -> Values:
        """The same without a matrix, ``[K, N, ...]``; linear in the edges."""
        return pulled_rounds(facts, self._pulls(facts), values)

    def _pulls(self, facts: Facts) -> Values:
        return self.weights(facts) * facts.held
