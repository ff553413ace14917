"""Who plays the agents that are no learners: the prey of `SimpleTag`, the adversary of `SimpleAdversary`."""

from typing import Literal, Protocol

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.world import ACTIONS, DAMPING, DT, least, length, total

Player = Literal["agent", "scripted", "random", "still"]

REACH = 0.3
"""How far from an opponent, in metres, the places lie that a script weighs against each other."""


class Opponent(Protocol):
    """A policy for opponents. What it remembers is handed in and out, so that a state of the game holds all there is.

    A row is one opponent in one copy of the game. What is answered in one row may not depend on the other rows.
    """

    @property
    def memory_size(self) -> int:
        """H, how many numbers an opponent remembers from step to step; 0 for none."""
        ...

    def act(self, observations: Tensor, memory: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Choose actions.

        Args:
            observations: What each opponent saw last, in full, float32 ``[rows, D]``.
            memory: What the last call returned, float32 ``[rows, H]``; zeros at the beginning of an episode.
            chance: Uniform draws in [0, 1), float64 ``[rows]``. They depend on the row's seed, the episode, the step
                and the opponent alone.

        Returns:
            Actions, int64 ``[rows]``, 0 to 4; and the new memory.
        """
        ...


class Still:
    """Does nothing, ever."""

    memory_size = 0

    def act(self, observations: Tensor, memory: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Choose action 0 (see `Opponent.act`)."""
        return torch.zeros(len(observations), dtype=torch.int64, device=observations.device), memory


class Random:
    """Does anything, each action as likely as the others."""

    memory_size = 0

    def act(self, observations: Tensor, memory: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Choose by chance (see `Opponent.act`)."""
        return (chance * ACTIONS).long(), memory


class Fleeing:
    """The scripted prey: runs from the predators, and stays in the arena if it can.

    It knows where it will come to rest if it does nothing, 0.4 s of its velocity away. Of this place and the four that
    lie `REACH` from it to each side it takes the best, which is the one with the largest distance to the nearest
    predator, in metres, less what a prey pays there for being out of bounds. Ties fall by chance.
    """

    memory_size = 0

    def __init__(self, directions: Tensor, *, obstacles: int, predators: int) -> None:
        """Know where actions push, ``[5, 2]``, and how many obstacles and predators there are."""
        self._steps = REACH * directions.float()
        self._predators = slice(2 + obstacles, 2 + obstacles + predators)

    def act(self, observations: Tensor, memory: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the place farthest from predators (see `Opponent.act`)."""
        seen = _pairs(observations)
        places = seen[:, :1] * (DT / DAMPING) + self._steps
        safety = least(length(places[:, :, None] - seen[:, None, self._predators]), 2)
        return best(safety - out_of_bounds(places + seen[:, 1:2]), chance), memory


class Guessing:
    """The scripted adversary: guesses the goal from where the good agents are, and goes there.

    A landmark at distance d from the nearest good agent is believed to be the goal with a probability proportional to
    exp(-d / 0.3 m), 0.3 m being an agent's diameter. The adversary heads for the landmarks' mean under this belief,
    which has the least expected squared distance from the goal: of the place where it is and the four that lie `REACH`
    from it to each side it takes the one nearest to that mean. Ties fall by chance.
    """

    memory_size = 0

    def __init__(self, directions: Tensor, *, landmarks: int) -> None:
        """Know where actions push, ``[5, 2]``, and how many landmarks there are."""
        self._steps = REACH * directions.float()
        self._landmarks = landmarks

    def act(self, observations: Tensor, memory: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the place nearest to where the goal is believed to be (see `Opponent.act`)."""
        seen = _pairs(observations)
        landmarks, good = seen[:, : self._landmarks], seen[:, self._landmarks :]
        apart = least(length(landmarks[:, :, None] - good[:, None]), 2)
        belief = torch.exp((least(apart, 1)[:, None] - apart) / 0.3)[..., None]
        believed = total(belief * landmarks, 1) / total(belief, 1)
        return best(-length(believed[:, None] - self._steps), chance), memory


def out_of_bounds(places: Tensor) -> Tensor:
    """What a prey pays for being at places ``[..., 2]``, ``[...]``.

    For each of x and y, at a distance d from the middle: nothing up to d = 0.9, then 10 (d - 0.9), and from d = 1 on
    exp(2 d - 2), but 10 at most.
    """
    d = places.abs()
    outside = torch.exp(2 * d - 2).clamp(max=10)
    return total(torch.where(d < 1.0, (10 * (d - 0.9)).clamp(min=0), outside), -1)


def best(values: Tensor, chance: Tensor) -> Tensor:
    """Index of the largest of five values ``[rows, 5]``. Draws ``[rows]`` decide among equal ones."""
    order = (torch.arange(ACTIONS, device=values.device) + (chance * ACTIONS).long()[:, None]) % ACTIONS
    return order.gather(1, values.gather(1, order).argmax(1, keepdim=True)).squeeze(1)


def _pairs(observations: Tensor) -> Tensor:
    """Observations as places and velocities, ``[rows, D / 2, 2]``, with rows innermost in memory."""
    return observations.t().contiguous().view(-1, 2, len(observations)).permute(2, 0, 1)
