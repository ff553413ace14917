"""The command ``sweep``: a grid of scenarios, trained here or on a Ray cluster, and a table of what they found."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dvdn_sim.cli.output import Device, command, explained, parse_seeds, say, warn
from dvdn_sim.errors import InterruptedRun, RunFolderError

if TYPE_CHECKING:
    from dvdn_sim.records import SweepRow, SweepTable
    from dvdn_sim.sweeps.estimate import Estimate
    from dvdn_sim.sweeps.grid import Cell
    from dvdn_sim.sweeps.jobs import Executor
    from dvdn_sim.sweeps.sweep import Sweep

SWEEPS = Path("sweeps")
MOST_LISTED = 40
"""Cells that a terminal is told of; JSON has all."""


def sweep(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="SWEEP", help="A YAML file, such as scenarios/ablations/rounds_x_loss.yaml.", show_default=False
        ),
    ],
    *,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="Change one value in all cells; may be repeated.", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Seeds in place of the sweep's: 0-4 or 0,3.", show_default=False),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", metavar="", help="Run the smaller sweep that the file describes.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes.", show_default="as many as there are cores and memory for"),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Ray cluster: host:port of one, or auto to start one here. Needs the extra ray.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the runs; one of this sweep is gone on with.",
            show_default="sweeps/ and the sweep's name",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Say what would run, and how long it would take.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    checkpoint_every: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="Time from one checkpoint of a cell to the next.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", metavar="", help="Show no progress.")] = False,
) -> None:
    """Run a grid of scenarios; the same command again goes on with what is not finished."""
    options = [*(["--quick"] if quick else []), *([] if device is Device.auto else ["--device", device.value])]
    for name, value in (("seeds", seeds), ("jobs", jobs), ("ray", ray), ("out", out)):
        options += [] if value is None else [f"--{name}", str(value)]
    if jobs is not None and ray is not None:
        raise typer.BadParameter("is for processes of this machine; Ray counts those of its own", param_hint="--jobs")
    chosen = None if seeds is None else tuple(parse_seeds(seeds))
    failed = False
    with explained(command("sweep", file, changes or [], *options)):
        from dvdn_sim.sweeps.grid import load_cells
        from dvdn_sim.sweeps.machine import job_bytes, processes_for, refuse_oversized_cells

        loaded, cells = load_cells(file, changes or [], seeds=chosen, quick=quick)
        if ray is None:
            refuse_oversized_cells(cells, device.value)
        _warn_of(cells)
        asked = _Asked(
            sweep=loaded,
            cells=cells,
            out=SWEEPS / loaded.name if out is None else out,
            processes=jobs or processes_for(len(cells), max(job_bytes(cell.scenario) for cell in cells)),
            ray=ray,
            device=device.value,
            checkpoint_every_s=checkpoint_every,
        )
        if dry_run:
            asked.foretell(as_json=as_json)
        else:
            failed = asked.run(as_json=as_json, quiet=quiet)
    if failed:
        raise typer.Exit(1)


def _warn_of(cells: "Sequence[Cell]") -> None:
    """Print what is to be minded about the cells, each once."""
    from dvdn_sim.scenario import warnings_of

    found: dict[str, list[str]] = {}
    for cell in cells:
        for warning in warnings_of(cell.scenario):
            found.setdefault(warning, []).append(cell.id)
    for warning, names in found.items():
        others = "" if len(names) == 1 else f" and {len(names) - 1} more"
        warn(warning if len(names) == len(cells) else f"{names[0]}{others}: {warning}")


@dataclass(frozen=True)
class _Asked:
    """What the command was asked for.

    Attributes:
        processes: on this machine, if it is not a Ray cluster that does it.
        ray: the cluster's address.
    """

    sweep: "Sweep"
    cells: "Sequence[Cell]"
    out: Path
    processes: int
    ray: str | None
    device: str
    checkpoint_every_s: float

    def run(self, *, as_json: bool, quiet: bool) -> bool:
        """Run all cells, print what they found, and return whether any of them failed.

        Raises:
            InterruptedRun: Not all are over.
        """
        from dvdn_sim.sweeps.progress import SweepProgress
        from dvdn_sim.sweeps.run import run_sweep

        with SweepProgress(Console(stderr=True, highlight=False), quiet=quiet) as progress:
            try:
                table = run_sweep(
                    self.sweep,
                    self.cells,
                    self._executor(),
                    self.out,
                    device=self.device,
                    checkpoint_every_s=self.checkpoint_every_s,
                    watch=progress,
                )
            except KeyboardInterrupt:
                raise InterruptedRun(f"Stopped at once; to go on: {self._go_on}") from None
        if as_json:
            typer.echo(json.dumps({"sweep_dir": str(self.out), **table.as_json()}, allow_nan=False))
        else:
            _print_table(table, self.out, Console(highlight=False))
        return self._told(table)

    def _executor(self) -> "Executor":
        """Return what has the cells trained."""
        if self.ray is not None:
            from dvdn_sim.sweeps.ray import RayCluster

            return RayCluster(self.ray)
        from dvdn_sim.sweeps.local import Pool

        return Pool(self.processes)

    def _places(self) -> int:
        """Return how many cells are trained at a time."""
        if self.ray is None:
            return self.processes
        from dvdn_sim.sweeps.jobs import Job
        from dvdn_sim.sweeps.ray import RayCluster

        return RayCluster(self.ray).places([Job(cell.id, cell.scenario, self.out, self.device) for cell in self.cells])

    def _told(self, table: "SweepTable") -> bool:
        """Tell what failed, and how to see it again or go on."""
        for row in table.rows:
            if row.state == "failed":
                say(f"Error: {row.id}: {row.error}", style="red")
                say(f"To {self._way_out(row)}")
        over = table.count("finished") + table.count("failed")
        if over < len(table.rows):
            raise InterruptedRun(
                f"{table.count('finished')} of {len(table.rows)} cells are finished; to go on: {self._go_on}"
            )
        return table.count("failed") > 0

    @property
    def _go_on(self) -> str:
        from dvdn_sim.records import SWEEP_FILE

        return shlex.join(["dvdn-sim", "sweep", str(self.out / SWEEP_FILE), "--out", str(self.out)])

    def _way_out(self, row: "SweepRow") -> str:
        """Return what to do about a cell that failed: run it alone, elsewhere; or remove what is damaged."""
        from dvdn_sim.records import finished_digest

        run_dir = self.out / row.id
        try:
            finished_digest(run_dir)
        except RunFolderError:
            return f"train it anew: remove {run_dir}; then {self._go_on}"
        scenario = run_dir / "scenario.yaml"
        command = shlex.join(["dvdn-sim", "run", str(scenario)]) if scenario.exists() else self._go_on
        return f"reproduce: {command}"

    def foretell(self, *, as_json: bool) -> None:
        """Say what would run, and how long that would take."""
        from dvdn_sim.records import CELLS_FILE, read_cells
        from dvdn_sim.sweeps.estimate import estimate

        rows = read_cells(self.out).rows if (self.out / CELLS_FILE).exists() else []
        finished = {row.id for row in rows if row.state == "finished"}
        left = [cell for cell in self.cells if cell.id not in finished]
        places = self._places()
        found = estimate(left, self.device) if left else None
        if as_json:
            typer.echo(json.dumps(self._foretold(finished, found, places), allow_nan=False))
        else:
            for line in self._lines(finished, found, places):
                typer.echo(line)

    def _foretold(self, finished: set[str], found: "Estimate | None", places: int) -> dict[str, Any]:
        cells = [
            {
                "id": cell.id,
                "axes": dict(cell.at),
                "set": dict(cell.changes),
                "seeds": list(cell.scenario.seeds),
                "state": "finished" if cell.id in finished else "waiting",
            }
            for cell in self.cells
        ]
        timed = None if found is None else found.as_json(places)
        return {
            "sweep_dir": str(self.out),
            "name": self.sweep.name,
            "question": self.sweep.question,
            "cells": cells,
            "jobs": places,
            "estimate": timed,
        }

    def _lines(self, finished: set[str], found: "Estimate | None", places: int) -> Iterator[str]:
        yield f"{self.sweep.name}: {self.sweep.question}"
        first = self.cells[0].scenario
        seeds, steps = ", ".join(map(str, first.seeds)), f"{first.training.steps:,}".replace(",", " ")
        yield f"  {len(self.cells)} cells, {len(finished)} finished; seeds {seeds}; {steps} steps each"
        for cell in self.cells[:MOST_LISTED]:
            yield f"  {'done  ' if cell.id in finished else ''}{cell.id}"
        if len(self.cells) > MOST_LISTED:
            yield f"  ... and {len(self.cells) - MOST_LISTED} more"
        if found is not None:
            yield f"  time       {found.text(places)}"
        yield f"  records    {self.out}"


def _print_table(table: "SweepTable", out: Path, console: Console) -> None:
    """Print what the cells found, for people."""
    from dvdn_sim.sweeps.progress import duration_text

    count = f"{table.count('finished')} of {len(table.rows)} cells finished"
    console.print(Text(f"{table.name}: {count}, {duration_text(table.wall_s)}"), soft_wrap=True)
    console.print(Text(f"  {table.question}"), soft_wrap=True)
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in (*table.axes, "return", "95% interval", "delivered", "a_eff"):
        shown.add_column(name)
    for row in table.rows:
        shown.add_row(*row.axes.values(), *(_found(row) if row.found else [Text(row.state, style="yellow")]))
    console.print(shown)
    console.print(Text(f"  records    {out}"), soft_wrap=True)


def _found(row: "SweepRow") -> list[str]:
    """Return what a run found, in the columns of the table."""
    found, network, consensus = (row.found[name] for name in ("return", "network", "consensus"))
    ends = found["ci95"]
    delivered = None if network is None else network["delivered_fraction"]
    a_eff = None if consensus is None else consensus["a_eff"]
    return [
        f"{found['iqm']:.2f}",
        "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}",
        "" if delivered is None else f"{delivered:.1%}",
        "" if a_eff is None else f"{a_eff:.2f}",
    ]
