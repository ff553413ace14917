"""`stale`: what did not come in time is replaced by what came before."""

from dataclasses import dataclass

import numpy as np

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, mixed
from dvdn_sim.consensus.weights import Weights


@dataclass(frozen=True)
class Stale:
    """`stale`: x_i(k+1) = x_i(k) + Σ_j w_ij (x_j(r_ij) - x_i(k)), r_ij ≤ k the newest round of j that i holds.

    x_j(r) is what j held before round r, as its message of round r says. Only messages of this exchange count, and only
    neighbours of this round; of whom i has heard nothing yet, the weight stays with i. In one round it is `self`.

    Source: docs/method.md (policies); the limit under constant delays is in docs/method.md (closed forms).

    Keeps under loss: row sums, agreement, the convex hull of the values held so far (that of the values at first, not
    that of the last round: an old value may lie outside the latter).
    Loses: column sums, even where nothing is lost and messages are late only. The limit is biased: toward agents whose
    old messages are used again, because their links are slow or lossy, and toward agents that have to wait for a first
    message, because they keep their own value meanwhile. With constant delays τ_ij from the first round on (j to i,
    nothing heard before) it is [Σ_i x_i(0) + Σ_ij w_ij Σ_{t<τ_ij} x_i(t)] / (N + Σ_ij w_ij τ_ij).
    """

    weights: Weights

    def operator(self, facts: Facts) -> Values:
        """Cumulative, ``[K, N, N]``: what `apply` makes of the identity."""
        return self.apply(facts, np.eye(facts.n_agents))

    def apply(self, facts: Facts, values: Values) -> Values:
        """What agents hold after every round, ``[K, N, ...]``; linear in the edges."""
        senders, receivers = facts.edges.T
        before = np.empty((facts.rounds + 1, *values.shape))  # [k]: before round k
        before[0] = values
        for k, weights in enumerate(self.weights(facts)):
            used = np.flatnonzero(facts.active[k] & (facts.latest[k] >= 0))
            heard = before[facts.latest[k, used], senders[used]]
            before[k + 1] = mixed(before[k], receivers[used], weights[used], heard)
        return before[1:]
