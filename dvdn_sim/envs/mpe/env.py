"""`ParticleEnv`: a task, its physics and its opponents under the contract of a batched environment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.batch import check_actions, check_episode, check_reset, described, refuse_broken, where
from dvdn_sim.envs.canvas import Canvas, Frame
from dvdn_sim.envs.mpe.opponents import Opponent, Player, Random, Still
from dvdn_sim.envs.mpe.world import ACTIONS, MpeState, Physics, World, draw, joined
from dvdn_sim.records import Picture
from dvdn_sim.scenario import envs as settings


def check_tensor(what: str, found: Tensor, dtype: torch.dtype, shape: list[int]) -> None:
    """Refuse (ValueError) a tensor of another dtype or shape."""
    if found.dtype != dtype or list(found.shape) != shape:
        expected = described(torch.empty(shape, dtype=dtype, device="meta"))
        raise ValueError(f"{what} {described(found)} found; {expected} expected")


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


class Opposition:
    """The opponents of a game, which act on what they saw before the step, as learners do."""

    def __init__(self, opponent: Opponent, side: Side, *, names: tuple[str, ...], limit: int) -> None:
        """Seat a policy on a side; `names` are those of all agents, `limit` steps of an episode at most."""
        self._opponent, self._side, self._limit = opponent, side, limit
        self._names = names[side.agents.start : side.agents.stop]
        self.memory_shape = (len(side.agents), opponent.memory_size)

    def play(self, state: MpeState, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return actions of all agents, int64 ``[E, N + K]``, and what the opponents remember, float32 ``[E, K, H]``.

        Refuses (ValueError) a policy that answers with another shape or dtype, or an action that there is not.
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


def policy(opponent: Player | Opponent | None, task: Task, directions: Tensor) -> Opponent | None:
    """Return the policy that a setting means, None for none; refuse (TypeError) something that cannot act."""
    if opponent is None or isinstance(opponent, str):
        if opponent == "scripted" and task.script is not None:
            return task.script(directions)
        players: dict[str | None, Opponent] = {"random": Random(), "still": Still()}
        return players.get(opponent)
    if not isinstance(getattr(opponent, "memory_size", None), int) or not callable(getattr(opponent, "act", None)):
        raise TypeError(f"opponent {opponent!r} found; an Opponent, with memory_size and act, expected")
    return opponent


class ParticleEnv:
    """What all tasks share. Opponents act on what they saw before the step, as learners do."""

    def __init__(
        self,
        spec: settings.Particles,
        task: Task,
        opponent: Player | Opponent | None,
        *,
        row_seeds: Sequence[int],
        device: torch.device,
    ) -> None:
        """Put a game together; `opponent` plays the task's opponents: with None or `agent` these are agents, too."""
        refuse_broken(spec, row_seeds)
        self.device = device
        self.n_copies, self.n_actions, self.episode_limit = len(row_seeds), ACTIONS, spec.max_episode_steps
        self._world = task.world
        self._physics = Physics(task.world, spec.physics, device)
        self._spawn_keys, self._keys = (
            torch.tensor([key(seed, name) for seed in row_seeds], device=device) for name in ("mpe", "mpe opponent")
        )
        names = tuple(agent.name for agent in task.world.agents)
        player = policy(opponent, task, self._physics.directions)
        self._opposition, self._learners = None, list(task.sides)
        if player is not None and task.opponents is not None:
            theirs = self._learners.pop(task.opponents)
            self._opposition = Opposition(player, theirs, names=names, limit=spec.max_episode_steps)
        self._memory_shape = (0, 0) if self._opposition is None else self._opposition.memory_shape
        self._own = slice(self._learners[0].agents.start, self._learners[-1].agents.stop)  # among all agents
        self.agents = names[self._own]
        self.n_agents = len(self.agents)
        self.available = torch.ones(self.n_agents, ACTIONS, dtype=torch.bool, device=device)
        self.idle_actions = torch.zeros(self.n_agents, dtype=torch.int64, device=device)
        self._counts = self.available.sum(1)
        seen = [side.observe(self._begin(torch.zeros_like(self._spawn_keys))) for side in self._learners]
        self.obs_dims = tuple(each.shape[2] for each in seen for _ in range(each.shape[1]))
        self.obs_dim = max(self.obs_dims)

    @property
    def observation_bounds(self) -> tuple[Tensor, Tensor]:
        """Infinite, as in ``mpe2``, except for padding, which is 0 (see `Playable.observation_bounds`)."""
        dims = torch.tensor(self.obs_dims, device=self.device)
        real = torch.arange(self.obs_dim, device=self.device) < dims[:, None]
        highest = torch.where(real, torch.inf, 0.0)
        return -highest, highest

    def reset(self, state: MpeState | None, mask: Tensor | None = None) -> tuple[MpeState, Tensor]:
        """Begin a new episode in some rows (see `BatchedEnv.reset`). The k-th one depends on (row seed, k) alone."""
        check_reset(None if state is None else len(state.step), mask, self.n_copies)
        if state is None:
            state = self._begin(torch.zeros_like(self._spawn_keys))
            return state, self.observe(state)
        self._check(state)
        fresh = self._begin(state.episode + 1)
        state = fresh if mask is None else where(mask, fresh, state)
        return state, self.observe(state)

    def resume(self, episode: Tensor) -> MpeState:
        """A state between two episodes (see `BatchedEnv.resume`)."""
        check_episode(episode, self.n_copies)
        return self._begin(episode)

    def step(self, state: MpeState, actions: Tensor) -> tuple[MpeState, Tensor, Tensor, Tensor]:
        """Take one step in every row that is not done (see `BatchedEnv.step`); any number of rows will do."""
        self._check(state)
        check_actions(actions, len(state.step), self._counts, self.agents)
        memory = state.memory
        if self._opposition is not None:
            actions, memory = self._opposition.play(state, actions)
        positions, velocities = self._physics.step(state.positions, state.velocities, state.landmarks, actions)
        going = state.step < self.episode_limit
        each = going[:, None, None]
        after = replace(
            state,
            positions=torch.where(each, positions, state.positions),
            velocities=torch.where(each, velocities, state.velocities),
            memory=torch.where(each, memory, state.memory),
            step=state.step + going,
        )
        rewards = torch.cat([side.reward(after) for side in self._learners], 1).masked_fill(~going[:, None], 0.0)
        return after, self.observe(after), rewards, after.step >= self.episode_limit

    def observe(self, state: MpeState) -> Tensor:
        """What the agents see, float32 ``[E, N, D]``."""
        seen = [side.observe(state) for side in self._learners]
        if len(seen) == 1:
            return seen[0]
        return torch.cat([pad(each, (0, self.obs_dim - each.shape[2])) for each in seen], 1)

    def place(
        self, positions: Tensor, landmarks: Tensor, *, velocities: Tensor | None = None, goal: Tensor | None = None
    ) -> MpeState:
        """Put any number of worlds together by hand, at the beginning of episode 0.

        Positions and velocities are of all agents, opponents included, ``[E, M, 2]``, landmarks ``[E, L, 2]``, goals
        int64 ``[E]``. Draws of row i are those of row seed i, counted round and round. Refuses (ValueError) what does
        not fit this game.
        """
        velocities = torch.zeros_like(positions) if velocities is None else velocities
        positions, velocities, landmarks = (
            joined(each.to(self.device, torch.float64)) for each in (positions, velocities, landmarks)
        )
        rows = torch.arange(len(positions), device=self.device)
        zeros = torch.zeros_like(rows)
        state = MpeState(
            positions=positions,
            velocities=velocities,
            landmarks=landmarks,
            goal=zeros if goal is None else goal.to(zeros),
            memory=torch.zeros(len(rows), *self._memory_shape, device=self.device),
            key=self._keys[rows % self.n_copies],
            step=zeros,
            episode=zeros,
        )
        self._check(state)
        if bool(((state.goal < 0) | (state.goal >= max(1, self._world.landmarks))).any()):
            raise ValueError(f"goal {state.goal.tolist()} found; one of {self._world.landmarks} landmarks expected")
        return state

    def timed_out(self, state: MpeState) -> Tensor:
        """Which rows are done, bool ``[E]``: nothing but the time limit ends an episode."""
        return state.step >= self.episode_limit

    def positions(self, state: MpeState) -> Tensor:
        """Where the agents are, in metres (see `Playable.positions`)."""
        return state.positions[:, self._own]

    def frame(self, state: MpeState, row: int = 0) -> Frame:
        """A picture of one row, opponents included (see `Playable.frame`)."""
        return self._drawn(state, row).frame()

    def picture(self, state: MpeState, row: int = 0) -> Picture:
        """The same as strokes."""
        radius = max(agent.radius for agent in self._world.agents)
        return self._drawn(state, row).picture(self.positions(state)[row].tolist(), radius)

    def _drawn(self, state: MpeState, row: int) -> Canvas:
        return draw(self._world, state.positions[row].tolist(), state.landmarks[row].tolist(), int(state.goal[row]))

    def _begin(self, episode: Tensor) -> MpeState:
        """Begin episodes in all rows; everything is at rest, and uniform in a square."""
        agents, landmarks = len(self._world.agents), self._world.landmarks
        places = agents + landmarks
        which = torch.arange(2 * places + 1, device=self.device)
        draws = uniform(self._spawn_keys, episode, which[:, None])
        where_to = (2 * draws[:-1] - 1).view(places, 2, -1).permute(2, 0, 1)
        positions = where_to[:, :agents]
        goal = (draws[-1] * landmarks).long()
        return MpeState(
            positions=positions,
            velocities=torch.zeros_like(positions),
            landmarks=where_to[:, agents:] * self._world.landmark_spread,
            goal=goal if self._world.has_goal else torch.zeros_like(goal),
            memory=torch.zeros(len(episode), *self._memory_shape, device=self.device),
            key=self._keys,
            step=torch.zeros_like(episode),
            episode=episode,
        )

    def _check(self, state: MpeState) -> None:
        """Refuse (ValueError) a state of another game."""
        copies, agents = len(state.step), len(self._world.agents)
        expected: dict[str, tuple[torch.dtype, list[int]]] = {
            "positions": (torch.float64, [copies, agents, 2]),
            "velocities": (torch.float64, [copies, agents, 2]),
            "landmarks": (torch.float64, [copies, self._world.landmarks, 2]),
            "goal": (torch.int64, [copies]),
            "memory": (torch.float32, [copies, *self._memory_shape]),
        }
        for name, (dtype, shape) in expected.items():
            check_tensor(f"a state with {name}", getattr(state, name), dtype, shape)
