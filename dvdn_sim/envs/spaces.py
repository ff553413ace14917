"""PettingZoo spaces as numbers: how many actions an agent has, and its observation as a row of float32."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Row = NDArray[np.float32]


class Encoder(Protocol):
    """Writes the observations of one agent into rows."""

    @property
    def width(self) -> int:
        """Length of the row."""
        ...

    def write(self, observation: object, row: Row) -> None:
        """Fill `row`, float32 [width], with `observation`; ValueError if it does not lie in the space."""
        ...


@dataclass(frozen=True)
class Flattened:
    """A Box: its numbers in row-major order."""

    agent: str
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """Numbers in the Box."""
        return int(np.prod(self.shape, dtype=np.int64))

    def write(self, observation: object, row: Row) -> None:
        """Fill `row`; a number is rounded to float32."""
        values = np.asarray(observation)
        if values.shape != self.shape:
            raise ValueError(f"agent {self.agent!r}: observation of shape {values.shape} found; {self.shape} expected")
        row[:] = values.ravel()


@dataclass(frozen=True)
class OneHot:
    """A Discrete: 1 at the observed value, 0 elsewhere."""

    agent: str
    width: int
    start: int

    def write(self, observation: object, row: Row) -> None:
        """Fill `row`."""
        value = np.asarray(observation)
        index = int(value) - self.start if value.ndim == 0 else -1
        if not 0 <= index < self.width:
            expected = f"{self.start} to {self.start + self.width - 1}"
            raise ValueError(f"agent {self.agent!r}: observation {observation!r} found; one of {expected} expected")
        row[:] = 0.0
        row[index] = 1.0


def encoder(agent: str, space: object) -> Encoder:
    """Return how observations of `space` become a row.

    Raises:
        TypeError: The space is neither Box nor Discrete.
    """
    if isinstance(space, spaces.Box):
        return Flattened(agent, space.shape)
    if isinstance(space, spaces.Discrete):
        return OneHot(agent, int(space.n), int(space.start))
    hint = " (masks that change from step to step are not taken)" if isinstance(space, spaces.Dict) else ""
    raise TypeError(f"agent {agent!r}: observation space {space} found{hint}; Box or Discrete expected")


def discrete_actions(agent: str, space: object) -> tuple[int, int]:
    """Return the number of actions of `space` and the value of the first one.

    Raises:
        TypeError: The space is not Discrete.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n), int(space.start)
    raise TypeError(f"agent {agent!r}: action space {space} found; Discrete expected")
