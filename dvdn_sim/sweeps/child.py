"""A process that works for this one, and the line between them.

It is spawned, not forked: a copy of a process that runs torch may hang. Ctrl-C in a terminal reaches all processes at
once; it blocks it, and stops when it is told to, or when whoever started it is gone.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
"""What keeps libraries from starting a thread for each core in each of several processes."""


@dataclass(eq=False)
class Child:
    """A process, and our end of the line.

    Attributes:
        process: it.
        line: to it.
    """

    process: BaseProcess
    line: Connection

    @classmethod
    def start(cls, serve: Callable[[Connection], None]) -> Self:
        """Start a process that runs `serve`, with its end of the line."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True)
        with _environment(ONE_THREAD), _without_interrupts():
            process.start()
        theirs.close()
        return cls(process, ours)

    def send(self, message: object) -> None:
        """Send, unless the process is gone, which `heard` tells."""
        with suppress(OSError):
            self.line.send(message)

    def heard(self) -> Iterator[object]:
        """Yield what it sent; None as the last if it is gone."""
        try:
            while self.line.poll():
                yield self.line.recv()
        except (EOFError, OSError):
            yield None

    def end(self, grace_s: float) -> None:
        """Wait for it to leave, and do not wait for ever."""
        self.process.join(grace_s)
        self.process.kill()
        self.process.join()
        self.line.close()

    @property
    def how_it_ended(self) -> str:
        """Return how, in words that follow those for the process."""
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"


@contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    """Give processes that are started meanwhile these variables, as far as they are not set."""
    names = [name for name in added if name not in os.environ]
    os.environ.update({name: added[name] for name in names})
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C for processes that are started meanwhile, for as long as they live."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    resource_tracker.ensure_running()  # now, for as it starts it lets Ctrl-C through
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
