"""`renormalize`: the weights of what was heard, and one's own, are scaled up to make 1."""

from dataclasses import dataclass

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, cumulative, pulled_rounds, pulled_steps
from dvdn_sim.consensus.weights import Weights, sum_by_receiver


@dataclass(frozen=True)
class Renormalize:
    """`renormalize`: x_i ← (w_ii x_i + Σ_{j held} w_ij x_j) / s_i with s_i = w_ii + Σ_{j held} w_ij.

    That is x_i + Σ_{j held} (w_ij/s_i)(x_j - x_i), which is how it is worked out, with s_i = 1 - Σ_{j lost} w_ij. So
    without loss it is `self` to the last bit.

    Source: the "balanced compensation" of Fagnani and Zampieri, SIAM J. Control Optim. 48(1), 2009, as named in our
    notes.

    Keeps under loss: row sums, agreement, the convex hull; moves further than `self` in a round.
    Loses under loss: column sums in every round, and on irregular graphs in the mean over losses too: s_i depends on
    the other weights of the receiver, so that what i takes from j is not, on average, what j takes from i.
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
        weights = self.weights(facts)
        left = 1.0 - sum_by_receiver(facts, weights * ~facts.held)
        return weights * facts.held / left[:, facts.edges[:, 1]]
