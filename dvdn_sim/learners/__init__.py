"""What agents learn with: torch, batched over replicas and agents, and blind to the network.

    q_network           which agent uses which network, and what each has; recurrent_q and feed_forward_q: the kinds
    unroll              whole episodes through the networks of all teams, and back
    replay              episodes, sampled by a seed that all agents share
    td                  targets, temporal differences and masks, as pure functions, and the reward inside them
    qmix                the mixing network of QMIX; what else algorithms differ in is in `dvdn_sim.algorithms`
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

# isort: off
# fmt: off
from dvdn_sim.learners.agents import QAgent, layers_of, q_network_of, row_of
from dvdn_sim.learners.exploration import Actor, epsilon_after
from dvdn_sim.learners.feed_forward_q import FeedForwardQ
from dvdn_sim.learners.learner import Learner, UpdateFigures
from dvdn_sim.learners.optim import Adam, clip_by_norm
from dvdn_sim.learners.parameter_exchange import Exchanged, ExchangeSchedule
from dvdn_sim.learners.q_network import Layout, QNetwork, Weights
from dvdn_sim.learners.qmix import Mixer, TeamMixers
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.learners.replay import EpisodeReplay, Episodes, Minibatch
from dvdn_sim.learners.td import (
    RewardStatistics, all_finite, chosen, continues, counts, double_q_value, local_rewards, mixed, td_errors,
    valid_steps,
)
from dvdn_sim.learners.tracking import (
    TRACKERS, TRACKING_FIGURES, Tracker, disagreement, parameter_exchange_of, tracker_of,
)
from dvdn_sim.learners.transfer import LINE, remembered, rows, together
# fmt: on
# isort: on

__all__ = [
    "LINE", "TRACKERS", "TRACKING_FIGURES", "Actor", "Adam", "EpisodeReplay", "Episodes", "ExchangeSchedule",
    "Exchanged", "FeedForwardQ", "Layout", "Learner", "Minibatch", "Mixer", "QAgent", "QNetwork", "RecurrentQ",
    "RewardStatistics", "TeamMixers", "Tracker", "UpdateFigures", "Weights", "all_finite", "chosen",
    "clip_by_norm", "continues", "counts", "disagreement", "double_q_value", "epsilon_after", "layers_of",
    "local_rewards", "mixed", "parameter_exchange_of", "q_network_of", "remembered", "row_of", "rows", "td_errors",
    "together", "tracker_of", "valid_steps",
]  # fmt: skip
