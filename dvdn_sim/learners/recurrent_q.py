"""The recurrent Q-network of every agent of every replica, as one batched program with its own backward pass.

    x_t = relu(W1 o_t + b1),   h_t = GRU(x_t, h_{t-1}),   q_t = W3 h_t + b3        (h_{-1} = 0)

EPyMARL's DRQN agent: fc-GRU-fc, with PyTorch's gate equations and initial weights. A *network* here is one row of a
parameter matrix ``[M, P]``; M counts agents, replicas and online/target copies alike, so no loop runs over any of them.

What makes it fast: weight gradients are one matrix product per layer over all time steps, with biases as one more input
that is always 1. The forward pass leaves no gates but the factors that multiply dL/dh_t, computed while the gates are
in the cache, so that the backward pass has three operations per step: scale, multiply by the recurrent weights, add.
Buffers are allocated once: fresh temporaries of this size cost as much in page faults as the arithmetic does.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dvdn_sim.learners.q_network import Inputs


class Weights(NamedTuple):
    """Views into a parameter matrix; products are ``input @ weight``, and gate columns are reset, update, new."""

    w1: Tensor  # [M, D + 1, H], the last row is the bias
    wi: Tensor  # [M, H + 1, 3H], the last row is the bias
    wh: Tensor  # [M, H, 3H]
    bh: Tensor  # [M, 1, 3H]
    w3: Tensor  # [M, H, A]
    b3: Tensor  # [M, 1, A]

    def leading(self, networks: int) -> "Weights":
        """The first `networks` networks."""
        return Weights(*(weight[:networks] for weight in self))


class Gates(NamedTuple):
    """Of the trained networks at the step under way, ``[m, B, H]`` each."""

    reset: Tensor
    update: Tensor
    from_hidden: Tensor
    new: Tensor
    one: Tensor  # the number 1, as an operand


class Factors(NamedTuple):
    """What multiplies dL/dh_t at one step on its way to the gates, ``[m, B, H]`` each; views into a tape."""

    state: Tensor  # h_t itself
    carry: Tensor  # to h_{t-1}, beside the way through the gates
    to_new: Tensor  # to i_n
    to_reset: Tensor
    to_update: Tensor
    to_from_hidden: Tensor


class Tape:
    """What `RecurrentQ.forward` leaves for `RecurrentQ.backward`, in buffers that are reused from call to call."""

    def __init__(
        self, network: "RecurrentQ", *, networks: int, trained: int, steps: int, batch: int, like: Tensor
    ) -> None:
        """Allocate the buffers; the arguments are those of `QNetwork.tape`."""
        h, a = network.hidden, network.n_actions
        self.inputs = Inputs(trained, steps, batch, network.obs_dim, like)
        self.x = like.new_ones(networks, steps, batch, h + 1)
        self.hidden = like.new_zeros(networks, steps + 1, batch, h)  # entry 0 is the state before the first step
        self.q = like.new_empty(networks, steps, batch, a)
        # Of the step under way; small, so that they stay in a core's cache.
        self.gate = like.new_empty(networks, batch, 3 * h)
        self.new = like.new_empty(networks, batch, h)
        self.scratch = like.new_empty(trained, batch, h)
        # What the backward pass needs of each step; it turns d_gates from factors into gradients.
        self.carry = like.new_empty(trained, steps, batch, h)
        self.to_new = like.new_empty(trained, steps, batch, h)
        self.d_gates = like.new_empty(trained, steps, batch, 3 * h)
        self.d_hidden = like.new_empty(trained, steps, batch, h)
        self.gradient = like.new_empty(trained, network.parameter_count)
        # Views of each step, made once: making them costs as much as a small operation on them.
        reset, update, from_hidden = torch.split(self.gate[:trained], h, dim=-1)
        self.gates = Gates(reset, update, from_hidden, self.new[:trained], like.new_ones(()))
        before, after = self.hidden[:, :-1].unbind(1), self.hidden[:, 1:].unbind(1)
        self.forward_steps = list(zip(self.x.unbind(1), before, after, strict=True))
        kept = (self.hidden[:trained, 1:], self.carry, self.to_new, *torch.split(self.d_gates, h, dim=-1))
        self.factors = [Factors(*views) for views in zip(*(buffer.unbind(1) for buffer in kept), strict=True)]
        per_gate = self.d_gates.view(trained, steps, batch, 3, h)
        summed = (per_gate, self.d_hidden.unsqueeze(-2), self.d_gates, self.d_hidden, self.carry)
        self.backward_steps = list(zip(*(buffer.unbind(1) for buffer in summed), strict=True))

    def keep(self, columns: Tensor) -> None:
        """Keep the last numbers of every observation; see `Inputs.keep`."""
        self.inputs.keep(columns)


@dataclass(frozen=True)
class RecurrentQ:
    """Sizes of the network, and the batched maths on it.

    Attributes:
        obs_dim: D, length of an observation.
        hidden: H, width of the first layer and of the GRU.
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
        """P = H(D+1) + 6H² + 6H + A(H+1).

        >>> RecurrentQ(obs_dim=18, hidden=64, n_actions=6).parameter_count
        26566
        """
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        return h * (d + 1) + 6 * h * h + 6 * h + a * (h + 1)

    @property
    def forward_flop(self) -> int:
        """Floating-point operations of one network in one step, without biases and activations: 2(DH + 6H² + HA)."""
        return 2 * (self.obs_dim * self.hidden + 6 * self.hidden**2 + self.hidden * self.n_actions)

    def weights(self, parameters: Tensor) -> Weights:
        """View a parameter matrix ``[M, P]`` as weights; writing to one writes to the other."""
        d, h, a = self.obs_dim, self.hidden, self.n_actions
        shapes = ((d + 1, h), (h + 1, 3 * h), (h, 3 * h), (1, 3 * h), (h, a), (1, a))
        parts = torch.split(parameters, [rows * columns for rows, columns in shapes], dim=-1)
        return Weights(*(part.view(-1, *shape) for part, shape in zip(parts, shapes, strict=True)))

    def initial_parameters(self, generators: list[np.random.Generator]) -> Tensor:
        """Draw PyTorch's default initial weights: U(-1/√fan_in, 1/√fan_in), and U(-1/√H, 1/√H) in the GRU.

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
        """One time step, for acting: ``[M, B, D]`` and ``[M, B, H]`` to q ``[M, B, A]`` and the next hidden state."""
        h = self.hidden
        x = torch.baddbmm(weights.w1[:, -1:], observations, weights.w1[:, :-1]).relu_()
        from_input = torch.baddbmm(weights.wi[:, -1:], x, weights.wi[:, :-1])
        from_hidden = torch.baddbmm(weights.bh, hidden, weights.wh)
        reset_update = (from_input[..., : 2 * h] + from_hidden[..., : 2 * h]).sigmoid_()
        new = torch.addcmul(from_input[..., 2 * h :], reset_update[..., :h], from_hidden[..., 2 * h :]).tanh_()
        hidden = torch.lerp(new, hidden, reset_update[..., h:])
        return torch.baddbmm(weights.b3, hidden, weights.w3), hidden

    def forward(self, weights: Weights, observations: Tensor, tape: Tape) -> Tensor:
        """Unroll over whole sequences from a zero hidden state.

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
        x, hidden = tape.x[:, :steps], tape.hidden[:, : steps + 1]
        for networks in range(0, x.shape[0], rows):
            share = slice(networks, networks + rows)
            torch.bmm(seen.flatten(1, 2), weights.w1[share], out=x[share].flatten(1, 2)[..., :-1])
        x[..., :-1].relu_()

        self._recur(weights, tape, steps)

        q = tape.q[:, :steps]
        torch.baddbmm(weights.b3, hidden[:, 1:].flatten(1, 2), weights.w3, out=q.flatten(1, 2))
        return q

    def _recur(self, weights: Weights, tape: Tape, steps: int) -> None:
        """The loop over time. Leaves the states in `hidden`, and what the backward pass needs of each step."""
        h = self.hidden
        from_input = weights.wi.clone()
        from_input[:, -1:, : 2 * h] += weights.bh[..., : 2 * h]
        bias = weights.bh[..., 2 * h :]
        gate, new = tape.gate, tape.new
        reset_update, from_hidden = gate[..., : 2 * h], gate[..., 2 * h :]
        reset, update = gate[..., :h], gate[..., h : 2 * h]
        for (x, state, next_state), factors in zip(tape.forward_steps[:steps], tape.factors, strict=False):
            torch.bmm(x, from_input, out=gate)
            new.copy_(from_hidden)
            from_hidden.copy_(bias)
            gate.baddbmm_(state, weights.wh)
            reset_update.sigmoid_()
            new.addcmul_(reset, from_hidden).tanh_()
            torch.lerp(new, state, update, out=next_state)
            self._keep_factors(tape.gates, factors, tape.scratch)

    @staticmethod
    def _keep_factors(gates: Gates, factors: Factors, scratch: Tensor) -> None:
        """What the backward pass needs of one step.

        With h_t = n + z (h_{t-1} - n), n = tanh(i_n + r g) and g = W_hn h_{t-1} + b_hn, dh_t is multiplied by
        (1-z)(1-n²) for i_n, that times r for g, that times r (1-r) g for r, and (h_{t-1} - n) z (1-z) =
        (h_t - n)(1-z) for z.
        """
        reset, update, from_hidden, new, one = gates
        factors.carry.copy_(update)
        torch.addcmul(one, new, new, value=-1, out=scratch)
        torch.addcmul(scratch, scratch, update, value=-1, out=factors.to_new)
        torch.mul(factors.to_new, reset, out=factors.to_from_hidden)
        torch.addcmul(factors.to_from_hidden, factors.to_from_hidden, reset, value=-1, out=scratch)
        torch.mul(scratch, from_hidden, out=factors.to_reset)
        torch.sub(factors.state, new, out=scratch)
        torch.addcmul(scratch, scratch, update, value=-1, out=factors.to_update)

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
        weights = weights.leading(trained)
        gradient = self.weights(tape.gradient)
        hidden = tape.hidden[:trained, : steps + 1]
        d_hidden = tape.d_hidden[:, :steps]

        flat_d_q = d_q.flatten(1, 2)
        torch.bmm(hidden[:, 1:].flatten(1, 2).mT, flat_d_q, out=gradient.w3)
        torch.sum(flat_d_q, dim=1, keepdim=True, out=gradient.b3)
        torch.bmm(flat_d_q, weights.w3.mT, out=d_hidden.flatten(1, 2))
        self._recur_back(weights, steps, tape)
        self._weight_gradients(weights, gradient, hidden[:, :-1].flatten(1, 2), steps, tape)
        return tape.gradient

    def _recur_back(self, weights: Weights, steps: int, tape: Tape) -> None:
        """The loop over time, backwards: completes dL/dh_t in `d_hidden` and turns factors into dL/d(gates)."""
        recurrent = weights.wh.mT.contiguous()
        product = torch.empty_like(tape.scratch)
        for t in range(steps - 1, -1, -1):
            per_gate, per_state, d_gate, d_state, carry = tape.backward_steps[t]
            per_gate.mul_(per_state)
            if t:
                torch.bmm(d_gate, recurrent, out=product)
                tape.backward_steps[t - 1][3].add_(product).addcmul_(d_state, carry)

    def _weight_gradients(self, weights: Weights, gradient: Weights, before: Tensor, steps: int, tape: Tape) -> None:
        """The remaining weight gradients, one matrix product per layer over all time steps.

        Args:
            weights: Of the trained networks.
            gradient: Written.
            before: h_{t-1} of every step, ``[m, T·B, H]``.
            steps: T.
            tape: `d_gates` and `d_hidden` are complete; the first is overwritten, the second too.
        """
        h = self.hidden
        d_gates, d_hidden = tape.d_gates[:, :steps], tape.d_hidden[:, :steps]
        flat = d_gates.flatten(1, 2)
        x = tape.x[: len(d_gates), :steps].flatten(1, 2)
        torch.bmm(before.mT, flat, out=gradient.wh)
        torch.sum(flat[..., 2 * h :], dim=1, keepdim=True, out=gradient.bh[..., 2 * h :])

        torch.mul(d_hidden, tape.to_new[:, :steps], out=d_gates[..., 2 * h :])
        torch.bmm(x.mT, flat, out=gradient.wi)
        gradient.bh[..., : 2 * h] = gradient.wi[:, -1:, : 2 * h]

        d_x = d_hidden.flatten(1, 2)
        torch.bmm(flat, weights.wi[:, :-1].mT, out=d_x)
        torch.ops.aten.threshold_backward.grad_input(d_x, x[..., :-1], 0, grad_input=d_x)
        torch.bmm(tape.inputs.seen[:, :steps].flatten(1, 2).mT, d_x, out=gradient.w1)
