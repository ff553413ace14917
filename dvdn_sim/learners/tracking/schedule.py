"""Which updates exchange something, and which block of the parameters: pure functions of the number of the update."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from dvdn_sim.learners.transfer import remembered


@dataclass(frozen=True)
class Block:
    """A block of parameters, and the replicas that exchange it now.

    Attributes:
        number: Which of the blocks.
        positions: Its parameters.
        replicas: Indices, increasing.
        everyone: Whether these are all replicas.
    """

    number: int
    positions: slice
    replicas: list[int]
    everyone: bool

    def of(self, values: Tensor) -> Tensor:
        """The block of values ``[R, ..., P]``, ``[replicas, ..., block]``, to be changed in place and `put` back."""
        return values[..., self.positions] if self.everyone else values[self._rows(values), ..., self.positions]

    def put(self, values: Tensor, block: Tensor) -> None:
        """Write back what `of` gave: a view if these are all replicas, and there is nothing to do."""
        if not self.everyone:
            values[self._rows(values), ..., self.positions] = block

    def _rows(self, values: Tensor) -> Tensor:
        return remembered(np.array(self.replicas), values.device)


@dataclass(frozen=True)
class Schedule:
    """Every `every`-th update exchanges one of `blocks` blocks of the parameters, in turn.

    Between exchanges, and outside the block, A = I. Both save traffic, `every` as many bytes as `blocks`.

    Attributes:
        parameters: P.
        every: Updates from one exchange to the next.
        blocks: Nearly equal, contiguous.

    >>> schedule = Schedule(parameters=10, every=2, blocks=3)
    >>> [schedule.messages(update, vectors=(2,)) for update in range(8)]
    [(), (6,), (), (6,), (), (8,), (), (6,)]
    """

    parameters: int
    every: int = 1
    blocks: int = 1

    def __post_init__(self) -> None:
        if self.every < 1 or not 1 <= self.blocks <= self.parameters:
            raise ValueError(
                f"every {self.every} and blocks {self.blocks} of {self.parameters} parameters: expected every >= 1 and"
                " 1 <= blocks <= parameters"
            )

    def number(self, update: int) -> int | None:
        """Which block an update exchanges, counted from 0 as the updates are; None for nothing."""
        exchanges, left = divmod(update + 1, self.every)
        return None if left else (exchanges - 1) % self.blocks

    def positions(self, number: int) -> slice:
        """The parameters of a block."""
        return slice(number * self.parameters // self.blocks, (number + 1) * self.parameters // self.blocks)

    def messages(self, update: int, vectors: tuple[int, ...]) -> tuple[int, ...]:
        """Floats in the messages of an update, for each of its exchanges; () for no exchange.

        Args:
            update: Its number.
            vectors: How many vectors of parameters each exchange carries.
        """
        number = self.number(update)
        if number is None:
            return ()
        positions = self.positions(number)
        return tuple(count * (positions.stop - positions.start) for count in vectors)

    def check(self, parameters: Tensor) -> None:
        """Raise ValueError if it is for another number of parameters than there are in ``[..., P]``."""
        if parameters.shape[-1] != self.parameters:
            raise ValueError(f"a schedule for {self.parameters} parameters, but there are {parameters.shape[-1]}")

    def split(self, updates: npt.NDArray[np.int64], replicas: Iterable[int]) -> list[Block]:
        """Which replicas exchange which block: one entry if all stand at the same update.

        Args:
            updates: Number of the update that each replica makes, ``[R]``.
            replicas: Those in which agents exchanged something.

        Raises:
            ValueError: One of them exchanged something in an update that exchanges nothing.
        """
        exchanging: dict[int, list[int]] = {}
        for replica in sorted(replicas):
            number = self.number(int(updates[replica]))
            if number is None:
                raise ValueError(
                    f"replica {replica} exchanged something in update {int(updates[replica])}, but only every"
                    f" {self.every}th update exchanges"
                )
            exchanging.setdefault(number, []).append(replica)
        return [
            Block(number, self.positions(number), them, everyone=len(them) == len(updates))
            for number, them in sorted(exchanging.items())
        ]
