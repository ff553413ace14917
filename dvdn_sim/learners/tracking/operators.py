"""A x, in place, for replicas that exchanged something, on the block that they exchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.tracking.schedule import Block, Schedule
from dvdn_sim.learners.tracking.tracker import Exchanged, Exchanges
from dvdn_sim.learners.transfer import together

Array = npt.NDArray[np.float64]

IN_CACHE = 2**18
"""Numbers that a temporary may have."""


@dataclass(frozen=True, eq=False)
class Mixing:
    """One exchange: x ← A x on a block of the parameters, A = I elsewhere.

    Attributes:
        blocks: What which replicas exchange.
        operators: Of each block, A ``[r, N, N]`` and the sums of its rows ``[r, N, 1]``.
    """

    blocks: Sequence[Block]
    operators: Sequence[Sequence[Tensor]]

    def apply(self, values: Tensor) -> None:
        """Mix values ``[R, N, P]``, in place: x_i ← (Σ_j A_ij) x_i + Σ_j A_ij (x_j - x_i).

        What agents agree on stays to the last bit, and so does what an agent holds that hears nobody.
        """
        for block, (operators, sums) in zip(self.blocks, self.operators, strict=True):
            held = block.of(values)
            for own in torch.split(held, columns(operators.numel(), held), dim=-1):
                pulled = torch.matmul(operators[:, :, None], own[:, None] - own[:, :, None])[:, :, 0]
                own.copy_(pulled.addcmul_(sums, own))
            block.put(values, held)


def columns(rows: int, values: Tensor) -> int:
    """How many parameters to take at a time, so that so many rows of them stay in the cache; on a GPU all."""
    return values.shape[-1] if values.is_cuda else max(IN_CACHE // rows, 1)


def operators_of(block: Block, exchange: Mapping[int, Exchanged]) -> tuple[Array, Array]:
    """A of the block's replicas, and the sums of its rows."""
    operators = np.stack([exchange[replica].operator for replica in block.replicas])
    sums = operators.sum(2, keepdims=True)
    sums[np.abs(sums - 1.0) < 1e-12] = 1.0  # to the last bit, where they are 1 at all
    return operators, sums


def blocks_of(
    schedule: Schedule, updates: npt.NDArray[np.int64], exchanges: Exchanges, *, count: int
) -> list[list[Block]]:
    """What is exchanged in each of the `count` exchanges of an update: nothing in those that were not made.

    Raises:
        ValueError: There are more exchanges, or in an update that exchanges nothing.
    """
    if len(exchanges) > count:
        raise ValueError(f"{len(exchanges)} exchanges in an update that has {count}")
    made = [*exchanges, *[{}] * (count - len(exchanges))]
    return [schedule.split(updates, exchange) for exchange in made]


def mixings(
    schedule: Schedule, updates: npt.NDArray[np.int64], exchanges: Exchanges, *, count: int, like: Tensor
) -> list[Mixing]:
    """One for each of the `count` exchanges of an update, brought to the device of a tensor in one copy.

    Raises:
        ValueError: From `blocks_of`.
    """
    every = blocks_of(schedule, updates, exchanges, count=count)
    made = zip(exchanges, every, strict=False)
    there = iter(together([operators_of(block, exchange) for exchange, blocks in made for block in blocks], like))
    return [Mixing(blocks, [next(there) for _ in blocks]) for blocks in every]
