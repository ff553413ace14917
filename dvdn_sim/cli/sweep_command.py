"""The command ``sweep``: a grid of scenarios, trained here or on a Ray cluster, and a table of what they found."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli.output import (
    AsJson,
    Changes,
    Device,
    Quiet,
    Terminal,
    flag,
    option,
    print_message,
    print_warnings,
    say,
    seeds_option,
)
from dvdn_sim.errors import InterruptedRun, RunFolderError

if TYPE_CHECKING:
    from dvdn_sim.records import SweepRow, SweepTable
    from dvdn_sim.sweeps import Executor, Sweep, SweepCell

MAX_LISTED = 40
"""Cells that a terminal shows; JSON has all."""


def sweep(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="SWEEP", help="A YAML file, such as scenarios/ablations/rounds_x_loss.yaml.", show_default=False
        ),
    ],
    *,
    changes: Changes = None,
    seeds: Annotated[str | None, option("LIST", "Seeds in place of the sweep's: 0-4 or 0,3.")] = None,
    quick: Annotated[bool, flag("--quick", "Run the smaller sweep that the file describes.")] = False,
    jobs: Annotated[
        int | None, option("N", "Processes.", otherwise="as many as there are cores and memory for", minimum=1)
    ] = None,
    ray: Annotated[
        str | None,
        option("ADDRESS", "Run on a Ray cluster: host:port of one, or auto to start one here. Needs the extra ray."),
    ] = None,
    out: Annotated[
        Path | None,
        option(
            "DIR", "Folder for the runs; a sweep that is there is resumed.", otherwise="sweeps/ and the sweep's name"
        ),
    ] = None,
    dry_run: Annotated[bool, flag("--dry-run", "List what would run: cells, seeds, steps.")] = False,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    checkpoint_every: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="Time from one checkpoint of a cell to the next.")
    ] = 60.0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a grid of scenarios; the same command again resumes what is not finished."""
    if jobs is not None and ray is not None:
        raise typer.BadParameter("is for processes of this machine; Ray counts those of its own", param_hint="--jobs")
    chosen = seeds_option(seeds)

    from dvdn_sim.sweeps import SweepProgress, load_cells, run_sweep

    loaded, cells = load_cells(file, changes or [], seeds=chosen, quick=quick)
    executor = _executor(cells, jobs, ray, device.value)
    folder = Path("sweeps") / loaded.name if out is None else out
    print_warnings(_warnings_of([cell for cell in cells if not cell.bound]))
    if dry_run:
        _dry_run(loaded, cells, executor, folder, device.value, as_json=as_json)
        return
    with SweepProgress(quiet=quiet) as progress:
        try:
            table = run_sweep(
                loaded,
                cells,
                executor,
                folder,
                device=device.value,
                checkpoint_every_s=checkpoint_every,
                progress=progress,
            )
        except KeyboardInterrupt:
            raise InterruptedRun(f"Stopped at once; to go on: {_resume_command(folder)}") from None
    _show(table, folder, as_json=as_json)


def _executor(cells: "Sequence[SweepCell]", jobs: int | None, ray: str | None, device: str) -> "Executor":
    """Return what has the cells trained; refuse one that this machine is to train and cannot hold."""
    from dvdn_sim.sweeps import Pool, RayCluster, processes_for, refuse_oversized_cells

    if ray is not None:
        return RayCluster(ray)
    refuse_oversized_cells(cells, device)
    return Pool(jobs or processes_for([cell.scenario for cell in cells]))


def _warnings_of(cells: "Sequence[SweepCell]") -> list[str]:
    """Return the warnings about the cells, each once, with the cells they are about if these are not all."""
    from dvdn_sim.scenario import warnings_of
    from dvdn_sim.wording import first_of

    found: dict[str, list[str]] = {}
    for cell in cells:
        for warning in warnings_of(cell.scenario):
            found.setdefault(warning, []).append(cell.id)
    return [
        warning if len(names) == len(cells) else f"{first_of(names)}: {warning}" for warning, names in found.items()
    ]


def _dry_run(
    loaded: "Sweep", cells: "Sequence[SweepCell]", executor: "Executor", out: Path, device: str, *, as_json: bool
) -> None:
    """Print what would run."""
    from dvdn_sim.records import CELLS_FILE, read_cells
    from dvdn_sim.sweeps import Job
    from dvdn_sim.wording import thousands

    rows = read_cells(out).rows if (out / CELLS_FILE).exists() else []
    finished = {row.id for row in rows if row.state == "finished"}
    places = executor.places([Job(cell.id, cell.scenario, out, device) for cell in cells])
    if as_json:
        listed = [
            {
                "id": cell.id,
                "axes": dict(cell.at),
                "set": dict(cell.changes),
                "seeds": list(cell.scenario.seeds),
                "state": "finished" if cell.id in finished else "waiting",
                **({"bound": cell.bound} if cell.bound else {}),
                **({"bounds": dict(cell.bounds)} if cell.bounds else {}),
            }
            for cell in cells
        ]
        head = {"sweep_dir": str(out), "name": loaded.name, "question": loaded.question}
        say({**head, "cells": listed, "jobs": places})
        return
    first = cells[0].scenario
    seeds, steps = ", ".join(map(str, first.seeds)), thousands(first.training.steps)
    say(f"{loaded.name}: {loaded.question}")
    say(f"  {len(cells)} cells, {len(finished)} finished; seeds {seeds}; {steps} steps each")
    for cell in cells[:MAX_LISTED]:
        say(f"  {'done  ' if cell.id in finished else ''}{cell.id}")
    if len(cells) > MAX_LISTED:
        say(f"  ... and {len(cells) - MAX_LISTED} more")
    say(f"  jobs       {places} at a time\n  records    {out}")


def _show(table: "SweepTable", out: Path, *, as_json: bool) -> None:
    """Print what the cells found, and what failed with what to do about it; leave with the exit code for that."""
    if as_json:
        say({"sweep_dir": str(out), **table.as_json()})
    else:
        _print_table(table, out, Terminal())
    for row in table.rows:
        if row.state == "failed":
            print_message(f"Error: {row.id}: {row.error}", style="red")
            print_message(f"To {_hint(row, out)}")
    finished, failed = table.count("finished"), table.count("failed")
    if finished + failed < len(table.rows):
        cells = f"{finished} of {len(table.rows)} cells are finished"
        raise InterruptedRun(f"{cells}; to go on: {_resume_command(out)}")
    if failed:
        raise typer.Exit(1)


def _resume_command(out: Path) -> str:
    from dvdn_sim.records import SWEEP_FILE

    return shlex.join(["dvdn-sim", "sweep", str(out / SWEEP_FILE), "--out", str(out)])


def _hint(row: "SweepRow", out: Path) -> str:
    """Return what to do about a cell that failed: run it alone, elsewhere; or remove what is damaged."""
    from dvdn_sim.records import SCENARIO_FILE, finished_digest

    run_dir = out / row.id
    try:
        finished_digest(run_dir)
    except RunFolderError:
        return f"train it anew: remove {run_dir}; then {_resume_command(out)}"
    scenario = run_dir / SCENARIO_FILE
    return f"reproduce: {shlex.join(['dvdn-sim', 'run', str(scenario)]) if scenario.exists() else _resume_command(out)}"


def _print_table(table: "SweepTable", out: Path, console: Terminal) -> None:
    """Print what the cells found, for people."""
    from dvdn_sim.sweeps import BOUND
    from dvdn_sim.wording import duration_text

    count = f"{table.count('finished')} of {len(table.rows)} cells finished"
    console.print(Text(f"{table.name}: {count}, {duration_text(table.wall_s)}"), soft_wrap=True)
    console.print(Text(f"  {table.question}"), soft_wrap=True)
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    bounds = [BOUND] if any(row.bound for row in table.rows) else []
    for name in (*bounds, *table.axes, "return", "95% interval", "held in time", "a_eff"):
        shown.add_column(name)
    for row in table.rows:
        kind = [row.bound] if bounds else []
        shown.add_row(*kind, *row.axes.values(), *(_found(row) if row.found else [Text(row.state, style="yellow")]))
    console.print_whole(shown)
    console.print(Text(f"  records    {out}"), soft_wrap=True)


def _found(row: "SweepRow") -> list[str]:
    """Return what a run found, in the columns of the table."""
    found, network, consensus = (row.found[name] for name in ("return", "network", "consensus"))
    ends = found["ci95"]
    held = None if network is None else network["delivered_fraction"]
    a_eff = None if consensus is None else consensus["a_eff"]
    return [
        f"{found['iqm']:.2f}",
        "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}",
        "" if held is None else f"{held:.1%}",
        "" if a_eff is None else f"{a_eff:.2f}",
    ]
