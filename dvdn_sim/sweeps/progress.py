"""How far a sweep is: in a terminal a live table of the cells under way, elsewhere a line for each that ends."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from dvdn_sim.records import SweepTable
from dvdn_sim.sweeps.jobs import Began, Ended, Event, Job, Moved, Outcome, Warned


@dataclass
class Pace:
    """How long the rest takes, if it goes on as it went.

    What was done by earlier invocations is no part of the pace.

    Attributes:
        totals: environment steps of every job, all seeds together.
    """

    totals: Mapping[str, int]
    _began: dict[str, int] = field(default_factory=dict)
    _done: dict[str, int] = field(default_factory=dict)

    def moved(self, job: str, done: int) -> None:
        """Note how far a job is."""
        self._began.setdefault(job, done)
        self._done[job] = done

    def ended(self, job: str) -> None:
        """Note that a job is over; one that had nothing to tell was quick or had been done before."""
        self._began.setdefault(job, 0)
        self._done[job] = self.totals[job]

    @property
    def share(self) -> float:
        """How much of all steps is done, from 0 to 1."""
        return sum(self._done.values()) / max(sum(self.totals.values()), 1)

    def left_s(self, elapsed_s: float) -> float | None:
        """Return the seconds that are left; None before anything is known."""
        taken = sum(self._done.values()) - sum(self._began.values())
        left = sum(self.totals.values()) - sum(self._done.values())
        return elapsed_s * left / taken if taken > 0 else None


class SweepProgress:
    """Shows how a sweep comes on; see `dvdn_sim.sweeps.run.Watch`.

    Args:
        console: Where to: stderr, so that answers are alone on stdout.
        quiet: Whether to show warnings alone.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TaskProgressColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
        )
        self._live = Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True)
        self._bars: dict[str, TaskID] = {}
        self._first_s: float | None = None
        self._whole = self._live.add_task("starting", total=1.0, facts="")

    def __enter__(self) -> Self:
        """Take events."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the table away."""
        self._live.stop()

    def begin(self, table: SweepTable, jobs: Sequence[Job]) -> None:
        """Show what there is to do."""
        self._table = table
        self._pace = Pace({job.id: job.scenario.training.steps * len(job.scenario.seeds) for job in jobs})
        finished = len(table.rows) - len(jobs)
        if finished and not self._quiet:
            self._say(f"{finished} of {_cells(len(table.rows))} finished before")
        self._live.start()
        self._show_whole()

    def take(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, Began):
            self._began(event.id)
        elif isinstance(event, Moved):
            self._moved(event)
        elif isinstance(event, Warned):
            self._say(f"Warning: {event.id}: {event.said}", style="yellow")
        else:
            self._ended(event)
        self._show_whole()

    def stop(self) -> None:
        """Say that cells under way are being stopped."""
        if not self._quiet:
            self._say("Stopping: cells under way leave a checkpoint; once more stops them at once")

    def _began(self, cell: str) -> None:
        if self._first_s is None:  # processes have been started
            self._first_s = time.monotonic()
        if cell not in self._bars:
            self._bars[cell] = self._live.add_task(cell, total=None, facts="")

    def _moved(self, event: Moved) -> None:
        self._pace.moved(event.id, event.done)
        facts = "  ".join(f"{name} {value}" for name, value in event.facts.items())
        self._live.update(self._bars[event.id], completed=event.done, total=event.total, facts=facts)

    def _ended(self, event: Ended) -> None:
        bar = self._bars.pop(event.id, None)
        if bar is not None:
            self._live.remove_task(bar)
        if event.outcome.state != "interrupted":
            self._pace.ended(event.id)
        if not self._quiet:
            over = sum(row.state in ("finished", "failed") for row in self._table.rows)
            self._say(f"{over} of {len(self._table.rows)}  {event.id}  {said_of(event.outcome)}{self._left('  ')}")

    def _show_whole(self) -> None:
        """Show the sweep itself, above its cells."""
        table = self._table
        failed = f", {table.count('failed')} failed" if table.count("failed") else ""
        said = f"{table.count('finished')} of {_cells(len(table.rows))}{failed}"
        share = 1.0 - (1.0 - self._pace.share) * len(self._pace.totals) / max(len(table.rows), 1)
        self._live.update(self._whole, description=said, completed=share, facts=self._left(""))

    def _left(self, gap: str) -> str:
        left_s = None if self._first_s is None else self._pace.left_s(time.monotonic() - self._first_s)
        return "" if not left_s else f"{gap}{duration_text(left_s)} left"

    def _say(self, line: str, style: str = "") -> None:
        self._live.console.print(Text(line, style=style), soft_wrap=True)


def said_of(outcome: Outcome) -> str:
    """Return how a job ended, in a line."""
    if outcome.state == "finished":
        return f"finished in {duration_text(outcome.work_s)}  return {outcome.found['return']['mean']:.2f}"
    return f"{outcome.state}: {outcome.error.strip().splitlines()[-1]}" if outcome.error else outcome.state


def duration_text(seconds: float) -> str:
    """Return a time as people say it.

    >>> [duration_text(seconds) for seconds in (0.4, 34, 95, 7500)]
    ['0.4 s', '34 s', '2 min', '2 h 5 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
