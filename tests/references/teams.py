"""From made-up episodes to what `dvdn_sim.learners` takes, and from its parameters to torch's modules."""

import numpy as np
import torch
from plain_team import Drqn, Episode

from dvdn_sim.learners.dvdn import counts, mixed
from dvdn_sim.learners.learner import Learner, LearnerOptions
from dvdn_sim.learners.objective import Held, Local, Objective
from dvdn_sim.learners.recurrent_q import RecurrentQ, Weights
from dvdn_sim.learners.replay import EpisodeReplay, Episodes, Minibatch

CPU = torch.device("cpu")


def one_each(episodes: list[Episode | None]) -> Episodes:
    """One episode per replica (None: that replica does not play), padded to the longest with nonsense observations."""
    played = [episode for episode in episodes if episode is not None]
    n_agents, _, obs_dim = played[0].observations.shape
    longest, replicas = max(episode.rewards.shape[-1] for episode in played), len(episodes)
    observations = torch.full((replicas, 1, n_agents, longest + 1, obs_dim), 77.0)
    actions = torch.zeros(replicas, 1, n_agents, longest, dtype=torch.int64)
    rewards = torch.zeros(replicas, 1, n_agents, longest, dtype=torch.float64)
    lengths = np.zeros((replicas, 1), np.int64)
    for replica, episode in enumerate(episodes):
        if episode is None:
            continue
        steps = episode.rewards.shape[-1]
        observations[replica, 0, :, : steps + 1] = torch.from_numpy(episode.observations)
        actions[replica, 0, :, :steps] = torch.from_numpy(episode.actions)
        rewards[replica, 0, :, :steps] = torch.from_numpy(episode.rewards)
        lengths[replica] = steps
    return Episodes(observations, actions, rewards, lengths, torch.zeros(replicas, 1, dtype=torch.bool))


def minibatch_of(teams: list[list[Episode]], dtype: torch.dtype = torch.float64) -> Minibatch:
    """The minibatch in which replica r has the episodes teams[r], through the replay."""
    n_agents, _, obs_dim = teams[0][0].observations.shape
    batch, steps = len(teams[0]), max(episode.rewards.shape[-1] for team in teams for episode in team)
    replay = EpisodeReplay(
        list(range(len(teams))),
        capacity=batch,
        n_agents=n_agents,
        obs_dim=obs_dim,
        steps=steps,
        reward_dtype=dtype,
        device=CPU,
    )
    for episodes in zip(*teams, strict=True):
        replay.insert(one_each(list(episodes)), np.ones(len(teams), bool))
    return replay.minibatch(np.tile(np.arange(batch), (len(teams), 1)))


def make_learner(
    network: RecurrentQ,
    objective: Objective,
    *,
    seeds: list[int],
    available: np.ndarray,
    steps: int,
    dtype: torch.dtype = torch.float64,
    agent_keys: tuple[int, ...] | None = None,
    **options: object,
) -> Learner:
    """A learner on the CPU."""
    return Learner(
        network,
        objective,
        LearnerOptions(**options),
        seeds=seeds,
        available=torch.from_numpy(available),
        steps=steps,
        device=CPU,
        dtype=dtype,
        agent_keys=agent_keys,
    )


def exchanged(operator: torch.Tensor, td: torch.Tensor) -> Held:
    """What agents hold after an exchange of operator A [R, N, N]."""
    return Held(mixed(operator, td), counts(operator))


def local_of(td: torch.Tensor) -> Local:
    """Errors δ [R, N, T, B] with nothing around them."""
    replicas, n_agents, steps, batch = td.shape
    return Local(
        td=td,
        q_t=torch.zeros_like(td),
        value_tp1=torch.zeros_like(td),
        rewards=torch.zeros_like(td),
        continues=torch.ones(replicas, steps, batch, dtype=torch.bool),
        mask=torch.ones(replicas, 1, steps, batch, dtype=td.dtype),
        observations=torch.zeros(replicas, n_agents, steps + 1, batch, 1),
        gamma=0.99,
    )


def everyone(replicas: int) -> np.ndarray:
    return np.ones(replicas, bool)


def as_drqn(network: RecurrentQ, parameters: torch.Tensor) -> Drqn:
    """One row of a parameter matrix, [P], as a module of its own."""
    agent = Drqn(network.obs_dim, network.hidden, network.n_actions)
    with torch.no_grad():
        for own, given in zip(agent.parameters(), in_module_order(network, parameters), strict=True):
            own.copy_(given)
    return agent


def in_module_order(network: RecurrentQ, parameters: torch.Tensor) -> list[torch.Tensor]:
    """One row of a parameter (or gradient) matrix as fc1, GRU and fc2 hold it; see `Weights`."""
    weights: Weights = network.weights(parameters[None].clone())
    w1, wi, wh, bh, w3, b3 = (weight[0] for weight in weights)
    return [w1[:-1].T, w1[-1], wi[:-1].T, wh.T, wi[-1], bh[0], w3.T, b3[0]]
