"""Value decomposition networks (Sunehag et al. 2018): the central trainer."""

from dataclasses import dataclass

from dvdn_sim.learners.objective import Held, Local, Signal
from dvdn_sim.learners.standardise import RewardModel


@dataclass(frozen=True)
class Vdn:
    """e_i = Σ_j δ_j = R + γ Σ_j Q_j⁻ - Σ_j Q_j, the joint temporal difference, for every agent."""

    exchanges = False
    central = True
    reward_model: RewardModel = "team_mean"
    mixing = None

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = Σ_j δ_j."""
        joint = local.td.sum(1, keepdim=True).expand_as(local.td)
        return Signal(joint, joint)
