"""Distributed value decomposition networks (arXiv 2502.07635): the joint temporal difference by consensus."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.learners.objective import Held, Local, Signal
from dvdn_sim.learners.standardise import RewardModel

SelfEstimate = Literal["literal", "count_aware"]


@dataclass(frozen=True)
class Dvdn:
    """e_i = N Σ_j A_ij δ_j: own TD plus N (A δ)_i - δ_i, the paper's estimate of the others' sum.

    For any K the own initial δ_i is what the estimate excludes, so e = N A δ with the operator of all K rounds (our
    reading where the paper is ambiguous). On the complete lossless graph A = 11ᵀ/N and the update is VDN's.

    What an agent that heard nobody does (`self_estimate`; docs/method.md, limits):

    * `literal`: e_i = N δ_i. With `team_mean` that is independent learning of N·Q_i on R.
    * `count_aware`: e_i = n_i (A δ)_i, n_i how many agents' errors are in the mix: independent learning on R/N, and a
      part of the team that is cut off learns its own sum. The reward in the target then changes with who is heard.
    """

    reward_model: RewardModel = "team_mean"
    self_estimate: SelfEstimate = "literal"
    exchanges = True
    central = False
    mixing = None

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = N x_i, or n_i x_i, with x = A δ what agents hold after the exchange."""
        if held is None:
            raise ValueError("dvdn needs what its agents hold after the exchange")
        if self.self_estimate == "literal":
            error = held.values * held.values.shape[1]
        elif held.counts is None:
            raise ValueError("a count-aware estimate needs how many agents were heard")
        else:
            error = held.values * held.counts[..., None, None]
        return Signal(error, error)


def mixed(operator: Tensor, td: Tensor, invalid: Tensor | None = None) -> Tensor:
    """A δ: what agents hold after an exchange.

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
    """How many agents' values are in what each agent holds, ``[..., N, N]`` to ``[..., N]``.

    >>> counts(torch.tensor([[0.5, 0.5], [0.0, 1.0]])).tolist()
    [2.0, 1.0]
    """
    return (operator != 0).to(operator.dtype).sum(-1)
