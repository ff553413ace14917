"""What learners differ in: the reward in the local errors, the error signal, and whether one trainer takes the step.

Every learner here minimises a mean of squared errors and differentiates only the agents' own -Q_i(a_i) inside them, so
a gradient step is known from what pulls each Q_i. An objective is a class that says so, and a line in `OBJECTIVES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from dvdn_sim.learners.qmix import Mixer, QmixObjective
from dvdn_sim.learners.td import Held, Local, RewardModel, Signal
from dvdn_sim.scenario import Dvdn, DvdnGt, Iql, NetworkedQ, QLearning, Qmix, Vdn
from netmodels.streams import stream


class Mixing(Protocol):
    """Parameters of a learner beside those of the agents' networks: a mixer's.

    Attributes:
        parameters: Online and target, ``[2, R, P]``.
        gradient: Of the loss of the latest `Objective.signal`, ``[R, P]``.
    """

    parameters: Tensor
    gradient: Tensor


class Objective(Protocol):
    """The lines in which learners differ."""

    @property
    def central(self) -> bool:
        """Whether one trainer clips the gradient over the whole team, rather than every agent its own."""
        ...

    @property
    def reward_model(self) -> RewardModel:
        """Which reward is inside a local temporal difference."""
        ...

    @property
    def mixing(self) -> Mixing | None:
        """What is learnt beside the agents' networks; None for nothing."""
        ...

    def signal(self, local: Local, held: Held | None) -> Signal:
        """Work out the error signal.

        Args:
            local: What agents know before the exchange.
            held: What they hold after it; None for learners that exchange nothing.
        """
        ...


class IqlObjective:
    """Independent Q-learning (Tan 1993): e_i = δ_i; each agent explains the reward alone.

    With ρ_i = R (`team_sum`, EPyMARL's common reward) each agent explains the whole team reward; with its own reward,
    ρ_i = r_i, it is Q-learning on that. Every agent has a loss, a clip and an Adam of its own. EPyMARL has one of each
    for all (`central`): its loss is the mean over agents, which makes each agent's gradient 1/N as long; it is also
    what agents with one common network do.
    """

    mixing = None

    def __init__(self, spec: Iql | NetworkedQ) -> None:
        self.reward_model = spec.reward_model
        self.central = isinstance(spec, Iql) and (spec.share_parameters or spec.clip_over == "team")

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = δ_i."""
        return Signal(local.td, local.td / local.td.shape[1] if self.central else local.td)


class VdnObjective:
    """Value decomposition networks (Sunehag et al. 2018), the central trainer.

    e_i = Σ_j δ_j = R + γ Σ_j Q_j⁻ - Σ_j Q_j, the joint temporal difference, for every agent.
    """

    central = True
    reward_model: RewardModel = "team_mean"
    mixing = None

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = Σ_j δ_j."""
        joint = local.td.sum(1, keepdim=True).expand_as(local.td)
        return Signal(joint, joint)


class DvdnObjective:
    """Distributed value decomposition networks (arXiv 2502.07635): the joint temporal difference by consensus.

    e_i = N Σ_j A_ij δ_j: own TD plus N (A δ)_i - δ_i, the paper's estimate of the others' sum. For any K the own
    initial δ_i is what the estimate excludes, so e = N A δ with the operator of all K rounds (our reading where the
    paper is ambiguous). On the complete lossless graph A = 11ᵀ/N and the update is VDN's.

    What an agent that heard nobody does (`self_estimate`; docs/method.md, limits):

    * `literal`: e_i = N δ_i. With `team_mean` that is independent learning of N·Q_i on R.
    * `count_aware`: e_i = n_i (A δ)_i, n_i how many agents' errors are in the mix: independent learning on R/N, and a
      part of the team that is cut off learns its own sum. The reward in the target then changes with who is heard.
    """

    central = False
    mixing = None

    def __init__(self, spec: Dvdn) -> None:
        self.reward_model, self._self_estimate = spec.reward_model, spec.self_estimate

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = N x_i, or n_i x_i, with x = A δ what agents hold after the exchange."""
        if held is None:
            raise ValueError("dvdn needs what its agents hold after the exchange")
        if self._self_estimate == "literal":
            error = held.values * held.values.shape[1]
        elif held.counts is None:
            raise ValueError("a count-aware estimate needs how many agents were heard")
        else:
            error = held.values * held.counts[..., None, None]
        return Signal(error, error)


def mixed(operator: Tensor, td: Tensor, invalid: Tensor | None = None) -> Tensor:
    """Return A δ, what agents hold after an exchange.

    Args:
        operator: A ``[..., N, N]``.
        td: δ ``[..., N, T, B]``.
        invalid: Bool ``[..., N]``, agents whose values are not finite: nobody hears those, whatever the operator says
            (where its entry is 0, 0·NaN would still be NaN), and they hold NaN. None if there are none.
    """
    if invalid is None:
        return torch.einsum("...ij,...jtb->...itb", operator, td)
    nan = invalid[..., None, None]
    return torch.einsum("...ij,...jtb->...itb", operator, td.masked_fill(nan, 0.0)).masked_fill(nan, torch.nan)


def counts(operator: Tensor) -> Tensor:
    """Return how many agents' values are in what each agent holds, ``[..., N, N]`` to ``[..., N]``.

    >>> counts(torch.tensor([[0.5, 0.5], [0.0, 1.0]])).tolist()
    [2.0, 1.0]
    """
    return (operator != 0).to(operator.dtype).sum(-1)


@dataclass(frozen=True)
class Teams:
    """Who learns.

    Attributes:
        seeds: One per replica.
        n_agents: N.
        obs_dim: D.
        device: Where parameters are.
        dtype: Of parameters.
    """

    seeds: Sequence[int]
    n_agents: int
    obs_dim: int
    device: torch.device
    dtype: torch.dtype


def _qmix(spec: Qmix, teams: Teams) -> QmixObjective:
    mixer = Mixer(teams.n_agents, teams.n_agents * teams.obs_dim, spec)
    initial = mixer.initial_parameters([stream(seed, "initial_weights", "mixer") for seed in teams.seeds])
    return QmixObjective(mixer, initial.to(teams.device, teams.dtype))


OBJECTIVES: Mapping[type[QLearning], Callable[[Any, Teams], Objective]] = {
    Iql: lambda spec, _: IqlObjective(spec),
    Vdn: lambda _, __: VdnObjective(),
    Qmix: _qmix,
    NetworkedQ: lambda spec, _: IqlObjective(spec),
    Dvdn: lambda spec, _: DvdnObjective(spec),
    DvdnGt: lambda spec, _: DvdnObjective(spec),
}
"""By the scenario's model of an algorithm."""


def objective_of(spec: QLearning, teams: Teams) -> Objective:
    """Return what an algorithm learns."""
    return OBJECTIVES[type(spec)](spec, teams)
