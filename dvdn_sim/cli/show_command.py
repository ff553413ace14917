"""The commands ``show`` and ``report``: what a run folder holds, the page of an episode, the page of a study."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from dvdn_sim.cli.output import AsJson, Quiet, Terminal, flag, option, say
from dvdn_sim.errors import StorageError, os_errors_as
from dvdn_sim.wording import plural, size_text, thousands

Found = Mapping[str, Any]
PAGES = Path("pages")


def show(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    *,
    episode: Annotated[bool, flag("--episode", "Write a page that plays an evaluation episode of a team.")] = False,
    seed: Annotated[int | None, option("N", "With --episode: whose team.", otherwise="the first seed")] = None,
    number: Annotated[int | None, option("K", "With --episode: which one.", otherwise="0", minimum=0)] = None,
    at: Annotated[
        str | None,
        option("TIME", "With --episode: when it begins, such as '2 min'.", otherwise="after K of the longest episodes"),
    ] = None,
    out: Annotated[
        Path | None,
        option("FILE", "With --episode: the page; it may replace an earlier one.", otherwise="<name>-episode.html"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run folder holds, how far the run came, and verify its digest. Or, with --episode, play an episode."""
    if episode:
        played = _write_episode(run_dir, out, seed=seed, number=number or 0, at=at)
        words = "{page}: seed {seed}, episode {number}, return {return:.4g} in {steps} steps"
        say(played if as_json else words.format(**played))
        return
    for name, value in {"--seed": seed, "--number": number, "--at": at, "--out": out}.items():
        if value is not None:
            raise typer.BadParameter("can only be given with --episode", param_hint=name)
    from dvdn_sim.records import contents

    found = contents(run_dir)
    say(found if as_json else "\n".join(lines(found)))
    if found["verified"] is False:
        raise typer.Exit(1)


def _write_episode(run_dir: Path, out: Path | None, *, seed: int | None, number: int, at: str | None) -> Found:
    """Play an episode, write its page, and return what there is to say of it."""
    from dvdn_sim.records import CELLS_FILE, NO_COLUMNS, SCENARIO_FILE, load_run, write_durably
    from dvdn_sim.reporting import episode_page
    from dvdn_sim.scenario import load_scenario
    from dvdn_sim.training import play_episode
    from netmodels.units import TIME

    try:
        start_s = None if at is None else TIME.read(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    if out is None:
        folder = load_run(run_dir, NO_COLUMNS).path.resolve()
        of_sweep = (folder.parent / CELLS_FILE).exists()
        out = Path(f"{folder.name if of_sweep else load_scenario(folder / SCENARIO_FILE).name}-episode.html")
    _refuse_other_files(out, run_dir)
    played = play_episode(run_dir, seed=seed, number=number, start_s=start_s)
    content = episode_page(played).encode()
    with os_errors_as(StorageError, f"{out} cannot be written"):
        write_durably(out, content)
    found = {"page": str(out), "seed": played.seed, "number": played.number, "steps": len(played.frames) - 1}
    return {**found, "return": played.returns[-1], "bytes": len(content)}


def _refuse_other_files(path: Path, run_dir: Path) -> None:
    """Refuse to write over anything but a page of an episode, and into the folder of a run."""
    from dvdn_sim.reporting import MARK

    try:
        if path.resolve().is_relative_to(run_dir.resolve()):
            fault = "lies in the folder of the run, which only the run itself writes to"
        elif not path.parent.is_dir():
            fault = "is in a folder that does not exist"
        elif not path.exists() or (path.is_file() and MARK.encode() in path.read_bytes()[: 2**20]):
            return
        else:
            fault = "exists, and is no page of an episode"
    except OSError as error:
        fault = f"cannot be read: {error.strerror or error}"
    raise typer.BadParameter(f"{str(path)!r} {fault}; name another file", param_hint="--out")


def lines(found: Found) -> Iterator[str]:
    """Yield what `dvdn_sim.records.contents` returned, for people."""
    run = (
        "" if found["algorithm"] is None else f" {found['algorithm']} on {found['env']}, seeds {_list(found['seeds'])};"
    )
    yield f"{found['name'] or found['run_dir']}:{run} {found['state']}"
    yield f"  steps      {_steps(found)}"
    if any(found["evaluations"]):
        returns = _list("none" if each is None else f"{each:.2f}" for each in found["return"])
        random = "" if found["random_return"] is None else f", {found['random_return']:.2f} random"
        yield f"  return     {returns} at the latest evaluation{random}"
    if found["network"] is not None:
        yield f"  messages   {_messages(found['network'])}"
    for each in found["signs"]:
        yield f"  sign       seed {each['seed']}: {each['message']}; likely: {each['cause']}"
    for each in found["starts"]:
        commit = "" if each["commit"] is None else f", commit {each['commit']}"
        yield f"  started    {each['at']}{commit}: {each['command']}"
    if found["versions"]:
        yield f"  versions   {_list(f'{name} {version}' for name, version in found['versions'].items())}"
    nouns = {"policies": "team", "checkpoint": "checkpoint"}
    disk = _list(
        f"{name} {size_text(files['bytes'])} ({plural(files['count'], nouns.get(name, 'part'))})"
        for name, files in found["disk"].items()
        if files["count"]
    )
    yield f"  disk       {disk or 'no records yet'}"
    if found["audit"] is not None:
        yield f"  audit      {found['audit']}"
    yield f"  digest     {_digest(found)}"


def _list(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))


def _steps(found: Found) -> str:
    steps, updates = (
        thousands(round(sum(found[name]) / max(len(found[name]), 1))) for name in ("env_steps", "updates")
    )
    wanted = "" if found["steps"] is None else f" of {thousands(found['steps'])}"
    device = "" if found["device"] is None else f" on {found['device']}"
    time = "" if found["wall_s"] is None else f", {found['wall_s']:.0f} s{device}"
    return f"{steps}{wanted} each, {updates} updates{time}"


def _messages(network: Found) -> str:
    held = "" if network["delivered_fraction"] is None else f", {network['delivered_fraction']:.1%} held in time"
    sent, exchanges, lost = (thousands(network[name]) for name in ("sent", "exchanges", "lost"))
    late, size = thousands(network["late"] + network["expired"]), f"{network['bytes'] / 1e6:.1f} MB on the wire"
    return f"{sent} sent in {exchanges} exchanges{held}, {late} late, {lost} lost, {size}"


def _digest(found: Found) -> str:
    if found["verified"]:
        return f"{found['digest_of_records'][:16]} verified"
    if found["verified"] is False:
        written = f"{found['digest'][:16]} does not match the records" if found["digest"] else "the manifest has none"
        return f"{written}: theirs is {found['digest_of_records'][:16]}; some were changed, added or removed"
    if found["state"].startswith("running"):
        return "none yet: not finished"
    if found["resume"] is None:
        return "not finished: resume it from Python, with its environment: dvdn_sim.run(…, resume=True)"
    return f"not finished: resume with {found['resume']}"


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders that are or hold sweeps or runs.", show_default=False),
    ],
    *,
    out: Annotated[
        Path | None,
        option("DIR", "Folder for page.html and tables/, or a page x.html.", otherwise="pages/ and the sweep's name"),
    ] = None,
    figures: Annotated[bool, flag("--figures", "Write figures/*.svg, too; takes Chrome or Chromium.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write one page about sweeps or runs: the answer, the figures, and the numbers behind them."""
    from dvdn_sim.reporting import answer, bounds_as_json, page_path, refuse_other_page, refuse_without_browser
    from dvdn_sim.reporting import report as report_on

    if out is not None:
        refuse_other_page(page_path(out))  # before the work
    if figures:
        refuse_without_browser()
    console = Terminal(stderr=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        console=console, transient=True, disable=quiet or not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task("reading")
        made = report_on(
            folders, lambda what, done, total: progress.update(task, description=what, completed=done, total=total)
        )
    study = made.study
    place = PAGES / _safe(study.name) if out is None else out
    written = made.write(place, svgs=figures)
    if as_json:
        found = {
            "page": str(written[0]),
            "name": study.name,
            "question": study.question,
            "answer": answer(study),
            **({"bounds": bounds_as_json(study)} if study.bounds else {}),
            "cells": [cell.id for cell in study.cells],
            "left_out": [{"run_dir": str(each.run_dir), "why": each.why} for each in study.left_out],
            "figures": [figure.id for figure in made.figures],
            "files": [str(path) for path in written],
        }
        say(found)
        return
    say(f"{study.name}: {study.question}" if study.question else study.name)
    say(f"  {answer(study)}")
    for each in study.left_out:
        say(f"  left out   {each.run_dir}: {each.why}")
    say(f"  page       {written[0]}")
    if others := written[1:]:
        say(f"  beside it  {len(others)} files in {', '.join(sorted({str(path.parent) for path in others}))}")


def _safe(name: str) -> str:
    """Return a name as that of a folder, on any file system."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("_.")[:100] or "report"
