"""Everything that goes wrong in a way this program understands.

Each error is made from one message string, so that it survives ``type(error)(*error.args)``, which is how SimPy carries
an exception across a process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class DvdnSimError(Exception):
    """Whatever goes wrong in a way this program understands."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a scenario.

    Attributes:
        path: where in the scenario, dotted as ``--set`` takes it; empty for the whole text.
        line: line of the file, counted from 1; None where the mistake is not in the file.
        message: what is wrong.
        remedy: what to write instead; may be empty.
        override: the ``--set`` at fault (``network.link.loss=20``); empty where a file is.
        file: the file at fault, if it is not the scenario's own but one that it includes.
    """

    path: str
    line: int | None
    message: str
    remedy: str = ""
    override: str = ""
    file: str = ""

    @property
    def place(self) -> str:
        """Where to look: ``line 12``, ``line 3 of tasks/x.yaml`` or ``--set a.b=c``; empty where there is nothing."""
        if self.override:
            return f"--set {self.override}"
        line = "" if self.line is None else f"line {self.line}"
        return " of ".join(part for part in (line, self.file) if part)

    def __str__(self) -> str:
        """Return the mistake in one line."""
        head = ": ".join(part for part in (self.place, self.path) if part)
        said = f"{head}: {self.message}" if head else self.message
        return f"{said}; {self.remedy}" if self.remedy else said


class ScenarioError(DvdnSimError):
    """The scenario is not one that can be run.

    Attributes:
        mistakes: every one that was found, in the order of the file.
        source: the file's name, or what stands for it.
    """

    def __init__(self, message: str, mistakes: tuple[Mistake, ...] = (), source: str = "") -> None:
        super().__init__(message)
        self.mistakes = mistakes
        self.source = source

    @classmethod
    def from_mistakes(cls, source: str, mistakes: tuple[Mistake, ...]) -> "ScenarioError":
        """Return the error that lists ``mistakes``, all of them in its message too."""
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "".join(f"\n  {mistake}" for mistake in mistakes)
        return cls(f"{source}: {count}{lines}", mistakes, source)

    @classmethod
    def of(cls, source: str, path: str, message: str, remedy: str = "") -> "ScenarioError":
        """Return the error that tells of one mistake, at a key and in no line."""
        return cls.from_mistakes(source, (Mistake(path, None, message, remedy),))


class RunFolderError(DvdnSimError):
    """A run folder cannot be written, or does not hold what it should."""


class StorageError(DvdnSimError):
    """The disk does not take what is to be recorded, or gives it back damaged."""


class OutOfMemoryError(DvdnSimError):
    """The machine, or its GPU, has no more memory to give; what the run needs most of it for is named."""


class DeviceError(DvdnSimError):
    """The device asked for is not there."""


class ExchangeStuckError(DvdnSimError):
    """An exchange in which an agent waits for a message that cannot come any more, and has no deadline."""


class DivergedError(DvdnSimError):
    """A loss that is not a finite number; what was recorded before it is kept."""


class AuditError(DvdnSimError):
    """The network's counters do not add up: messages sent are not those held, late, expired, lost and in flight."""


class InterruptedRun(DvdnSimError):  # noqa: N818 (stopped as asked: nobody's error)
    """Stopped by the user; the records up to then are kept."""


@contextmanager
def os_errors_as(kind: type[DvdnSimError], what: str) -> Iterator[None]:
    """Raise an error of this kind where the system refuses something: what could not be done, and the system's reason.

    >>> with os_errors_as(StorageError, "the page cannot be written"):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    dvdn_sim.errors.StorageError: the page cannot be written: No space left on device
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {error.strerror or error}") from error
