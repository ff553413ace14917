"""`SimpleAdversary`: good agents go to the goal, and do not let the adversary know which landmark it is."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.checks import check_least, check_word
from dvdn_sim.envs.mpe.env import ParticleEnv
from dvdn_sim.envs.mpe.opponents import Guessing, Opponent, Player
from dvdn_sim.envs.mpe.physics import Order
from dvdn_sim.envs.mpe.sight import all_but_self, among, observed, of_nearest, relative
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.envs.mpe.task import Side, Task
from dvdn_sim.envs.mpe.vectors import least, length
from dvdn_sim.envs.mpe.world import RED, Agent, World

RADIUS = 0.15


class SimpleAdversary(ParticleEnv):
    """N good agents and one adversary among N landmarks, one of which is the goal; only good agents know which.

    Step by step what ``mpe2``'s simple_adversary_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for
    the old order). A good agent sees, relative to itself, the goal, the landmarks and the other agents, adversary
    first: 2 + 4 N numbers. The adversary sees landmarks and good agents. Nobody bumps into anybody.

    A good agent gains the adversary's distance from the goal, less that of the good agent nearest to it.

    Args:
        N: Number of good agents and of landmarks, 1 or more.
        max_episode_steps: Steps after which an episode ends.
        opponent: Who plays the adversary. `scripted`: see `opponents.Guessing`; `random`; `still`; a policy (see
            `opponents.Opponent`), which sees 4 N numbers. With `agent` it is an agent like the others, the first one.
        physics: `mpe2`, or `legacy` for the integration and the actions of older versions (see `physics`).
        observation: `full`, or `nearest`: a good agent sees the goal, the landmarks, and of the other agents only the
            nearest one, with its colour (adversary 0.85, 0.35, 0.35; good agent 0.35, 0.35, 0.85), 7 + 2 N numbers.
            The adversary sees all.
        reward: What the adversary gains, where it is an agent: minus its distance from the goal (`mpe2`), or minus the
            square of it (`legacy`, as in OpenAI's release and its forks).
        row_seeds: E seeds; rows with equal seeds play equal episodes.
        device: Where all tensors are.

    Raises:
        ValueError: A number out of range; a word that there is not.
        TypeError: A number that is not whole; an opponent that cannot act.
    """

    def __init__(
        self,
        N: int = 2,
        max_episode_steps: int = 25,
        *,
        opponent: Player | Opponent = "scripted",
        physics: Order = "mpe2",
        observation: Literal["full", "nearest"] = "full",
        reward: Literal["mpe2", "legacy"] = "mpe2",
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
    ) -> None:
        check_least(N=(N, 1))
        check_word("observation", observation, ("full", "nearest"))
        check_word("reward", reward, ("mpe2", "legacy"))
        device = torch.device(device)
        agents = (Agent("adversary_0", RADIUS, colour=RED), *(Agent(f"agent_{i}", RADIUS) for i in range(N)))
        others = all_but_self(N + 1, range(1, N + 1)).to(device)
        colours = torch.tensor([agent.colour for agent in agents], dtype=torch.float64, device=device)[others]
        sight = _full if observation == "full" else partial(_nearest, colours=colours)
        adversary = Side(range(1), _adversary_sees, _adversary_gains if reward == "mpe2" else _adversary_gains_squared)
        good = Side(range(1, N + 1), partial(sight, others=others), _good_gain)
        task = Task(
            World(agents, landmarks=N, landmark_radius=0.08, has_goal=True),
            sides=(adversary, good),
            opponents=0,
            script=partial(Guessing, landmarks=N),
        )
        super().__init__(
            task,
            opponent=opponent,
            physics=physics,
            max_episode_steps=max_episode_steps,
            row_seeds=row_seeds,
            device=device,
        )


def _adversary_sees(state: MpeState) -> Tensor:
    own = state.positions[:, :1]
    return observed(relative(state.landmarks, own), relative(state.positions[:, 1:], own))


def _full(state: MpeState, others: Tensor) -> Tensor:
    own = state.positions[:, 1:]
    seen = relative(among(state.positions, others), own)
    return observed(relative(_goal(state), own), relative(state.landmarks, own), seen)


def _nearest(state: MpeState, others: Tensor, colours: Tensor) -> Tensor:
    own = state.positions[:, 1:]
    seen = relative(among(state.positions, others), own)
    other = of_nearest(seen, torch.cat([seen, colours.expand(len(own), -1, -1, -1)], 3))
    return observed(relative(_goal(state), own), relative(state.landmarks, own), other)


def _goal(state: MpeState) -> Tensor:
    """Where the goal is, ``[E, 1, 2]``."""
    return state.landmarks.gather(1, state.goal[:, None, None].expand(-1, 1, 2))


def _from_goal(state: MpeState) -> Tensor:
    """Distances of all agents from the goal, ``[E, 1 + N]``."""
    return length(state.positions - _goal(state))


def _good_gain(state: MpeState) -> Tensor:
    distances = _from_goal(state)
    gain = distances[:, :1] - least(distances[:, 1:], 1)[:, None]
    return gain.expand(-1, distances.shape[1] - 1)


def _adversary_gains(state: MpeState) -> Tensor:
    return -_from_goal(state)[:, :1]


def _adversary_gains_squared(state: MpeState) -> Tensor:
    return -_from_goal(state)[:, :1].square()
