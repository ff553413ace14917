"""Which block of the parameters an update exchanges, and what that makes of them: A x, in place.

The first is a pure function of the number of the update; the second goes by replica, on the block that it exchanged.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.consensus import Facts
from dvdn_sim.learners.q_network import IN_CACHE
from dvdn_sim.learners.transfer import remembered, together
from dvdn_sim.scenario import ParameterExchange

Array = npt.NDArray[np.float64]


class Exchanged(NamedTuple):
    """What one exchange of one replica came to: who heard whom, in one round, and A ``[N, N]`` of these facts.

    Agents that had nothing to send are cut out of the facts (`Facts.without_senders`).
    """

    facts: Facts
    operator: Array


Exchange = Mapping[int, Exchanged]
"""One exchange: what it came to in every replica that took part in it."""
Extra = Callable[["ParameterBlock", Exchange], Sequence[Array]]
"""What a form of tracking needs of an exchange beside its operators."""


@dataclass(frozen=True)
class ParameterBlock:
    """A block of parameters, and the replicas that exchange it now, in order; `everyone` if these are all."""

    number: int
    positions: slice
    replicas: list[int]
    everyone: bool

    def of(self, values: Tensor) -> Tensor:
        """Return the block of values ``[R, ..., P]``, to be changed in place and `put` back."""
        return values[..., self.positions] if self.everyone else values[self._rows(values), ..., self.positions]

    def put(self, values: Tensor, block: Tensor) -> None:
        """Write back what `of` gave: a view if these are all replicas, and there is nothing to do."""
        if not self.everyone:
            values[self._rows(values), ..., self.positions] = block

    def _rows(self, values: Tensor) -> Tensor:
        return remembered(np.array(self.replicas), values.device)


@dataclass(frozen=True)
class ExchangeSchedule:
    """Every `every`-th update exchanges one of `blocks` nearly equal, contiguous blocks of P parameters, in turn.

    Between exchanges, and outside the block, A = I. Both save traffic, `every` as many bytes as `blocks`.

    >>> schedule = ExchangeSchedule(10, ParameterExchange(every=2, blocks=3))
    >>> [schedule.messages(update, vectors=(2,)) for update in range(8)]
    [(), (6,), (), (6,), (), (8,), (), (6,)]
    """

    parameters: int
    spec: ParameterExchange = field(default_factory=ParameterExchange)

    def __post_init__(self) -> None:
        if self.spec.blocks > self.parameters:
            raise ValueError(f"blocks: expected at most {self.parameters}, the parameters, got {self.spec.blocks}")

    def number(self, update: int) -> int | None:
        """Return which block an update exchanges, counted from 0 as the updates are; None for nothing."""
        exchanges, left = divmod(update + 1, self.spec.every)
        return None if left else (exchanges - 1) % self.spec.blocks

    def positions(self, number: int) -> slice:
        """Return the parameters of a block."""
        size, blocks = self.parameters, self.spec.blocks
        return slice(number * size // blocks, (number + 1) * size // blocks)

    def messages(self, update: int, vectors: tuple[int, ...]) -> tuple[int, ...]:
        """Return the floats in the messages of an update, whose exchanges carry so many vectors each; () for none."""
        number = self.number(update)
        if number is None:
            return ()
        positions = self.positions(number)
        return tuple(count * (positions.stop - positions.start) for count in vectors)

    def split(self, updates: npt.NDArray[np.int64], replicas: Iterable[int]) -> list[ParameterBlock]:
        """Return which of these replicas exchange which block: one entry if all make the same update ``[R]``.

        Raises:
            ValueError: One of them exchanged something in an update that exchanges nothing.
        """
        exchanging: dict[int, list[int]] = {}
        for replica in sorted(replicas):
            number = self.number(int(updates[replica]))
            if number is None:
                raise ValueError(
                    f"replica {replica} exchanged something in update {int(updates[replica])}, but only every"
                    f" {self.spec.every}th update exchanges"
                )
            exchanging.setdefault(number, []).append(replica)
        return [
            ParameterBlock(number, self.positions(number), them, everyone=len(them) == len(updates))
            for number, them in sorted(exchanging.items())
        ]


class Mixing(NamedTuple):
    """x ← A x on a block of the parameters, with A = I elsewhere.

    Attributes:
        tensors: A of its replicas ``[r, N, N]``, the sums of the rows ``[r, N, 1]``, and what else is asked for.
    """

    block: ParameterBlock
    tensors: Sequence[Tensor]


def mixings(
    schedule: ExchangeSchedule,
    updates: npt.NDArray[np.int64],
    exchanges: Sequence[Exchange],
    *,
    like: Tensor,
    extra: Extra | None = None,
) -> list[list[Mixing]]:
    """Return what each exchange does to the blocks that it carried, brought to the device of a tensor in one copy."""
    blocks = [schedule.split(updates, exchange) for exchange in exchanges]
    arrays = [
        (*_operators(block, exchange), *(extra(block, exchange) if extra else ()))
        for exchange, carried in zip(exchanges, blocks, strict=True)
        for block in carried
    ]
    there = iter(together(arrays, like))
    return [[Mixing(block, next(there)) for block in carried] for carried in blocks]


def _operators(block: ParameterBlock, exchange: Exchange) -> tuple[Array, Array]:
    operators = np.stack([exchange[replica].operator for replica in block.replicas])
    sums = operators.sum(2, keepdims=True)
    sums[np.abs(sums - 1.0) < 1e-12] = 1.0  # to the last bit, where they are 1 at all
    return operators, sums


def mix(exchange: Sequence[Mixing], values: Tensor) -> None:
    """Mix values ``[R, N, P]``, in place: x_i ← (Σ_j A_ij) x_i + Σ_j A_ij (x_j - x_i).

    What agents agree on stays to the last bit, and so does what an agent holds that hears nobody.
    """
    for block, (operators, sums, *_) in exchange:
        held = block.of(values)
        for own in torch.split(held, columns(operators.numel(), held), dim=-1):
            pulled = torch.matmul(operators[:, :, None], own[:, None] - own[:, :, None])[:, :, 0]
            own.copy_(pulled.addcmul_(sums, own))
        block.put(values, held)


def columns(rows: int, values: Tensor) -> int:
    """Return how many parameters to take at a time, so that so many rows of them stay in the cache; on a GPU all."""
    return values.shape[-1] if values.is_cuda else max(IN_CACHE // rows, 1)
