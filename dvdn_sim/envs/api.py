"""The contract of a batched environment: explicit state, no automatic reset, finished rows frozen."""

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.envs.canvas import Frame

State = TypeVar("State")
Mask = NDArray[np.bool_]
Observations = NDArray[np.float32]
Rewards = NDArray[np.float64]


class BatchedEnv(Protocol[State]):
    """E copies of one team game, stepped together.

    E copies (rows), N agents, A actions and D observed numbers; agents with fewer actions or a shorter observation are
    padded, so A and D are the largest of the team. No array that is handed out is changed later by the environment.
    Rows are independent: what happens in one is the same whatever happens in the others.

    An episode of a row begins with `reset` and ends when `step` reports it done; terminated and truncated are one thing
    here, as they are for the learners. `step` never resets. A row that is done is frozen: stepping it gives reward 0,
    its last observation and done again, until `reset` names it.
    """

    n_copies: int
    """E, the rows of the batch."""
    n_agents: int
    """N."""
    n_actions: int
    """A, the largest number of actions of an agent."""
    obs_dim: int
    """D, the longest observation of an agent; shorter ones end in zeros."""
    obs_dims: tuple[int, ...]
    """Length of each agent's observation without padding, N numbers."""
    available: NDArray[np.bool_]
    """Bool [N, A]: the actions each agent has. The first ones are True, padding is False."""
    idle_actions: NDArray[np.int64]
    """Int64 [N]: of each agent, the action that does nothing, or comes nearest to it; what agents that are down do."""
    episode_limit: int
    """Steps after which every episode has ended, an upper bound."""

    @property
    def agents(self) -> tuple[str, ...]:
        """The N names, in the order of every agent axis."""

    def reset(self, state: State | None, mask: Mask | None = None) -> tuple[State, Observations]:
        """Begin a new episode in some rows.

        Args:
            state: What the latest call returned; None on the first call.
            mask: Bool [E], the rows to reset; None for all. The other rows keep their state and last observation.

        Returns:
            The new state, and the observations of all rows, float32 [E, N, D].

        Raises:
            ValueError: The first call leaves a row out, or `mask` has another shape or dtype.
        """

    def resume(self, episode: NDArray[np.int64]) -> State:
        """A state between two episodes: the next `reset` of a row begins the one after the episode given.

        Args:
            episode: int64 [E], number of each row's latest episode, 0 for the first.

        Raises:
            ValueError: `episode` has another shape or dtype, or a negative number.
        """

    def step(self, state: State, actions: NDArray[np.int64]) -> tuple[State, Observations, Rewards, Mask]:
        """Take one step in every row that is not done.

        Args:
            state: What the latest call returned.
            actions: int64 [E, N]. Those of finished rows and of agents that have left are checked, then ignored.

        Returns:
            The new state; observations, float32 [E, N, D]; rewards of this step, float64 [E, N]; done, bool [E].

        Raises:
            ValueError: An action that its agent does not have, or another shape or dtype. Nothing has been stepped.
        """

    def timed_out(self, state: State) -> Mask:
        """Which rows are done because their time was up and not because the game was, bool [E].

        Args:
            state: What the latest call returned.
        """


class Playable(BatchedEnv[State], Protocol[State]):
    """What our own environments offer beside: enough to be a PettingZoo ``ParallelEnv``, to be drawn and placed."""

    @property
    def observation_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lowest and highest observed numbers, float32 [N, D] each; infinite where there is no bound."""

    def advance(self, state: State, actions: NDArray[np.int64]) -> tuple[Observations, Rewards, Mask]:
        """Take the step that `step` takes, but in place: quicker, for who does not need the state as it was.

        Args:
            state: What the latest call returned, or was given; changed, all arrays of it.
            actions: See `step`.

        Returns:
            Observations, rewards and done; the last is the state's own.

        Raises:
            ValueError: As `step`; nothing has been stepped.
        """

    def positions(self, state: State) -> NDArray[np.float64]:
        """Where the agents are, float64 [E, N, 2]: what `range` topologies measure distances between."""

    def frame(self, state: State, row: int = 0) -> Frame:
        """A picture of one row, uint8 [height, width, 3]."""
