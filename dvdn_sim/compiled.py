"""How this program compiles what runs often: by numba, once, kept on disk."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, vectorize

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function on its first call with arguments of a type; other processes find it on disk.

    Divisions are IEEE's, as in numpy: checks for a zero divisor would keep loops from being vectorised.
    """
    return cast("Function", njit(cache=True, error_model="numpy")(function))


def elementwise(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function of numbers for arrays as well, which it broadcasts; compiled code calls it too."""
    return cast("Callable[[Callable[..., Any]], Callable[..., Any]]", vectorize([signature], cache=True))  # type: ignore[no-untyped-call]
