"""Who does not learn stays exactly as it is."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from torch import Tensor

from dvdn_sim.learners.transfer import rows


@contextmanager
def frozen(learning: npt.NDArray[np.bool_], tensors: Iterable[Tensor]) -> Iterator[None]:
    """Put back, at the end, what agents or networks that do not learn had in these tensors.

    Until then others see what such an agent had computed, and may have sent, before it went down.

    Args:
        learning: Bool ``[R, N]``.
        tensors: ``[R, N, ...]``, each in one piece.
    """
    if learning.all():  # indexing by nothing is not free
        yield
        return
    by_row = [tensor.view(-1, *tensor.shape[2:]) for tensor in tensors]
    still = rows(~learning, by_row[0].device)
    kept = [tensor[still] for tensor in by_row]
    yield
    for tensor, before in zip(by_row, kept, strict=True):
        tensor[still] = before
