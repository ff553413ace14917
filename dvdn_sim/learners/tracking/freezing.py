"""Agents that do not learn stay exactly as they are."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@contextmanager
def frozen(learning: npt.NDArray[np.bool_], tensors: Iterable[Tensor]) -> Iterator[None]:
    """Put back, at the end, what agents that do not learn had in these tensors ``[R, N, ...]``.

    Until then others see what such an agent had computed, and may have sent, before it went down.
    """
    if learning.all():  # indexing by nothing is not free
        yield
        return
    tensors = list(tensors)
    rows = torch.from_numpy(~learning).to(tensors[0].device)
    kept = [tensor[rows] for tensor in tensors]
    yield
    for tensor, before in zip(tensors, kept, strict=True):
        tensor[rows] = before
