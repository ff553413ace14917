"""Opponents at play: what they see, what they draw, what they remember, and where their actions go."""

import torch
from torch import Tensor

from dvdn_sim.draws import uniform
from dvdn_sim.envs.batch import check_actions
from dvdn_sim.envs.mpe.checks import check_tensor, check_word
from dvdn_sim.envs.mpe.opponents import Opponent, Player, Random, Still
from dvdn_sim.envs.mpe.physics import ACTIONS
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.envs.mpe.task import Side, Task


class Opposition:
    """The opponents of a game, which act on what they saw before the step, as learners do."""

    def __init__(self, opponent: Opponent, side: Side, *, names: tuple[str, ...], limit: int) -> None:
        """Seat a policy.

        Args:
            opponent: The policy.
            side: What it plays.
            names: Of all agents.
            limit: Steps of an episode at most.
        """
        self._opponent, self._side, self._limit = opponent, side, limit
        self._names = names[side.agents.start : side.agents.stop]
        self.memory_shape = (len(side.agents), opponent.memory_size)

    def play(self, state: MpeState, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the opponents' actions.

        Args:
            state: Before the step.
            actions: Of the learners, int64 ``[E, N]``.

        Returns:
            Actions of all agents, int64 ``[E, N + K]``; and what the opponents remember, float32 ``[E, K, H]``.

        Raises:
            ValueError: The policy answers with another shape or dtype, or with an action that there is not.
        """
        copies, (count, size) = len(state.step), self.memory_shape
        device = state.step.device
        tick = state.episode * self._limit + state.step
        chance = uniform(state.key[:, None], tick[:, None], torch.arange(count, device=device))
        seen, memory = self._side.observe(state).flatten(0, 1), state.memory.flatten(0, 1)
        chosen, memory = self._opponent.act(seen, memory, chance.flatten())
        check_tensor("opponent's actions", chosen, torch.int64, [copies * count])
        check_tensor("opponent's memory", memory, torch.float32, [copies * count, size])
        theirs = chosen.view(copies, count)
        check_actions(theirs, copies, torch.full((count,), ACTIONS, device=device), self._names)
        both = [theirs, actions] if self._side.agents.start == 0 else [actions, theirs]
        return torch.cat(both, 1), memory.view(copies, count, size)


def policy(opponent: Player | Opponent, task: Task, directions: Tensor) -> Opponent | None:
    """The policy that a setting means; None if there are no opponents.

    Raises:
        ValueError: A word that there is not.
        TypeError: Something that cannot act.
    """
    if not isinstance(opponent, str):
        if not isinstance(getattr(opponent, "memory_size", None), int) or not callable(getattr(opponent, "act", None)):
            raise TypeError(f"opponent {opponent!r} found; an Opponent, with memory_size and act, expected")
        return opponent
    check_word("opponent", opponent, ("agent", "scripted", "random", "still"))
    if opponent == "scripted" and task.script is not None:
        return task.script(directions)
    players: dict[str, Opponent] = {"random": Random(), "still": Still()}
    return players.get(opponent)
