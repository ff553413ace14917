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
from numpy.typing import NDArray
from torch import Tensor

from dvdn_sim.learners import transfer
from dvdn_sim.scenario import QLearning, Sharing

Weights = Sequence[Tensor]
"""Views into a parameter matrix; each kind of network has its own."""
Edges = NDArray[np.int64]
"""Where the rows of each step begin and end; see `Tape.forward`."""
IN_CACHE = 2**18
"""Numbers that what is worked on at a time may have."""


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


@dataclass(frozen=True)
class QNetwork(ABC):
    """Sizes of a Q-network, and the maths on many of them at once.

    Attributes:
        obs_dim: D, length of an observation.
        hidden: H, width of the layers, and length of the hidden state; networks that remember nothing carry it along.
        n_actions: A, length of the output.
    """

    tapes: ClassVar[tuple[type["Tape"], type["Tape"]]]
    recurrent: ClassVar[bool]
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

    def acting_weights(self, parameters: Tensor) -> tuple[NDArray[np.float32], ...]:
        """View parameters ``[M, P]``, on the host, as the weights that `dvdn_sim.learners.acting` takes."""
        w1, *between, w3 = (weight.numpy() for weight in self.weights(parameters))
        return w1, between[0], between[-1], w3

    def initial_parameters(self, generators: list[np.random.Generator]) -> Tensor:
        """Draw PyTorch's default initial weights, U(-1/√fan_in, 1/√fan_in), and U(-1/√H, 1/√H) in a GRU.

        One network per generator: ``[len(generators), P]`` float64, to be cast by the caller.
        """
        first_layer = self.hidden * (self.obs_dim + 1)
        bounds = np.repeat([self.obs_dim**-0.5, self.hidden**-0.5], [first_layer, self.parameter_count - first_layer])
        return torch.from_numpy(np.stack([generator.uniform(-bounds, bounds) for generator in generators]))

    def tape(self, *, networks: int, trained: int, steps: int, batch: int, like: Tensor) -> "Tape":
        """Allocate a tape, of two kinds one for the host and one for devices; the arguments are those of `Tape`."""
        on_host, elsewhere = self.tapes
        kind = on_host if transfer.compiled_for(like) else elsewhere
        return kind(self, like, networks=networks, trained=trained, steps=steps, batch=batch)


class Tape(ABC):
    """Whole sequences forward, and back: what the trained networks see, and what `forward` leaves for `backward`.

    A step of a sequence is a row. Rows of one step lie together, step after step, and at each of them the sequences
    that still go on come first: `edges` say where, as `forward` has it.

    It stays in buffers that are reused from call to call: fresh temporaries of this size cost as much in page faults as
    the arithmetic does. Every layer's input ends in a column that is always 1, so that a bias is its weight. Values of
    actions lie action by action.

    Attributes:
        parameters: ``[M, P]``. M is a multiple of m, and networks i, i + m, i + 2m, … see the same: an online network
            and its target.
        seen: ``[m, L, D + 1]``, observations.
        q: ``[M, A, L]``.
        d_q: dL/dq, ``[m, A, L]``.
        gradient: ``[m, P]``.
    """

    def __init__(self, network: QNetwork, like: Tensor, *, networks: int, trained: int, steps: int, batch: int) -> None:
        """Allocate.

        Args:
            network: Sizes.
            like: Gives dtype and device.
            networks: M, rows of the parameter matrix in the forward pass.
            trained: m, of these the leading ones, which `backward` differentiates.
            steps: Observations of a sequence, at most.
            batch: Sequences of each network.
        """
        self.network, rows = network, steps * batch
        self.parameters = like.new_empty(networks, network.parameter_count)
        self.seen = like.new_ones(trained, rows, network.obs_dim + 1)
        self.q = like.new_empty(networks, network.n_actions, rows)
        self.d_q = like.new_zeros(trained, network.n_actions, rows)
        self.gradient = like.new_empty(trained, network.parameter_count)

    @abstractmethod
    def forward(self, edges: Edges) -> None:
        """Write Q-values of whole sequences, from a zero hidden state, into `q`.

        Args:
            edges: The rows of step t are edges[t + 1] to edges[t + 2]; there are never more than at the step before.
                edges[1] is 0, and -edges[0] the number of sequences.
        """

    @abstractmethod
    def backward(self, edges: Edges) -> Tensor:
        """Return the gradient, ``[m, P]``, of a loss with respect to the first m networks of the last `forward`.

        Takes what `forward` took, and dL/dq from `d_q`. The next call overwrites what it returns.
        """


class TorchTape(Tape):
    """A tape whose products are torch's: one per layer, for all networks and, but for a memory's, over all time steps.

    Attributes:
        weights: Views of the parameters; `trained_weights` those of the first m networks, `gradients` of the gradient.
        x: What the first layer gives, ``[M, L, H + 1]``.
    """

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        (networks, trained), rows = (len(self.parameters), len(self.seen)), self.seen.shape[1]
        self.x = like.new_ones(networks, rows, network.hidden + 1)
        self.weights, self.gradients = network.weights(self.parameters), network.weights(self.gradient)
        self.trained_weights = network.weights(self.parameters[:trained])

    def first_layer(self, rows: int) -> Tensor:
        """Return x = relu(W1 o + b1) of so many rows."""
        trained = len(self.seen)
        for first in range(0, len(self.x), trained):
            lot = slice(first, first + trained)
            torch.bmm(self.seen[:, :rows], self.weights[0][lot], out=self.x[lot, :rows, :-1])
        self.x[:, :rows, :-1].relu_()
        return self.x[:, :rows]


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
