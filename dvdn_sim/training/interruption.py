"""Stopping a run as asked: Ctrl-C, and what a scheduler sends before it kills."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked the run to stop.

    Attributes:
        asked: By a signal.
    """

    def __init__(self) -> None:
        self.asked = False

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        """The first signal ends the run after the iteration under way, Ctrl-C after it at once.

        SIGTERM may well come twice: from a scheduler to all processes, and from the one that handed this one its work.
        """
        if self.asked and signum == signal.SIGINT:
            signal.default_int_handler(signum, frame)
        self.asked = True


@contextmanager
def stopping_when_asked() -> Iterator[Stop]:
    """Listen to the signals that ask a process to stop; outside the main thread they are somebody else's business."""
    stop = Stop()
    with _handling(stop._ask):  # noqa: SLF001  (its other half)
        yield stop


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep an impatient Ctrl-C from losing what is being written."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: "signal._HANDLER") -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in STOPPING}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
