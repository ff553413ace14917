"""Stop as asked: on Ctrl-C, and on what a scheduler sends before it kills."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether a signal asked the process to stop: `asked`."""

    def __init__(self) -> None:
        self.asked = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Note the first signal, which ends the work after the step under way; end at once on Ctrl-C after it.

        SIGTERM may well come twice: from a scheduler to all processes, and from the one that handed this one its work.
        """
        if self.asked and signum == signal.SIGINT:
            signal.default_int_handler(signum, frame)
        self.asked = True


@contextmanager
def stopping_when_asked() -> Iterator[Stop]:
    """Listen for SIGINT and SIGTERM; do nothing outside the main thread, which alone receives signals."""
    stop = Stop()
    with _handling(stop.handle):
        yield stop


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM, so that an impatient Ctrl-C does not lose what is being written."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: "signal._HANDLER") -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
