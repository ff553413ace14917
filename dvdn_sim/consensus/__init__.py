"""What who-heard-whom means for what agents hold: numpy only, no clock and no learner.

    facts           who heard whom in an exchange
    weights         base weights of the links: metropolis, lazy, max_degree
    mixing          what a policy is, and x_i + Σ_j p_ij (x_j - x_i)
    return_to_self  `self`
    renormalize     `renormalize`
    symmetric       `symmetric`
    stale           `stale`
    ratio           what the next two share
    running_sum     `running_sum`
    push_sum        `push_sum`
    zero_fill       `zero_fill`
    wire            float16 in messages
    policies        the catalogue of policies
    diagnostics     figures of an operator

A policy turns the facts of K rounds into a linear operator A ``[K, N, N]``, cumulative: A[k] maps what the agents held
before the exchange to what they hold after round k. The learner applies A[K-1] and never sees the network.
"""

from dvdn_sim.consensus.diagnostics import OperatorFigures, operator_figures
from dvdn_sim.consensus.facts import Facts, lossless_facts
from dvdn_sim.consensus.mixing import MemorylessPolicy, Policy
from dvdn_sim.consensus.policies import POLICIES
from dvdn_sim.consensus.push_sum import PushSum
from dvdn_sim.consensus.renormalize import Renormalize
from dvdn_sim.consensus.return_to_self import ReturnToSelf
from dvdn_sim.consensus.running_sum import Masses, RunningSum
from dvdn_sim.consensus.stale import Stale
from dvdn_sim.consensus.symmetric import Symmetric
from dvdn_sim.consensus.weights import WEIGHTS, lazy, max_degree, metropolis
from dvdn_sim.consensus.wire import apply_float16
from dvdn_sim.consensus.zero_fill import ZeroFill

__all__ = [
    "POLICIES",
    "WEIGHTS",
    "Facts",
    "Masses",
    "MemorylessPolicy",
    "OperatorFigures",
    "Policy",
    "PushSum",
    "Renormalize",
    "ReturnToSelf",
    "RunningSum",
    "Stale",
    "Symmetric",
    "ZeroFill",
    "apply_float16",
    "lazy",
    "lossless_facts",
    "max_degree",
    "metropolis",
    "operator_figures",
]
