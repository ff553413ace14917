"""Import what is large, quickly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Import meanwhile without the garbage collector, and keep it from what is there by then for good.

    Large libraries leave a million objects behind. The collector would look through them again and again while they are
    imported, after every run, and as the process ends, which takes longer than all else around torch's import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
