"""What who-heard-whom means for what agents hold: numpy only, no clock and no learner.

    facts        who heard whom in an exchange
    weights      base weights of the links
    policies     from facts to operators, and the catalogue of policies
    diagnostics  figures of an operator

A policy turns the facts of K rounds into a linear operator A ``[K, N, N]``, cumulative: A[k] maps what the agents held
before the exchange to what they hold after round k. The learner applies A[K-1] and never sees the network.
"""

from dvdn_sim.consensus.diagnostics import OperatorFigures, operator_figures
from dvdn_sim.consensus.facts import Facts, lossless_facts
from dvdn_sim.consensus.policies import POLICIES, Policy, ReturnToSelf
from dvdn_sim.consensus.weights import WEIGHTS, metropolis

__all__ = [
    "POLICIES",
    "WEIGHTS",
    "Facts",
    "OperatorFigures",
    "Policy",
    "ReturnToSelf",
    "lossless_facts",
    "metropolis",
    "operator_figures",
]
