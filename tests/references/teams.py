"""From made-up episodes to what `dvdn_sim.learners` takes, and from its parameters to torch's modules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from plain_team import Episode, PlainMixer, PlainQ
from torch import nn

from dvdn_sim.algorithms import Held, Local
from dvdn_sim.consensus import Facts, lossless_facts
from dvdn_sim.learners import (
    EpisodeReplay,
    Episodes,
    Exchanged,
    FeedForwardQ,
    Learner,
    Minibatch,
    Mixer,
    RecurrentQ,
    UpdateFigures,
    counts,
    mixed,
    q_network_of,
)
from dvdn_sim.learners.q_network import Tape
from dvdn_sim.scenario import Epsilon, QLearning, Training
from netmodels.topology import Complete

CPU = torch.device("cpu")
QNet = RecurrentQ | FeedForwardQ


def one_each(episodes: list[Episode | None]) -> Episodes:
    """One episode per replica (None: that replica does not play), padded to the longest with nonsense observations."""
    played = [episode for episode in episodes if episode is not None]
    n_agents, _, obs_dim = played[0].observations.shape
    longest, replicas = max(episode.rewards.shape[-1] for episode in played), len(episodes)
    observations = torch.full((replicas, 1, n_agents, longest + 1, obs_dim), 77.0)
    actions = torch.zeros(replicas, 1, n_agents, longest, dtype=torch.int64)
    rewards = torch.zeros(replicas, 1, n_agents, longest, dtype=torch.float64)
    lengths = np.zeros((replicas, 1), np.int64)
    timed_out = torch.zeros(replicas, 1, dtype=torch.bool)
    for replica, episode in enumerate(episodes):
        if episode is None:
            continue
        steps = episode.rewards.shape[-1]
        observations[replica, 0, :, : steps + 1] = torch.from_numpy(episode.observations)
        actions[replica, 0, :, :steps] = torch.from_numpy(episode.actions)
        rewards[replica, 0, :, :steps] = torch.from_numpy(episode.rewards)
        lengths[replica] = steps
        timed_out[replica] = episode.timed_out
    return Episodes(observations, actions, rewards, lengths, timed_out)


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


def moved(minibatch: Minibatch, device: torch.device) -> Minibatch:
    """The same minibatch on another device."""
    parts = vars(minibatch).items()
    return replace(minibatch, **{name: part.to(device) for name, part in parts if isinstance(part, torch.Tensor)})


def make_learner(
    spec: QLearning,
    network: QNet,
    *,
    seeds: Sequence[int],
    available: np.ndarray,
    steps: int,
    device: torch.device = CPU,
    dtype: torch.dtype = torch.float64,
    agent_keys: tuple[int, ...] | None = None,
    **training: object,
) -> Learner:
    """What learns as an algorithm says, with a network and `training` that are given."""
    return Learner(
        network,
        spec,
        Training(steps=1, epsilon=Epsilon(steps=1), **training),
        seeds=list(seeds),
        available=torch.from_numpy(available),
        steps=steps,
        device=device,
        dtype=dtype,
        agent_keys=agent_keys,
    )


@dataclass
class Trained:
    """A learner, for exchanges that are given."""

    learner: Learner

    def learn(
        self,
        minibatch: Minibatch,
        operators: np.ndarray | None = None,
        facts: Sequence[Facts] | None = None,
        active: np.ndarray | None = None,
    ) -> tuple[torch.Tensor, UpdateFigures]:
        """One update.

        Args:
            minibatch: Of all replicas.
            operators: Of every exchange, of errors and of parameters alike, [R, N, N]; None where there is none.
            facts: Of the exchanges of parameters, where they count.
            active: Who learns, as `Learner.update` takes it; all by default.

        Returns:
            The local errors, and the figures.
        """
        learner, replicas = self.learner, len(minibatch.lengths)
        active = everyone(replicas) if active is None else active
        of_replicas = active.reshape(replicas, -1).any(1)
        td = learner.local_errors(moved(minibatch, learner.parameters.device), of_replicas).clone()
        held = None if operators is None else exchanged(torch.from_numpy(operators).to(td), td)
        figures, exchanges = learner.differentiate(held), []
        if operators is not None and learner.tracker is not None:
            facts = facts or [lossless_facts([Complete().graph(learner.n_agents, seed=0)])] * replicas
            made = list(map(Exchanged, facts, operators))
            counts = [len(learner.tracker.messages(int(update))) for update in learner.updates]
            exchanges = [
                {r: made[r] for r in range(replicas) if of_replicas[r] and number < counts[r]}
                for number in range(max(counts))
            ]
        learner.step(active, exchanges)
        return td, figures


def trained(spec: QLearning, *, available: np.ndarray, obs_dim: int, **options: object) -> Trained:
    """The algorithm of a scenario for teams of any sizes, as `training.build` wires it; options as `make_learner`."""
    n_agents, n_actions = available.shape
    network = q_network_of(spec, n_agents=n_agents, obs_dim=obs_dim, n_actions=n_actions)
    return Trained(make_learner(spec, network, available=available, **options))


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


def as_module(network: QNet, row: torch.Tensor, obs_dim: int | None = None) -> nn.Module:
    """One row of a parameter matrix, [P], as a module of its own, for the first `obs_dim` numbers of an observation."""
    recurrent = isinstance(network, RecurrentQ)
    agent = PlainQ(obs_dim or network.obs_dim, network.hidden, network.n_actions, recurrent=recurrent)
    return _filled(agent, in_module_order(network, row, obs_dim))


def as_mixer(mixer: Mixer, row: torch.Tensor) -> PlainMixer:
    """One row of a mixer's parameters, [P], as a module."""
    plain = PlainMixer(mixer.n_agents, mixer.state_dim, mixer.spec.mixer_embed, mixer.spec.hypernet_hidden)
    return _filled(plain, mixer_in_module_order(mixer, row))


def _filled(module: nn.Module, tensors: list[torch.Tensor]) -> nn.Module:
    with torch.no_grad():
        for own, given in zip(module.parameters(), tensors, strict=True):
            own.copy_(given)
    return module


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference over the largest entry; an exact zero must be met exactly."""
    found, expected = found.detach(), expected.detach()
    largest = float(expected.abs().max())
    return float((found - expected).abs().max()) / (largest or 1e-300)


def noise(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


def padded(steps: int, batch: int) -> np.ndarray:
    """Sequences that all have so many steps."""
    return batch * np.arange(-1, steps + 1)


def forward(tape: Tape, parameters: torch.Tensor, observations: torch.Tensor) -> torch.Tensor:
    """Q-values ``[M, T, B, A]`` of whole sequences ``[m, T, B, D]``."""
    _, steps, batch, dims = observations.shape
    tape.seen[:, : steps * batch, :dims] = observations.flatten(1, 2)
    tape.parameters.copy_(parameters)
    tape.forward(padded(steps, batch))
    return tape.q[..., : steps * batch].unflatten(2, (steps, batch)).permute(0, 2, 3, 1).clone()


def backward(tape: Tape, d_q: torch.Tensor) -> torch.Tensor:
    """The gradient ``[m, P]`` from dL/dq ``[m, T, B, A]``."""
    _, steps, batch, _ = d_q.shape
    tape.d_q[..., : steps * batch] = d_q.permute(0, 3, 1, 2).flatten(2)
    return tape.backward(padded(steps, batch))


def forward_flop(network: QNet) -> int:
    """Floating-point operations of one network in one step, without biases and activations."""
    d, h, a = network.obs_dim, network.hidden, network.n_actions
    return 2 * (d * h + (6 if isinstance(network, RecurrentQ) else 1) * h * h + h * a)


def in_module_order(network: QNet, row: torch.Tensor, obs_dim: int | None = None) -> list[torch.Tensor]:
    """One row of a parameter (or gradient) matrix as the layers of `PlainQ` hold it.

    Args:
        network: Its sizes.
        row: [P].
        obs_dim: Only the weights of so many numbers of an observation; of all by default.
    """
    w1, *others = (weight[0] for weight in network.weights(row[None].clone()))
    first = [w1[:-1][:obs_dim].T, w1[-1]]
    if isinstance(network, FeedForwardQ):
        return first + [part for layer in others for part in (layer[:-1].T, layer[-1])]
    wi, wh, w3 = others
    return [*first, wi[:-1].T, wh[:-1].T, wi[-1], wh[-1], w3[:-1].T, w3[-1]]


def mixer_in_module_order(mixer: Mixer, row: torch.Tensor) -> list[torch.Tensor]:
    """One row of a mixer's parameters as the layers of `PlainMixer` hold them; see `MixerWeights`."""
    from_state, w1, wf, v = (weight[0] for weight in mixer.weights(row[None].clone()))
    k, e = mixer.spec.hypernet_hidden, mixer.spec.mixer_embed
    to_w1, to_wf, to_v, b1 = from_state.split([k, k, e, e], dim=1)
    layers = (to_w1, w1, to_wf, wf, to_v, v, b1)
    return [part for layer in layers for part in (layer[:-1].T, layer[-1])]
