"""What all commands share: options, progress and warnings on stderr, and how a command fails."""

import io
import json
import os
import shlex
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.text import Text

from dvdn_sim.errors import DeviceError, DvdnSimError, InterruptedRun, Mistake, RunFolderError, ScenarioError
from dvdn_sim.wording import plural, printable, thousands

BAD_INPUT = 2
INTERRUPTED = 3
NARROWEST, WIDEST = 40, 1000
"""Columns of a terminal: what is narrower is not wrapped to; what is wider, no table needs."""
Device = StrEnum("Device", "auto cpu cuda")


def flag(name: str, text: str) -> object:
    """Declare an option that has no value."""
    return typer.Option(name, metavar="", help=text)


def option(
    metavar: str, text: str, *, otherwise: str | bool = False, minimum: int | None = None, maximum: int = 10**6
) -> object:
    """Declare an option with a value; `otherwise` tells what holds where it is not given. A number has a maximum."""
    most = None if minimum is None else maximum
    return typer.Option(metavar=metavar, help=text, show_default=otherwise, min=minimum, max=most)


Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value; may be repeated.", show_default=False),
]
AsJson = Annotated[bool, flag("--json", "Print one JSON object.")]
Quiet = Annotated[bool, flag("--quiet", "Show no progress.")]


class Terminal(Console):
    """Where all that people read is printed; no text of theirs, of files or of names can control it."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield what is printed, with escapes in place of control characters."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    def print_whole(self, table: RenderableType) -> None:
        """Print a table as wide as it needs to be, however narrow the terminal is."""
        width = self.width
        self.width = self.measure(table, options=self.options.update(max_width=WIDEST)).maximum
        self.print(table)
        self.width = width


def prepare_output() -> None:
    """Let no letter that the encoding lacks, and no terminal without a width, end what is printed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    columns = shutil.get_terminal_size().columns  # as told by COLUMNS, unless that is 0
    if "COLUMNS" in os.environ or columns < NARROWEST:
        os.environ["COLUMNS"] = str(max(columns, NARROWEST))


def say(answer: object, indent: int | None = None) -> None:
    """Print an answer to stdout: a text, or anything else as JSON."""
    if isinstance(answer, str):
        typer.echo(printable(answer))
    else:
        text = json.dumps(answer, allow_nan=False, indent=indent)
        typer.echo(text.replace("\x7f", "\\u007f"))  # the one control character that JSON leaves as it is


def seeds_option(text: str | None) -> list[int] | None:
    """Return the seeds of ``--seeds``; None where it was not given.

    Raises:
        BadParameter: It is not a list of seeds.
    """
    from dvdn_sim.scenario import parse_seeds

    try:
        return None if text is None else list(parse_seeds(text))
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write 0-4 or 0,3", param_hint="--seeds") from error


def refuse_used_folder(out: Path | None) -> None:
    """Refuse a folder that holds something: nothing is overwritten."""
    try:
        if out is None or not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        fault = "is not empty" if out.is_dir() else "is not a folder"
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
    raise typer.BadParameter(f"{str(out)!r} {fault}; name a new folder", param_hint="--out")


def ventured(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose failures are messages and exit codes, and whose paths may begin with ``~``."""

    @wraps(command)
    def venture(**given: object) -> None:
        with failures():
            command(**{name: _at_home(value) for name, value in given.items()})

    return venture


def _at_home(value: object) -> object:
    """Return paths with the home folder in place of ``~``, which shells leave as it is in ``--out=~/x``."""
    if isinstance(value, list):
        return [_at_home(each) for each in value]
    with suppress(RuntimeError):  # nobody of that name has a home: it is the name of a folder
        return value.expanduser() if isinstance(value, Path) else value
    return value


@contextmanager
def failures() -> Iterator[None]:
    """Turn whatever goes wrong in a command into a message and an exit code."""
    try:
        yield
    except (typer.Exit, typer.BadParameter, BrokenPipeError):  # typer itself ends these as they should
        raise
    except ScenarioError as error:
        print_mistakes(error)
        raise typer.Exit(BAD_INPUT) from error
    except (InterruptedRun, KeyboardInterrupt) as error:
        print_message(f"Interrupted. {error}".strip())
        raise typer.Exit(INTERRUPTED) from error
    except (DeviceError, RunFolderError) as error:
        print_message(f"Error: {error}", style="red")
        raise typer.Exit(BAD_INPUT) from error
    except Exception as error:
        message = str(error)
        if not isinstance(error, DvdnSimError):
            print_message(traceback.format_exc().rstrip())
            message = "this is a defect of dvdn-sim; please report it with all of the above"
        print_message(f"Error: {message}", style="red")
        print_message(f"To reproduce: {this_command()}")
        raise typer.Exit(1) from error


def this_command() -> str:
    """Return the command line as it was given, for a shell."""
    return shlex.join(["dvdn-sim", *sys.argv[1:]])


def print_message(message: str, style: str = "") -> None:
    """Print to stderr, whole lines that a terminal may break but that are not wrapped for it."""
    Terminal(stderr=True).print(Text(message, style=style), soft_wrap=True)


def print_warnings(warnings: list[str]) -> None:
    """Print warnings to stderr."""
    for warning in warnings:
        print_message(f"Warning: {warning}", style="yellow")


def print_mistakes(error: ScenarioError) -> None:
    """Print every mistake: the place, and below it what is wrong and what to write instead, wrapped to the terminal."""
    console = Terminal(stderr=True)
    if not error.mistakes:
        console.print(Text(str(error), style="red"))
        return
    count = plural(len(error.mistakes), "mistake")
    console.print(Text.assemble((error.source, "bold"), ": ", (count, "bold red")), soft_wrap=True)
    for mistake in error.mistakes:
        _print_mistake(mistake, console)


def _print_mistake(mistake: Mistake, console: Console) -> None:
    path = "" if mistake.override.startswith(f"{mistake.path}=") else mistake.path
    place = mistake.place if mistake.place or path else "the whole file"
    head = Text.assemble((place, "cyan"), "  " if place and path else "", (path, "bold"))
    body = Text.assemble(mistake.message, "; " if mistake.remedy else "", (mistake.remedy, "green"))
    for text, indent in ((head, 2), (body, 6)):
        for line in text.wrap(console, max(console.width - indent, 20)):
            line.rstrip()
            console.print(Text(" " * indent) + line, soft_wrap=True)


class Display:
    """Progress on stderr: a bar in a terminal, else a line for every tenth."""

    def __init__(self, *, quiet: bool, of: str = "steps") -> None:
        console = Terminal(stderr=True)
        self._quiet, self._of = quiet, of
        self._live = console.is_terminal and not quiet
        self._tenths = -1
        self._width = max(console.width - 31, 20)  # beside the bar, the percentage and the time left
        description = TextColumn("{task.description}", markup=False)
        columns = (
            BarColumn(bar_width=10),
            TaskProgressColumn(),
            description,
            TimeRemainingColumn(compact=True),
            "left",
        )
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
        """Show that so many of all steps (of all seeds together) or trials are done, and some facts in this order."""
        tenths = 10 * done // max(total, 1)
        if not self._live and (self._quiet or tenths <= self._tenths):
            return
        phrases = [f"{thousands(done)} of {thousands(total)} {self._of}", *(f"{name} {facts[name]}" for name in facts)]
        if self._live:
            lines = textwrap.fill("  ".join(_unbroken(phrases)), self._width).replace("\N{NO-BREAK SPACE}", " ")
            self._bar.update(self._task, completed=done, total=total, description=lines)
            return
        self._tenths = tenths
        print_message("  ".join([f"{10 * tenths}%", *phrases]))

    def warn(self, message: str) -> None:
        """Print a warning above the bar, progress or not."""
        self.say(f"Warning: {message}", style="yellow")

    def say(self, message: str, style: str = "") -> None:
        """Print a message above the bar, progress or not."""
        if self._live:
            self._bar.console.print(Text(message, style=style), soft_wrap=True)
        else:
            print_message(message, style=style)


def _unbroken(phrases: Iterable[str]) -> list[str]:
    """Return phrases that text wrapping will not break."""
    return [phrase.replace(" ", "\N{NO-BREAK SPACE}") for phrase in phrases]
