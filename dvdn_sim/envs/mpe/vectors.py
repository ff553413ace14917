"""Arithmetic on batches of places. What is computed in one row has the same bits whatever else is in the batch.

Functions take tensors ``[E, ...]`` with any strides, and are fast where E is the innermost axis in memory: axes of two
or three numbers are too short for the machine.
"""

from functools import reduce

import torch
from torch import Tensor


def length(vectors: Tensor) -> Tensor:
    """Euclidean norm along the last axis, of two numbers."""
    x, y = vectors.unbind(-1)
    return (x * x + y * y).sqrt()


def total(parts: Tensor, dim: int) -> Tensor:
    """Sum along one axis, one part after the other."""
    return reduce(torch.add, parts.unbind(dim))


def least(parts: Tensor, dim: int) -> Tensor:
    """Minimum along one axis."""
    return reduce(torch.minimum, parts.unbind(dim))


def joined(*parts: Tensor) -> Tensor:
    """Parts ``[E, m, c]`` one after the other along the middle axis, E innermost in memory."""
    return torch.cat([part.permute(1, 2, 0) for part in parts]).permute(2, 0, 1)
