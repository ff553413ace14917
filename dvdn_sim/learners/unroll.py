"""Whole episodes through the networks of all teams: values of what agents did and of what comes next; and back.

`PackedUnroll` computes no value that nobody needs, neither after an episode nor of the state in which it ended: it goes
team by team, longest episodes first, with compiled loops around the networks' products. `PaddedUnroll` is the same in
torch, for devices on which all that would be slow: all teams at once, and every episode as long as the longest. A test
holds them equal.
"""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvdn_sim.compiled import compiled
from dvdn_sim.learners import transfer
from dvdn_sim.learners.q_network import Edges, Layout, QNetwork
from dvdn_sim.learners.replay import Minibatch
from dvdn_sim.learners.td import chosen, double_q_value, valid_steps

Array = NDArray[np.floating[Any]]
Values = tuple[Tensor, Tensor]
"""Q_i(τ_t, a_t), and Q_i⁻(τ_{t+1}, argmax_a Q_i(τ_{t+1}, a)), ``[R, N, T, B]``."""


class Unroll(Protocol):
    """Takes a minibatch through the networks, and back."""

    def values(self, parameters: Tensor, minibatch: Minibatch, timed_out: Tensor | None) -> Values:
        """Return values of the actions of a minibatch, and of what comes next.

        They mean nothing where there was no step, and the second nothing where no value counts after it.

        Args:
            parameters: Online and target, ``[2, R, G, P]``.
            minibatch: The episodes.
            timed_out: Bool ``[R, B]``, episodes whose last state has a value that counts; None if none has.
        """
        ...

    def gradient(self, minibatch: Minibatch, pull: Tensor) -> Tensor:
        """Return the gradient ``[R, G, P]`` of a mean of squared errors over the steps of each team.

        `pull`, ``[R, N, T, B]``, is -½ of the derivative of the squared errors by the first of the last `values`;
        anything where there was no step. The next call may overwrite what is returned.
        """
        ...


def unroll_of(network: QNetwork, layout: Layout, available: Tensor, *, steps: int, batch: int, like: Tensor) -> Unroll:
    """Return what unrolls B episodes of at most T steps.

    Args:
        network: Sizes.
        layout: Who uses which network.
        available: Actions that each agent has, bool ``[N, A]``.
        steps: T.
        batch: B.
        like: Gives dtype and device.
    """
    kind = PackedUnroll if transfer.compiled_for(like) else PaddedUnroll
    return kind(network, layout, available, steps=steps, batch=batch, like=like)


class PaddedUnroll:
    """In torch; see the module."""

    def __init__(
        self, network: QNetwork, layout: Layout, available: Tensor, *, steps: int, batch: int, like: Tensor
    ) -> None:
        self._layout = layout
        self._unavailable = None if bool(available.all()) else ~available[:, None, None, :].to(like.device)
        sequences = layout.users * batch
        self._tape = network.tape(
            networks=2 * layout.rows, trained=layout.rows, steps=steps + 1, batch=sequences, like=like
        )
        show_ids(self._tape.seen, layout.ids)

    def values(self, parameters: Tensor, minibatch: Minibatch, timed_out: Tensor | None) -> Values:
        del timed_out  # all values are worked out
        layout, tape, observations = self._layout, self._tape, minibatch.observations
        steps, batch, dims = observations.shape[2:]
        self._edges = batch * layout.users * np.arange(-1, steps + 1)
        seen = tape.seen[:, : self._edges[-1], :dims]
        shape = (layout.replicas, layout.networks, steps, batch, layout.users, dims)
        split = observations.view(layout.replicas, layout.networks, layout.users, steps, batch, dims)
        seen.view(shape).copy_(split.permute(0, 1, 3, 4, 2, 5))
        tape.parameters.copy_(parameters.view(tape.parameters.shape))
        tape.forward(self._edges)
        q_online, q_target = self._by_agent(tape.q, steps, batch).unbind(0)
        q_t = chosen(q_online[:, :, :-1], minibatch.actions)
        return q_t, double_q_value(q_online[:, :, 1:], q_target[:, :, 1:], self._unavailable)

    def gradient(self, minibatch: Minibatch, pull: Tensor) -> Tensor:
        steps, batch = minibatch.observations.shape[2:4]
        happened = valid_steps(minibatch.lengths, steps - 1)[:, None]
        share = -2 / happened.sum((1, 2, 3), keepdim=True).to(pull.dtype)
        self._tape.d_q.zero_()
        d_q = self._by_agent(self._tape.d_q, steps, batch)[0]
        d_q[:, :, :-1].scatter_(-1, minibatch.actions.unsqueeze(-1), (pull * (happened * share)).unsqueeze(-1))
        return self._tape.backward(self._edges).view(self._layout.replicas, self._layout.networks, -1)

    def _by_agent(self, q: Tensor, steps: int, batch: int) -> Tensor:
        """View values ``[C·R·G, A, L]`` of a tape as ``[C, R, N, T, B, A]``."""
        layout = self._layout
        split = q[..., : self._edges[-1]].view(
            -1, layout.replicas, layout.networks, q.shape[1], steps, batch, layout.users
        )
        return split.permute(0, 1, 2, 6, 4, 5, 3).flatten(2, 3)


class PackedUnroll:
    """Compiled; see the module."""

    def __init__(
        self, network: QNetwork, layout: Layout, available: Tensor, *, steps: int, batch: int, like: Tensor
    ) -> None:
        self._layout, self._available = layout, available.numpy()
        sizes = {"networks": 2 * layout.networks, "trained": layout.networks}
        self._tapes = [
            network.tape(**sizes, steps=steps + 1, batch=layout.users * batch, like=like)
            for _ in range(layout.replicas)
        ]
        for tape in self._tapes:
            show_ids(tape.seen, layout.ids)
        self._gradient = like.new_empty(layout.replicas, layout.networks, network.parameter_count)
        self._arrays = [(tape.seen.numpy(), tape.q.numpy(), tape.d_q.numpy()) for tape in self._tapes]

    def values(self, parameters: Tensor, minibatch: Minibatch, timed_out: Tensor | None) -> Values:
        observations, self._actions = _by_episode(minibatch)
        self._lengths, shape = minibatch.lengths.numpy(), minibatch.actions.shape
        needed = self._lengths if timed_out is None else self._lengths + timed_out.numpy()
        self._packed = [packed(observed, self._layout.users) for observed in needed]
        found = parameters.new_zeros(2, *shape)
        q_t, value_tp1 = found.numpy()
        for team, (tape, (order, edges)) in enumerate(zip(self._tapes, self._packed, strict=True)):
            seen, q, _ = self._arrays[team]
            place(observations[team], order, edges, seen)
            tape.parameters.view(2, -1, tape.parameters.shape[1]).copy_(parameters[:, team])
            tape.forward(edges)
            where = self._actions[team], self._lengths[team], order, edges
            values(q, *where, self._available, q_t[team], value_tp1[team])
        return found[0], found[1]

    def gradient(self, minibatch: Minibatch, pull: Tensor) -> Tensor:
        given = pull.contiguous().numpy()
        for team, (tape, (order, edges)) in enumerate(zip(self._tapes, self._packed, strict=True)):
            d_q, where = self._arrays[team][2], (self._actions[team], self._lengths[team], order, edges)
            place_chosen(given[team], -2.0 / max(minibatch.positions[team], 1), *where, d_q)
            self._gradient[team] = tape.backward(edges)
        return self._gradient


def show_ids(seen: Tensor, ids: int) -> None:
    """End every observation ``[m, L, D + 1]`` with the number of its agent, one-hot, where there are ids.

    Rows of the agents of an episode are neighbours.
    """
    if ids:
        seen.view(len(seen), -1, ids, seen.shape[-1])[..., -1 - ids : -1] = torch.eye(ids)


@compiled
def packed(observed: NDArray[np.int64], users: int) -> tuple[NDArray[np.int64], Edges]:
    """Return how sequences of so many observations ``[B]`` lie in rows, S for each of their observations.

    Returns:
        The sequences in their order, longest first; and where the rows of each step begin and end (`Tape.forward`).

    >>> packed(np.array([1, 3]), 2)
    (array([1, 0]), array([-4,  0,  4,  6,  8]))
    """
    longest = ranked = 0
    for length in observed:
        longest = max(longest, length)
    order, edges = np.empty_like(observed), np.zeros(longest + 2, np.int64)
    for length in range(longest, 0, -1):
        for sequence in range(len(observed)):
            if observed[sequence] == length:
                order[ranked] = sequence
                ranked += 1
        edges[length + 1] = ranked * users
    edges[0] = -ranked * users
    for t in range(longest):
        edges[t + 2] += edges[t + 1]
    return order, edges


def _by_episode(minibatch: Minibatch) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return observations ``[R, B, N, T + 1, D]`` and actions ``[R, B, N, T]`` as they lie in the replay."""
    observations = minibatch.observations.permute(0, 3, 1, 2, 4).contiguous()
    return observations.numpy(), minibatch.actions.permute(0, 3, 1, 2).contiguous().numpy()


@compiled
def place(observations: NDArray[np.float32], order: NDArray[np.int64], edges: Edges, seen: Array) -> None:
    """Write observations of a team, ``[B, N, T + 1, D]``, into rows ``[G, L, D]`` or longer."""
    networks, dims = len(seen), observations.shape[3]
    users = observations.shape[1] // networks
    for network in range(networks):
        for t in range(len(edges) - 2):
            for row in range(edges[t + 1], edges[t + 2]):
                rank, user = divmod(row - edges[t + 1], users)
                given, into = observations[order[rank], network * users + user, t], seen[network, row]
                for i in range(dims):
                    into[i] = given[i]


@compiled
def values(
    q: Array,
    actions: NDArray[np.int64],
    lengths: NDArray[np.int64],
    order: NDArray[np.int64],
    edges: Edges,
    available: NDArray[np.bool_],
    q_t: Array,
    value_tp1: Array,
) -> None:
    """Write a team's `Values`, ``[N, T, B]``, from those of online and target networks, ``[2G, A, L]``."""
    networks = len(q) // 2
    users = len(q_t) // networks
    for agent in range(len(q_t)):
        network, user = divmod(agent, users)
        online, target = q[network], q[networks + network]
        for t in range(len(edges) - 2):
            for rank in range((edges[t + 2] - edges[t + 1]) // users):
                episode, row = order[rank], edges[t + 1] + rank * users + user
                if t < lengths[episode]:
                    q_t[agent, t, episode] = online[actions[episode, agent, t], row]
                if t > 0:
                    best = -1
                    for action in range(len(online)):
                        if available[agent, action] and (best < 0 or online[action, row] > online[best, row]):
                            best = action
                    value_tp1[agent, t - 1, episode] = target[best, row]


@compiled
def place_chosen(
    pull: Array,
    share: float,
    actions: NDArray[np.int64],
    lengths: NDArray[np.int64],
    order: NDArray[np.int64],
    edges: Edges,
    d_q: Array,
) -> None:
    """Write a share of the pulls of chosen actions, ``[N, T, B]``, into rows ``[G, A, L]``, and zeros elsewhere."""
    users, number = len(pull) // len(d_q), d_q.dtype.type
    d_q[:, :, : edges[-1]] = 0
    for agent in range(len(pull)):
        network, user = divmod(agent, users)
        for t in range(len(edges) - 2):
            for rank in range((edges[t + 2] - edges[t + 1]) // users):
                episode = order[rank]
                if t < lengths[episode]:
                    row = edges[t + 1] + rank * users + user
                    d_q[network, actions[episode, agent, t], row] = number(share) * pull[agent, t, episode]
