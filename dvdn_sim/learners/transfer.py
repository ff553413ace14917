"""What the host tells the device, in as few copies as can be: each takes as long as many operations.

Where everything is in one memory this is no slower than a tensor for each array.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

LINE = 16
"""Numbers in a cache line of 64 bytes."""


def compiled_for(like: Tensor) -> bool:
    """Return whether compiled code works on such tensors, those in the host's memory; its torch twins do on others."""
    return like.device.type == "cpu"


def together(groups: Sequence[Sequence[npt.NDArray[np.float64]]], like: Tensor) -> list[list[Tensor]]:
    """Bring arrays, in any groups, to the type and the device of a tensor, all in one copy: views of one tensor.

    >>> together([[np.ones(2)], [np.zeros((1, 1)), np.full(1, 3.0)]], like=torch.empty(0))
    [[tensor([1., 1.])], [tensor([[0.]]), tensor([3.])]]
    """
    arrays = [array for group in groups for array in group]
    if not arrays:
        return []
    # Each begins a line, as memory of its own does: products of matrices may round otherwise by where they begin.
    starts = [0]
    for array in arrays:
        starts.append(starts[-1] + -(-array.size // LINE) * LINE)
    packed = np.zeros(starts.pop())
    for start, array in zip(starts, arrays, strict=True):
        packed[start : start + array.size] = array.ravel()
    there = torch.from_numpy(packed).to(like)
    views = (there[at : at + array.size].view(array.shape) for at, array in zip(starts, arrays, strict=True))
    return [[next(views) for _ in group] for group in groups]


def remembered(values: npt.NDArray[np.bool_] | npt.NDArray[np.int64], device: torch.device) -> Tensor:
    """Bring a small array to the device, to be read only; it stays, because the same few come again and again."""
    return _remembered(values.tobytes(), values.dtype.str, values.shape, device)


@lru_cache(maxsize=256)
def _remembered(content: bytes, dtype: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, dtype).reshape(shape).copy()).to(device)


def rows(mask: npt.NDArray[np.bool_], device: torch.device) -> Tensor:
    """Number the elements where a mask is true, int64: indexing by the mask itself makes the host wait."""
    return remembered(np.flatnonzero(mask), device)
