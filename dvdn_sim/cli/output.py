"""What all commands share: their options, progress and warnings on stderr, and how they fail."""

import os
import shlex
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from dvdn_sim.errors import DeviceError, DvdnSimError, InterruptedRun, Mistake, RunFolderError, ScenarioError

BAD_INPUT = 2
INTERRUPTED = 3

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value; may be repeated.", show_default=False),
]


class Device(StrEnum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def as_overrides(seeds: str | None, steps: int | None) -> list[str]:
    """Return ``--seeds`` and ``--steps`` in the form of ``--set``."""
    overrides = [] if seeds is None else [f"seeds={parse_seeds(seeds)}"]
    return overrides if steps is None else [*overrides, f"training.steps={steps}"]


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a list such as ``0-2,7``.

    Raises:
        typer.BadParameter: for anything else.

    >>> parse_seeds("0-2,7")
    [0, 1, 2, 7]
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        last = last if dash else first
        if not all(end.isascii() and end.isdigit() and len(end) < 19 for end in (first, last)):
            raise typer.BadParameter(f"{part!r} is no seed; write 0-4 or 0,3", param_hint="--seeds")
        if not 0 <= int(last) - int(first) < 1000:
            raise typer.BadParameter(f"{part!r} is no range of up to 1000 seeds; write 0-4", param_hint="--seeds")
        seeds += range(int(first), int(last) + 1)
    return seeds


def refuse_used_folder(out: Path | None) -> None:
    """Refuse a folder that holds something: nothing is overwritten."""
    try:
        if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        what = "is not empty" if out.is_dir() else "is not a folder"
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
    raise typer.BadParameter(f"{str(out)!r} {what}; name a new folder", param_hint="--out")


def numbers(**given: object) -> list[str]:
    """Return the options that were given, as words."""
    return [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]


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


def warned(warnings: list[str]) -> list[str]:
    """Print warnings, and return them."""
    for warning in warnings:
        warn(warning)
    return warnings


@contextmanager
def explained(again: str) -> Iterator[None]:
    """Turn whatever goes wrong into words and an exit code; `again` is the command that shows it once more."""
    try:
        yield
    except ScenarioError as error:
        print_mistakes(error)
        raise typer.Exit(BAD_INPUT) from error
    except (InterruptedRun, KeyboardInterrupt) as error:
        say(f"Interrupted. {error}".strip())
        raise typer.Exit(INTERRUPTED) from error
    except (DeviceError, RunFolderError) as error:
        say(f"Error: {error}", style="red")
        raise typer.Exit(BAD_INPUT) from error
    except DvdnSimError as error:
        _fail(str(error), again)
    except BrokenPipeError as error:  # whoever read what was printed has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from error
    except Exception:
        say(traceback.format_exc().rstrip())
        _fail("this is a defect of dvdn-sim; please report it with all of the above", again)


def command(name: str, scenario: Path, overrides: Iterable[str], *options: str) -> str:
    """Return the command that does the same again."""
    changes = [word for change in overrides for word in ("--set", change)]
    return shlex.join(["dvdn-sim", name, str(scenario), *changes, *options])


def _fail(message: str, again: str) -> NoReturn:
    """Print what went wrong and how to see it again, and leave."""
    say(f"Error: {message}", style="red")
    say(f"To reproduce: {again}")
    raise typer.Exit(1)


def print_mistakes(error: ScenarioError) -> None:
    """Print every mistake: where, then what is wrong, then what to write instead."""
    console = Console(stderr=True, highlight=False)
    if not error.mistakes:
        console.print(Text(str(error), style="red"))
        return
    count = "1 mistake" if len(error.mistakes) == 1 else f"{len(error.mistakes)} mistakes"
    console.print(Text.assemble((error.source, "bold"), ": ", (count, "bold red")), soft_wrap=True)
    for mistake in error.mistakes:
        _print_mistake(mistake, console)


def _print_mistake(mistake: Mistake, console: Console) -> None:
    """Print one mistake, wrapped to the terminal: the place; below it what is wrong, and what to write instead."""
    path = "" if mistake.override.startswith(f"{mistake.path}=") else mistake.path
    place = mistake.place if mistake.place or path else "the whole file"
    head = Text.assemble((place, "cyan"), "  " if place and path else "", (path, "bold"))
    body = Text.assemble(mistake.message, "; " if mistake.remedy else "", (mistake.remedy, "green"))
    _print_indented(head, 2, console)
    _print_indented(body, 6, console)


def _print_indented(text: Text, indent: int, console: Console) -> None:
    """Print a paragraph, wrapped to the terminal and without blanks at the ends of its lines."""
    for line in text.wrap(console, max(console.width - indent, 20)):
        line.rstrip()
        console.print(Text(" " * indent) + line, soft_wrap=True)
