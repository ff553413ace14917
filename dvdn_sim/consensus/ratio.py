"""Ratio consensus: what `push_sum` and `running_sum` share.

Agent i holds a mass (y_i, ζ_i), at first (x_i, 1), and estimates y_i/ζ_i. In round k it keeps the share
c_i = 1/(1 + d_i(k)) of its mass and gives as much to each of its d_i(k) out-neighbours. The two policies differ in
which shares a receiver comes to hold, and when.

Worked out is the estimate itself, x_i ← x_i + Σ (m/ζ_i)(x_j - x_i), where m is the ζ of a share that i takes in, x_j
the estimate of its sender when it gave it, and ζ_i the mass after. It is the same in exact arithmetic; in floating
point agreement stays to the last bit, estimates stay in the hull, and nothing is lost by subtracting totals.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, mixed

Shares = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Shares by the index of their edge and the round in which they were given."""


@dataclass(frozen=True, eq=False)
class RatioRounds:
    """What agents hold before every round and after the last.

    Attributes:
        estimates: ``[K + 1, N, ...]``.
        zeta: ``[K + 1, N]``.
        given: The part of its mass that an agent gives to each neighbour, 1/(1 + d_i(k)), ``[K, N]``.
    """

    estimates: Values
    zeta: Values
    given: Values


def ratio_rounds(facts: Facts, values: Values, taken: Iterable[Shares]) -> RatioRounds:
    """Go through all rounds.

    Args:
        facts: Of the exchange; the degrees count, for who heard whom is in `taken`.
        values: What agents hold at first, ``[N, ...]``.
        taken: The shares that receivers take in at the end of each round, K of them.
    """
    senders, receivers = facts.edges.T
    given: Values = 1.0 / (1.0 + facts.degrees.astype(np.float64))
    estimates = np.empty((facts.rounds + 1, *values.shape))
    zeta = np.empty((facts.rounds + 1, facts.n_agents))
    estimates[0], zeta[0] = values, 1.0
    for k, (edges, rounds) in enumerate(taken):
        giver, taker = senders[edges], receivers[edges]
        mass = given[rounds, giver] * zeta[rounds, giver]
        zeta[k + 1] = given[k] * zeta[k] + np.bincount(taker, mass, minlength=facts.n_agents)
        total = zeta[k + 1, taker]
        # After hundreds of rounds in which nothing came, ζ may be below the smallest number: then the estimate stays.
        pulls = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0.0)
        estimates[k + 1] = mixed(estimates[k], taker, pulls, estimates[rounds, giver])
    return RatioRounds(estimates, zeta, given)
