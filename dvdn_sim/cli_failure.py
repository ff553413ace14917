"""How commands fail: in words, with the command that shows it again, and an exit code."""

import os
import shlex
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from dvdn_sim.cli_display import say
from dvdn_sim.errors import DeviceError, DvdnSimError, InterruptedRun, Mistake, RunFolderError, ScenarioError

BAD_INPUT = 2
INTERRUPTED = 3


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
