"""Ratio consensus, `push_sum` and `running_sum`: agents give away shares of a mass, and estimate by a ratio.

Agent i holds a mass (y_i, ζ_i), at first (x_i, 1), and estimates y_i/ζ_i. In round k it keeps the share
c_i = 1/(1 + d_i(k)) of its mass and gives as much to each of its d_i(k) out-neighbours. The two policies differ in
which shares a receiver comes to hold, and when. They need no base weights, and links may be one-way.

Worked out is the estimate itself, x_i ← x_i + Σ (m/ζ_i)(x_j - x_i), where m is the ζ of a share that i takes in, x_j
the estimate of its sender when it gave it, and ζ_i the mass after. It is the same in exact arithmetic; in floating
point agreement stays to the last bit, estimates stay in the hull, and nothing is lost by subtracting totals.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dvdn_sim.consensus.facts import Facts, Ints
from dvdn_sim.consensus.weights import Messages, Values, mixed, rows_of, scaled

Shares = tuple[Ints, Ints]
"""Shares by the index of their edge and the round in which they were given."""


@dataclass(frozen=True)
class PushSum:
    """`push_sum`: y_i ← c_i y_i + Σ_{j held} c_j y_j, the same for ζ; estimate y_i/ζ_i; c_i = 1/(1 + d_i(k)).

    The shares of a sender are column-stochastic. A message that is lost or late takes its share with it: there is no
    repair. The warning example beside `running_sum`.

    Source: Kempe, Dobra and Gehrke 2003; under loss, Gerencsér and Hendrickx, arXiv 1504.08193 (abstracts read).

    Keeps: row sums of the estimates, agreement, the convex hull, ζ > 0; without loss the mass, Σ y and Σ ζ, so that the
    estimates tend to the mean.
    Loses under loss: mass. The estimates still tend to a common value, but a wrong one.
    """

    def operator(self, facts: Facts) -> Values:
        return self.apply(facts, np.eye(facts.n_agents))

    def apply(self, facts: Facts, values: Values) -> Values:
        return _ratio_rounds(facts, values, _heard_in_time(facts)).estimates[1:]

    def zeta(self, facts: Facts) -> Values:
        """Return ζ that agents hold after every round, ``[K, N]``; sums to N as long as nothing is lost."""
        return _ratio_rounds(facts, np.zeros(facts.n_agents), _heard_in_time(facts)).zeta[1:]


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
    σ_ij of each out-edge of the round's graph, and sends the total: the next message brings what a lost one carried.
    ρ_ji is the newest total of j that i has taken in. A message of round r carries the total of round r; `Facts.latest`
    says which is the newest that i holds, and a newer one than ρ_ji counts whenever it comes: in its round, late, or
    after the link has left the graph. Duplicates and older totals change nothing. On a fixed graph all totals of a
    sender are equal, so that one broadcast serves.

    Source: Hadjicostis, Vaidya and Domínguez-García, "Robust distributed average consensus via exchange of running
    sums", IEEE TAC 61(6), 2016; arXiv 1109.6392 (titles and abstracts read). As in docs/method.md (policies).

    Keeps under any loss, delay, duplication and reordering: the mass held and in flight (`masses`), row sums of the
    estimates, agreement, the convex hull, ζ > 0 (in floating point until it falls below the smallest number, after
    hundreds of rounds in which an agent takes in nothing; its estimate stays). If messages keep coming through on a
    connected graph, the estimates tend to the exact mean, geometrically.
    Loses: one extra scalar per message, and a total to remember per neighbour; a crash that loses state loses mass.
    What is in flight when the exchange ends is in no estimate: after few rounds the mean of the estimates has moved.

    Totals are not formed here: σ_ji - ρ_ji is the sum of the shares given since the total last taken in.
    """

    def operator(self, facts: Facts) -> Values:
        return self.apply(facts, np.eye(facts.n_agents))

    def apply(self, facts: Facts, values: Values) -> Values:
        return _ratio_rounds(facts, values, _newly_heard(facts)).estimates[1:]

    def masses(self, facts: Facts, values: Values) -> Masses:
        """Return where the mass is, in the order of rounds, not of time: "after round k" is when each has closed it.

        In flight on the edge i → j after round k is σ_ij - ρ_ij: all shares that i gave to j in rounds ≤ k without
        those that j had taken in when it closed round k. It counts as in flight

        * what is on the air or queued, and what arrived after j closed round k;
        * what was in a lost message: i's total still has it, and i's next message to j that comes through brings it;
        * what is on an edge that has left the graph, or that i will not use again: it waits in i's total.

        Nothing i does in later rounds is in it, even if i is ahead of j.
        """
        senders = facts.edges[:, 0]
        taken = list(_newly_heard(facts))
        rounds = _ratio_rounds(facts, values, taken)
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


def _heard_in_time(facts: Facts) -> Iterator[Shares]:
    for k, held in enumerate(facts.held):
        edges = np.flatnonzero(held)
        yield edges, np.full(len(edges), k)


def _newly_heard(facts: Facts) -> Iterator[Shares]:
    """Yield the shares in the totals that came newer than those before, round by round; each share once."""
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


@dataclass(frozen=True, eq=False)
class _RatioRounds:
    """What agents hold before every round and after the last.

    Attributes:
        estimates: ``[K + 1, N, ...]``.
        zeta: ``[K + 1, N]``.
        given: The part of its mass that an agent gives to each neighbour, 1/(1 + d_i(k)), ``[K, N]``.
    """

    estimates: Values
    zeta: Values
    given: Values


def _ratio_rounds(facts: Facts, values: Values, taken: Iterable[Shares]) -> _RatioRounds:
    """Go through all rounds, from values ``[N, ...]``, with the shares that receivers take in at the end of each.

    Of the facts only the degrees count: who heard whom is in `taken`.
    """
    senders, receivers = facts.edges.T
    given: Values = 1.0 / (1.0 + facts.degrees.astype(np.float64))
    estimates = np.empty((facts.rounds + 1, *values.shape))
    zeta = np.empty((facts.rounds + 1, facts.n_agents))
    estimates[0], zeta[0], given_out = values, 1.0, rows_of(estimates)
    for k, (edges, rounds) in enumerate(taken):
        giver, taker = senders[edges], receivers[edges]
        mass = given[rounds, giver] * zeta[rounds, giver]
        zeta[k + 1] = given[k] * zeta[k] + np.bincount(taker, mass, minlength=facts.n_agents)
        total = zeta[k + 1, taker]
        # After hundreds of rounds in which nothing came, ζ may be below the smallest number: then the estimate stays.
        pulls = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0.0)
        estimates[k + 1] = mixed(estimates[k], Messages(taker, pulls, facts.n_agents * rounds + giver, given_out))
    return _RatioRounds(estimates, zeta, given)
