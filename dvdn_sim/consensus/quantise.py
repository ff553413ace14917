"""What rounding the values in messages does to consensus.

A policy without memory mixes x ← S x in a round. Where messages carry q(x), the values rounded to float16, agents
do x ← x + (S - I) q(x): every agent compares what it heard with its own value *as it was sent*. So agreement stays a
fixed point to the last bit, and where S keeps the mean of the values, it stays too, whatever q is (Carli, Fagnani,
Frasca and Zampieri, "Gossip consensus algorithms via quantized communication", Automatica 46, 2010; abstract read).

Under rounding the exchange is no linear operator. Values rounded to `float32` are those of a learner that computes in
it, and are taken as exact. The totals of `running_sum` and `push_sum` grow with the rounds, and `stale` compares values
of different rounds: neither is done in `float16`.
"""

import numpy as np

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.policies import Policy
from dvdn_sim.consensus.weights import Values

MAX_FLOAT16 = 65504.0


def rounded_to_float16(values: Values) -> Values:
    """Return q(x): the nearest number that a float16 holds, the largest one for what is beyond it.

    >>> rounded_to_float16(np.array([0.1, 1e6, -np.inf])).tolist()
    [0.0999755859375, 65504.0, -65504.0]
    """
    rounded: Values = np.clip(values, -MAX_FLOAT16, MAX_FLOAT16).astype(np.float16).astype(np.float64)
    return rounded


def apply_float16(policy: Policy, facts: Facts, values: Values) -> Values:
    """Apply a policy without memory to values ``[N, ...]`` where messages carry float16; ``[K, N, ...]``."""
    rounds = np.empty((facts.rounds, *values.shape))
    before = values
    for k in range(facts.rounds):
        sent = rounded_to_float16(before)
        before = rounds[k] = before + (policy.apply(facts.of_round(k), sent)[0] - sent)
    return rounds
