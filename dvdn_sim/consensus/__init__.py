"""What who-heard-whom means for what agents hold: numpy only, no clock and no learner.

    facts        who heard whom in an exchange
    weights      base weights of the links, and mixing with them
    policies     `self`, `renormalize`, `symmetric`, `stale`, `zero_fill`; the catalogue of all policies
    ratio        `running_sum` and `push_sum`
    quantise     float16 in messages
    diagnostics  figures of an operator
    theory       closed forms behind `dvdn-sim predict`
    stability    whether DVDN learns with a policy: the eigenvalues of the expected operator

A policy turns the facts of K rounds into a linear operator A ``[K, N, N]``, cumulative: A[k] maps what the agents held
before the exchange to what they hold after round k. The learner applies A[K-1] and never sees the network.
"""

# isort: off
# fmt: off
from dvdn_sim.consensus.diagnostics import OperatorFigures, operator_figures
from dvdn_sim.consensus.facts import (
    Facts, RoundLinks, lossless_facts, numbers_of, round_numbers, side_by_side, union_of,
)
from dvdn_sim.consensus.policies import POLICIES, Policy, PullPolicy, Stale, ZeroFill, operator_of
from dvdn_sim.consensus.quantise import apply_float16, rounded_to_float16
from dvdn_sim.consensus.ratio import Masses, PushSum, RunningSum
from dvdn_sim.consensus.stability import MAX_DRAWN, Least, least_eigenvalue, least_of
from dvdn_sim.consensus.theory import (
    DrawnSteps, Heard, PullSteps, StepMoments, Trajectory, ZeroFillSteps, closed_steps, expected_of,
    expected_round_time, has_moments, rounds_to_reach, trajectory, trajectory_of,
)
from dvdn_sim.consensus.weights import WEIGHTS, lazy, max_degree, metropolis, sum_by_receiver, weight_matrix
# fmt: on
# isort: on

__all__ = [
    "MAX_DRAWN", "POLICIES", "WEIGHTS", "DrawnSteps", "Facts", "Heard", "Least", "Masses", "OperatorFigures", "Policy",
    "PullPolicy", "PullSteps", "PushSum", "RoundLinks", "RunningSum", "Stale", "StepMoments", "Trajectory", "ZeroFill",
    "ZeroFillSteps", "apply_float16", "closed_steps", "expected_of", "expected_round_time", "has_moments", "lazy",
    "least_eigenvalue", "least_of", "lossless_facts", "max_degree", "metropolis", "numbers_of", "operator_figures",
    "operator_of", "round_numbers", "rounded_to_float16", "rounds_to_reach", "side_by_side", "sum_by_receiver",
    "trajectory", "trajectory_of", "union_of", "weight_matrix",
]  # fmt: skip
