"""Wire a run: from a scenario to its parts. Nothing else wires."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from dvdn_sim.algorithms import Consensus, Dvdn, ParameterExchange, QLearning
from dvdn_sim.consensus import POLICIES, WEIGHTS, Policy
from dvdn_sim.envs.adapt import BatchedParallelEnv, MakeEnv
from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.envs.catalogue import GAMES
from dvdn_sim.envs.foraging import ForagingParallelEnv
from dvdn_sim.errors import ScenarioError
from dvdn_sim.learners import (
    Actor,
    EpisodeReplay,
    Layout,
    Learner,
    QNetwork,
    parameter_exchange_of,
    q_network_of,
)
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.scenario import (
    Env,
    LbForaging,
    Network,
    Opposed,
    Scenario,
    message_specs,
    refuse_oversized_replay,
    weights_of,
)
from dvdn_sim.training.rollout import ReplicaEnvs
from dvdn_sim.training.teams import TrainedOpponent
from netmodels.streams import stream

MakeBatch = Callable[[Sequence[int]], BatchedEnv[Any]]
"""Makes a batch of as many rows as there are seeds."""


def batches_of(spec: Env, make_env: MakeEnv | None, episode_limit: int | None) -> MakeBatch:
    """Return what makes batches of the scenario's environment, or of the one that `make_env` makes in its place.

    Args:
        episode_limit: Steps after which an episode of `make_env`'s is cut; None for its own limit.
    """
    if make_env is None and isinstance(spec, LbForaging):
        make_env = partial(ForagingParallelEnv, spec)
    if make_env is not None:
        made = make_env
        return lambda row_seeds: BatchedParallelEnv(made, row_seeds, episode_limit)
    game = GAMES[spec.kind]
    if isinstance(spec, Opposed) and spec.opponent_policy is not None:
        trained = TrainedOpponent(spec.opponent_policy, spec.opponent_name, spec.opponent_sees)
        return lambda row_seeds: game(spec, opponent=trained, row_seeds=row_seeds)
    return lambda row_seeds: game(spec, row_seeds=row_seeds)


def envs_of(
    make: MakeBatch, seeds: Sequence[int], stream_name: str, *, copies: int, device: torch.device
) -> ReplicaEnvs:
    """Make C copies of an environment for each seed; the name of the stream tells training and evaluation apart."""
    row_seeds = [int(stream(seed, stream_name, copy).integers(2**62)) for seed in seeds for copy in range(copies)]
    return ReplicaEnvs(make(row_seeds), len(seeds), device)


def _policy_of(block: Consensus | ParameterExchange | None, network: Network | None) -> Policy | None:
    return None if block is None else POLICIES[block.policy](WEIGHTS[weights_of(block, network)])


def actor_of(
    spec: QLearning,
    network: QNetwork,
    envs: ReplicaEnvs,
    seeds: list[int],
    *,
    stream_name: str,
    agent_keys: tuple[int, ...] | None = None,
) -> Actor:
    """Return what acts in these environments."""
    return Actor(
        network,
        layout=Layout.from_spec(spec, len(seeds), envs.env.n_agents),
        seeds=seeds,
        copies=envs.copies,
        available=envs.env.available,
        idle_actions=envs.env.idle_actions,
        stream_name=stream_name,
        agent_keys=agent_keys,
    )


def networks_of(
    scenario: Scenario, n_agents: int, agent_keys: tuple[int, ...] | None = None
) -> tuple[SimulatedNetwork, ...]:
    """Return the network of each seed; none without a network."""
    network = scenario.network
    if network is None:
        return ()
    return tuple(
        SimulatedNetwork(network, n_agents=n_agents, seed=seed, agent_keys=agent_keys) for seed in scenario.seeds
    )


@dataclass(frozen=True)
class RunParts:
    """All parts of a run of R replicas: E episodes side by side in `train_envs`, C in `eval_envs`, a network for each.

    `td_policy` and `parameter_policy` turn who heard whom into operators; these and `consensus` are None for algorithms
    that exchange nothing of the kind. With `overlap` an episode is acted while the update before it is still under way.
    """

    scenario: Scenario
    train_envs: ReplicaEnvs
    eval_envs: ReplicaEnvs
    learner: Learner
    replay: EpisodeReplay
    actor: Actor
    eval_actor: Actor
    networks: tuple[SimulatedNetwork, ...]
    consensus: Consensus | None
    td_policy: Policy | None
    parameter_policy: Policy | None
    overlap: bool


def build(
    scenario: Scenario,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
    agent_keys: tuple[int, ...] | None = None,
) -> RunParts:
    """Wire the parts of a run.

    Args:
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
    train_envs = envs_of(make, seeds, "training", copies=training.episodes_per_iteration, device=device)
    eval_envs = envs_of(make, seeds, "evaluation", copies=scenario.evaluation.episodes, device=device)
    env = train_envs.env
    network = q_network_of(spec, n_agents=env.n_agents, obs_dim=env.obs_dim, n_actions=env.n_actions)
    if make_env is not None:
        _check_network(scenario, env.n_agents, env.episode_limit, network.parameter_count)
    learner = Learner(
        network,
        spec,
        training,
        seeds=seeds,
        available=torch.from_numpy(env.available).to(device),
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
    consensus = spec.consensus if isinstance(spec, Dvdn) else None
    return RunParts(
        scenario=scenario,
        train_envs=train_envs,
        eval_envs=eval_envs,
        learner=learner,
        replay=replay,
        actor=actor_of(spec, network, train_envs, seeds, stream_name="exploration", agent_keys=agent_keys),
        eval_actor=actor_of(spec, network, eval_envs, seeds, stream_name="evaluation", agent_keys=agent_keys),
        networks=networks_of(scenario, env.n_agents, agent_keys),
        consensus=consensus,
        td_policy=_policy_of(consensus, scenario.network),
        parameter_policy=_policy_of(parameter_exchange_of(spec), scenario.network),
        overlap=scenario.network is not None and scenario.network.schedule == "overlap",
    )


def _check_network(scenario: Scenario, n_agents: int, episode_limit: int, parameters: int) -> None:
    """Check of an environment given in place of the scenario's what loading checks of that one.

    Raises:
        ScenarioError: The network does not fit it.
    """
    network = scenario.network
    sent = message_specs(scenario, positions=scenario.training.batch * episode_limit, parameters=parameters)
    if network is None or not sent:
        return
    try:
        for part in network.topology.parts():
            part.refuse_impossible(n_agents, scenario.seeds)
    except ValueError as error:
        remedy = "`network.topology={kind: complete}` fits any number"
        raise ScenarioError(f"network.topology does not fit {n_agents} agents: {error}; {remedy}") from error
    largest = max(wire.size_bytes for wire in sent)
    if not network.link.fits(largest):
        raise ScenarioError(
            f"network.link: a message of {largest} bytes, longer than its queue, can never arrive whole"
        )
