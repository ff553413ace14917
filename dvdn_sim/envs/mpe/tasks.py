"""The tasks as in ``mpe2``: what agents see and gain in `SimpleSpread`, `SimpleAdversary` and `SimpleTag`."""

import numpy as np

from dvdn_sim.compiled import compiled
from dvdn_sim.envs.api import Observations, Rewards
from dvdn_sim.envs.mpe.env import OpposedEnv, ParticleEnv
from dvdn_sim.envs.mpe.opponents import Scripted, bound, flee, guess
from dvdn_sim.envs.mpe.world import (
    BLUE,
    GREEN,
    RED,
    Agent,
    Bodies,
    Going,
    Integers,
    MpeState,
    World,
    apart,
    bodies_of,
    move,
    show,
    show_own,
)
from dvdn_sim.scenario import envs as settings

RADIUS = 0.15


class SimpleSpread(ParticleEnv[settings.MpeSpread]):
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

    settings = settings.MpeSpread

    def _made(self) -> World:
        N = self.spec.N
        self._rewards = SPREAD_REWARDS.index(self.spec.reward), self.spec.local_ratio
        return World(tuple(Agent(f"agent_{i}", RADIUS) for i in range(N)), N, landmark_size=0.05, colliders=N)

    def _observe(self, state: MpeState, seen: Observations) -> None:
        _spread_observation(bodies_of(state), self._near, seen)

    def _step(self, state: MpeState, actions: Integers, rewards: Rewards, seen: Observations) -> None:
        _spread_step(self._going(state, actions), *self._rewards, rewards, self._near, seen)


@compiled
def _spread_observation(bodies: Bodies, near: bool, seen: Observations) -> None:
    """Write own velocity and place, landmarks, other agents, and what these say: nothing, zeros."""
    positions, _, landmarks = bodies
    rows, agents, _ = seen.shape
    for row in range(rows):
        for agent in range(agents):
            x, y = positions[row, agent, 0], positions[row, agent, 1]
            at = show_own(seen, row, agent, bodies, agent)
            at, _ = show(seen, row, agent, at, x, y, landmarks, 0, agents, agents, near)
            show(seen, row, agent, at, x, y, positions, 0, agents, agent, near)


SPREAD_REWARDS = ("mpe2", "legacy", "individual")
MPE2, LEGACY, INDIVIDUAL = range(3)


@compiled
def _spread_step(going: Going, kind: int, local_ratio: float, rewards: Rewards, near: bool, seen: Observations) -> None:
    positions, _, landmarks = going[0]
    rows, agents = rewards.shape
    force = np.empty((agents, 2))
    for row in range(rows):
        if not move(row, going, force):
            continue
        global_reward = total = 0.0
        for landmark in range(agents):
            least = np.inf
            for agent in range(agents):
                least = min(least, apart(positions, agent, landmarks, landmark, row))
            global_reward -= least
        for agent in range(agents):
            least, bumps = np.inf, 0  # a quirk of older versions is that an agent bumps into itself
            for other in range(agents):
                least = min(least, apart(positions, agent, landmarks, other, row))
                bumps += apart(positions, agent, positions, other, row) < RADIUS + RADIUS
            total += global_reward - bumps
            if kind == MPE2:
                rewards[row, agent] = global_reward * (1 - local_ratio) - (bumps - 1) * local_ratio
            elif kind == INDIVIDUAL:
                rewards[row, agent] = -least - bumps
        if kind == LEGACY:
            rewards[row] = total
    _spread_observation(going[0], near, seen)


class SimpleAdversary(OpposedEnv[settings.MpeAdversary]):
    """N good agents and one adversary among N landmarks, one of which is the goal; only good agents know which.

    Step by step what ``mpe2``'s simple_adversary_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for
    the old order). A good agent sees, relative to itself, the goal, the landmarks and the other agents, adversary
    first: 2 + 4 N numbers. `nearest` shows of the other agents only the nearest one, with its colour: 7 + 2 N numbers.
    The adversary sees landmarks and good agents, 4 N numbers. Nobody bumps into anybody.

    A good agent gains the adversary's distance from the goal, less that of the good agent nearest to it. An adversary
    that learns gains minus its distance from the goal (`mpe2`), or minus the square of it (`legacy`).
    """

    settings = settings.MpeAdversary

    def _made(self) -> World:
        N = self.spec.N
        agents = (Agent("adversary_0", RADIUS, colour=RED), *(Agent(f"agent_{i}", RADIUS) for i in range(N)))
        return World(agents, N, landmark_size=0.08, has_goal=True)

    def _script(self) -> Scripted:
        return Scripted(guess, 2 * self.spec.N, self._legacy)

    def _see(self, state: MpeState, first: int, seen: Observations) -> None:
        _adversary_observation(bodies_of(state), state.goal, self._near, first, seen)

    def _step(self, state: MpeState, actions: Integers, rewards: Rewards, seen: Observations) -> None:
        _adversary_step(self._going(state, actions), state.goal, self.spec.reward == "legacy", rewards)
        self._observe(state, seen)


@compiled
def _adversary_observation(bodies: Bodies, goal: Integers, near: bool, first: int, seen: Observations) -> None:
    """Write the goal, landmarks and other agents; agent 0, the adversary, sees no goal, and always everybody."""
    positions, _, landmarks = bodies
    rows, viewers, _ = seen.shape
    for row in range(rows):
        for viewer in range(viewers):
            agent, at = first + viewer, 0
            nearest = near and agent > 0
            x, y = positions[row, agent, 0], positions[row, agent, 1]
            for number in range(0 if agent == 0 else -1, landmarks.shape[1]):
                place = goal[row] if number < 0 else number
                seen[row, viewer, at] = landmarks[row, place, 0] - x
                seen[row, viewer, at + 1] = landmarks[row, place, 1] - y
                at += 2
            at, other = show(seen, row, viewer, at, x, y, positions, 0, positions.shape[1], agent, nearest)
            if nearest:
                for part in range(3):
                    seen[row, viewer, at + part] = RED[part] if other == 0 else BLUE[part]


@compiled
def _adversary_step(going: Going, goal: Integers, squared: bool, rewards: Rewards) -> None:
    positions, _, landmarks = going[0]
    force = np.empty((positions.shape[1], 2))
    for row in range(len(rewards)):
        if not move(row, going, force):
            continue
        adversary, least = 0.0, np.inf  # distances from the goal; least of the good agents'
        for agent in range(positions.shape[1]):
            distance = apart(positions, agent, landmarks, goal[row], row)
            if agent == 0:
                adversary = distance
            else:
                least = min(least, distance)
        rewards[row] = -least + adversary
        if rewards.shape[1] == positions.shape[1]:  # the adversary is an agent, too
            rewards[row, 0] = -adversary * adversary if squared else -adversary


PREDATOR_RADIUS, PREY_RADIUS = 0.075, 0.05


class SimpleTag(OpposedEnv[settings.MpeTag]):
    """Predators (``mpe2``'s adversaries) touch prey (its good agents), which are faster.

    Step by step what ``mpe2``'s simple_tag_v3 does. Actions: 0 none, 1 -x, 2 +x, 3 -y, 4 +y (see `physics` for the old
    order). With P predators, G prey and L obstacles a predator sees its velocity and position, then, relative to it,
    obstacles, other predators and prey, then the velocities of the prey: 4 + 2 L + 2 (P + G - 1) + 2 G numbers. Prey
    see the same, without their own velocity a second time. `nearest` shows a predator of the obstacles, the other
    predators and the prey only the nearest one each, the prey with its velocity: 12 numbers.

    A predator gains 10 for every touch of any predator (`mpe2`), or of its own (`individual`). A prey loses 10 for
    every predator that touches it, and more for being out of bounds (`opponents.bound`).
    """

    settings = settings.MpeTag

    def _made(self) -> World:
        P, G, L = self.spec.num_adversaries, self.spec.num_good, self.spec.num_obstacles
        predators = tuple(Agent(f"adversary_{i}", PREDATOR_RADIUS, 3.0, 1.0, RED) for i in range(P))
        prey = tuple(Agent(f"agent_{i}", PREY_RADIUS, 4.0, 1.3, GREEN) for i in range(G))
        return World(predators + prey, L, landmark_size=0.2, landmark_spread=0.9, colliders=P + G + L)

    def _script(self) -> Scripted:
        first = 4 + 2 * self.spec.num_obstacles
        return Scripted(flee, first, first + 2 * self.spec.num_adversaries, self._legacy)

    def _see(self, state: MpeState, first: int, seen: Observations) -> None:
        _tag_observation(bodies_of(state), self.spec.num_adversaries, self._near, first, seen)

    def _step(self, state: MpeState, actions: Integers, rewards: Rewards, seen: Observations) -> None:
        own = self.spec.reward == "individual"
        _tag_step(self._going(state, actions), self.spec.num_adversaries, own, rewards)
        self._observe(state, seen)


@compiled
def _tag_observation(bodies: Bodies, predators: int, near: bool, first: int, seen: Observations) -> None:
    """Write own velocity and place, obstacles, other agents, velocities of other prey; prey always see everything."""
    positions, velocities, landmarks = bodies
    agents, obstacles = positions.shape[1], landmarks.shape[1]
    rows, viewers, _ = seen.shape
    for row in range(rows):
        for viewer in range(viewers):
            agent = first + viewer
            nearest = near and agent < predators
            x, y = positions[row, agent, 0], positions[row, agent, 1]
            at = show_own(seen, row, viewer, bodies, agent)
            at, _ = show(seen, row, viewer, at, x, y, landmarks, 0, obstacles, obstacles, nearest)
            at, _ = show(seen, row, viewer, at, x, y, positions, 0, predators, agent, nearest)
            at, prey = show(seen, row, viewer, at, x, y, positions, predators, agents, agent, nearest)
            shown, end = (prey, prey + 1) if nearest else (predators, agents)
            show(seen, row, viewer, at, 0.0, 0.0, velocities, shown, end, agent, nearest)


@compiled
def _tag_step(going: Going, predators: int, own: bool, rewards: Rewards) -> None:
    positions, _, _ = going[0]
    force = np.empty((positions.shape[1], 2))
    for row in range(len(rewards)):
        if not move(row, going, force):
            continue
        touches = 0.0
        for prey in range(predators, positions.shape[1]):
            loss = 0.0
            for predator in range(predators):
                if apart(positions, prey, positions, predator, row) < PREDATOR_RADIUS + PREY_RADIUS:
                    touches += 1.0
                    loss += 10.0
                    rewards[row, predator] += 10.0
            if prey < rewards.shape[1]:  # prey that learn
                rewards[row, prey] = -loss - bound(positions[row, prey, 0]) - bound(positions[row, prey, 1])
        if not own:
            rewards[row, :predators] = 10.0 * touches
