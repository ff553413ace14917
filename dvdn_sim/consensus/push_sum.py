"""`push_sum`: ratio consensus that does not know of loss. The warning example beside `running_sum`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values
from dvdn_sim.consensus.ratio import Shares, ratio_rounds


@dataclass(frozen=True)
class PushSum:
    """`push_sum`: y_i ← c_i y_i + Σ_{j held} c_j y_j, the same for ζ; estimate y_i/ζ_i; c_i = 1/(1 + d_i(k)).

    y = x and ζ = 1 at first. The shares of a sender are column-stochastic, so no weights are needed and links may be
    one-way. A message that is lost or late takes its share with it: there is no repair.

    Source: Kempe, Dobra and Gehrke 2003; under loss, Gerencsér and Hendrickx, arXiv 1504.08193 (abstracts read).

    Keeps: row sums of the estimates, agreement, the convex hull, ζ > 0; without loss the mass, Σ y and Σ ζ, so that the
    estimates tend to the mean.
    Loses under loss: mass. The estimates still tend to a common value, but a wrong one.
    """

    def operator(self, facts: Facts) -> Values:
        """Cumulative, ``[K, N, N]``: what `apply` makes of the identity."""
        return self.apply(facts, np.eye(facts.n_agents))

    def apply(self, facts: Facts, values: Values) -> Values:
        """The estimates after every round, ``[K, N, ...]``; linear in the edges."""
        return ratio_rounds(facts, values, _heard_in_time(facts)).estimates[1:]

    def zeta(self, facts: Facts) -> Values:
        """ζ that agents hold after every round, ``[K, N]``; sums to N as long as nothing is lost."""
        return ratio_rounds(facts, np.zeros(facts.n_agents), _heard_in_time(facts)).zeta[1:]


def _heard_in_time(facts: Facts) -> Iterator[Shares]:
    for k, held in enumerate(facts.held):
        edges = np.flatnonzero(held)
        yield edges, np.full(len(edges), k)
