"""How this program compiles what runs often: by numba, once, kept on disk."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit, vectorize  # type: ignore[import-untyped, unused-ignore]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function on its first call with arguments of a type; other processes find it on disk.

    Divisions are IEEE's, as in numpy: checks for a zero divisor would keep loops from being vectorised.
    """
    return njit(cache=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def elementwise(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function of numbers so that it takes arrays as well, which it broadcasts; and compiled code calls it."""
    return vectorize([signature], cache=True)  # type: ignore[no-any-return]
