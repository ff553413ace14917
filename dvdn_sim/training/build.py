"""From a scenario to the parts of a run. The only place that wires."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, Policy, apply_float16
from dvdn_sim.errors import ScenarioError
from dvdn_sim.learners.exploration import Actor, LinearEpsilon
from dvdn_sim.learners.learner import Learner
from dvdn_sim.learners.q_network import QNetwork
from dvdn_sim.learners.replay import EpisodeReplay
from dvdn_sim.learners.tracking import Tracker
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.scenario import Scenario, algorithm, refuse_oversized_replay
from dvdn_sim.scenario.wires import wires
from dvdn_sim.training.environments import MakeEnv, arena_of, batches_of
from dvdn_sim.training.learners import (
    Teams,
    has_ids,
    objective_of,
    options_of,
    parameter_exchange_of,
    q_network_of,
    shares,
    tracker_of,
)
from dvdn_sim.training.rollout import Arena


@dataclass(frozen=True)
class Consensus:
    """How TD errors are exchanged.

    Attributes:
        spec: What was asked for.
        policy: Turns facts into an operator.
    """

    spec: algorithm.Consensus
    policy: Policy

    def held(self, facts: Facts, td: Tensor) -> Tensor:
        """What agents hold after the exchange, if that is not linear in what they held before.

        Args:
            facts: Who heard whom.
            td: What they held before, ``[N, T, B]``.
        """
        values = td.double().cpu().numpy()
        return torch.from_numpy(apply_float16(self.policy, facts, values)[-1]).to(td)


@dataclass(frozen=True)
class Parts:
    """All parts of a run of R replicas.

    Attributes:
        scenario: What was asked for.
        arena: R training environments.
        stands: R·C evaluation environments.
        learner: Networks and their updates.
        replay: Episodes.
        actor: Acts in the arena.
        judge: Acts in the stands.
        epsilon: Exploration while training.
        networks: One per replica; empty without a network.
        consensus: None for algorithms that exchange no TD errors.
        tracker: Takes the gradient step where parameters are exchanged; None where they are not.
        parameter_policy: What agents make of the messages that carry them; None where there are none.
    """

    scenario: Scenario
    arena: Arena
    stands: Arena
    learner: Learner
    replay: EpisodeReplay
    actor: Actor
    judge: Actor
    epsilon: LinearEpsilon
    networks: tuple[SimulatedNetwork, ...]
    consensus: Consensus | None
    tracker: Tracker | None
    parameter_policy: Policy | None

    @property
    def overlap(self) -> bool:
        """Whether an episode is acted while the update before it is still under way."""
        return self.scenario.network is not None and self.scenario.network.schedule == "overlap"


def build(
    scenario: Scenario,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
    agent_keys: tuple[int, ...] | None = None,
) -> Parts:
    """Wire the parts of a run.

    Args:
        scenario: What to run.
        device: Where learners live.
        dtype: Of parameters and temporal differences.
        make_env: Makes one environment; by default the one that the scenario names.
        episode_limit: Steps after which an episode is cut; by default the environment's own limit.
        agent_keys: Names of the agents in random streams; their indices by default.

    Raises:
        TypeError, ValueError: From `make_env`'s environment, where it is not one the learners can use.
        ScenarioError: The network does not fit that environment: no such graph of so many agents, or messages that
            can never arrive whole.
    """
    make = batches_of(scenario.env, make_env, episode_limit)
    seeds = list(scenario.seeds)
    spec, training = scenario.algorithm, scenario.training
    arena = arena_of(make, seeds, "training", copies=training.episodes_per_iteration, device=device)
    stands = arena_of(make, seeds, "evaluation", copies=scenario.evaluation.episodes, device=device)
    env = arena.env
    network = q_network_of(spec, env)
    if make_env is not None:
        _check_network(scenario, env.n_agents, env.episode_limit, network.parameter_count)
    learner = Learner(
        network,
        objective_of(spec, Teams(seeds, env.n_agents, env.obs_dim, device, dtype)),
        options_of(scenario),
        seeds=seeds,
        available=env.available,
        steps=env.episode_limit,
        device=device,
        dtype=dtype,
        agent_keys=agent_keys,
    )
    limit_bytes = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None
    refuse_oversized_replay(
        scenario,
        (env.n_agents, env.episode_limit, env.obs_dim),
        limit_bytes=limit_bytes,
        where="this machine" if limit_bytes is None else "the GPU",
    )
    replay = EpisodeReplay(
        seeds,
        capacity=training.buffer,
        n_agents=env.n_agents,
        obs_dim=env.obs_dim,
        steps=env.episode_limit,
        reward_dtype=dtype,
        device=device,
    )

    return Parts(
        scenario=scenario,
        arena=arena,
        stands=stands,
        learner=learner,
        replay=replay,
        actor=actor_of(spec, network, arena, seeds, stream_name="exploration", agent_keys=agent_keys),
        judge=actor_of(spec, network, stands, seeds, stream_name="evaluation", agent_keys=agent_keys),
        epsilon=LinearEpsilon(training.epsilon.start, training.epsilon.end, training.epsilon.steps),
        networks=networks_of(scenario, env.n_agents, agent_keys),
        consensus=_consensus(spec),
        tracker=tracker_of(spec, learner.parameters[0]),
        parameter_policy=_parameter_policy(spec),
    )


def _check_network(scenario: Scenario, n_agents: int, episode_limit: int, parameters: int) -> None:
    """What loading checks of the scenario's own environment, for one that was given in its place."""
    network = scenario.network
    sent = wires(scenario, positions=scenario.training.batch * episode_limit, parameters=parameters)
    if network is None or not sent:
        return
    try:
        network.topology.graph(n_agents, scenario.seeds[0])
    except ValueError as error:
        raise ScenarioError(f"network.topology does not fit {n_agents} agents: {error}") from error
    largest = max(wire.size_bytes for wire in sent)
    if not network.link.fits(largest):
        raise ScenarioError(
            f"network.link: a message of {largest} bytes, longer than its queue, can never arrive whole"
        )


def actor_of(
    spec: algorithm.QLearning,
    network: QNetwork[Any, Any],
    arena: Arena,
    seeds: list[int],
    *,
    stream_name: str,
    agent_keys: tuple[int, ...] | None = None,
) -> Actor:
    """Who acts in an arena."""
    return Actor(
        network,
        seeds=seeds,
        copies=arena.copies,
        available=arena.env.available,
        idle_actions=arena.env.idle_actions,
        stream_name=stream_name,
        device=arena.env.device,
        agent_keys=agent_keys,
        shared=shares(spec),
        agent_ids=has_ids(spec),
    )


def networks_of(
    scenario: Scenario, n_agents: int, agent_keys: tuple[int, ...] | None = None
) -> tuple[SimulatedNetwork, ...]:
    """The network of each seed; none without a network."""
    network = scenario.network
    if network is None:
        return ()
    return tuple(
        SimulatedNetwork(network, n_agents=n_agents, seed=seed, agent_keys=agent_keys) for seed in scenario.seeds
    )


def _consensus(spec: algorithm.QLearning) -> Consensus | None:
    if not isinstance(spec, algorithm.Dvdn):
        return None
    asked = spec.consensus
    return Consensus(asked, POLICIES[asked.policy](WEIGHTS[asked.weights]))


def _parameter_policy(spec: algorithm.QLearning) -> Policy | None:
    asked = parameter_exchange_of(spec)
    return None if asked is None else POLICIES[asked.policy](WEIGHTS[asked.weights])
