"""What agents make of the messages they hold, and of those they do not: the policies and their catalogue.

Most policies have no memory: round k needs nothing but what agents hold when it begins, and is given by its pulls p_ij,
x_i ← x_i + Σ_j p_ij (x_j - x_i). Such a policy is one function here and one line in `POLICIES`. Those with a memory are
`stale`, and `push_sum` and `running_sum` in `ratio`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from dvdn_sim.consensus.diagnostics import FEW
from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.ratio import PushSum, RunningSum
from dvdn_sim.consensus.weights import (
    Messages,
    Values,
    Weights,
    base_weights,
    mixed,
    pull,
    rows_of,
    scaled,
    sum_by_receiver,
)


class Policy(Protocol):
    """From the facts of an exchange to what every agent holds after it; of each of several teams from its own alone."""

    def operator(self, facts: Facts) -> Values:
        """Return A ``[K, N, N]``: after round k agent i holds Σ_j A[k, i, j] x_j. All but one are row-stochastic."""
        ...

    def apply(self, facts: Facts, values: Values) -> Values:
        """Return what agents hold after every round, ``[K, N, ...]``, of their values ``[N, ...]``; linear in edges."""
        ...


Pulls = Callable[[Facts, Values], Values]
"""From facts and base weights ``[K, E]`` to the pull of every message in every round, ``[K, E]``; 0 for unused ones."""


@dataclass(frozen=True)
class PullPolicy:
    """x_i ← x_i + Σ_j p_ij (x_j - x_i) in every round: a policy without memory, given by its pulls."""

    pulls: Pulls
    weights: Weights

    def step(self, facts: Facts) -> Values:
        """Pulls off the diagonal, what is left of 1 on it."""
        steps = _off_diagonal(facts, self._pulls(facts))
        steps.reshape(facts.rounds, -1)[:, :: facts.n_agents + 1] = 1.0 - steps.sum(axis=2)
        return steps

    def operator(self, facts: Facts) -> Values:
        return _cumulative(self.step(facts))

    def apply(self, facts: Facts, values: Values) -> Values:
        senders, receivers = facts.edges.T
        rounds = np.empty((facts.rounds, *values.shape))
        before = values
        each = (pulls for part in facts.in_parts() for pulls in self._pulls(part))
        for k, pulls in enumerate(each):
            used = np.flatnonzero(pulls)
            before = rounds[k] = mixed(before, Messages(receivers[used], pulls[used], senders[used], before))
        return rounds

    def _pulls(self, facts: Facts) -> Values:
        return self.pulls(facts, base_weights(self.weights, facts))


def return_to_self(facts: Facts, weights: Values) -> Values:
    """`self`: x_i ← x_i + Σ_{j held} w_ij (x_j - x_i): the weight of a message that did not come returns to oneself.

    Source: the "biased compensation" of Fagnani and Zampieri, SIAM J. Control Optim. 48(1), 2009, as named in our
    notes.

    Keeps under loss: row sums, agreement (equal values stay as they are), the convex hull of the values.
    Loses under one-way loss: column sums, so the mean of the values walks; as much up as down if all links lose alike.
    Without loss and with weights of an undirected graph every step is symmetric and doubly stochastic.
    """
    return weights * facts.held


def renormalize(facts: Facts, weights: Values) -> Values:
    """`renormalize`: x_i ← (w_ii x_i + Σ_{j held} w_ij x_j) / s_i with s_i = w_ii + Σ_{j held} w_ij.

    That is x_i + Σ_{j held} (w_ij/s_i)(x_j - x_i), which is how it is worked out, with s_i = 1 - Σ_{j lost} w_ij. So
    without loss it is `self` to the last bit.

    Source: the "balanced compensation" of Fagnani and Zampieri, SIAM J. Control Optim. 48(1), 2009, as named in our
    notes.

    Keeps under loss: row sums, agreement, the convex hull; moves further than `self` in a round.
    Loses under loss: column sums in every round, and on irregular graphs in the mean over losses too: s_i depends on
    the other weights of the receiver, so that what i takes from j is not, on average, what j takes from i.
    """
    left = 1.0 - sum_by_receiver(facts, weights * ~facts.held)
    return weights * facts.held / left[:, facts.edges[:, 1]]


def symmetric(facts: Facts, weights: Values) -> Values:
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
    return weights * (facts.held & facts.confirmed)


@dataclass(frozen=True)
class ZeroFill:
    """`zero_fill`: x_i ← w_ii x_i + Σ_{j held} w_ij x_j, with w_ii = 1 - Σ_j w_ij over all neighbours, heard or not.

    Source: what a sum over received messages comes to when nobody thinks of loss; seen in published code.
    A warning, never a default.

    Keeps under loss: nothing. Without loss it is `self`.
    Loses: row sums, hence agreement: values shrink to zero, and agents that agree on 10 do not after a lost message.
    """

    weights: Weights

    def step(self, facts: Facts) -> Values:
        """Not row-stochastic under loss."""
        weights = base_weights(self.weights, facts)
        steps = _off_diagonal(facts, weights * facts.held)
        diagonal = np.arange(facts.n_agents)
        steps[:, diagonal, diagonal] = 1.0 - sum_by_receiver(facts, weights)
        return steps

    def operator(self, facts: Facts) -> Values:
        return _cumulative(self.step(facts))

    def apply(self, facts: Facts, values: Values) -> Values:
        senders, receivers = facts.edges.T
        rounds, nothing = np.empty((facts.rounds, *values.shape)), np.zeros_like(values)
        before = values
        parts = ((part, base_weights(self.weights, part)) for part in facts.in_parts())
        each = (row for part, weights in parts for row in zip(weights, sum_by_receiver(part, weights), strict=True))
        for k, (weights, sums) in enumerate(each):
            used = np.flatnonzero(facts.held[k])
            rounds[k] = scaled(1.0 - sums, before)
            pull(rounds[k], nothing, Messages(receivers[used], weights[used], senders[used], before))
            before = rounds[k]
        return rounds


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
        return self.apply(facts, np.eye(facts.n_agents))

    def apply(self, facts: Facts, values: Values) -> Values:
        senders, receivers = facts.edges.T
        before = np.empty((facts.rounds + 1, *values.shape))  # [k]: before round k
        before[0], given = values, rows_of(before)
        each = (weights for part in facts.in_parts() for weights in base_weights(self.weights, part))
        for k, weights in enumerate(each):
            used = np.flatnonzero(facts.active[k] & (facts.latest[k] >= 0))
            rows = facts.n_agents * facts.latest[k, used].astype(np.int64) + senders[used]
            before[k + 1] = mixed(before[k], Messages(receivers[used], weights[used], rows, given))
        return before[1:]


def _off_diagonal(facts: Facts, pulls: Values) -> Values:
    senders, receivers = facts.edges.T
    steps = np.zeros((facts.rounds, facts.n_agents, facts.n_agents))
    steps[:, receivers, senders] = pulls
    return steps


def _cumulative(steps: Values) -> Values:
    """A[k] = step[k] · A[k-1]; writes over the steps."""
    for k in range(1, len(steps)):
        steps[k] = steps[k] @ steps[k - 1]
    return steps


MANY = 1024
"""Operators that are remembered at a time."""
_known: dict[object, Values] = {}


def operator_of(policy: Policy, facts: Facts) -> Values:
    """Return the operator of a whole exchange, the last of `Policy.operator`, ``[N, N]``; that of few agents read-only.

    It is remembered by all that facts say, so the policy must be a value, as those of `POLICIES` are.
    """
    few = facts.n_agents <= FEW and facts.rounds <= FEW
    arrays = (facts.edges, facts.active, facts.latest, facts.confirmed)
    key = (policy, facts.n_agents, *(array.tobytes() for array in arrays)) if few else None
    if key in _known:
        return _known[key]
    operator: Values = policy.operator(facts)[-1]
    if key is not None:
        if len(_known) == MANY:
            _known.clear()
        _known[key] = operator = operator.copy()  # without the operators of earlier rounds
        operator.flags.writeable = False
    return operator


@dataclass(frozen=True)
class PolicyKind:
    """A line of the catalogue.

    Attributes:
        meaning: What `dvdn-sim list policies` says.
        make: From base weights to the policy.
        memoryless: Whether it has single steps; only such a policy can do with messages in float16.
        shares: Whether it is ratio consensus: it needs no base weights, so that links may be one-way, and its messages
            carry one number more, the mass that the values are a share of.
    """

    meaning: str
    make: Callable[[Weights], Policy]
    memoryless: bool = True
    shares: bool = False

    def __call__(self, weights: Weights) -> Policy:
        return self.make(weights)


def _pulling(meaning: str, pulls: Pulls) -> PolicyKind:
    return PolicyKind(meaning, partial(PullPolicy, pulls))


def _sharing(meaning: str, policy: Callable[[], Policy]) -> PolicyKind:
    return PolicyKind(meaning, lambda _: policy(), memoryless=False, shares=True)


POLICIES: Mapping[str, PolicyKind] = {
    "self": _pulling("Keep the weight of a message that did not come for one's own value.", return_to_self),
    "renormalize": _pulling("Scale the weights of the messages that came, and one's own, up to 1.", renormalize),
    "symmetric": _pulling(
        "Use a link only if both ends are known to have heard each other; needs acknowledgements.", symmetric
    ),
    "stale": PolicyKind(
        "Use the newest message of the exchange instead of one that did not come.", Stale, memoryless=False
    ),
    "running_sum": _sharing(
        "Send totals, so that the next message brings what a lost one carried: the exact mean in the end.", RunningSum
    ),
    "push_sum": _sharing(
        "Give away shares that a lost message takes with it: a wrong common value. A warning.", PushSum
    ),
    "zero_fill": PolicyKind("Take a message that did not come for zero: values shrink. A warning.", ZeroFill),
}
"""By the name that scenarios use: `POLICIES[name](weights)` is the policy."""
