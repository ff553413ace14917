"""Refusing what no game can be played with."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dvdn_sim.envs.batch import described


def check_least(**found: tuple[int, int]) -> None:
    """Refuse numbers that are not whole (TypeError) or too small (ValueError): each is a value and the least."""
    for name, (value, least) in found.items():
        if not isinstance(value, int):
            raise TypeError(f"{name} {value!r} found; a whole number expected")
        if value < least:
            raise ValueError(f"{name} {value} found; {least} or more expected")


def check_word(name: str, found: object, expected: Sequence[str]) -> None:
    """Refuse (ValueError) a word that is none of the expected ones."""
    if found not in expected:
        *most, last = (repr(word) for word in expected)
        raise ValueError(f"{name} {found!r} found; {', '.join(most)} or {last} expected")


def check_tensor(what: str, found: Tensor, dtype: torch.dtype, shape: list[int]) -> None:
    """Refuse (ValueError) a tensor of another dtype or shape."""
    if found.dtype != dtype or list(found.shape) != shape:
        expected = described(torch.empty(shape, dtype=dtype, device="meta"))
        raise ValueError(f"{what} {described(found)} found; {expected} expected")
