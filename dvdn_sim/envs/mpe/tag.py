"""`SimpleTag`: slow predators catch fast prey among obstacles."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.checks import check_least, check_word
from dvdn_sim.envs.mpe.env import ParticleEnv
from dvdn_sim.envs.mpe.opponents import Fleeing, Opponent, Player, out_of_bounds
from dvdn_sim.envs.mpe.physics import Order
from dvdn_sim.envs.mpe.sight import all_but_self, among, nearest, observed, of_nearest, relative
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.envs.mpe.task import Side, Task
from dvdn_sim.envs.mpe.vectors import length, total
from dvdn_sim.envs.mpe.world import GREEN, RED, Agent, World

PREDATOR_RADIUS, PREY_RADIUS = 0.075, 0.05


class SimpleTag(ParticleEnv):
    """Predators (``mpe2``'s adversaries) touch prey (its good agents), which are faster.

    Step by step what ``mpe2``'s simple_tag_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for the old
    order). With P predators, G prey and L obstacles a predator sees its velocity and position, then, relative to it,
    obstacles, other predators and prey, then the velocities of the prey: 4 + 2 L + 2 (P + G - 1) + 2 G numbers. Prey
    see the same, without their own velocity a second time.

    A prey loses 10 for every predator that touches it, and more for being out of bounds (`opponents.out_of_bounds`).

    Args:
        num_good: G, 1 or more.
        num_adversaries: P, 1 or more.
        num_obstacles: L, 0 or more.
        max_episode_steps: Steps after which an episode ends.
        opponent: Who plays the prey. `scripted`: see `opponents.Fleeing`; `random`; `still`; a policy (see
            `opponents.Opponent`), which sees 4 + 2 L + 2 (P + G - 1) + 2 (G - 1) numbers. With `agent` prey are agents
            like the others, the last ones.
        physics: `mpe2`, or `legacy` for the integration and the actions of older versions (see `physics`).
        observation: `full`, or `nearest`: a predator sees its velocity and position, and of the obstacles, the other
            predators and the prey only the nearest one each, the prey with its velocity, 12 numbers. Prey see all.
        reward: What a predator gains: 10 for every touch of any predator and any prey (`mpe2`), or for every prey that
            it touches itself (`individual`).
        row_seeds: E seeds; rows with equal seeds play equal episodes.
        device: Where all tensors are.

    Raises:
        ValueError: A number out of range; a word that there is not.
        TypeError: A number that is not whole; an opponent that cannot act.
    """

    def __init__(
        self,
        num_good: int = 1,
        num_adversaries: int = 3,
        num_obstacles: int = 2,
        max_episode_steps: int = 25,
        *,
        opponent: Player | Opponent = "scripted",
        physics: Order = "mpe2",
        observation: Literal["full", "nearest"] = "full",
        reward: Literal["mpe2", "individual"] = "mpe2",
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
    ) -> None:
        check_least(num_good=(num_good, 1), num_adversaries=(num_adversaries, 1), num_obstacles=(num_obstacles, 0))
        check_word("observation", observation, ("full", "nearest"))
        check_word("reward", reward, ("mpe2", "individual"))
        device = torch.device(device)
        agents = (
            *(Agent(f"adversary_{i}", PREDATOR_RADIUS, 3.0, 1.0, RED) for i in range(num_adversaries)),
            *(Agent(f"agent_{i}", PREY_RADIUS, 4.0, 1.3, GREEN) for i in range(num_good)),
        )
        P, M = num_adversaries, len(agents)
        hunters, hunted = (all_but_self(M, viewers).to(device) for viewers in (range(P), range(P, M)))
        predators = Side(
            range(P),
            partial(_full if observation == "full" else _nearest, own=slice(0, P), others=hunters, first_prey=P - 1),
            partial(_any_touch if reward == "mpe2" else _own_touch, predators=P),
        )
        prey = Side(
            range(P, M),
            partial(_full, own=slice(P, M), others=hunted, first_prey=P),
            partial(_prey_gain, predators=P),
        )
        task = Task(
            World(agents, num_obstacles, landmark_radius=0.2, landmark_spread=0.9, collide="all"),
            sides=(predators, prey),
            opponents=1,
            script=partial(Fleeing, obstacles=num_obstacles, predators=num_adversaries),
        )
        super().__init__(
            task,
            opponent=opponent,
            physics=physics,
            max_episode_steps=max_episode_steps,
            row_seeds=row_seeds,
            device=device,
        )


def _full(state: MpeState, own: slice, others: Tensor, first_prey: int) -> Tensor:
    """What agents `own` see; of the `others` of each, those from `first_prey` on are prey."""
    places, velocities = state.positions[:, own], state.velocities[:, own]
    seen = relative(among(state.positions, others), places)
    prey_velocities = among(state.velocities, others[:, first_prey:])
    return observed(velocities, places, relative(state.landmarks, places), seen, prey_velocities)


def _nearest(state: MpeState, own: slice, others: Tensor, first_prey: int) -> Tensor:
    places, velocities = state.positions[:, own], state.velocities[:, own]
    seen = relative(among(state.positions, others), places)
    predators, prey = seen[:, :, :first_prey], seen[:, :, first_prey:]
    one_prey = of_nearest(prey, torch.cat([prey, among(state.velocities, others[:, first_prey:])], 3))
    return observed(velocities, places, nearest(relative(state.landmarks, places)), nearest(predators), one_prey)


def _touches(state: MpeState, predators: int) -> Tensor:
    """1 where a predator touches a prey, float64 ``[E, P, G]``."""
    apart = relative(state.positions[:, predators:], state.positions[:, :predators])
    return (length(apart) < PREDATOR_RADIUS + PREY_RADIUS).double()


def _any_touch(state: MpeState, predators: int) -> Tensor:
    touches = total(_touches(state, predators).flatten(1), 1)
    return 10.0 * touches[:, None].expand(-1, predators)


def _own_touch(state: MpeState, predators: int) -> Tensor:
    return 10.0 * total(_touches(state, predators), 2)


def _prey_gain(state: MpeState, predators: int) -> Tensor:
    return -10.0 * total(_touches(state, predators), 1) - out_of_bounds(state.positions[:, predators:])
