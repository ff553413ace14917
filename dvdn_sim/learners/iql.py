"""Independent Q-learning (Tan 1993): each agent explains the reward alone."""

from dataclasses import dataclass

from dvdn_sim.learners.objective import Held, Local, Signal
from dvdn_sim.learners.standardise import RewardModel


@dataclass(frozen=True)
class Iql:
    """e_i = δ_i.

    With ρ_i = R (`team_sum`, EPyMARL's common reward) each agent explains the whole team reward; with its own reward,
    ρ_i = r_i, it is Q-learning on that. Every agent has a loss, a clip and an Adam of its own. EPyMARL has one of each
    for all (`central`): its loss is the mean over agents, which makes each agent's gradient 1/N as long; it is also
    what agents with one common network do.
    """

    central: bool = False
    reward_model: RewardModel = "team_sum"
    exchanges = False
    mixing = None

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = δ_i."""
        return Signal(local.td, local.td / local.td.shape[1] if self.central else local.td)
