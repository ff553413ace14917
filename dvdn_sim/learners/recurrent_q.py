"""The recurrent Q-network of every agent of every replica, as one batched program with its own backward pass.

    x_t = relu(W1 o_t + b1),   h_t = GRU(x_t, h_{t-1}),   q_t = W3 h_t + b3        (h_{-1} = 0)

EPyMARL's DRQN agent: fc-GRU-fc, with PyTorch's gate equations and initial weights.

What makes it fast: weight gradients are one matrix product per layer over all time steps, with biases as one more input
that is always 1. The forward pass leaves no gates but the factors that multiply dL/dh_t, computed while the gates are
in the cache, so that the backward pass has three operations per step: scale, multiply by the recurrent weights, add.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from dvdn_sim.learners.acting import recurrent_q
from dvdn_sim.learners.q_network import QNetwork, Tape, Weights, back_through_relu


class Factors(NamedTuple):
    """What multiplies dL/dh_t at one step on its way to the gates, ``[m, B, H]`` each; views into a tape."""

    state: Tensor  # h_t itself
    carry: Tensor  # to h_{t-1}, beside the way through the gates
    to_new: Tensor  # to i_n
    to_reset: Tensor
    to_update: Tensor
    to_from_hidden: Tensor


class RecurrentTape(Tape):
    """Of `RecurrentQ`: its states, and what the backward pass needs of each step."""

    def __init__(self, network: QNetwork, like: Tensor, **sizes: int) -> None:
        super().__init__(network, like, **sizes)
        trained, (networks, steps, batch, _), h = len(self.seen), self.x.shape, network.hidden
        self.states = like.new_zeros(networks, steps + 1, batch, h)  # entry 0 is the state before the first step
        # Of the step under way; small, so that they stay in a core's cache.
        self.gate = like.new_empty(networks, batch, 3 * h)
        self.new = like.new_empty(networks, batch, h)
        self.scratch = like.new_empty(trained, batch, h)
        # What the backward pass needs of each step; it turns d_gates from factors into gradients.
        self.carry = like.new_empty(trained, steps, batch, h)
        self.to_new = like.new_empty(trained, steps, batch, h)
        self.d_gates = like.new_empty(trained, steps, batch, 3 * h)
        self.d_hidden = like.new_empty(trained, steps, batch, h)
        # Views of each step, made once: making them costs as much as a small operation on them.
        reset, update, from_hidden = torch.split(self.gate[:trained], h, dim=-1)
        self.trained_gates = reset, update, from_hidden, self.new[:trained]
        self.one = like.new_ones(())  # the number 1, as an operand
        before, after = self.states[:, :-1].unbind(1), self.states[:, 1:].unbind(1)
        self.forward_steps = list(zip(self.x.unbind(1), before, after, strict=True))
        kept = (self.states[:trained, 1:], self.carry, self.to_new, *torch.split(self.d_gates, h, dim=-1))
        self.factors = [Factors(*views) for views in zip(*(buffer.unbind(1) for buffer in kept), strict=True)]
        per_gate = self.d_gates.view(trained, steps, batch, 3, h)
        summed = (per_gate, self.d_hidden.unsqueeze(-2), self.d_gates, self.d_hidden, self.carry)
        self.backward_steps = list(zip(*(buffer.unbind(1) for buffer in summed), strict=True))

    def forward(self, weights: Weights, observations: Tensor) -> Tensor:
        w1, wi, wh, bh, w3, b3 = weights
        steps = self.first_layer(w1, observations).shape[1]
        self._recur(wi, wh, bh, steps)
        q = self.q[:, :steps]
        torch.baddbmm(b3, self.states[:, 1 : steps + 1].flatten(1, 2), w3, out=q.flatten(1, 2))
        return q

    def _recur(self, wi: Tensor, wh: Tensor, bh: Tensor, steps: int) -> None:
        """The loop over time. Leaves the states, and what the backward pass needs of each step."""
        gate, new = self.gate, self.new
        h = new.shape[-1]
        from_input = wi.clone()
        from_input[:, -1:, : 2 * h] += bh[..., : 2 * h]
        bias = bh[..., 2 * h :]
        reset_update, from_hidden = gate[..., : 2 * h], gate[..., 2 * h :]
        reset, update = gate[..., :h], gate[..., h : 2 * h]
        for (x, state, next_state), factors in zip(self.forward_steps[:steps], self.factors, strict=False):
            torch.bmm(x, from_input, out=gate)
            new.copy_(from_hidden)
            from_hidden.copy_(bias)
            gate.baddbmm_(state, wh)
            reset_update.sigmoid_()
            new.addcmul_(reset, from_hidden).tanh_()
            torch.lerp(new, state, update, out=next_state)
            self._keep_factors(factors)

    def _keep_factors(self, factors: Factors) -> None:
        """What the backward pass needs of one step of the trained networks.

        With h_t = n + z (h_{t-1} - n), n = tanh(i_n + r g) and g = W_hn h_{t-1} + b_hn, dh_t is multiplied by
        (1-z)(1-n²) for i_n, that times r for g, that times r (1-r) g for r, and (h_{t-1} - n) z (1-z) =
        (h_t - n)(1-z) for z.
        """
        reset, update, from_hidden, new = self.trained_gates
        scratch = self.scratch
        factors.carry.copy_(update)
        torch.addcmul(self.one, new, new, value=-1, out=scratch)
        torch.addcmul(scratch, scratch, update, value=-1, out=factors.to_new)
        torch.mul(factors.to_new, reset, out=factors.to_from_hidden)
        torch.addcmul(factors.to_from_hidden, factors.to_from_hidden, reset, value=-1, out=scratch)
        torch.mul(scratch, from_hidden, out=factors.to_reset)
        torch.sub(factors.state, new, out=scratch)
        torch.addcmul(scratch, scratch, update, value=-1, out=factors.to_update)

    def backward(self, weights: Weights, d_q: Tensor) -> Tensor:
        trained, steps = d_q.shape[:2]
        _, wi, wh, _, w3, _ = (weight[:trained] for weight in weights)
        *_, d_w3, d_b3 = self.gradients
        after = self.states[:trained, 1 : steps + 1].flatten(1, 2)
        flat_d_q = d_q.flatten(1, 2)
        torch.bmm(after.mT, flat_d_q, out=d_w3)
        torch.sum(flat_d_q, dim=1, keepdim=True, out=d_b3)
        torch.bmm(flat_d_q, w3.mT, out=self.d_hidden[:, :steps].flatten(1, 2))
        self._recur_back(wh, steps)
        self._weight_gradients(wi, steps)
        return self.gradient

    def _recur_back(self, wh: Tensor, steps: int) -> None:
        """The loop over time, backwards: completes dL/dh_t in `d_hidden` and turns factors into dL/d(gates)."""
        recurrent = wh.mT.contiguous()
        product = torch.empty_like(self.scratch)
        for t in range(steps - 1, -1, -1):
            per_gate, per_state, d_gate, d_state, carry = self.backward_steps[t]
            per_gate.mul_(per_state)
            if t:
                torch.bmm(d_gate, recurrent, out=product)
                self.backward_steps[t - 1][3].add_(product).addcmul_(d_state, carry)

    def _weight_gradients(self, wi: Tensor, steps: int) -> None:
        """Write the remaining weight gradients, one matrix product per layer over all time steps.

        `d_gates` and `d_hidden` are overwritten.
        """
        d_w1, d_wi, d_wh, d_bh, *_ = self.gradients
        d_gates, d_hidden = self.d_gates[:, :steps], self.d_hidden[:, :steps]
        trained, h = len(d_gates), d_hidden.shape[-1]
        flat, before = d_gates.flatten(1, 2), self.states[:trained, :steps].flatten(1, 2)
        x = self.x[:trained, :steps].flatten(1, 2)
        torch.bmm(before.mT, flat, out=d_wh)
        torch.sum(flat[..., 2 * h :], dim=1, keepdim=True, out=d_bh[..., 2 * h :])

        torch.mul(d_hidden, self.to_new[:, :steps], out=d_gates[..., 2 * h :])
        torch.bmm(x.mT, flat, out=d_wi)
        d_bh[..., : 2 * h] = d_wi[:, -1:, : 2 * h]

        d_x = d_hidden.flatten(1, 2)
        back_through_relu(flat, wi, x[..., :-1], into=d_x)
        torch.bmm(self.seen[:, :steps].flatten(1, 2).mT, d_x, out=d_w1)


class RecurrentQ(QNetwork):
    """A layer, a GRU, and a layer.

    >>> RecurrentQ(obs_dim=18, hidden=64, n_actions=6).parameter_count
    26566
    """

    tape_kind = RecurrentTape
    act = staticmethod(recurrent_q)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """W1 and W_i, whose last rows are the biases, W_h, b_h, W3 and b3: P = H(D+1) + 6H² + 6H + A(H+1).

        Gate columns are reset, update, new.
        """
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return (d + 1, h), (h + 1, 3 * h), (h, 3 * h), (1, 3 * h), (h, a), (1, a)
