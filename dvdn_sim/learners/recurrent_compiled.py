"""The tape of `RecurrentQ` on the host: forward and back through all networks in one compiled call each.

It goes network by network and step by step, so that weights, and what one product gives and the next one takes, are in
the cache. What is kept for the way back is kept of the trained networks alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dvdn_sim.compiled import compiled, inlined, inner
from dvdn_sim.learners.acting import sigmoid, tanh
from dvdn_sim.learners.products import LANES, multiply
from dvdn_sim.learners.q_network import Edges, QNetwork, Tape

Array = NDArray[np.floating[Any]]
Weights = tuple[Array, ...]
"""W1, W_i, W_h and W3 of all networks, ``[M, inputs + 1, outputs]`` each."""
Kept = tuple[Array, Array, Array, Array]
"""What `forward` leaves of each trained network, and of the one of all others that is under way, some rows of it:

x, ``[m + 1, L, H + 1]``; r, z and n, ``[m + 1, L, 3H]``; g_n, ``[m + 1, L, H]``; and states, ``[m + 1, B + L, H + 1]``,
which begin with as many rows of zeros as there are sequences."""


class CompiledRecurrentTape(Tape):
    """Of `RecurrentQ`; see the module."""

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        self.batch, (trained, rows, _), h = sizes["batch"], self.seen.shape, network.hidden
        self._weights = tuple(each.numpy() for each in network.weights(self.parameters))
        self._gradients = tuple(each.numpy() for each in network.weights(self.gradient))
        self._seen, self._q, self._d_q = (each.numpy() for each in (self.seen, self.q, self.d_q))
        kept = like.new_ones(trained + 1, rows, h + 1), *(like.new_empty(trained + 1, rows, w) for w in (3 * h, h))
        states = like.new_ones(trained + 1, self.batch + rows, h + 1)
        self._kept: Kept = tuple(each.numpy() for each in (*kept, states))  # type: ignore[assignment]
        self.backward(np.zeros(2, np.int64))  # of no step: compiled now, while another process compiles the network

    def forward(self, edges: Edges) -> None:
        forward(edges, self._weights, self._seen, self._kept, self._q)

    def backward(self, edges: Edges) -> Tensor:
        backward(edges, self._weights, self._seen, self._kept, self._d_q, self._gradients)
        return self.gradient


@inner
def transposed(a: Array, rows: int, into: Array) -> Array:
    """Write the first rows of a matrix as columns."""
    for i in range(rows):
        for j in range(a.shape[1]):
            into[j, i] = a[i, j]
    return into


@inlined
def rows_of(edges: Edges, t: int) -> tuple[int, int, int, int]:
    """Return where a step's rows begin, how many there are, and where the states before and after it begin."""
    return edges[t + 1], edges[t + 2] - edges[t + 1], edges[t] - edges[0], edges[t + 1] - edges[0]


@compiled
def forward(edges: Edges, weights: Weights, seen: Array, kept: Kept, q: Array) -> None:
    """Write Q-values ``[M, A, L]`` of what is seen, ``[m, L, D + 1]``; see `Tape.forward`."""
    (x, gates, to_new, states), (trained, _, _), (_, actions, _) = kept, seen.shape, q.shape
    batch, h, kind = -edges[0], to_new.shape[2], q.dtype
    wide = -(-actions // LANES) * LANES  # narrower products would be slow
    from_state, out, w_out = (
        np.empty((batch, 3 * h), kind),
        np.empty((batch, wide), kind),
        np.zeros((h + 1, wide), kind),
    )
    w1, wi, wh, w3 = weights
    for network in range(len(q)):
        own, online = min(network, trained), network < trained
        for i in range(h + 1):
            for action in range(actions):
                w_out[i, action] = w3[network, i, action]
        for k in range(batch):
            for j in range(h):
                states[own, k, j] = 0.0
        for t in range(len(edges) - 2):
            first, count, before, after = rows_of(edges, t)
            row = first if online else 0
            if not online:
                before = after = 0
            x_t, observed = x[own, row : row + count], seen[network % trained, first : first + count]
            multiply(observed, w1[network], x_t[:, :h])
            for k in range(count):
                for j in range(h):
                    x_t[k, j] = max(x_t[k, j], x_t.dtype.type(0.0))
            multiply(x_t, wi[network], gates[own, row : row + count])
            multiply(states[own, before : before + count], wh[network], from_state)
            step(count, row, before, after, from_state, gates[own], to_new[own], states[own])
            multiply(states[own, after : after + count], w_out, out)
            for action in range(actions):
                for k in range(count):
                    q[network, action, first + k] = out[k, action]


@inlined
def step(
    count: int, row: int, before: int, after: int, from_state: Array, gates: Array, to_new: Array, states: Array
) -> None:
    """Take a network's step from i, in `gates`, which r, z and n take, and g, `from_state`."""
    h = to_new.shape[1]
    for k in range(count):
        for j in range(2 * h):
            gates[row + k, j] = sigmoid(gates[row + k, j] + from_state[k, j])
        for j in range(h):
            new = gates[row + k, 2 * h + j] + gates[row + k, j] * from_state[k, 2 * h + j]
            gates[row + k, 2 * h + j] = tanh(new)
        for j in range(h):
            new = gates[row + k, 2 * h + j]
            states[after + k, j] = new + gates[row + k, h + j] * (states[before + k, j] - new)
        for j in range(h):
            to_new[row + k, j] = from_state[k, 2 * h + j]


@compiled
def backward(edges: Edges, weights: Weights, seen: Array, kept: Kept, d_q: Array, gradients: Weights) -> None:
    """Write the gradient ``[m, P]`` from dL/dq, ``[m, A, L]``; see `Tape.backward`."""
    (x, gates, to_new, states), actions = kept, d_q.shape[1]
    batch, h, kind = -edges[0], to_new.shape[2], d_q.dtype
    wi_t, wh_t, w3_t = np.empty((3 * h, h), kind), np.empty((3 * h, h), kind), np.empty((actions, h), kind)
    d_w3, d_x, d_h = np.empty((actions, h + 1), kind), np.empty((batch, h), kind), np.empty((batch, h), kind)
    d_i, d_g = np.empty((batch, 3 * h), kind), np.empty((batch, 3 * h), kind)
    (_, wi, wh, w3), (d_w1, d_wi, d_wh, d_out) = weights, gradients
    for own in range(len(d_q)):
        transposed(wi[own], h, wi_t), transposed(wh[own], h, wh_t), transposed(w3[own], h, w3_t)
        went_on = 0
        for t in range(len(edges) - 3, -1, -1):
            first, count, before, after = rows_of(edges, t)
            rows, d_q_t = slice(first, first + count), d_q[own, :, first : first + count]
            for k in range(went_on, count):
                for j in range(h):
                    d_h[k, j] = 0.0
            multiply(d_q_t.T, w3_t, d_h, added=True)
            step_back(count, first, before, d_h, d_i, d_g, gates[own], to_new[own], states[own])
            multiply(d_q_t, states[own, after : after + count], d_w3, added=went_on > 0)
            multiply(states[own, before : before + count].T, d_g[:count], d_wh[own], added=went_on > 0)
            multiply(x[own, rows].T, d_i[:count], d_wi[own], added=went_on > 0)
            multiply(d_i[:count], wi_t, d_x)
            for k in range(count):
                for j in range(h):
                    d_x[k, j] = d_x[k, j] if x[own, first + k, j] > 0 else d_x.dtype.type(0.0)
            multiply(seen[own, rows].T, d_x[:count], d_w1[own], added=went_on > 0)
            if t > 0:
                multiply(d_g[:count], wh_t, d_h, added=True)
            went_on = count
        transposed(d_w3, actions, d_out[own])


@inlined
def step_back(
    count: int, row: int, before: int, d_h: Array, d_i: Array, d_g: Array, gates: Array, to_new: Array, states: Array
) -> None:
    """Go back from dL/dh_t, in `d_h`, to the derivatives by i and g; z dL/dh_t, past the gates, stays in `d_h`."""
    h, one = to_new.shape[1], gates.dtype.type(1.0)
    kept = np.empty(h, gates.dtype)
    for k in range(count):
        own = row + k
        for j in range(h):
            kept[j] = gates[own, h + j] * d_h[k, j]
        for j in range(h):
            apart = states[before + k, j] - gates[own, 2 * h + j]
            d_i[k, h + j] = apart * gates[own, h + j] * (d_h[k, j] - kept[j])
        for j in range(h):
            new = gates[own, 2 * h + j]
            d_i[k, 2 * h + j] = (one - new * new) * (d_h[k, j] - kept[j])
        for j in range(h):
            d_g[k, 2 * h + j] = d_i[k, 2 * h + j] * gates[own, j]
        for j in range(h):
            d_i[k, j] = d_g[k, 2 * h + j] * (one - gates[own, j]) * to_new[own, j]
        for j in range(2 * h):
            d_g[k, j] = d_i[k, j]
        for j in range(h):
            d_h[k, j] = kept[j]
