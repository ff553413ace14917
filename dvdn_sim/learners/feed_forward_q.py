"""The Q-network without memory of every agent of every replica, as one batched program with its own backward pass.

    x = relu(W1 o + b1),   h = relu(W2 x + b2),   q = W3 h + b3

EPyMARL's agent with ``use_rnn: False``, with PyTorch's initial weights.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from dvdn_sim.learners.q_network import QNetwork, Tape, back_through_relu, linear, views


class FeedForwardWeights(NamedTuple):
    """Views into a parameter matrix; products are ``input @ weight``, and the last row of each is the bias."""

    w1: Tensor  # [M, D + 1, H]
    w2: Tensor  # [M, H + 1, H]
    w3: Tensor  # [M, H + 1, A]


class FeedForwardTape(Tape):
    """What `FeedForwardQ.forward` leaves for `FeedForwardQ.backward`."""

    def __init__(
        self, network: "FeedForwardQ", *, networks: int, trained: int, steps: int, batch: int, like: Tensor
    ) -> None:
        super().__init__(network, networks=networks, trained=trained, steps=steps, batch=batch, like=like)
        self.h = like.new_ones(networks, steps, batch, network.hidden + 1)
        self.d_x = like.new_empty(trained, steps, batch, network.hidden)
        self.d_h = like.new_empty(trained, steps, batch, network.hidden)


class FeedForwardQ(QNetwork[FeedForwardWeights, FeedForwardTape]):
    """Two hidden layers.

    >>> FeedForwardQ(obs_dim=18, hidden=128, n_actions=5).parameter_count
    19589
    """

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """P = H(D+1) + H(H+1) + A(H+1)."""
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return (d + 1, h), (h + 1, h), (h + 1, a)

    def weights(self, parameters: Tensor) -> FeedForwardWeights:
        return FeedForwardWeights(*views(parameters, self.shapes))

    def tape(self, *, networks: int, trained: int, steps: int, batch: int, like: Tensor) -> FeedForwardTape:
        return FeedForwardTape(self, networks=networks, trained=trained, steps=steps, batch=batch, like=like)

    def step(self, weights: FeedForwardWeights, observations: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        x = linear(observations, weights.w1).relu_()
        h = linear(x, weights.w2).relu_()
        return linear(h, weights.w3), hidden

    def forward(self, weights: FeedForwardWeights, observations: Tensor, tape: FeedForwardTape) -> Tensor:
        x = tape.first_layer(weights.w1, observations)
        steps = x.shape[1]
        h, q = tape.h[:, :steps], tape.q[:, :steps]
        torch.bmm(x.flatten(1, 2), weights.w2, out=h.flatten(1, 2)[..., :-1])
        h[..., :-1].relu_()
        torch.bmm(h.flatten(1, 2), weights.w3, out=q.flatten(1, 2))
        return q

    def backward(self, weights: FeedForwardWeights, d_q: Tensor, tape: FeedForwardTape) -> Tensor:
        trained, steps = d_q.shape[:2]
        gradient = self.weights(tape.gradient)
        seen, x, h, d_x, d_h = (
            buffer[:trained, :steps].flatten(1, 2) for buffer in (tape.seen, tape.x, tape.h, tape.d_x, tape.d_h)
        )
        flat_d_q = d_q.flatten(1, 2)
        torch.bmm(h.mT, flat_d_q, out=gradient.w3)
        back_through_relu(flat_d_q, weights.w3[:trained], h[..., :-1], into=d_h)
        torch.bmm(x.mT, d_h, out=gradient.w2)
        back_through_relu(d_h, weights.w2[:trained], x[..., :-1], into=d_x)
        torch.bmm(seen.mT, d_x, out=gradient.w1)
        return tape.gradient
