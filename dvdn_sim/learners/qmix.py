"""QMIX (Rashid et al. 2018): a monotone mixing network, conditioned on the state, in place of VDN's sum."""

import torch
from torch import Tensor

from dvdn_sim.learners.mixer import Mixer
from dvdn_sim.learners.objective import Held, Local, Signal
from dvdn_sim.learners.standardise import RewardModel


class Qmix:
    """y - Q_tot with Q_tot = mix(Q_1 … Q_N; s) and y = R + γ Q_tot⁻(τ_{t+1}); its parameters join the agents' step.

    The state s is all observations, one after the other (EPyMARL, for environments without a state of their own).
    Each Q_i is pulled by (y - Q_tot) ∂Q_tot/∂Q_i.

    Attributes:
        parameters: Of the mixer, online and target, ``[2, R, P]``.
        gradient: Of the latest loss with respect to the online ones, ``[R, P]``.
    """

    exchanges = False
    central = True
    reward_model: RewardModel = "team_sum"

    def __init__(self, mixer: Mixer, initial: Tensor) -> None:
        """Begin with a mixer.

        Args:
            mixer: Its sizes.
            initial: Its first parameters, ``[R, P]``.
        """
        self.mixer = mixer
        self.parameters = initial.repeat(2, 1, 1)
        self.gradient = torch.zeros_like(initial)

    @property
    def mixing(self) -> "Qmix":
        """Itself."""
        return self

    def signal(self, local: Local, held: Held | None) -> Signal:
        """The mixed error, and what it pulls each agent's Q by."""
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
