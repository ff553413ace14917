"""What one learner is: its share of the reward, its error signal, and how its gradient is clipped.

Every learner here minimises, for each agent i, Σ mask e_i² / Σ mask, and differentiates only the agent's own -Q_i(a_i)
inside e_i. They differ in e_i alone, so each is one file of a few lines.
"""

from typing import Protocol

from torch import Tensor


class Objective(Protocol):
    """The lines in which learners differ. Pure: no state, arrays in, arrays out."""

    @property
    def exchanges(self) -> bool:
        """Whether the error signal needs what other agents sent over the network."""
        ...

    @property
    def clips_jointly(self) -> bool:
        """Whether the gradient norm is taken over the team (a central trainer) or per agent."""
        ...

    def local_reward(self, team_reward: Tensor, n_agents: int) -> Tensor:
        """ρ_i, the reward inside δ_i, from the (standardised) team reward R = Σ_j r_j."""
        ...

    def error(self, td: Tensor, held: Tensor | None) -> Tensor:
        """The error signal e ``[..., N, T, B]``.

        Args:
            td: Local temporal differences δ ``[..., N, T, B]``.
            held: What each agent holds after the exchange, of the same shape; None for learners that exchange nothing.
        """
        ...
