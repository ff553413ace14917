"""The recurrent Q-network of every agent of every replica, as one batched program with its own backward pass.

    x_t = relu(W1 o_t + b1),   h_t = GRU(x_t, h_{t-1}),   q_t = W3 h_t + b3        (h_{-1} = 0)

EPyMARL's DRQN agent: fc-GRU-fc, with PyTorch's gate equations and initial weights. With i what the gates get from x and
g what they get from h_{t-1},

    r = σ(i_r + g_r),  z = σ(i_z + g_z),  n = tanh(i_n + r g_n),  h_t = n + z (h_{t-1} - n).

What makes it fast: products are one per layer over all time steps, but for those with h; and what stands between
products is one compiled loop per step on a CPU. `step` and `step_back` are that, `plain_step` and `plain_step_back`
the same in torch, for other devices; a test holds them equal.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dvdn_sim.compiled import compiled
from dvdn_sim.learners import transfer
from dvdn_sim.learners.acting import sigmoid, tanh
from dvdn_sim.learners.q_network import IN_CACHE, Edges, QNetwork, Tape, back_through_relu, kept_rows

Array = NDArray[np.floating[Any]]


class RecurrentTape(Tape):
    """Of `RecurrentQ`: its states, and what the backward pass needs of each step.

    States begin with as many rows of zeros as there are sequences, the states before the first step. Both passes go
    through a stretch of steps at a time, so that what its products give is in the cache when it is needed.

    Attributes:
        states: ``[M, B + L, H + 1]``.
        gates: i, then r, z and n, then the derivatives by i, ``[M, L, 3H]``.
        to_new: g_n, ``[M, L, H]``.
        d_hidden: Of a stretch, dL/dh, and then dL/dx.
        d_from_state: Of a stretch, derivatives by g, each in the row of the state that g came from.
    """

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        trained, (networks, rows, _), h, batch = len(self.seen), self.x.shape, network.hidden, sizes["batch"]
        by_numba = transfer.compiled_for(like)
        fitting = IN_CACHE // (networks * 3 * h) if by_numba else rows
        self.stretch = min(max(fitting, batch), rows)
        self.states = like.new_ones(networks, batch + rows, h + 1)
        self.states[:, :batch, :h] = 0.0
        self.gates = like.new_empty(networks, rows, 3 * h)
        self.to_new = like.new_empty(networks, rows, h)
        self.d_hidden = like.new_empty(trained, self.stretch, h)
        self.d_from_state = like.new_empty(trained, batch + self.stretch, 3 * h)
        # Of the step under way; small, so that they stay in a core's cache.
        self.state = like.new_ones(networks, batch, h + 1)
        from_state = like.new_empty(networks, batch, 3 * h)
        through, d_before, d_now = (like.new_empty(trained, batch, width) for width in (h, h, 3 * h))
        # Their first rows, as many as there may be. What products write is in one piece: if it is not, the product of
        # each network is a call of its own.
        counts = range(batch + 1)
        self._read = [[each[:, :rows] for each in (self.state, d_now)] for rows in counts]
        self._written = [[in_one_piece(each, rows) for each in (from_state, through)] for rows in counts]
        self._step: Callable[..., None] = step if by_numba else plain_step
        self._step_back: Callable[..., None] = step_back if by_numba else plain_step_back
        kept, d_kept = (self.gates, self.to_new, self.states), (self.d_hidden, self.d_from_state)
        given = [*self._written, (self.state, *kept), (d_before, d_now, *kept, *d_kept)]
        *self._given, self._forth, self._back = [
            [each.numpy() if by_numba else each for each in all_] for all_ in given
        ]
        states, gates, x = (each[:trained] for each in (self.states, self.gates, self.x))
        self._rows = {
            "gates": kept_rows(self.gates), "states": kept_rows(self.states.mT, 2), "q": kept_rows(self.q, 2),
            "own gates": kept_rows(gates), "own states": kept_rows(states), "states for g": kept_rows(states.mT, 2),
            "own x": kept_rows(x[..., :-1]), "x for gates": kept_rows(x.mT, 2), "seen": kept_rows(self.seen.mT, 2),
            "d_hidden": kept_rows(self.d_hidden), "d_from_state": kept_rows(self.d_from_state),
            "d_q": kept_rows(self.d_q, 2), "d_q by rows": kept_rows(self.d_q.mT),
        }  # fmt: skip

    def forward(self, edges: Edges) -> None:
        _, wi, wh, w3 = self.weights
        at, rows = edges.tolist(), self._rows
        self.state[..., :-1] = 0.0
        for start, stop in stretches(at, self.stretch):
            first, end = at[start + 1], at[stop + 1]
            torch.bmm(self.first_layer(first, end), wi, out=rows["gates"](first, end))
            for t in range(start, stop):
                count = at[t + 2] - at[t + 1]
                torch.bmm(self._read[count][0], wh, out=self._written[count][0])
                self._step(edges, t, self._given[count][0], *self._forth)
        torch.bmm(w3.mT, rows["states"](-at[0], at[-1] - at[0]), out=rows["q"](0, at[-1]))

    def backward(self, edges: Edges) -> Tensor:
        d_w1, d_wi, d_wh, d_w3 = self.gradients
        _, wi, wh, w3 = self.trained_weights
        recurrent, from_q = wh[:, :-1].mT.contiguous(), w3[:, :-1].mT
        at, rows, count = edges.tolist(), self._rows, 0
        earlier = 0.0  # what stands in the gradients and is to be kept: nothing, until the second stretch
        for start, stop in reversed(stretches(at, self.stretch)):
            first, end, before, until = at[start + 1], at[stop + 1], at[start] - at[0], at[stop] - at[0]
            d_hidden = rows["d_hidden"](0, end - first)
            torch.bmm(rows["d_q by rows"](first, end), from_q, out=d_hidden)
            for t in range(stop - 1, start - 1, -1):
                self._step_back(edges, t, start, self._given[count][1], *self._back)
                count = at[t + 2] - at[t + 1]
                if t > 0:
                    torch.bmm(self._read[count][1], recurrent, out=self._written[count][1])
            d_gates, d_from_state = rows["own gates"](first, end), rows["d_from_state"](0, until - before)
            d_wh.baddbmm_(rows["states for g"](before, until), d_from_state, beta=earlier)
            d_wi.baddbmm_(rows["x for gates"](first, end), d_gates, beta=earlier)
            d_x = back_through_relu(d_gates, wi, rows["own x"](first, end), into=d_hidden)
            d_w1.baddbmm_(rows["seen"](first, end), d_x, beta=earlier)
            earlier = 1.0
        d_w3.copy_(torch.bmm(rows["d_q"](0, at[-1]), rows["own states"](-at[0], at[-1] - at[0])).mT)
        return self.gradient


def in_one_piece(buffer: Tensor, rows: int) -> Tensor:
    """View the beginning of a buffer as one that has so many rows for each network."""
    networks, _, width = buffer.shape
    return buffer.view(-1)[: networks * rows * width].view(networks, rows, width)


def stretches(edges: Sequence[int], rows: int) -> list[tuple[int, int]]:
    """Return where stretches of steps begin and end that have so many rows at most, or are one step.

    >>> stretches([-3, 0, 3, 6, 8, 9], 6)
    [(0, 2), (2, 4)]
    """
    starts = [0]
    for t in range(1, len(edges) - 2):
        if edges[t + 2] - edges[starts[-1] + 1] > rows:
            starts.append(t)
    return list(pairwise([*starts, len(edges) - 2]))


class RecurrentQ(QNetwork):
    """A layer, a GRU, and a layer.

    >>> RecurrentQ(obs_dim=18, hidden=64, n_actions=6).parameter_count
    26566
    """

    tape_kind = RecurrentTape
    recurrent = True

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """W1, W_i, W_h and W3, whose last rows are the biases: P = H(D+1) + 6H² + 6H + A(H+1).

        Gate columns are reset, update, new.
        """
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return (d + 1, h), (h + 1, 3 * h), (h + 1, 3 * h), (h + 1, a)


@compiled
def step(edges: Edges, t: int, from_state: Array, state: Array, gates: Array, to_new: Array, states: Array) -> None:
    """Take a step with all networks: `state` holds h_{t-1}, and then h_t, which is kept in `states`, too.

    g is in `from_state`, and i in the rows of `gates`, which r z n take.
    """
    h, first, count = to_new.shape[2], edges[t + 1], edges[t + 2] - edges[t + 1]
    z, n, kept = h, 2 * h, first - edges[0]  # where they begin; slices of rows would cost as much as the gates
    for network in range(len(states)):
        for k in range(count):
            row = first + k
            for j in range(2 * h):
                gates[network, row, j] = sigmoid(gates[network, row, j] + from_state[network, k, j])
            for j in range(h):
                g = from_state[network, k, n + j]
                gates[network, row, n + j] = tanh(gates[network, row, n + j] + gates[network, row, j] * g)
            for j in range(h):
                new = gates[network, row, n + j]
                state[network, k, j] = new + gates[network, row, z + j] * (state[network, k, j] - new)
            for j in range(h):
                states[network, kept + k, j] = state[network, k, j]
            for j in range(h):
                to_new[network, row, j] = from_state[network, k, n + j]


def plain_step(
    edges: Edges, t: int, from_state: Tensor, state: Tensor, gates: Tensor, to_new: Tensor, states: Tensor
) -> None:
    """Do what `step` does, in torch."""
    h, (first, end), lead = to_new.shape[2], edges[t + 1 : t + 3].tolist(), -edges[0]
    own, g, current = gates[:, first:end], from_state[:, : end - first], state[:, : end - first, :h]
    r, z, n = torch.split(own, h, -1)
    own[..., : 2 * h].add_(g[..., : 2 * h]).sigmoid_()
    to_new[:, first:end] = g[..., 2 * h :]
    n.addcmul_(r, g[..., 2 * h :]).tanh_()
    current.copy_(torch.lerp(n, current, z))
    states[:, lead + first : lead + end, :h] = current


@compiled
def step_back(
    edges: Edges, t: int, start: int, through: Array, d_before: Array, d_now: Array,
    gates: Array, to_new: Array, states: Array, d_hidden: Array, d_from_state: Array,
) -> None:  # fmt: skip
    """Go back through step t: from dL/dh_t to the derivatives by i, in place of r z n, and by g, `d_now`.

    dL/dh_t is what stands in `d_hidden` and, of sequences that went on, what came back from the step after t: past its
    gates, in `d_before`, where z dL/dh_t follows; and `through` them, by g.

    `d_hidden` and `d_from_state` begin with those of step `start`. `d_from_state` takes `d_now`, and zeros for states
    of which nothing came, so that one product over all rows gives the gradient of W_h.
    """
    h, before, first, count = to_new.shape[2], edges[t] - edges[0], edges[t + 1], edges[t + 2] - edges[t + 1]
    z, n, hidden_row, state_row = h, 2 * h, first - edges[start + 1], edges[t] - edges[start]
    went_on = edges[t + 3] - edges[t + 2] if t + 3 < len(edges) else 0
    one = gates.dtype.type(1.0)
    for i in range(len(d_hidden)):
        for k in range(count):
            row, d_row, kept = first + k, hidden_row + k, state_row + k
            if k < went_on:
                for j in range(h):
                    d_hidden[i, d_row, j] += d_before[i, k, j] + through[i, k, j]
            for j in range(h):
                d_before[i, k, j] = gates[i, row, z + j] * d_hidden[i, d_row, j]
            for j in range(h):
                apart = states[i, before + k, j] - gates[i, row, n + j]
                d_now[i, k, z + j] = apart * gates[i, row, z + j] * (d_hidden[i, d_row, j] - d_before[i, k, j])
            for j in range(h):
                new = gates[i, row, n + j]
                gates[i, row, n + j] = (one - new * new) * (d_hidden[i, d_row, j] - d_before[i, k, j])
            for j in range(h):
                d_now[i, k, n + j] = gates[i, row, n + j] * gates[i, row, j]
            for j in range(h):
                d_now[i, k, j] = d_now[i, k, n + j] * (one - gates[i, row, j]) * to_new[i, row, j]
            for j in range(2 * h):
                gates[i, row, j] = d_now[i, k, j]
            for j in range(3 * h):
                d_from_state[i, kept, j] = d_now[i, k, j]
        d_from_state[i, state_row + count : first - edges[start]] = 0


def plain_step_back(
    edges: Edges, t: int, start: int, through: Tensor, d_before: Tensor, d_now: Tensor,
    gates: Tensor, to_new: Tensor, states: Tensor, d_hidden: Tensor, d_from_state: Tensor,
) -> None:  # fmt: skip
    """Do what `step_back` does, in torch."""
    trained, h, (before, first, end, *after) = len(d_hidden), to_new.shape[2], edges[t : t + 4].tolist()
    count, row, lead, went_on = end - first, first - edges[start + 1], -edges[0], after[0] - end if after else 0
    own, d = gates[:trained, first:end], d_hidden[:, row : row + count]
    r, z, n = torch.split(own, h, -1)
    d[:, :went_on] += d_before[:, :went_on] + through[:, :went_on]
    d_new = d - torch.mul(z, d, out=d_before[:, :count])
    d_z = (states[:trained, lead + before :][:, :count, :h] - n) * z * d_new
    d_n = torch.addcmul(d_new, d_new * n, n, value=-1)
    d_g_n = d_n * r
    d_r = torch.addcmul(d_g_n, d_g_n, r, value=-1) * to_new[:trained, first:end]
    torch.cat([d_r, d_z, d_n], -1, out=own)
    kept = d_from_state[:, before - edges[start] : first - edges[start]]
    kept[:, :count], kept[:, count:] = torch.cat([d_r, d_z, d_g_n], -1, out=d_now[:, :count]), 0
