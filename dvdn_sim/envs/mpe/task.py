"""What sets one task apart from another: its world, and what each side in it sees and gains."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dvdn_sim.envs.mpe.opponents import Opponent
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.envs.mpe.world import World


@dataclass(frozen=True)
class Side:
    """Agents that see and gain alike.

    Attributes:
        agents: Which, n of them.
        observe: From a state to what they see, float32 ``[E, n, D]``.
        reward: From the state after a step to what they gain by it, float64 ``[E, n]``.
    """

    agents: range
    observe: Callable[[MpeState], Tensor]
    reward: Callable[[MpeState], Tensor]


@dataclass(frozen=True)
class Task:
    """A game.

    Attributes:
        world: Its bodies.
        sides: In the order of agents, together all of them.
        opponents: Which side may be played by an opponent; None if there are learners only.
        script: From the directions in which actions push, ``[5, 2]``, to what plays it if a script is asked for.
    """

    world: World
    sides: tuple[Side, ...]
    opponents: int | None = None
    script: Callable[[Tensor], Opponent] | None = None
