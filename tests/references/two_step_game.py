"""The two-step game of Rashid et al. (2018, QMIX), in which a sum of values must mistake the best branch.

Two agents with two actions each. Agent 0's first action chooses the branch, agent 1's first action does nothing, and
nobody is paid yet. The second joint action is paid 7 whatever it is in branch 0, and PAYOFFS[1] in branch 1. So the
best return is 8. The closest sum of two values to PAYOFFS[1] is [[-1.5, 2.5], [2.5, 6.5]]: by it the best return of
branch 1 is 6.5, less than 7.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dvdn_sim.envs.batch import check_actions, check_episode, check_mask

PAYOFFS = torch.tensor([[[7.0, 7.0], [7.0, 7.0]], [[0.0, 1.0], [1.0, 8.0]]], dtype=torch.float64)
START, PLACES = 0, 3  # the start and both branches


def after(branch: Tensor) -> Tensor:
    """The place where agent 0's first action leads."""
    return branch + 1


def all_trajectories() -> tuple[Tensor, Tensor, Tensor]:
    """All 16 ways to play, that is 8 times what agent 1 does first.

    Returns:
        Places int64 [T, B], actions int64 [N, T, B] and the team's rewards float64 [T, B]; T = 2, B = 16.
    """
    actions = torch.cartesian_prod(*[torch.arange(2)] * 4).T.reshape(2, 2, 16).transpose(0, 1)
    branch, (first, second) = actions[0, 0], actions[:, 1]
    places = torch.stack([torch.full_like(branch, START), after(branch)])
    paid = PAYOFFS[branch, first, second]
    return places, actions, torch.stack([torch.zeros_like(paid), paid])


def observed(places: Tensor) -> Tensor:
    """What every agent observes: its place, as float32 one-hot numbers [..., 3]."""
    return torch.nn.functional.one_hot(places, PLACES).float()


@dataclass(frozen=True)
class TwoStepState:
    """Of every row: where it is, int64 [E], and whether its episode is over, bool [E]."""

    place: np.ndarray
    done: np.ndarray


class TwoStepGame:
    """E copies of the game as a `BatchedEnv`; each agent is paid half."""

    def __init__(self, n_copies: int) -> None:
        self.n_copies, self.n_agents, self.n_actions, self.obs_dim = n_copies, 2, 2, PLACES
        self.episode_limit = 2
        self.agents = ("agent_0", "agent_1")
        self.available = np.ones((2, 2), bool)
        self.idle_actions = np.zeros(2, np.int64)  # the game has none; the first one stands in

    def reset(self, state: TwoStepState | None, mask: np.ndarray | None = None) -> tuple[TwoStepState, np.ndarray]:
        """Back to the start, in the rows of `mask`."""
        if mask is not None:
            check_mask(mask, self.n_copies)
        if state is None:
            if mask is not None and not mask.all():
                raise ValueError("the first reset leaves rows out; all expected")
            state, mask = TwoStepState(np.zeros(self.n_copies, np.int64), np.zeros(self.n_copies, bool)), None
        fresh = np.ones(self.n_copies, bool) if mask is None else mask
        state = TwoStepState(np.where(fresh, START, state.place), state.done & ~fresh)
        return state, self._observations(state)

    def resume(self, episode: np.ndarray) -> TwoStepState:
        """Every episode begins alike."""
        check_episode(episode, self.n_copies)
        return self.reset(None)[0]

    def step(self, state: TwoStepState, actions: np.ndarray) -> tuple[TwoStepState, np.ndarray, np.ndarray, np.ndarray]:
        """Choose a branch, or be paid."""
        check_actions(actions, self.n_copies, self.available, self.agents)
        first = state.place == START
        paid = PAYOFFS.numpy()[(state.place - 1).clip(0), actions[:, 0], actions[:, 1]]
        rewards = np.where(first | state.done, 0.0, paid / 2)[:, None].repeat(2, 1)
        state = TwoStepState(np.where(first, actions[:, 0] + 1, state.place), ~first)
        return state, self._observations(state), rewards, state.done

    def timed_out(self, state: TwoStepState) -> np.ndarray:
        """No row: there is no time limit."""
        return np.zeros(self.n_copies, bool)

    def _observations(self, state: TwoStepState) -> np.ndarray:
        return np.eye(PLACES, dtype=np.float32)[state.place][:, None].repeat(2, 1)


def greedy_return(q: Tensor) -> float:
    """The team's return when every agent takes its best action by its values, [N, places, A], in the game itself."""
    game = TwoStepGame(1)
    state, _ = game.reset(None)
    total = 0.0
    for _ in range(game.episode_limit):
        state, _, rewards, _ = game.step(state, q[:, state.place[0]].argmax(-1).numpy()[None])
        total += float(rewards.sum())
    return total
