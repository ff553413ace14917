"""The Q-network without memory of every agent of every replica, as one batched program with its own backward pass.

    x = relu(W1 o + b1),   h = relu(W2 x + b2),   q = W3 h + b3

EPyMARL's agent with ``use_rnn: False``, with PyTorch's initial weights.
"""

import torch
from torch import Tensor

from dvdn_sim.learners.acting import feed_forward_q
from dvdn_sim.learners.q_network import QNetwork, Tape, Weights, back_through_relu


class FeedForwardTape(Tape):
    """Of `FeedForwardQ`: what its layers give, and their gradients."""

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        trained, (_, steps, batch, _) = len(self.seen), self.x.shape
        self.h = torch.ones_like(self.x)
        self.d_x = like.new_empty(trained, steps, batch, network.hidden)
        self.d_h = torch.empty_like(self.d_x)

    def forward(self, weights: Weights, observations: Tensor) -> Tensor:
        w1, w2, w3 = weights
        x = self.first_layer(w1, observations)
        steps = x.shape[1]
        h, q = self.h[:, :steps], self.q[:, :steps]
        torch.bmm(x.flatten(1, 2), w2, out=h.flatten(1, 2)[..., :-1])
        h[..., :-1].relu_()
        torch.bmm(h.flatten(1, 2), w3, out=q.flatten(1, 2))
        return q

    def backward(self, weights: Weights, d_q: Tensor) -> Tensor:
        trained, steps = d_q.shape[:2]
        _, w2, w3 = (weight[:trained] for weight in weights)
        d_w1, d_w2, d_w3 = self.gradients
        seen, x, h, d_x, d_h = (
            buffer[:trained, :steps].flatten(1, 2) for buffer in (self.seen, self.x, self.h, self.d_x, self.d_h)
        )
        flat_d_q = d_q.flatten(1, 2)
        torch.bmm(h.mT, flat_d_q, out=d_w3)
        back_through_relu(flat_d_q, w3, h[..., :-1], into=d_h)
        torch.bmm(x.mT, d_h, out=d_w2)
        back_through_relu(d_h, w2, x[..., :-1], into=d_x)
        torch.bmm(seen.mT, d_x, out=d_w1)
        return self.gradient


class FeedForwardQ(QNetwork):
    """Two hidden layers.

    >>> FeedForwardQ(obs_dim=18, hidden=128, n_actions=5).parameter_count
    19589
    """

    tape_kind = FeedForwardTape
    act = staticmethod(feed_forward_q)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """W1, W2 and W3, whose last rows are the biases: P = H(D+1) + H(H+1) + A(H+1)."""
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return (d + 1, h), (h + 1, h), (h + 1, a)
