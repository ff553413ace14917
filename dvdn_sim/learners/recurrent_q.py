"""The recurrent Q-network of every agent of every replica, as one batched program with its own backward pass.

    x_t = relu(W1 o_t + b1),   h_t = GRU(x_t, h_{t-1}),   q_t = W3 h_t + b3        (h_{-1} = 0)

EPyMARL's DRQN agent: fc-GRU-fc, with PyTorch's gate equations and initial weights. With i what the gates get from x and
g what they get from h_{t-1},

    r = σ(i_r + g_r),  z = σ(i_z + g_z),  n = tanh(i_n + r g_n),  h_t = n + z (h_{t-1} - n).

`RecurrentTape` is that in torch, for devices, `CompiledRecurrentTape` on the host. A test holds both to torch's GRU.
"""

import torch
from torch import Tensor

from dvdn_sim.learners.q_network import Edges, QNetwork, TorchTape, back_through_relu
from dvdn_sim.learners.recurrent_compiled import CompiledRecurrentTape


class RecurrentTape(TorchTape):
    """Of `RecurrentQ`: its states, and what the backward pass needs of each step.

    States begin with as many rows of zeros as there are sequences, the states before the first step.

    Attributes:
        states: ``[M, B + L, H + 1]``.
        gates: i, then r, z and n, then the derivatives by i, ``[M, L, 3H]``.
        to_new: g_n, ``[M, L, H]``.
        d_hidden: dL/dh, and then dL/dx, ``[m, L, H]``.
        d_from_state: Derivatives by g, each in the row of the state that g came from, ``[m, B + L, 3H]``.
    """

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        trained, (networks, rows, _), h, batch = len(self.seen), self.x.shape, network.hidden, sizes["batch"]
        self.states = like.new_ones(networks, batch + rows, h + 1)
        self.states[:, :batch, :h] = 0.0
        self.gates = like.new_empty(networks, rows, 3 * h)
        self.to_new = like.new_empty(networks, rows, h)
        self.d_hidden = like.new_empty(trained, rows, h)
        self.d_from_state = like.new_empty(trained, batch + rows, 3 * h)

    def forward(self, edges: Edges) -> None:
        (_, wi, wh, w3), at, h = self.weights, edges.tolist(), self.network.hidden
        lead, rows = -at[0], at[-1]
        torch.bmm(self.first_layer(rows), wi, out=self.gates[:, :rows])
        for before, first, end in zip(at, at[1:], at[2:], strict=False):
            old, own = self.states[:, lead + before : lead + before + end - first], self.gates[:, first:end]
            g = torch.bmm(old, wh)
            r, _, n = torch.split(own, h, -1)
            own[..., : 2 * h].add_(g[..., : 2 * h]).sigmoid_()
            self.to_new[:, first:end] = g[..., 2 * h :]
            n.addcmul_(r, g[..., 2 * h :]).tanh_()
            self.states[:, lead + first : lead + end, :h] = torch.lerp(n, old[..., :h], own[..., h : 2 * h])
        torch.bmm(w3.mT, self.states[:, lead : lead + rows].mT, out=self.q[..., :rows])

    def backward(self, edges: Edges) -> Tensor:
        (_, wi, wh, w3), (d_w1, d_wi, d_wh, d_w3) = self.trained_weights, self.gradients
        at, h, trained = edges.tolist(), self.network.hidden, len(self.gradient)
        lead, rows = -at[0], at[-1]
        left = lead + at[-2]  # states that a step began from
        d_q, d_hidden, d_from_state = self.d_q[..., :rows], self.d_hidden[:, :rows], self.d_from_state[:, :left]
        states, gates, x = self.states[:trained], self.gates[:trained, :rows], self.x[:trained, :rows]
        torch.bmm(d_q.mT, w3[:, :-1].mT, out=d_hidden)
        d_from_state.zero_()  # of states of which nothing came
        came_back = d_hidden[:, :0]
        for before, first, end in reversed(list(zip(at, at[1:], at[2:], strict=False))):
            here = slice(lead + before, lead + before + end - first)
            d, own, old, g_n = d_hidden[:, first:end], gates[:, first:end], states[:, here, :h], self.to_new[:trained]
            d[:, : came_back.shape[1]] += came_back
            r, z, n = torch.split(own, h, -1)
            d_new = d * (1 - z)
            d_z = (old - n) * z * d_new
            d_n = (1 - n * n) * d_new
            d_r = d_n * r * (1 - r) * g_n[:, first:end]
            came_back = z * d
            d_g = torch.cat([d_r, d_z, d_n * r], -1)
            d_from_state[:, here] = d_g
            torch.cat([d_r, d_z, d_n], -1, out=own)
            came_back += torch.bmm(d_g, wh[:, :-1].mT)
        torch.bmm(states[:, :left].mT, d_from_state, out=d_wh)
        torch.bmm(x.mT, gates, out=d_wi)
        d_x = back_through_relu(gates, wi, x[..., :-1], into=d_hidden)
        torch.bmm(self.seen[:, :rows].mT, d_x, out=d_w1)
        d_w3.copy_(torch.bmm(d_q, states[:, lead : lead + rows]).mT)
        return self.gradient


class RecurrentQ(QNetwork):
    """A layer, a GRU, and a layer.

    >>> RecurrentQ(obs_dim=18, hidden=64, n_actions=6).parameter_count
    26566
    """

    tapes = CompiledRecurrentTape, RecurrentTape
    recurrent = True

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """W1, W_i, W_h and W3, whose last rows are the biases: P = H(D+1) + 6H² + 6H + A(H+1).

        Gate columns are reset, update, new.
        """
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return (d + 1, h), (h + 1, 3 * h), (h + 1, 3 * h), (h + 1, a)
