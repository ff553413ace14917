"""The command ``report``: one page about sweeps and runs, with the tables behind its figures."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from dvdn_sim.cli_failure import command, explained

if TYPE_CHECKING:
    from dvdn_sim.reporting.report import Report

REPORTS = Path("reports")


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folders of sweeps or runs, or folders that hold them.", show_default=False
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for page.html and tables/; a name that ends in .html is that of the page alone.",
            show_default="reports/ and the sweep's name",
        ),
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", metavar="", help="Write figures/*.svg, too; takes Chrome or Chromium.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", metavar="", help="Show no progress.")] = False,
) -> None:
    """Write one page about sweeps or runs: the answer, the figures, and the numbers behind them."""
    options = [*([] if out is None else ["--out", str(out)]), *(["--figures"] if figures else [])]
    with explained(command("report", folders[0], [], *map(str, folders[1:]), *options)):
        found = _made(folders, quiet=quiet)
        place = REPORTS / _safe(found.study.name) if out is None else out
        written = found.write(place)
        if figures:
            from dvdn_sim.reporting.svg import write_svgs  # noqa: PLC0415

            beside = place.parent if place.suffix == ".html" else place
            written += write_svgs(found.figures, beside / "figures")
    if as_json:
        typer.echo(json.dumps(_found(found, written), allow_nan=False))
    else:
        _say(found, written)


def _made(folders: list[Path], *, quiet: bool) -> "Report":
    """Make the report, and show how it comes on."""
    console = Console(stderr=True, highlight=False)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        console=console, transient=True, disable=quiet or not console.is_terminal,
    ) as progress:  # fmt: skip
        from dvdn_sim.reporting.report import report as made  # noqa: PLC0415 (a second that --help does without)

        task = progress.add_task("reading")
        return made(
            folders, lambda what, done, total: progress.update(task, description=what, completed=done, total=total)
        )


def _safe(name: str) -> str:
    """Return a name as that of a folder, on any file system."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("_.")[:100] or "report"


def _found(found: "Report", written: list[Path]) -> dict[str, object]:
    from dvdn_sim.reporting.answer import answer  # noqa: PLC0415

    return {
        "page": str(written[0]),
        "name": found.study.name,
        "question": found.study.question,
        "answer": answer(found.study),
        "cells": [cell.id for cell in found.study.cells],
        "left_out": [{"run_dir": str(each.run_dir), "why": each.why} for each in found.study.left_out],
        "figures": [figure.id for figure in found.figures],
        "files": [str(path) for path in written],
    }


def _say(found: "Report", written: list[Path]) -> None:
    said = _found(found, written)
    typer.echo(f"{said['name']}: {said['question']}" if said["question"] else str(said["name"]))
    typer.echo(f"  {said['answer']}")
    for each in found.study.left_out:
        typer.echo(f"  left out   {each.run_dir}: {each.why}")
    typer.echo(f"  page       {written[0]}")
    others = len(written) - 1
    if others:
        typer.echo(f"  beside it  {others} files in {', '.join(sorted({str(path.parent) for path in written[1:]}))}")
