"""A x, in place, for replicas that exchanged something, on the block that they exchanged."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.tracking.schedule import Block, Schedule
from dvdn_sim.learners.tracking.tracker import Exchanged, Exchanges

IN_CACHE = 2**18
"""Numbers that a temporary may have."""


class Mixing:
    """One exchange: x ← A x on a block of the parameters, A = I elsewhere."""

    def __init__(
        self, schedule: Schedule, updates: npt.NDArray[np.int64], exchange: Mapping[int, Exchanged], like: Tensor
    ) -> None:
        """Bring the operators to the device.

        Args:
            schedule: Tells the block.
            updates: Number of the update that each replica makes, ``[R]``.
            exchange: By replica, what it came to.
            like: Whose type and device the operators have.

        Raises:
            ValueError: A replica exchanged something in an update that exchanges nothing.
        """
        self._blocks: list[tuple[Block, Tensor, Tensor]] = []
        for block in schedule.split(updates, exchange):
            operators = np.stack([exchange[replica].operator for replica in block.replicas])
            sums = operators.sum(2, keepdims=True)
            sums[np.abs(sums - 1.0) < 1e-12] = 1.0  # to the last bit, where they are 1 at all
            self._blocks.append((block, torch.from_numpy(operators).to(like), torch.from_numpy(sums).to(like)))

    def apply(self, values: Tensor) -> None:
        """Mix values ``[R, N, P]``, in place: x_i ← (Σ_j A_ij) x_i + Σ_j A_ij (x_j - x_i).

        What agents agree on stays to the last bit, and so does what an agent holds that hears nobody.
        """
        for block, operators, sums in self._blocks:
            held = block.of(values)
            for own in torch.split(held, columns(operators.numel(), held), dim=-1):
                pulled = torch.matmul(operators[:, :, None], own[:, None] - own[:, :, None])[:, :, 0]
                own.copy_(pulled.addcmul_(sums, own))
            block.put(values, held)


def columns(rows: int, values: Tensor) -> int:
    """How many parameters to take at a time, so that so many rows of them stay in the cache; on a GPU all."""
    return values.shape[-1] if values.is_cuda else max(IN_CACHE // rows, 1)


def mixings(
    schedule: Schedule, updates: npt.NDArray[np.int64], exchanges: Exchanges, *, count: int, like: Tensor
) -> list[Mixing]:
    """One for each of the `count` exchanges of an update, those that were not made included.

    Raises:
        ValueError: There are more exchanges, or in an update that exchanges nothing.
    """
    if len(exchanges) > count:
        raise ValueError(f"{len(exchanges)} exchanges in an update that has {count}")
    made = [*exchanges, *[{}] * (count - len(exchanges))]
    return [Mixing(schedule, updates, exchange, like=like) for exchange in made]
