"""Where torch computes, and that it comes to the same bytes there every time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dvdn_sim.errors import DeviceError, OutOfMemoryError

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
EXHAUSTED = ("can't allocate memory", "out of memory", "not enough memory")
"""What torch's allocators say in a RuntimeError of no type of its own."""


@contextmanager
def repeatable() -> Iterator[None]:
    """Let torch come to the same bytes every time on one device, and leave its settings as they were.

    * One CPU thread: bytes then do not depend on the number of cores. The matrices are small: a second idle core gains
      little, and on a busy machine threads that wait for each other lose much.
    * No CUDA kernel whose result depends on which of its threads is first: torch takes another one, or refuses
      (RuntimeError). cuBLAS needs a fixed workspace for that, which its first call in the process must find in the
      environment. Whoever multiplies matrices on CUDA before a run must set `CUBLAS_WORKSPACE_CONFIG` to ``:4096:8``
      before that; torch says so.
    * CUDA's float32 products are of float32, as the CPU's, and not of TF32.
    """
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    precision, workspace = torch.backends.cuda.matmul.fp32_precision, os.environ.get(CUBLAS)
    try:
        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode("error")  # `use_deterministic_algorithms`, which takes seconds to import
        torch.backends.cuda.matmul.fp32_precision = "ieee"
        os.environ.setdefault(CUBLAS, ":4096:8")
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
        torch.backends.cuda.matmul.fp32_precision = precision
        if workspace is None:
            os.environ.pop(CUBLAS, None)


def device_of(name: str) -> torch.device:
    """Return the device of a name, `cpu`, `cuda` or `auto`.

    Raises:
        DeviceError: There is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device cuda: this torch finds no CUDA device; use --device cpu")
    return torch.device(name)


@contextmanager
def explaining_exhaustion() -> Iterator[None]:
    """Turn an exhausted memory, whoever finds it (Python, numpy or torch), into an error that says what takes most.

    Raises:
        OutOfMemoryError: It ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(text in str(error) for text in EXHAUSTED):
            raise
        first_line = str(error).strip().partition("\n")[0]
        said = first_line.rpartition("DefaultCPUAllocator: ")[2].rstrip(".") or type(error).__name__
        raise OutOfMemoryError(
            f"no memory left ({said}): make `training.buffer`, `training.batch`, `evaluation.episodes`, "
            "`algorithm.hidden` or `seeds` smaller, or leave more memory to the run"
        ) from error
