"""A trained agent as an opponent of others: the prey, or the adversary, of the particle environments."""

from pathlib import Path

import torch
from torch import Tensor

from dvdn_sim.errors import ScenarioError
from dvdn_sim.training.policies import TeamPolicy, load_team


class TrainedOpponent:
    """One agent of a policy file, greedy, under the contract of `dvdn_sim.envs.mpe.opponents.Opponent`.

    Args:
        path: A file ``policies/seed-….safetensors`` of a run.
        agent: Whose network; its name in the environment that it was trained in.
        sees: How many numbers it sees where it plays.
        device: Where it plays.

    Raises:
        RunFolderError: There is no such file, or it is damaged.
        ScenarioError: It has no such agent, or one that was trained on other observations.
    """

    def __init__(self, path: Path | str, agent: str, sees: int, device: torch.device | str = "cpu") -> None:
        team = TeamPolicy(*load_team(Path(path)))
        if agent not in team.modules:
            raise ScenarioError(f"{path}: no agent {agent!r} found; it has {', '.join(team.agents)}")
        self._module = team.modules[agent].to(device)
        face = next(face for face in team.format.faces if face.name == agent)
        if face.obs_dim != sees:
            raise ScenarioError(f"env.opponent_policy: trained on {face.obs_dim} numbers, and sees {sees} here")
        self._actions, self._padding = face.n_actions, team.format.obs_dim - face.obs_dim
        ids = torch.eye(max(team.format.ids, 1))[team.agents.index(agent) if team.format.ids else 0]
        self._ids = ids[: team.format.ids].to(device)
        self.memory_size = team.format.hidden

    @torch.inference_mode()
    def act(self, observations: Tensor, memory: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the best action (see `Opponent.act`)."""
        rows = len(observations)
        nothing = observations.new_zeros(rows, self._padding)
        q, memory = self._module(torch.cat([observations, nothing, self._ids.expand(rows, -1)], 1), memory)
        return q[:, : self._actions].argmax(1), memory
