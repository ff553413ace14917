"""Where a batch of worlds stands."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class MpeState:
    """A batch of E worlds of M agents, opponents included, and L landmarks; never changed in place.

    In states that the environments make, E is the innermost axis of places and velocities in memory.

    Attributes:
        positions: float64 ``[E, M, 2]``, x and y in metres.
        velocities: float64 ``[E, M, 2]``, in m/s.
        landmarks: float64 ``[E, L, 2]``, where they are, in metres.
        goal: int64 ``[E]``, which landmark is the goal; 0 where a task has none.
        memory: float32 ``[E, K, H]``, what each of K opponents remembers; zeros at the beginning of an episode.
        key: int64 ``[E]``, names the draws of the row's opponents.
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
    """

    positions: Tensor
    velocities: Tensor
    landmarks: Tensor
    goal: Tensor
    memory: Tensor
    key: Tensor
    step: Tensor
    episode: Tensor
