"""Closed forms behind `dvdn-sim predict`, each also what tests hold the simulator against. numpy only; pure functions.

    acks         what acknowledgements leave known
    moments      E[W] and E[W Σ Wᵀ] of one round, for each policy that has them
    trajectory   the error after every round, exact; K for a target error
    kronecker    the same for symmetric failures, as in the textbooks
    drift        how far the mean walks
    effective    a_eff(p, K)
    delayed      the limit of consensus over delayed links
    timing       how long a round takes
    enumeration  all graphs, all losses
    rounds       where nothing closed applies: many exchanges drawn at once

They assume losses that are independent from message to message, and that what arrives is in time. Where that does not
hold, or a policy has a memory (`stale`, `running_sum`, `push_sum`), enumerate or sample, and say so.
"""

from dvdn_sim.consensus.theory.acks import Confirmation, Heard, confirmation
from dvdn_sim.consensus.theory.delayed import delayed_limit
from dvdn_sim.consensus.theory.drift import accumulated_drift, drift_variance
from dvdn_sim.consensus.theory.effective import a_eff_drawn_anew, a_eff_of_one_graph
from dvdn_sim.consensus.theory.enumeration import (
    connected_graphs,
    count_connected_graphs,
    every_loss,
    facts_of,
    loss_patterns,
    pattern_probabilities,
)
from dvdn_sim.consensus.theory.kronecker import (
    kronecker_step,
    kronecker_trajectory,
    mean_square_factor,
    mean_square_step,
    mean_step,
)
from dvdn_sim.consensus.theory.moments import (
    DrawnSteps,
    PullSteps,
    RatioSteps,
    StepMoments,
    ZeroFillSteps,
    ratio_steps,
)
from dvdn_sim.consensus.theory.rounds import SampledRounds, can_sample, sample_rounds
from dvdn_sim.consensus.theory.timing import expected_round_time
from dvdn_sim.consensus.theory.trajectory import Trajectory, rounds_to_reach, trajectory

__all__ = [
    "Confirmation",
    "DrawnSteps",
    "Heard",
    "PullSteps",
    "RatioSteps",
    "SampledRounds",
    "StepMoments",
    "Trajectory",
    "ZeroFillSteps",
    "a_eff_drawn_anew",
    "a_eff_of_one_graph",
    "accumulated_drift",
    "can_sample",
    "confirmation",
    "connected_graphs",
    "count_connected_graphs",
    "delayed_limit",
    "drift_variance",
    "every_loss",
    "expected_round_time",
    "facts_of",
    "kronecker_step",
    "kronecker_trajectory",
    "loss_patterns",
    "mean_square_factor",
    "mean_square_step",
    "mean_step",
    "pattern_probabilities",
    "ratio_steps",
    "rounds_to_reach",
    "sample_rounds",
    "trajectory",
]
