"""From a scenario's algorithm to what is learnt: one line in a catalogue for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.learners.dvdn import Dvdn
from dvdn_sim.learners.feed_forward_q import FeedForwardQ
from dvdn_sim.learners.gtadam import GtAdam
from dvdn_sim.learners.iql import Iql
from dvdn_sim.learners.learner import LearnerOptions
from dvdn_sim.learners.mixer import Mixer
from dvdn_sim.learners.objective import Objective
from dvdn_sim.learners.qmix import Qmix
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.learners.tracking import TRACKERS, Schedule, Tracker
from dvdn_sim.learners.vdn import Vdn
from dvdn_sim.scenario import Scenario, algorithm
from dvdn_sim.scenario.wires import exchanged
from netmodels.streams import stream


@dataclass(frozen=True)
class Teams:
    """Who learns.

    Attributes:
        seeds: One per replica.
        n_agents: N.
        obs_dim: D.
        device: Where parameters are.
        dtype: Of parameters.
    """

    seeds: Sequence[int]
    n_agents: int
    obs_dim: int
    device: torch.device
    dtype: torch.dtype


def _iql(spec: algorithm.Iql, teams: Teams) -> Objective:
    return Iql(central=spec.share_parameters or spec.clip_over == "team", reward_model=spec.reward_model)


def _vdn(spec: algorithm.Vdn, teams: Teams) -> Objective:
    return Vdn()


def _qmix(spec: algorithm.Qmix, teams: Teams) -> Objective:
    state_dim = teams.n_agents * teams.obs_dim
    mixer = Mixer(teams.n_agents, state_dim, embed=spec.mixer_embed, hypernet_hidden=spec.hypernet_hidden)
    initial = mixer.initial_parameters([stream(seed, "initial_weights", "mixer") for seed in teams.seeds])
    return Qmix(mixer, initial.to(teams.device, teams.dtype))


def _networked_q(spec: algorithm.NetworkedQ, teams: Teams) -> Objective:
    return Iql(reward_model=spec.reward_model)


def _dvdn(spec: algorithm.Dvdn, teams: Teams) -> Objective:
    return Dvdn(spec.reward_model, spec.self_estimate)


OBJECTIVES: Mapping[type, Callable[[Any, Teams], Objective]] = {
    algorithm.Iql: _iql,
    algorithm.Vdn: _vdn,
    algorithm.Qmix: _qmix,
    algorithm.NetworkedQ: _networked_q,
    algorithm.Dvdn: _dvdn,
    algorithm.DvdnGt: _dvdn,
}
"""By the dataclass of the scenario."""


def objective_of(spec: algorithm.QLearning, teams: Teams) -> Objective:
    """What an algorithm learns."""
    return OBJECTIVES[type(spec)](spec, teams)


def parameter_exchange_of(spec: algorithm.QLearning) -> algorithm.ParameterExchange | None:
    """How parameters are exchanged; None where they are not."""
    blocks = exchanged(spec).values()
    return next((block for block in blocks if isinstance(block, algorithm.ParameterExchange)), None)


def tracker_of(spec: algorithm.QLearning, parameters: Tensor) -> Tracker | None:
    """What turns gradients into parameters where agents exchange them; None where every agent has an Adam of its own.

    Args:
        spec: The algorithm.
        parameters: Online ones, ``[R, N, P]``.
    """
    asked = parameter_exchange_of(spec)
    if asked is None:
        return None
    schedule = Schedule(parameters.shape[-1], every=asked.every, blocks=asked.blocks)
    form = asked.form if isinstance(asked, algorithm.Tracking) else "averaging"
    options = asdict(spec.optimiser) if isinstance(spec, algorithm.DvdnGt) else {"bias_correction": True}
    return TRACKERS[form](parameters, GtAdam(parameters, spec.lr, **options), schedule)


def shares(spec: algorithm.QLearning) -> bool:
    """Whether the agents of a team use one network."""
    return isinstance(spec, algorithm.Sharing) and spec.share_parameters


def has_ids(spec: algorithm.QLearning) -> bool:
    """Whether agents observe their own number."""
    return isinstance(spec, algorithm.Sharing) and spec.share_parameters and spec.agent_ids


def q_network_of(spec: algorithm.QLearning, env: BatchedEnv[Any]) -> RecurrentQ | FeedForwardQ:
    """The network of every agent, with room for the numbers of agents that share it."""
    kind = RecurrentQ if spec.recurrent else FeedForwardQ
    ids = env.n_agents if has_ids(spec) else 0
    return kind(obs_dim=env.obs_dim + ids, hidden=spec.hidden, n_actions=env.n_actions)


def options_of(scenario: Scenario) -> LearnerOptions:
    """Hyperparameters of the update."""
    spec, training = scenario.algorithm, scenario.training
    return LearnerOptions(
        lr=spec.lr,
        gamma=spec.gamma,
        clip=spec.clip,
        standardise_rewards=spec.standardise_rewards,
        target_update=training.target_update,
        target_tau=training.target_tau,
        batch=training.batch,
        share_parameters=shares(spec),
        agent_ids=has_ids(spec),
        bootstrap_on_timeout=spec.bootstrap_on_timeout,
        common_start=isinstance(spec, algorithm.DvdnGt | algorithm.NetworkedQ),
    )
