"""The command line, called in this process; and the commands that a page shows, with what they print."""

import re

from typer.testing import CliRunner, Result

from dvdn_sim.cli import app


def invoke(*words: object, columns: int = 80, said: str | None = None) -> Result:
    """What `dvdn-sim WORDS` prints and its exit code, in a terminal that shows no colours; `said` on standard input."""
    environment = {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"}
    return CliRunner().invoke(app, list(map(str, words)), input=said, env=environment)


def fenced(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def shown_commands(page: str) -> dict[str, str]:
    """Every `$ dvdn-sim ...` of a page, with the output shown beneath it."""
    pieces = [piece for block in fenced(page, "console") for piece in block.split("$ ")[1:]]
    return {line: output for line, _, output in (piece.partition("\n") for piece in pieces)}
