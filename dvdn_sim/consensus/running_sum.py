"""`running_sum`: ratio consensus that sends totals, so that the next message brings what a lost one carried."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.mixing import Values, scaled
from dvdn_sim.consensus.ratio import Shares, ratio_rounds


@dataclass(frozen=True, eq=False)
class Masses:
    """Where the mass of an exchange is after each round; over agents and edges it sums to what there was at first.

    Attributes:
        held: y_i, ``[K, N, ...]``.
        held_zeta: ζ_i, ``[K, N]``; positive, as far as numbers go.
        in_flight: σ_ij - ρ_ij, ``[K, E, ...]``.
        in_flight_zeta: The same of ζ, ``[K, E]``; not negative.
    """

    held: Values
    held_zeta: Values
    in_flight: Values
    in_flight_zeta: Values


@dataclass(frozen=True)
class RunningSum:
    """`running_sum`: y_i ← c_i y_i + Σ_{j heard} (σ_ji - ρ_ji), ρ_ji ← σ_ji; the same for ζ; estimate y_i/ζ_i.

    y = x, ζ = 1 and all totals are 0 at first. In round k, i adds c_i (y_i, ζ_i), c_i = 1/(1 + d_i(k)), to the total
    σ_ij of each out-edge of the round's graph, and sends the total. ρ_ji is the newest total of j that i has taken in.
    A message of round r carries the total of round r; `Facts.latest` says which is the newest that i holds, and a newer
    one than ρ_ji counts whenever it comes: in its round, late, or after the link has left the graph. Duplicates and
    older totals change nothing. Links may be one-way, and no base weights are needed. On a fixed graph all totals of a
    sender are equal, so that one broadcast serves.

    Source: Hadjicostis, Vaidya and Domínguez-García, "Robust distributed average consensus via exchange of running
    sums", IEEE TAC 61(6), 2016; arXiv 1109.6392 (titles and abstracts read). As in docs/method.md (policies).

    Keeps under any loss, delay, duplication and reordering: the mass held and in flight (`masses`), row sums of the
    estimates, agreement, the convex hull, ζ > 0 (in floating point until it falls below the smallest number, after
    hundreds of rounds in which an agent takes in nothing; its estimate stays). If messages keep coming through on a
    connected graph, the estimates tend to the exact mean, geometrically.
    Loses: one extra scalar per message, and a total to remember per neighbour; a crash that loses state loses mass.
    What is in flight when the exchange ends is in no estimate: after few rounds the mean of the estimates has moved.

    Totals are not formed here (see `ratio`): σ_ji - ρ_ji is the sum of the shares given since the total last taken in.
    """

    def operator(self, facts: Facts) -> Values:
        """Cumulative, ``[K, N, N]``: what `apply` makes of the identity."""
        return self.apply(facts, np.eye(facts.n_agents))

    def apply(self, facts: Facts, values: Values) -> Values:
        """The estimates after every round, ``[K, N, ...]``; linear in the edges."""
        return ratio_rounds(facts, values, _newly_heard(facts)).estimates[1:]

    def masses(self, facts: Facts, values: Values) -> Masses:
        """Where the mass is, in the order of rounds rather than of time: "after round k" is when each has closed it.

        In flight on the edge i → j after round k is σ_ij - ρ_ij: all shares that i gave to j in rounds ≤ k without
        those that j had taken in when it closed round k. It counts as in flight

        * what is on the air or queued, and what arrived after j closed round k;
        * what was in a lost message: i's total still has it, and i's next message to j that comes through brings it;
        * what is on an edge that has left the graph, or that i will not use again: it waits in i's total.

        So it is a matter of i's and j's books, not of packets. Nothing i does in later rounds is in it, even if i is
        ahead of j.
        """
        senders = facts.edges[:, 0]
        taken = list(_newly_heard(facts))
        rounds = ratio_rounds(facts, values, taken)
        zeta = np.zeros((facts.rounds + 1, len(senders)))
        flying = np.zeros((facts.rounds + 1, len(senders), *values.shape[1:]))

        def move(k: int, edges: Shares, sign: float) -> None:
            index, given_in = edges
            giver = senders[index]
            mass = sign * rounds.given[given_in, giver] * rounds.zeta[given_in, giver]
            np.add.at(zeta[k + 1], index, mass)
            np.add.at(flying[k + 1], index, scaled(mass, rounds.estimates[given_in, giver]))

        for k, shares in enumerate(taken):
            zeta[k + 1], flying[k + 1] = zeta[k], flying[k]
            used = np.flatnonzero(facts.active[k])
            move(k, (used, np.full(len(used), k)), 1.0)
            move(k, shares, -1.0)
        held_zeta = rounds.zeta[1:]
        held = held_zeta.reshape(*held_zeta.shape, *(1,) * (values.ndim - 1)) * rounds.estimates[1:]
        return Masses(held=held, held_zeta=held_zeta, in_flight=flying[1:], in_flight_zeta=zeta[1:])


def _newly_heard(facts: Facts) -> Iterator[Shares]:
    """The shares in the totals that came newer than those before, round by round; each share once."""
    taken = np.full(len(facts.edges), -1)  # ρ: the newest round whose total was taken in
    for latest in facts.latest:
        newest = np.maximum(taken, latest)
        behind = newest - taken
        edges = np.repeat(np.arange(len(taken)), behind)
        first = np.repeat(np.cumsum(behind) - behind, behind)
        rounds = taken[edges] + 1 + np.arange(len(edges)) - first
        given = facts.active[rounds, edges]
        yield edges[given], rounds[given]
        taken = newest
