"""QMIX (Rashid et al. 2018): a monotone mixing network, conditioned on the state, in place of VDN's sum.

    Q_tot = |w_f(s)|ᵀ ELU(|W_1(s)|ᵀ q + b_1(s)) + V(s)

Weights that are not negative let Q_tot fall in no Q_i, so that each agent's best action is a part of the team's. They
depend on the state s through small networks, as in EPyMARL: W_1, w_f and V are Linear-ReLU-Linear, b_1 is Linear. All
four begin with a product with s; here that is one.

The mixers of R teams go at once, with their own backward pass. Everything is a pure function of a parameter matrix
``[R, P]``; `Mixer.gradient` goes forward once more rather than keep what `forward` had, because that is cheap beside
the agents' networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import elu

from dvdn_sim.algorithms import Held, Local, Qmix, Signal
from dvdn_sim.learners.optim import Adam
from dvdn_sim.learners.q_network import back_through_relu, linear, views
from netmodels.streams import stream


class MixerWeights(NamedTuple):
    """Views into a parameter matrix; products are ``input @ weight``, and the last row of each is the bias."""

    from_state: Tensor  # [R, S + 1, 2K + 2E]: towards W_1 and w_f (K each), V and b_1 (E each)
    w1: Tensor  # [R, K + 1, N·E], the E of an agent side by side
    wf: Tensor  # [R, K + 1, E]
    v: Tensor  # [R, E + 1, 1]


class MixerParts(NamedTuple):
    """What Q_tot is made of, L = T·B positions each; K, K and E numbers in the hidden layers of W_1, w_f and V."""

    towards_w1: Tensor  # [R, L, K]
    towards_wf: Tensor  # [R, L, K]
    towards_v: Tensor  # [R, L, E]
    w1: Tensor  # [R, L, N, E], with its sign
    wf: Tensor  # [R, L, E], with its sign
    mixed: Tensor  # ELU(…), [R, L, E]
    value: Tensor  # V(s), [R, L]


@dataclass(frozen=True)
class Mixer:
    """Sizes of the mixer, and the batched maths on it.

    Attributes:
        n_agents: N.
        state_dim: S, length of the state.
        spec: E, width of the mixing layer (`mixer_embed`), and K, width of the hidden layers of W_1 and w_f
            (`hypernet_hidden`).
    """

    n_agents: int
    state_dim: int
    spec: Qmix

    @property
    def parameter_count(self) -> int:
        """P = (S+1)(2K+2E) + (K+1)(N+1)E + E+1.

        >>> Mixer(n_agents=3, state_dim=3 * 18, spec=Qmix()).parameter_count
        18913
        """
        return sum(rows * columns for rows, columns in self._shapes)

    @property
    def _shapes(self) -> tuple[tuple[int, int], ...]:
        n, s, e, k = self.n_agents, self.state_dim, self.spec.mixer_embed, self.spec.hypernet_hidden
        return (s + 1, 2 * k + 2 * e), (k + 1, n * e), (k + 1, e), (e + 1, 1)

    def weights(self, parameters: Tensor) -> MixerWeights:
        """View a parameter matrix ``[R, P]`` as weights; writing to one writes to the other."""
        return MixerWeights(*views(parameters, self._shapes))

    def initial_parameters(self, generators: list[np.random.Generator]) -> Tensor:
        """Draw PyTorch's default initial weights: U(-1/√fan_in, 1/√fan_in).

        Args:
            generators: One per team.

        Returns:
            ``[len(generators), P]`` float64, to be cast by the caller.
        """
        bounds = np.concatenate([np.full(rows * columns, (rows - 1) ** -0.5) for rows, columns in self._shapes])
        return torch.from_numpy(np.stack([generator.uniform(-bounds, bounds) for generator in generators]))

    def forward(self, parameters: Tensor, q: Tensor, state: Tensor) -> Tensor:
        """Return Q_tot ``[R, T, B]``.

        Args:
            parameters: ``[R, P]``.
            q: Q_i(τ, a_i) of the agents, ``[R, N, T, B]``.
            state: ``[R, T, B, S]``.
        """
        parts = self._parts(self.weights(parameters), q, state)
        return ((parts.mixed * parts.wf.abs()).sum(-1) + parts.value).view(state.shape[:-1])

    def gradient(self, parameters: Tensor, q: Tensor, state: Tensor, d_q_tot: Tensor) -> tuple[Tensor, Tensor]:
        """Return dL/dq ``[R, N, T, B]`` and dL/dparameters ``[R, P]``, from dL/dQ_tot ``[R, T, B]``; see `forward`."""
        weights, d_parameters = self.weights(parameters), torch.empty_like(parameters)
        into = self.weights(d_parameters)
        parts = self._parts(weights, q, state)
        d_tot = d_q_tot.flatten(1).unsqueeze(-1)
        # ELU' = exp(x) = 1 + ELU below zero, 1 above it.
        d_mixed = d_tot * parts.wf.abs() * (1 + parts.mixed.clamp(max=0))
        d_wf = d_tot * parts.mixed * parts.wf.sign()
        by_agent = d_mixed.unsqueeze(2)
        d_w1 = q.flatten(2).mT.unsqueeze(-1) * by_agent * parts.w1.sign()
        d_q = (parts.w1.abs() * by_agent).sum(-1).mT.reshape(q.shape)

        d_from_state = torch.cat(
            [
                _layer_gradient(weights.w1, parts.towards_w1, d_w1.flatten(2), into.w1),
                _layer_gradient(weights.wf, parts.towards_wf, d_wf, into.wf),
                _layer_gradient(weights.v, parts.towards_v, d_tot, into.v),
                d_mixed,
            ],
            dim=-1,
        )
        _weight_gradient(state.flatten(1, 2), d_from_state, into.from_state)
        return d_q, d_parameters

    def _parts(self, weights: MixerWeights, q: Tensor, state: Tensor) -> MixerParts:
        k, e = self.spec.hypernet_hidden, self.spec.mixer_embed
        hidden = linear(state.flatten(1, 2), weights.from_state)
        active, b1 = torch.split(hidden, [2 * k + e, e], dim=-1)
        towards_w1, towards_wf, towards_v = torch.split(active.relu_(), [k, k, e], dim=-1)
        w1 = linear(towards_w1, weights.w1).view(*hidden.shape[:2], self.n_agents, e)
        mixed = elu((w1.abs() * q.flatten(2).mT.unsqueeze(-1)).sum(2).add_(b1), inplace=True)
        wf, value = linear(towards_wf, weights.wf), linear(towards_v, weights.v).squeeze(-1)
        return MixerParts(towards_w1, towards_wf, towards_v, w1, wf, mixed, value)


def _weight_gradient(inputs: Tensor, d_outputs: Tensor, into: Tensor) -> None:
    torch.bmm(inputs.mT, d_outputs, out=into[:, :-1])
    torch.sum(d_outputs, dim=1, keepdim=True, out=into[:, -1:])


def _layer_gradient(weight: Tensor, activations: Tensor, d_outputs: Tensor, into: Tensor) -> Tensor:
    """Write the gradient of a weight `into` its place, and return dL/d(what the relu before the layer was given)."""
    _weight_gradient(activations, d_outputs, into)
    return back_through_relu(d_outputs, weight, activations, into=d_outputs.new_empty(activations.shape))


class TeamMixers:
    """The mixers of R teams, whose parameters join the agents' step.

    The error is y - Q_tot with Q_tot = mix(Q_1 … Q_N; s) and y = R + γ Q_tot⁻(τ_{t+1}). The state s is all
    observations, one after the other (EPyMARL, for environments without a state of their own). Each Q_i is pulled by
    (y - Q_tot) ∂Q_tot/∂Q_i.

    Attributes:
        parameters: Online and target, ``[2, R, P]``.
        gradient: Of the latest loss with respect to the online ones, ``[R, P]``.
    """

    def __init__(self, mixer: Mixer, seeds: Sequence[int], like: Tensor) -> None:
        """Draw first parameters, of the type and on the device of `like`."""
        self.mixer = mixer
        initial = mixer.initial_parameters([stream(seed, "initial_weights", "mixer") for seed in seeds])
        self.parameters = initial.to(like).repeat(2, 1, 1)
        self.gradient = torch.zeros_like(self.parameters[0])
        self.optimiser = Adam(self.parameters[0][:, None], mixer.spec.lr)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        own = {f"mixing_optimiser.{name}": tensor for name, tensor in self.optimiser.state.items()}
        return {"mixing": self.parameters} | own

    def signal(self, local: Local, held: Held | None) -> Signal:
        """Return the mixed error, and what it pulls each agent's Q by."""
        online, target = self.parameters
        mixer, mask = self.mixer, local.mask[:, 0]
        state = local.observations.permute(0, 2, 3, 1, 4).flatten(-2).to(online.dtype)
        q_tot_t = mixer.forward(online, local.q_t, state[:, :-1])
        q_tot_tp1 = mixer.forward(target, local.value_tp1, state[:, 1:])
        error = local.rewards[:, 0] + local.gamma * q_tot_tp1 * local.continues - q_tot_t
        d_tot = error * mask * (-2 / mask.sum((1, 2), keepdim=True))
        d_q, self.gradient = mixer.gradient(online, local.q_t, state[:, :-1], d_tot)
        # `pull` is -½ dL/dQ before the mean over steps; d_q has both factors.
        pull = d_q * (mask.sum((1, 2)).view(-1, 1, 1, 1) * -0.5)
        return Signal(error[:, None].expand_as(pull), pull)
