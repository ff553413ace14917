"""The Q-network without memory of every agent of every replica, as one batched program with its own backward pass.

    x = relu(W1 o + b1),   h = relu(W2 x + b2),   q = W3 h + b3

EPyMARL's agent with ``use_rnn: False``, with PyTorch's initial weights.
"""

import torch
from torch import Tensor

from dvdn_sim.learners.q_network import Edges, QNetwork, TorchTape, back_through_relu


class FeedForwardTape(TorchTape):
    """Of `FeedForwardQ`: what its layers give, and their gradients."""

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        self.h = torch.ones_like(self.x)
        self.d_h = like.new_empty(len(self.seen), self.x.shape[1], network.hidden)
        self.d_x = torch.empty_like(self.d_h)

    def forward(self, edges: Edges) -> None:
        _, w2, w3 = self.weights
        rows = int(edges[-1])
        h = self.h[:, :rows]
        torch.bmm(self.first_layer(rows), w2, out=h[..., :-1])
        h[..., :-1].relu_()
        torch.bmm(w3.mT, h.mT, out=self.q[..., :rows])

    def backward(self, edges: Edges) -> Tensor:
        d_w1, d_w2, d_w3 = self.gradients
        trained, rows = len(self.gradient), edges[-1]
        _, w2, w3 = self.trained_weights
        d_q, x, h = self.d_q[..., :rows], self.x[:trained, :rows], self.h[:trained, :rows]
        d_w3.copy_(torch.bmm(d_q, h).mT)
        d_h = back_through_relu(d_q.mT, w3, h[..., :-1], into=self.d_h[:, :rows])
        torch.bmm(x.mT, d_h, out=d_w2)
        d_x = back_through_relu(d_h, w2, x[..., :-1], into=self.d_x[:, :rows])
        torch.bmm(self.seen[:, :rows].mT, d_x, out=d_w1)
        return self.gradient


class FeedForwardQ(QNetwork):
    """Two hidden layers.

    >>> FeedForwardQ(obs_dim=18, hidden=128, n_actions=5).parameter_count
    19589
    """

    tapes = FeedForwardTape, FeedForwardTape
    recurrent = False

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """W1, W2 and W3, whose last rows are the biases: P = H(D+1) + H(H+1) + A(H+1)."""
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return (d + 1, h), (h + 1, h), (h + 1, a)
