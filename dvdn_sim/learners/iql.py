"""Independent Q-learning on the team reward (Tan 1993; EPyMARL's semantics, one loss per agent)."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Iql:
    """e_i = δ_i with ρ_i = R: each agent explains the whole team reward alone."""

    exchanges: bool = False
    clips_jointly: bool = False

    def local_reward(self, team_reward: Tensor, n_agents: int) -> Tensor:
        """ρ_i = R."""
        return team_reward

    def error(self, td: Tensor, held: Tensor | None) -> Tensor:
        """e_i = δ_i."""
        return td
