"""Distributed value decomposition networks (arXiv 2502.07635): the joint temporal difference by consensus."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Dvdn:
    """e_i = N Σ_j A_ij δ_j: own TD plus N (A δ)_i - δ_i, the paper's estimate of the others' sum.

    The self-estimate convention is (S): with no link A = I, e_i = N δ_i, and the update is independent learning of
    N Q_i on R. On the complete lossless graph A = 11ᵀ/N and the update is VDN's. For any K the own initial δ_i is what
    the estimate excludes, so e = N A δ with the operator of all K rounds (our reading where the paper is ambiguous).
    """

    exchanges: bool = True
    clips_jointly: bool = False

    def local_reward(self, team_reward: Tensor, n_agents: int) -> Tensor:
        """ρ_i = R/N (`team_mean`): with a row-stochastic A the reward part of e_i is R whatever was lost."""
        return team_reward / n_agents

    def error(self, td: Tensor, held: Tensor | None) -> Tensor:
        """N x_i, x_i what agent i holds after the exchange: N A δ."""
        if held is None:
            raise ValueError("dvdn needs what its agents hold after the exchange")
        return held * td.shape[-3]


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
