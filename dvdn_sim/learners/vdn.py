"""Value decomposition networks without parameter sharing (Sunehag et al. 2018): the central trainer."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Vdn:
    """e_i = Σ_j δ_j = R + γ Σ_j Q_j⁻ - Σ_j Q_j, the joint temporal difference, for every agent."""

    exchanges: bool = False
    clips_jointly: bool = True

    def local_reward(self, team_reward: Tensor, n_agents: int) -> Tensor:
        """ρ_i = R/N, so that Σ_i ρ_i = R."""
        return team_reward / n_agents

    def error(self, td: Tensor, held: Tensor | None) -> Tensor:
        """e_i = Σ_j δ_j."""
        return td.sum(-3, keepdim=True).expand_as(td)
