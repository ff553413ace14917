"""The recurrent Q-network of every agent of every replica, as one batched program with its own backward pass.

    x_t = relu(W1 o_t + b1),   h_t = GRU(x_t, h_{t-1}),   q_t = W3 h_t + b3        (h_{-1} = 0)

EPyMARL's DRQN agent: fc-GRU-fc, with PyTorch's gate equations and initial weights. A *network* here is one row of a
parameter matrix ``[M, P]``; M counts agents, replicas and online/target copies alike, so no loop runs over any of them.

What makes it fast: weight gradients are one matrix product per layer over all time steps, with biases as one more input
that is always 1. In the backward pass every factor that multiplies dL/dh_t is computed for a block of steps at once,
which leaves three operations per step: scale, multiply by the recurrent weights, add. Buffers are allocated once: fresh
temporaries of this size cost as much in page faults as the arithmetic does.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_BLOCK = 8  # steps whose backward factors are computed together: few enough to stay in a core's second-level cache


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


class Tape:
    """What `RecurrentQ.forward` leaves for `RecurrentQ.backward`, in buffers that are reused from call to call."""

    def __init__(
        self, network: "RecurrentQ", *, networks: int, trained: int, steps: int, batch: int, like: Tensor
    ) -> None:
        """Allocate the buffers.

        Args:
            network: The sizes.
            networks: M, the rows of the parameter matrix in the forward pass.
            trained: m, the leading rows, those that `backward` differentiates; also the rows of the observations.
            steps: The largest number of observations per sequence.
            batch: B, sequences per network.
            like: Gives dtype and device.
        """
        d, h, a = network.obs_dim, network.hidden, network.n_actions
        self.seen = like.new_ones(trained, steps, batch, d + 1)
        self.x = like.new_ones(networks, steps, batch, h + 1)
        # Gates run through the batched product in place, which is only fast where one step is contiguous.
        self.gates = like.new_empty(steps, networks, batch, 3 * h)
        self.new = like.new_empty(steps, networks, batch, h)
        self.hidden = like.new_zeros(networks, steps + 1, batch, h)  # entry 0 is the state before the first step
        self.q = like.new_empty(networks, steps, batch, a)
        self.d_gates = like.new_empty(trained, steps, batch, 3 * h)
        self.d_hidden = like.new_empty(trained, steps, batch, h)
        self.to_new = like.new_empty(trained, steps, batch, h)
        self.scratch = like.new_empty(trained, _BLOCK, batch, h)
        self.gradient = like.new_empty(trained, network.parameter_count)
        self.forward_steps = self._forward_steps(h)
        self.backward_steps = self._backward_steps(h)

    def _forward_steps(self, h: int) -> list[tuple[Tensor, ...]]:
        """What the forward loop touches at each step. Views are made once: 50 steps of them cost 0.3 ms to make."""
        states = self.hidden.unbind(1)
        return list(
            zip(
                self.x.unbind(1),
                self.gates,
                self.gates[..., : 2 * h].unbind(0),
                self.gates[..., :h].unbind(0),
                self.gates[..., h : 2 * h].unbind(0),
                self.gates[..., 2 * h :].unbind(0),
                self.new,
                states[:-1],
                states[1:],
                strict=True,
            )
        )

    def _backward_steps(self, h: int) -> list[tuple[Tensor, ...]]:
        """What the backward loop touches at each step."""
        trained, steps, batch = self.d_hidden.shape[:3]
        return list(
            zip(
                self.d_gates.view(trained, steps, batch, 3, h).unbind(1),
                self.d_hidden.unsqueeze(-2).unbind(1),
                self.d_gates.unbind(1),
                self.d_hidden.unbind(1),
                self.gates[:, :trained, :, h : 2 * h].unbind(0),
                strict=True,
            )
        )


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
            observations: ``[..., T, B, D]`` with m leading rows and M a multiple of m: row i is seen by the networks
                i, i + m, i + 2m, … (an online network and its target see the same).
            tape: Receives what the backward pass needs.

        Returns:
            q ``[M, T, B, A]``, a view into the tape that the next call overwrites.
        """
        rows, steps = len(tape.seen), observations.shape[-3]
        seen, x, hidden = tape.seen[:, :steps], tape.x[:, :steps], tape.hidden[:, : steps + 1]
        seen.view(observations.shape[:-1] + seen.shape[-1:])[..., :-1].copy_(observations)
        for networks in range(0, x.shape[0], rows):
            share = slice(networks, networks + rows)
            torch.bmm(seen.flatten(1, 2), weights.w1[share], out=x[share].flatten(1, 2)[..., :-1])
        x[..., :-1].relu_()

        self._recur(weights, tape, steps)

        q = tape.q[:, :steps]
        torch.baddbmm(weights.b3, hidden[:, 1:].flatten(1, 2), weights.w3, out=q.flatten(1, 2))
        return q

    def _recur(self, weights: Weights, tape: Tape, steps: int) -> None:
        """The loop over time. Leaves r, z and g = W_hn h + b_hn in `gates`, n in `new`, h in `hidden`."""
        h = self.hidden
        from_input = weights.wi.clone()
        from_input[:, -1:, : 2 * h] += weights.bh[..., : 2 * h]
        bias = weights.bh[..., 2 * h :]
        for x, gate, reset_update, reset, update, from_hidden, new, state, next_state in tape.forward_steps[:steps]:
            torch.bmm(x, from_input, out=gate)
            new.copy_(from_hidden)
            from_hidden.copy_(bias)
            gate.baddbmm_(state, weights.wh)
            reset_update.sigmoid_()
            new.addcmul_(reset, from_hidden).tanh_()
            torch.lerp(new, state, update, out=next_state)

    def backward(self, weights: Weights, d_q: Tensor, tape: Tape) -> Tensor:
        """Gradient of a loss with respect to the parameters of the first m networks of the last `forward`.

        Args:
            weights: The same as in `forward`, or their first m rows.
            d_q: dL/dq, ``[m, T, B, A]``, T as in `forward`.
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
        self._recur_back(weights, trained, steps, tape)
        self._weight_gradients(weights, gradient, hidden[:, :-1].flatten(1, 2), steps, tape)
        return tape.gradient

    def _recur_back(self, weights: Weights, trained: int, steps: int, tape: Tape) -> None:
        """The loop over time, backwards: completes dL/dh_t in `d_hidden` and leaves dL/d(gates) in `d_gates`."""
        recurrent = weights.wh.mT.contiguous()
        product = torch.empty_like(tape.d_hidden[:, 0], memory_format=torch.contiguous_format)
        for end in range(steps, 0, -_BLOCK):
            start = max(end - _BLOCK, 0)
            self._factors(trained, slice(start, end), tape)
            for t in range(end - 1, start - 1, -1):
                per_gate, per_state, d_gate, d_state, update = tape.backward_steps[t]
                per_gate.mul_(per_state)
                if t:
                    torch.bmm(d_gate, recurrent, out=product)
                    tape.backward_steps[t - 1][3].add_(product).addcmul_(d_state, update)

    def _factors(self, trained: int, block: slice, tape: Tape) -> None:
        """d(gate pre-activations)/dh_t for a block of steps, into `d_gates`; and d(i_n)/dh_t into `to_new`.

        With h_t = n + z (h_{t-1} - n), n = tanh(i_n + r g) and g = W_hn h_{t-1} + b_hn:
        n: (1-z)(1-n²);  g: that times r;  r: that times g r (1-r);  z: (h_{t-1} - n) z (1-z) = (h_t - n)(1-z).
        """
        h = self.hidden
        gates, new = tape.gates[block, :trained].transpose(0, 1), tape.new[block, :trained].transpose(0, 1)
        reset, update, from_hidden = gates[..., :h], gates[..., h : 2 * h], gates[..., 2 * h :]
        to_new, d_gates = tape.to_new[:, block], tape.d_gates[:, block]
        to_reset, to_update, to_from_hidden = d_gates[..., :h], d_gates[..., h : 2 * h], d_gates[..., 2 * h :]
        scratch = tape.scratch[:, : block.stop - block.start]

        torch.addcmul(new.new_ones(()), new, new, value=-1, out=scratch)
        torch.addcmul(scratch, scratch, update, value=-1, out=to_new)
        torch.mul(to_new, reset, out=to_from_hidden)
        torch.addcmul(to_from_hidden, to_from_hidden, reset, value=-1, out=scratch)
        torch.mul(scratch, from_hidden, out=to_reset)
        torch.sub(tape.hidden[:trained, block.start + 1 : block.stop + 1], new, out=scratch)
        torch.addcmul(scratch, scratch, update, value=-1, out=to_update)

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
        torch.bmm(tape.seen[:, :steps].flatten(1, 2).mT, d_x, out=gradient.w1)
