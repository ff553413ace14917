"""Words and progress on stderr."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text


def say(message: str, style: str = "") -> None:
    """Print to stderr, whole lines that a terminal may break but that are not wrapped for it."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, style=style))


def warn(message: str) -> None:
    """Print a warning to stderr."""
    say(f"Warning: {message}", style="yellow")


class Display:
    """Progress of a run on stderr: a bar in a terminal, else a line for every tenth."""

    def __init__(self, *, quiet: bool, of: str = "steps") -> None:
        console = Console(stderr=True, highlight=False)
        self._quiet, self._of = quiet, of
        self._live = console.is_terminal and not quiet
        self._tenths = -1
        self._width = max(console.width - 26, 20)  # beside the bar, the percentage and the time left
        said = TextColumn("{task.description}", markup=False)
        columns = (BarColumn(bar_width=10), TaskProgressColumn(), said, TimeRemainingColumn(compact=True))
        self._bar = Progress(*columns, console=console, disable=not self._live)
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it last was."""
        self._bar.stop()

    def show(self, done: int, total: int, facts: Mapping[str, str]) -> None:
        """Show how far the run has come.

        Args:
            done: environment steps taken, all seeds together, or trials made.
            total: of all.
            facts: what else to show, each in a word or two, in this order.
        """
        steps = f"{done:,} of {total:,} {self._of}".replace(",", " ")
        said = [f"{name} {value}" for name, value in facts.items()]
        if self._live:
            lines = textwrap.fill("  ".join(_unbroken([steps, *said])), self._width).replace("\N{NO-BREAK SPACE}", " ")
            self._bar.update(self._task, completed=done, total=total, description=lines)
            return
        tenths = 10 * done // max(total, 1)
        if tenths > self._tenths and not self._quiet:
            self._tenths = tenths
            say("  ".join([f"{10 * tenths}%", steps, *said]))

    def warn(self, message: str) -> None:
        """Print a warning above the bar, progress or not."""
        if self._live:
            self._bar.console.print(Text(f"Warning: {message}", style="yellow"), soft_wrap=True)
        else:
            warn(message)


def _unbroken(phrases: Iterable[str]) -> list[str]:
    """Return phrases that text wrapping will not break."""
    return [phrase.replace(" ", "\N{NO-BREAK SPACE}") for phrase in phrases]
