"""The tasks: `SimpleSpread`, `SimpleAdversary` and `SimpleTag`, as in ``mpe2``."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.envs.mpe.env import ParticleEnv, Side, Task
from dvdn_sim.envs.mpe.opponents import Fleeing, Guessing, Opponent, Player, out_of_bounds
from dvdn_sim.envs.mpe.world import (
    GREEN,
    RED,
    Agent,
    MpeState,
    World,
    all_but_self,
    among,
    least,
    length,
    nearest,
    observed,
    of_nearest,
    relative,
    total,
)
from dvdn_sim.scenario import envs as settings

RADIUS = 0.15


class SimpleSpread(ParticleEnv):
    """N agents and N landmarks; all N are to be covered.

    Step by step what ``mpe2``'s simple_spread_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for the
    old order). Observation of an agent: its velocity and position, then, relative to it, the landmarks and the other
    agents, then what the others say, which is always 0: 4 + 2 N + 4 (N - 1) numbers. `nearest` shows of landmarks and
    other agents only the nearest one, 10 numbers.

    Rewards: `mpe2` is (1 - local_ratio) times minus the sum over landmarks of the distance to the nearest agent, plus
    local_ratio times minus the number of other agents that are bumped into (closer than 0.3). With `legacy` every agent
    gains the sum over agents of minus that sum and minus the number of agents closer than 0.3, itself included, as in
    OpenAI's release and its forks. `individual` is minus the distance to the nearest landmark, minus that number.
    """

    def __init__(
        self,
        spec: settings.MpeSpread | None = None,
        *,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take the settings of a scenario, or the same as keywords (`dvdn-sim list envs`)."""
        spec = settings.MpeSpread(**options) if spec is None else spec
        device = torch.device(device)
        N, observation = spec.N, spec.observation
        agents = tuple(Agent(f"agent_{i}", RADIUS) for i in range(N))
        world = World(agents, landmarks=N, landmark_radius=0.05, collide="agents")
        sight = _spread_full if observation == "full" else _spread_nearest
        gains: dict[str, Callable[[MpeState], Tensor]] = {
            "mpe2": partial(_mixed, local_ratio=spec.local_ratio),
            "legacy": _shared,
            "individual": _individual,
        }
        everybody = Side(range(N), partial(sight, others=all_but_self(N, range(N)).to(device)), gains[spec.reward])
        super().__init__(spec, Task(world, (everybody,)), None, row_seeds=row_seeds, device=device)


def _spread_full(state: MpeState, others: Tensor) -> Tensor:
    own, velocities = state.positions, state.velocities
    seen = relative(among(own, others), own)
    return observed(velocities, own, relative(state.landmarks, own), seen, torch.zeros_like(seen))


def _spread_nearest(state: MpeState, others: Tensor) -> Tensor:
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


RADIUS = 0.15


class SimpleAdversary(ParticleEnv):
    """N good agents and one adversary among N landmarks, one of which is the goal; only good agents know which.

    Step by step what ``mpe2``'s simple_adversary_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for
    the old order). A good agent sees, relative to itself, the goal, the landmarks and the other agents, adversary
    first: 2 + 4 N numbers. `nearest` shows of the other agents only the nearest one, with its colour: 7 + 2 N numbers.
    The adversary sees landmarks and good agents, 4 N numbers. Nobody bumps into anybody.

    A good agent gains the adversary's distance from the goal, less that of the good agent nearest to it. An adversary
    that learns gains minus its distance from the goal (`mpe2`), or minus the square of it (`legacy`).
    """

    def __init__(
        self,
        spec: settings.MpeAdversary | None = None,
        *,
        opponent: Player | Opponent | None = None,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take a scenario's settings, or the same as keywords; `opponent` plays the adversary in place of theirs."""
        if isinstance(opponent, str):
            options["opponent"], opponent = opponent, None
        spec = settings.MpeAdversary(**options) if spec is None else spec
        device = torch.device(device)
        N = spec.N
        agents = (Agent("adversary_0", RADIUS, colour=RED), *(Agent(f"agent_{i}", RADIUS) for i in range(N)))
        others = all_but_self(N + 1, range(1, N + 1)).to(device)
        colours = torch.tensor([agent.colour for agent in agents], dtype=torch.float64, device=device)[others]
        sight = _adversary_full if spec.observation == "full" else partial(_adversary_nearest, colours=colours)
        gains = _adversary_gains if spec.reward == "mpe2" else _adversary_gains_squared
        task = Task(
            World(agents, landmarks=N, landmark_radius=0.08, has_goal=True),
            sides=(
                Side(range(1), _adversary_sees, gains),
                Side(range(1, N + 1), partial(sight, others=others), _good_gain),
            ),
            opponents=0,
            script=partial(Guessing, landmarks=N),
        )
        super().__init__(spec, task, opponent or spec.opponent, row_seeds=row_seeds, device=device)


def _adversary_sees(state: MpeState) -> Tensor:
    own = state.positions[:, :1]
    return observed(relative(state.landmarks, own), relative(state.positions[:, 1:], own))


def _adversary_full(state: MpeState, others: Tensor) -> Tensor:
    own = state.positions[:, 1:]
    seen = relative(among(state.positions, others), own)
    return observed(relative(_goal(state), own), relative(state.landmarks, own), seen)


def _adversary_nearest(state: MpeState, others: Tensor, colours: Tensor) -> Tensor:
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


PREDATOR_RADIUS, PREY_RADIUS = 0.075, 0.05


class SimpleTag(ParticleEnv):
    """Predators (``mpe2``'s adversaries) touch prey (its good agents), which are faster.

    Step by step what ``mpe2``'s simple_tag_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for the old
    order). With P predators, G prey and L obstacles a predator sees its velocity and position, then, relative to it,
    obstacles, other predators and prey, then the velocities of the prey: 4 + 2 L + 2 (P + G - 1) + 2 G numbers. Prey
    see the same, without their own velocity a second time. `nearest` shows a predator of the obstacles, the other
    predators and the prey only the nearest one each, the prey with its velocity: 12 numbers.

    A prey loses 10 for every predator that touches it, and more for being out of bounds (`opponents.out_of_bounds`).
    """

    def __init__(
        self,
        spec: settings.MpeTag | None = None,
        *,
        opponent: Player | Opponent | None = None,
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> None:
        """Take a scenario's settings, or the same as keywords; `opponent` plays the prey in place of theirs."""
        if isinstance(opponent, str):
            options["opponent"], opponent = opponent, None
        spec = settings.MpeTag(**options) if spec is None else spec
        device = torch.device(device)
        P, M = spec.num_adversaries, spec.num_adversaries + spec.num_good
        agents = (
            *(Agent(f"adversary_{i}", PREDATOR_RADIUS, 3.0, 1.0, RED) for i in range(P)),
            *(Agent(f"agent_{i}", PREY_RADIUS, 4.0, 1.3, GREEN) for i in range(M - P)),
        )
        hunters, hunted = (all_but_self(M, viewers).to(device) for viewers in (range(P), range(P, M)))
        sight = _tag_full if spec.observation == "full" else _tag_nearest
        predators = Side(
            range(P),
            partial(sight, own=slice(0, P), others=hunters, first_prey=P - 1),
            partial(_any_touch if spec.reward == "mpe2" else _own_touch, predators=P),
        )
        prey = Side(
            range(P, M),
            partial(_tag_full, own=slice(P, M), others=hunted, first_prey=P),
            partial(_prey_gain, predators=P),
        )
        task = Task(
            World(agents, spec.num_obstacles, landmark_radius=0.2, landmark_spread=0.9, collide="all"),
            sides=(predators, prey),
            opponents=1,
            script=partial(Fleeing, obstacles=spec.num_obstacles, predators=P),
        )
        super().__init__(spec, task, opponent or spec.opponent, row_seeds=row_seeds, device=device)


def _tag_full(state: MpeState, own: slice, others: Tensor, first_prey: int) -> Tensor:
    """What agents `own` see; of the `others` of each, those from `first_prey` on are prey."""
    places, velocities = state.positions[:, own], state.velocities[:, own]
    seen = relative(among(state.positions, others), places)
    prey_velocities = among(state.velocities, others[:, first_prey:])
    return observed(velocities, places, relative(state.landmarks, places), seen, prey_velocities)


def _tag_nearest(state: MpeState, own: slice, others: Tensor, first_prey: int) -> Tensor:
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
