"""The Q-network without memory of every agent of every replica, as one batched program with its own backward pass.

    x = relu(W1 o + b1),   h = relu(W2 x + b2),   q = W3 h + b3

EPyMARL's agent with ``use_rnn: False``, with PyTorch's initial weights. Networks, weights and tapes are as in
`recurrent_q`: a row of a parameter matrix each, views into it, and buffers that are allocated once. Every layer's input
ends in a 1, so that forward and weight gradient are one matrix product per layer over all time steps.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dvdn_sim.learners.q_network import Inputs


class Weights(NamedTuple):
    """Views into a parameter matrix; products are ``input @ weight``, and the last row of each is the bias."""

    w1: Tensor  # [M, D + 1, H]
    w2: Tensor  # [M, H + 1, H]
    w3: Tensor  # [M, H + 1, A]


class Tape:
    """What `FeedForwardQ.forward` leaves for `FeedForwardQ.backward`, in buffers that are reused from call to call."""

    def __init__(
        self, network: "FeedForwardQ", *, networks: int, trained: int, steps: int, batch: int, like: Tensor
    ) -> None:
        """Allocate the buffers; the arguments are those of `QNetwork.tape`."""
        h = network.hidden
        self.inputs = Inputs(trained, steps, batch, network.obs_dim, like)
        self.x = like.new_ones(networks, steps, batch, h + 1)
        self.h = like.new_ones(networks, steps, batch, h + 1)
        self.q = like.new_empty(networks, steps, batch, network.n_actions)
        self.d_x = like.new_empty(trained, steps, batch, h)
        self.d_h = like.new_empty(trained, steps, batch, h)
        self.gradient = like.new_empty(trained, network.parameter_count)

    def keep(self, columns: Tensor) -> None:
        """Keep the last numbers of every observation; see `Inputs.keep`."""
        self.inputs.keep(columns)


@dataclass(frozen=True)
class FeedForwardQ:
    """Sizes of the network, and the batched maths on it.

    Attributes:
        obs_dim: D, length of an observation.
        hidden: H, width of both layers.
        n_actions: A, length of the output.
    """

    obs_dim: int
    hidden: int
    n_actions: int

    def __post_init__(self) -> None:
        for name, size in (("obs_dim", self.obs_dim), ("hidden", self.hidden), ("n_actions", self.n_actions)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")

    @property
    def parameter_count(self) -> int:
        """P = H(D+1) + H(H+1) + A(H+1).

        >>> FeedForwardQ(obs_dim=18, hidden=128, n_actions=5).parameter_count
        19589
        """
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return h * (d + 1) + (h + a) * (h + 1)

    @property
    def forward_flop(self) -> int:
        """Floating-point operations of one network in one step, without biases and activations: 2(DH + H² + HA)."""
        return 2 * self.hidden * (self.obs_dim + self.hidden + self.n_actions)

    def weights(self, parameters: Tensor) -> Weights:
        """View a parameter matrix ``[M, P]`` as weights; writing to one writes to the other."""
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        shapes = ((d + 1, h), (h + 1, h), (h + 1, a))
        parts = torch.split(parameters, [rows * columns for rows, columns in shapes], dim=-1)
        return Weights(*(part.view(-1, *shape) for part, shape in zip(parts, shapes, strict=True)))

    def initial_parameters(self, generators: list[np.random.Generator]) -> Tensor:
        """Draw PyTorch's default initial weights: U(-1/√fan_in, 1/√fan_in).

        Args:
            generators: One per network.

        Returns:
            ``[len(generators), P]`` float64, to be cast by the caller.
        """
        first_layer = self.hidden * (self.obs_dim + 1)
        bounds = np.repeat([self.obs_dim**-0.5, self.hidden**-0.5], [first_layer, self.parameter_count - first_layer])
        return torch.from_numpy(np.stack([generator.uniform(-bounds, bounds) for generator in generators]))

    def tape(self, *, networks: int, trained: int, steps: int, batch: int, like: Tensor) -> Tape:
        """Allocate a tape; see `QNetwork.tape`."""
        return Tape(self, networks=networks, trained=trained, steps=steps, batch=batch, like=like)

    def step(self, weights: Weights, observations: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """One time step, for acting: ``[M, B, D]`` to q ``[M, B, A]``; `hidden` comes back as it is."""
        w1, w2, w3 = weights
        x = torch.baddbmm(w1[:, -1:], observations, w1[:, :-1]).relu_()
        h = torch.baddbmm(w2[:, -1:], x, w2[:, :-1]).relu_()
        return torch.baddbmm(w3[:, -1:], h, w3[:, :-1]), hidden

    def forward(self, weights: Weights, observations: Tensor, tape: Tape) -> Tensor:
        """Q-values of whole sequences; each step by itself.

        Args:
            weights: Of M networks.
            observations: ``[m, T, B, D]``, less what the tape keeps; m and B may be split over several axes.
                M is a multiple of m, and row i is seen by the networks i, i + m, i + 2m, … (an online network and its
                target see the same).
            tape: Receives what the backward pass needs.

        Returns:
            q ``[M, T, B, A]``, a view into the tape that the next call overwrites.
        """
        seen = tape.inputs.write(observations)
        rows, steps = seen.shape[:2]
        x, h, q = tape.x[:, :steps], tape.h[:, :steps], tape.q[:, :steps]
        for networks in range(0, x.shape[0], rows):
            share = slice(networks, networks + rows)
            torch.bmm(seen.flatten(1, 2), weights.w1[share], out=x[share].flatten(1, 2)[..., :-1])
        x[..., :-1].relu_()
        torch.bmm(x.flatten(1, 2), weights.w2, out=h.flatten(1, 2)[..., :-1])
        h[..., :-1].relu_()
        torch.bmm(h.flatten(1, 2), weights.w3, out=q.flatten(1, 2))
        return q

    def backward(self, weights: Weights, d_q: Tensor, tape: Tape) -> Tensor:
        """Gradient of a loss with respect to the parameters of the first m networks of the last `forward`.

        Args:
            weights: The same as in `forward`, or their first m rows.
            d_q: dL/dq, ``[m, T, B, A]``; T may be less than in `forward`, where later values have no gradient.
            tape: What `forward` left.

        Returns:
            ``[m, P]``, a view into the tape that the next call overwrites.
        """
        trained, steps = d_q.shape[:2]
        gradient = self.weights(tape.gradient)
        seen, x, h, d_x, d_h = (
            buffer[:trained, :steps].flatten(1, 2) for buffer in (tape.inputs.seen, tape.x, tape.h, tape.d_x, tape.d_h)
        )
        flat_d_q = d_q.flatten(1, 2)
        torch.bmm(h.mT, flat_d_q, out=gradient.w3)
        _through_relu(flat_d_q, weights.w3[:trained], h, d_h)
        torch.bmm(x.mT, d_h, out=gradient.w2)
        _through_relu(d_h, weights.w2[:trained], x, d_x)
        torch.bmm(seen.mT, d_x, out=gradient.w1)
        return tape.gradient


def _through_relu(d_output: Tensor, weight: Tensor, activation: Tensor, d_input: Tensor) -> None:
    """Write dL/d(before the relu) of a layer's input into `d_input`, from dL/d(its output) and what the relu gave."""
    torch.bmm(d_output, weight[:, :-1].mT, out=d_input)
    torch.ops.aten.threshold_backward.grad_input(d_input, activation[..., :-1], 0, grad_input=d_input)
