"""`SimpleSpread`: agents cover landmarks without bumping into one another."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.checks import check_least, check_word
from dvdn_sim.envs.mpe.env import ParticleEnv
from dvdn_sim.envs.mpe.physics import Order
from dvdn_sim.envs.mpe.sight import all_but_self, among, nearest, observed, relative
from dvdn_sim.envs.mpe.state import MpeState
from dvdn_sim.envs.mpe.task import Side, Task
from dvdn_sim.envs.mpe.vectors import least, length, total
from dvdn_sim.envs.mpe.world import Agent, World

RADIUS = 0.15


class SimpleSpread(ParticleEnv):
    """N agents and N landmarks; all N are to be covered.

    Step by step what ``mpe2``'s simple_spread_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for the
    old order). Observation of an agent: its velocity and position, then, relative to it, the landmarks and the other
    agents, then what the others say, which is always 0: 4 + 2 N + 4 (N - 1) numbers.

    Args:
        N: Number of agents and of landmarks, 1 or more.
        local_ratio: Share of an agent's own part in the reward `mpe2`, 0 to 1.
        max_episode_steps: Steps after which an episode ends.
        physics: `mpe2`, or `legacy` for the integration and the actions of older versions (see `physics`).
        observation: `full`, or `nearest`: of landmarks and other agents only the nearest one, 10 numbers.
        reward: `mpe2`: (1 - local_ratio) times minus the sum over landmarks of the distance to the nearest agent, plus
            local_ratio times minus the number of other agents that are bumped into (closer than 0.3).
            `legacy`: every agent gains the sum over agents of minus that sum and minus the number of agents closer than
            0.3, itself included, as in OpenAI's release and its forks.
            `individual`: minus the distance to the nearest landmark, minus the number of agents closer than 0.3, itself
            included.
        row_seeds: E seeds; rows with equal seeds play equal episodes.
        device: Where all tensors are.

    Raises:
        ValueError: A number out of range; a word that there is not; a `local_ratio` for a reward without one.
        TypeError: A number that is not whole.
    """

    def __init__(
        self,
        N: int = 3,
        local_ratio: float = 0.5,
        max_episode_steps: int = 25,
        *,
        physics: Order = "mpe2",
        observation: Literal["full", "nearest"] = "full",
        reward: Literal["mpe2", "legacy", "individual"] = "mpe2",
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
    ) -> None:
        check_least(N=(N, 1))
        if not 0 <= local_ratio <= 1:
            raise ValueError(f"local_ratio {local_ratio} found; 0 to 1 expected")
        if local_ratio != 0.5 and reward != "mpe2":
            raise ValueError(f"local_ratio {local_ratio} and reward {reward!r} found; only 'mpe2' has a local_ratio")
        check_word("reward", reward, ("mpe2", "legacy", "individual"))
        check_word("observation", observation, ("full", "nearest"))
        device = torch.device(device)
        agents = tuple(Agent(f"agent_{i}", RADIUS) for i in range(N))
        world = World(agents, landmarks=N, landmark_radius=0.05, collide="agents")
        observe = partial(_full if observation == "full" else _nearest, others=all_but_self(N, range(N)).to(device))
        gains: dict[str, Callable[[MpeState], Tensor]] = {
            "mpe2": partial(_mixed, local_ratio=local_ratio),
            "legacy": _shared,
            "individual": _individual,
        }
        task = Task(world, (Side(range(N), observe, gains[reward]),))
        super().__init__(task, physics=physics, max_episode_steps=max_episode_steps, row_seeds=row_seeds, device=device)


def _full(state: MpeState, others: Tensor) -> Tensor:
    own, velocities = state.positions, state.velocities
    seen = relative(among(own, others), own)
    return observed(velocities, own, relative(state.landmarks, own), seen, torch.zeros_like(seen))


def _nearest(state: MpeState, others: Tensor) -> Tensor:
    own, velocities = state.positions, state.velocities
    landmark, other = (nearest(relative(places, own)) for places in (state.landmarks, among(own, others)))
    return observed(velocities, own, landmark, other, torch.zeros_like(other))


def _distances(state: MpeState) -> Tensor:
    """Between agents and landmarks, ``[E, agents, landmarks]``."""
    return length(relative(state.landmarks, state.positions))


def _close(state: MpeState) -> Tensor:
    """How many agents touch each agent, itself included, float64 ``[E, N]``."""
    return total((length(relative(state.positions, state.positions)) < 2 * RADIUS).double(), 2)


def _mixed(state: MpeState, local_ratio: float) -> Tensor:
    uncovered = total(least(_distances(state), 1), 1)
    return -uncovered[:, None] * (1 - local_ratio) - (_close(state) - 1) * local_ratio


def _shared(state: MpeState) -> Tensor:
    uncovered = total(least(_distances(state), 1), 1)
    close = _close(state)
    return (-uncovered * close.shape[1] - close.sum(1))[:, None].expand(close.shape)


def _individual(state: MpeState) -> Tensor:
    return -least(_distances(state), 2) - _close(state)
