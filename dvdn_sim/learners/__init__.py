"""What agents learn with: torch, batched over replicas and agents, and blind to the network.

    q_network           what every Q-network has; recurrent_q and feed_forward_q: the two there are
    layout              which agent uses which network
    replay              episodes, sampled by a seed that all agents share
    td                  targets, temporal differences and masks, as pure functions
    standardise         running reward statistics, and each agent's share of the reward
    objectives          the lines in which learners differ, and the catalogue; qmix: its mixing network
    optim               Adam, GTAdam and gradient clipping; who does not learn stays exactly as it is
    parameter_exchange  which block of the parameters an update exchanges, and what operators make of it
    tracking            gradient tracking and averaging of parameters
    exploration         epsilon-greedy acting
    transfer            what the host tells the device, in as few copies as can be
    learner             the update, from minibatch to new parameters
    agents              trained networks as torch modules

Shapes are written for one team and have leading axes: R replicas, N agents, T steps, B episodes of a minibatch, D
observation numbers, A actions, P parameters. Sequences are time-major, ``[..., T, B]``.
"""

from dvdn_sim.learners.agents import QAgent, layers_of, q_network_of, row_of
from dvdn_sim.learners.exploration import Actor, epsilon_after
from dvdn_sim.learners.feed_forward_q import FeedForwardQ
from dvdn_sim.learners.layout import Layout
from dvdn_sim.learners.learner import Learner, UpdateFigures
from dvdn_sim.learners.objectives import (
    OBJECTIVES,
    DvdnObjective,
    IqlObjective,
    Objective,
    Teams,
    VdnObjective,
    counts,
    mixed,
    objective_of,
)
from dvdn_sim.learners.optim import Adam, TrackedAdam, clip_by_norm
from dvdn_sim.learners.parameter_exchange import Exchanged, Exchanges, ExchangeSchedule
from dvdn_sim.learners.q_network import QNetwork, Weights
from dvdn_sim.learners.qmix import Mixer, QmixObjective
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.learners.replay import EpisodeReplay, Episodes, Minibatch
from dvdn_sim.learners.standardise import RewardStatistics, local_rewards
from dvdn_sim.learners.td import (
    Held,
    Local,
    Signal,
    all_finite,
    chosen,
    continues,
    double_q_value,
    td_errors,
    valid_steps,
)
from dvdn_sim.learners.tracking import (
    TRACKERS,
    Optimiser,
    Tracker,
    TrackingFigures,
    disagreement,
    parameter_exchange_of,
    tracker_of,
)
from dvdn_sim.learners.transfer import LINE, remembered, rows, together

__all__ = [
    "LINE",
    "OBJECTIVES",
    "TRACKERS",
    "Actor",
    "Adam",
    "DvdnObjective",
    "EpisodeReplay",
    "Episodes",
    "ExchangeSchedule",
    "Exchanged",
    "Exchanges",
    "FeedForwardQ",
    "Held",
    "IqlObjective",
    "Layout",
    "Learner",
    "Local",
    "Minibatch",
    "Mixer",
    "Objective",
    "Optimiser",
    "QAgent",
    "QNetwork",
    "QmixObjective",
    "RecurrentQ",
    "RewardStatistics",
    "Signal",
    "Teams",
    "TrackedAdam",
    "Tracker",
    "TrackingFigures",
    "UpdateFigures",
    "VdnObjective",
    "Weights",
    "all_finite",
    "chosen",
    "clip_by_norm",
    "continues",
    "counts",
    "disagreement",
    "double_q_value",
    "epsilon_after",
    "layers_of",
    "local_rewards",
    "mixed",
    "objective_of",
    "parameter_exchange_of",
    "q_network_of",
    "remembered",
    "row_of",
    "rows",
    "td_errors",
    "together",
    "tracker_of",
    "valid_steps",
]
