"""Where torch computes, and with how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dvdn_sim.errors import DeviceError


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one CPU thread, so that the bytes of a run do not depend on the number of cores.

    The matrices are small: a second idle core gains little, and on a busy machine threads that wait for each other lose
    much.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def device_of(name: str) -> torch.device:
    """The device of a name, `cpu`, `cuda` or `auto`.

    Raises:
        DeviceError: There is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device cuda: this torch finds no CUDA device; use --device cpu")
    return torch.device(name)
