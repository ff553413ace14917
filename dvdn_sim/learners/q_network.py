"""Which agent uses which Q-network, and what every one has: sizes, weights, initial weights, and what it sees.

A *network* is one row of a parameter matrix ``[M, P]``; M counts agents, replicas and online/target copies alike, so no
loop runs over any of them. Each kind of network has its own forward and backward pass, on a tape of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from dvdn_sim.scenario import QLearning, Sharing

Weights = Sequence[Tensor]
"""Views into a parameter matrix; each kind of network has its own."""


@dataclass(frozen=True)
class Layout:
    """How R teams of N agents map onto networks, each of which is one row of a parameter matrix.

    With one network per agent its batch is the minibatch, B; one network for the team sees the N agents' sequences side
    by side, as a batch of N·B. Everything here is a view; nothing is copied.

    Attributes:
        replicas: R.
        agents: N.
        shared: Whether the agents of a team share one network.
        observes_ids: Whether agents that share a network observe their own number.
    """

    replicas: int
    agents: int
    shared: bool = False
    observes_ids: bool = True

    @classmethod
    def from_spec(cls, spec: QLearning, replicas: int, agents: int) -> Self:
        """Lay out the networks of R teams of N agents as an algorithm has them."""
        sharing = spec if isinstance(spec, Sharing) and spec.share_parameters else None
        return cls(replicas, agents, shared=sharing is not None, observes_ids=sharing is not None and sharing.agent_ids)

    @property
    def ids(self) -> int:
        """How many numbers an agent's own number adds to its observation: N, one-hot, or 0."""
        return self.agents if self.shared and self.observes_ids else 0

    @property
    def networks(self) -> int:
        """G, networks of a team."""
        return 1 if self.shared else self.agents

    @property
    def users(self) -> int:
        """S, agents that use one network: G·S = N."""
        return self.agents if self.shared else 1

    @property
    def rows(self) -> int:
        """R·G, networks of all teams."""
        return self.replicas * self.networks

    def by_network(self, values: Tensor) -> Tensor:
        """View ``[R, N, T, B, ...]`` by agent as ``[R, G, T, S, B, ...]`` by network."""
        split = values.view(len(values), self.networks, self.users, *values.shape[2:])
        return split.transpose(2, 3)

    def by_agent(self, values: Tensor) -> Tensor:
        """View ``[C·R·G, T, S·B, ...]`` by network as ``[C, R, N, T, B, ...]`` by agent."""
        steps, sequences, *rest = values.shape[1:]
        batch = sequences // self.users
        split = values.view(-1, self.replicas, self.networks, steps, self.users, batch, *rest)
        return split.transpose(3, 4).flatten(2, 3)

    def agent_ids(self, batch: int, like: Tensor) -> Tensor | None:
        """Return one-hot numbers of the agents, ``[S·B, S]`` for batches of B; None where nobody observes them."""
        if not self.ids:
            return None
        return torch.eye(self.agents, dtype=like.dtype, device=like.device).repeat_interleave(batch, 0)


@dataclass(frozen=True)
class QNetwork(ABC):
    """Sizes of a Q-network, and the maths on many of them at once.

    Attributes:
        obs_dim: D, length of an observation.
        hidden: H, width of the layers, and length of the hidden state; networks that remember nothing carry it along.
        n_actions: A, length of the output.
    """

    tape_kind: ClassVar[type["Tape"]]
    obs_dim: int
    hidden: int
    n_actions: int

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")

    @property
    @abstractmethod
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each of the weights, in their order in a row of the parameter matrix."""

    @property
    def parameter_count(self) -> int:
        """P."""
        return sum(rows * columns for rows, columns in self.shapes)

    def weights(self, parameters: Tensor) -> Weights:
        """View a parameter matrix ``[M, P]`` as weights; writing to one writes to the other."""
        return views(parameters, self.shapes)

    def initial_parameters(self, generators: list[np.random.Generator]) -> Tensor:
        """Draw PyTorch's default initial weights, U(-1/√fan_in, 1/√fan_in), and U(-1/√H, 1/√H) in a GRU.

        One network per generator: ``[len(generators), P]`` float64, to be cast by the caller.
        """
        first_layer = self.hidden * (self.obs_dim + 1)
        bounds = np.repeat([self.obs_dim**-0.5, self.hidden**-0.5], [first_layer, self.parameter_count - first_layer])
        return torch.from_numpy(np.stack([generator.uniform(-bounds, bounds) for generator in generators]))

    def tape(self, *, networks: int, trained: int, steps: int, batch: int, like: Tensor) -> "Tape":
        """Allocate a tape for B sequences per network, of at most `steps` observations.

        `networks` are M, the rows of the parameter matrix in the forward pass, and of these `trained` the leading m,
        which `backward` differentiates; there are as many rows of observations. `like` gives dtype and device.
        """
        return self.tape_kind(self, like, networks=networks, trained=trained, steps=steps, batch=batch)

    @abstractmethod
    def step(self, weights: Weights, observations: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step, for acting: ``[M, B, D]`` and ``[M, B, H]`` to q ``[M, B, A]`` and the next hidden state."""


class Tape(ABC):
    """Whole sequences forward, and back: what the trained networks see, and what `forward` leaves for `backward`.

    It stays in buffers that are reused from call to call: fresh temporaries of this size cost as much in page faults as
    the arithmetic does. Every layer's input ends in a column that is always 1, so that a bias is its weight, and
    forward and weight gradient are one matrix product per layer over all time steps.

    Attributes:
        seen: ``[m, T, B, D + 1]``.
        x: What the first layer gives, ``[M, T, B, H + 1]``.
        q: ``[M, T, B, A]``.
        gradient: ``[m, P]``; `gradients` are the same as weights.
        varying: How many of the D numbers every call gives anew; the others are kept.
    """

    def __init__(self, network: QNetwork, like: Tensor, *, networks: int, trained: int, steps: int, batch: int) -> None:
        """Allocate; the arguments are those of `QNetwork.tape`."""
        self.seen = like.new_ones(trained, steps, batch, network.obs_dim + 1)
        self.x = like.new_ones(networks, steps, batch, network.hidden + 1)
        self.q = like.new_empty(networks, steps, batch, network.n_actions)
        self.gradient = like.new_empty(trained, network.parameter_count)
        self.gradients = network.weights(self.gradient)
        self.varying = network.obs_dim

    @abstractmethod
    def forward(self, weights: Weights, observations: Tensor) -> Tensor:
        """Return Q-values of whole sequences, from a zero hidden state.

        Args:
            weights: Of M networks.
            observations: ``[m, T, B, D]``, less what the tape keeps; m and B may be split over several axes.
                M is a multiple of m, and row i is seen by the networks i, i + m, i + 2m, … (an online network and its
                target see the same).

        Returns:
            q ``[M, T, B, A]``, a view into the tape that the next call overwrites.
        """

    @abstractmethod
    def backward(self, weights: Weights, d_q: Tensor) -> Tensor:
        """Return the gradient of a loss with respect to the parameters of the first m networks of the last `forward`.

        Args:
            weights: The same as in `forward`, or their first m rows.
            d_q: dL/dq, ``[m, T, B, A]``; T may be less than in `forward`, where later values have no gradient.

        Returns:
            ``[m, P]``, a view into the tape that the next call overwrites.
        """

    def keep(self, columns: Tensor) -> None:
        """Keep the last numbers of every observation from now on, because they never change (ids of agents).

        They are broadcast to ``[m, B, kept]``; observations are then given without them.

        Raises:
            ValueError: Nothing, or less, would be left to vary.
        """
        obs_dim, kept = self.seen.shape[-1] - 1, columns.shape[-1]
        if kept >= obs_dim:
            raise ValueError(f"{kept} numbers of an observation to keep found; fewer than {obs_dim} expected")
        self.varying = obs_dim - kept
        self.seen[..., self.varying : -1] = columns.unsqueeze(-3)

    def first_layer(self, w1: Tensor, observations: Tensor) -> Tensor:
        """Take in sequences ``[m, T, B, varying]``, m and B split at will, and return x = relu(W1 o + b1).

        Raises:
            ValueError: Observations of another length.
        """
        if observations.shape[-1] != self.varying:
            raise ValueError(f"observations of {observations.shape[-1]} numbers found; {self.varying} expected")
        rows, _, batch, _ = self.seen.shape
        seen = self.seen[:, : observations.numel() // (rows * batch * self.varying)]
        seen.view(*observations.shape[:-1], -1)[..., : self.varying].copy_(observations)
        x = self.x[:, : seen.shape[1]]
        for networks in range(0, x.shape[0], rows):
            share = slice(networks, networks + rows)
            torch.bmm(seen.flatten(1, 2), w1[share], out=x[share].flatten(1, 2)[..., :-1])
        x[..., :-1].relu_()
        return x


def views(parameters: Tensor, shapes: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """View a parameter matrix ``[M, P]`` as matrices of these shapes, ``[M, rows, columns]`` each."""
    parts = torch.split(parameters, [rows * columns for rows, columns in shapes], dim=-1)
    return [part.view(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]


def linear(inputs: Tensor, weight: Tensor) -> Tensor:
    """Multiply ``[M, L, in]`` by a weight ``[M, in + 1, out]`` whose last row is the bias."""
    return torch.baddbmm(weight[:, -1:], inputs, weight[:, :-1])


def back_through_relu(d_outputs: Tensor, weight: Tensor, activations: Tensor, into: Tensor) -> Tensor:
    """Write dL/d(what a relu was given) ``[M, L, in]`` `into` its place.

    It follows from dL/d(what the layer after it gave) ``[M, L, out]``, that layer's weight ``[M, in + 1, out]``, whose
    last row is the bias, and what the relu gave ``[M, L, in]``.
    """
    torch.bmm(d_outputs, weight[:, :-1].mT, out=into)
    torch.ops.aten.threshold_backward.grad_input(into, activations, 0, grad_input=into)
    return into
