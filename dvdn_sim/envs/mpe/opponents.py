"""Who plays the agents that are no learners: the prey of `SimpleTag`, the adversary of `SimpleAdversary`."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled
from dvdn_sim.envs.mpe.world import ACTIONS, DAMPING, DT, TOWARDS, Floats, Integers, length

Seen = NDArray[np.float32]
Memory = NDArray[np.float32]

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

    def act(self, observations: Seen, memory: Memory, chance: Floats) -> tuple[Integers, Memory]:
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

    def act(self, observations: Seen, memory: Memory, chance: Floats) -> tuple[Integers, Memory]:
        """Choose action 0 (see `Opponent.act`)."""
        return np.zeros(len(observations), np.int64), memory


class Random:
    """Does anything, each action as likely as the others."""

    memory_size = 0

    def act(self, observations: Seen, memory: Memory, chance: Floats) -> tuple[Integers, Memory]:
        """Choose by chance (see `Opponent.act`)."""
        return (chance * ACTIONS).astype(np.int64), memory


class Scripted:
    """Does what a compiled rule says, which takes what is seen, numbers that it needs to know, and chance."""

    memory_size = 0

    def __init__(self, rule: Callable[..., None], *numbers: int) -> None:
        self._rule, self._numbers = rule, numbers

    def act(self, observations: Seen, memory: Memory, chance: Floats) -> tuple[Integers, Memory]:
        """Choose by the rule (see `Opponent.act`)."""
        actions = np.empty(len(observations), np.int64)
        self._rule(observations.astype(float), *self._numbers, chance, actions)
        return actions, memory


@compiled
def flee(seen: Floats, first: int, end: int, legacy: bool, chance: Floats, actions: Integers) -> None:
    """Run from the predators, and stay in the arena if it can be: the scripted prey.

    It sees predators in the numbers from `first` to `end`. It knows where it will come to rest if it does nothing, 0.4
    s of its velocity away. Of this place and the four that lie `REACH` from it to each side it takes the best, which is
    the one with the largest distance to the nearest predator, in metres, less what a prey pays there for being out of
    bounds. Ties fall by chance.
    """
    reach = -REACH if legacy else REACH
    for row in range(len(seen)):
        best = -np.inf
        for turn in range(ACTIONS):
            action = (int(chance[row] * ACTIONS) + turn) % ACTIONS
            x = reach * TOWARDS[action, 0] + DT / DAMPING * seen[row, 0]
            y = reach * TOWARDS[action, 1] + DT / DAMPING * seen[row, 1]
            safety = np.inf
            for at in range(first, end, 2):
                safety = min(safety, length(x - seen[row, at], y - seen[row, at + 1]))
            value = safety - (bound(x + seen[row, 2]) + bound(y + seen[row, 3]))
            if value > best:
                best, actions[row] = value, action


@compiled
def guess(seen: Floats, end: int, legacy: bool, chance: Floats, actions: Integers) -> None:
    """Guess the goal from where the good agents are, and go there: the scripted adversary.

    It sees landmarks in the numbers up to `end`, and then good agents. A landmark at distance d from the nearest good
    agent is believed to be the goal with a probability proportional to exp(-d / 0.3 m), 0.3 m being an agent's
    diameter. The adversary heads for the landmarks' mean under this belief, which has the least expected squared
    distance from the goal: of the place where it is and the four that lie `REACH` from it to each side it takes the one
    nearest to that mean. Ties fall by chance.
    """
    reach = -REACH if legacy else REACH
    alone = np.empty(end // 2)  # how far each landmark is from the nearest good agent
    for row in range(len(seen)):
        least = np.inf
        for landmark in range(len(alone)):
            alone[landmark] = np.inf
            for at in range(end, seen.shape[1], 2):
                x, y = seen[row, 2 * landmark] - seen[row, at], seen[row, 2 * landmark + 1] - seen[row, at + 1]
                alone[landmark] = min(alone[landmark], length(x, y))
            least = min(least, alone[landmark])
        x_goal = y_goal = total = 0.0
        for landmark in range(len(alone)):
            belief = np.exp((least - alone[landmark]) / 0.3)
            x_goal += belief * seen[row, 2 * landmark]
            y_goal += belief * seen[row, 2 * landmark + 1]
            total += belief
        nearest = np.inf
        for turn in range(ACTIONS):
            action = (int(chance[row] * ACTIONS) + turn) % ACTIONS
            x, y = reach * TOWARDS[action, 0], reach * TOWARDS[action, 1]
            distance = length(x_goal / total - x, y_goal / total - y)
            if distance < nearest:
                nearest, actions[row] = distance, action


@compiled
def bound(x: float) -> float:
    """Return what a prey pays for its place along one axis, out of bounds from 0.9 on (``simple_tag``)."""
    x = abs(x)
    if x < 0.9:
        return 0.0
    if x < 1.0:
        return (x - 0.9) * 10
    return float(min(np.exp(2 * x - 2), 10.0))
