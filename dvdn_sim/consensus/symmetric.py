"""`symmetric`: only links that are known to be heard at both ends."""

from dataclasses import dataclass

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, cumulative, pulled_rounds, pulled_steps
from dvdn_sim.consensus.weights import Weights


@dataclass(frozen=True)
class Symmetric:
    """`symmetric`: x_i ← x_i + Σ w_ij (x_j - x_i) over the j that i heard and that i knows to have heard i.

    i knows it from an acknowledgement (`Facts.confirmed`), which can be lost like any message: then j counts the link
    and i does not (`Facts.ack_mismatch`). Without acknowledgements nobody knows anything, and nothing moves.

    Source: docs/method.md (policies). That no finite number of acknowledgements brings common knowledge is
    the two generals' problem.

    Keeps under loss: row sums, agreement, the convex hull; and in rounds without a mismatch every step is symmetric and
    doubly stochastic, so that the mean of the values stays.
    Loses: a link for the round on any one-way loss, hence speed (for one round it is the worst policy of all), and the
    time and the bytes of the acknowledgements; the mean, in rounds with a mismatch.
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
        return self.weights(facts) * (facts.held & facts.confirmed)
