"""Stop as asked: on Ctrl-C, and on what a scheduler sends before it kills."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)]
"""What asks to stop: Ctrl-C, a scheduler, a terminal that is closed, a scheduler that warns."""


class Stop:
    """Whether a signal asked the process to stop: `asked`."""

    def __init__(self) -> None:
        self.asked = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Note the first signal, which ends the work after the step under way; end at once on Ctrl-C after it.

        Others may well come twice: from a scheduler to all processes, and from the one that handed this one its work.
        """
        if self.asked and signum == signal.SIGINT:
            signal.default_int_handler(signum, frame)
        self.asked = True


@contextmanager
def stopping_when_asked() -> Iterator[Stop]:
    """Listen for signals that ask to stop; do nothing outside the main thread, which alone receives signals."""
    stop = Stop()
    with _handling(stop.handle):
        yield stop


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore signals that ask to stop, so that an impatient Ctrl-C does not lose what is being written."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: "signal._HANDLER") -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignored = [number for number in ASKING[2:] if signal.getsignal(number) is signal.SIG_IGN]  # as `nohup` has it
    before = {number: signal.signal(number, handler) for number in ASKING if number not in ignored}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
