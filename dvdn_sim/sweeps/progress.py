"""The progress of a sweep: in a terminal a live table of the cells under way, elsewhere a line for each that ends."""

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console  # noqa: TID251 (all that is said is made printable below)
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from dvdn_sim.records import SweepTable
from dvdn_sim.sweeps.jobs import Began, Ended, Event, Job, Moved, Outcome, Told, Warned
from dvdn_sim.wording import duration_text, plural, printable


class SweepProgress:
    """Shows the progress of a sweep on a console, which must be of stderr; if quiet, warnings alone."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._stopping = False
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TaskProgressColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
        )
        self._live = Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True)
        self._bars: dict[str, TaskID] = {}
        self._whole = self._live.add_task("starting", total=1.0, facts="")
        self._told = False  # that something is compiled, which is once for all jobs
        self._first_s: float | None = None
        self._before: dict[str, int] = {}  # steps of each job, all seeds together, that earlier invocations did
        self._done: dict[str, int] = {}  # those that are done now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self, table: SweepTable, jobs: Sequence[Job]) -> None:
        """Take what there is, and what of it is still to be done."""
        self._table = table
        self._steps = {job.id: job.scenario.training.steps * len(job.scenario.seeds) for job in jobs}
        finished = len(table.rows) - len(jobs)
        if finished and not self._quiet:
            self._say(f"{finished} of {plural(len(table.rows), 'cell')} finished before")
        self._live.start()
        self._show_whole()

    def take(self, event: Event) -> None:
        """Take what happened to a job; the table was changed accordingly."""
        match event:
            case Began(job):
                self._first_s = self._first_s or time.monotonic()  # now that processes have been started
                if job not in self._bars:
                    self._bars[job] = self._live.add_task(job, total=None, facts="")
            case Moved(job, done, total, facts):
                self._before.setdefault(job, done)
                self._done[job] = done
                shown = "  ".join(f"{name} {value}" for name, value in facts.items())
                self._live.update(self._bars[job], completed=done, total=total, facts=shown)
            case Warned(job, message):
                self._say(f"Warning: {job}: {message}", style="yellow")
            case Told(_, message) if not (self._told or self._quiet):
                self._told = True
                self._say(message)
            case Ended(job, outcome):
                self._ended(job, outcome)
        self._show_whole()

    def stop(self) -> None:
        """Take, once or more often, that somebody asked for an end, and that jobs under way are being stopped."""
        if not self._quiet and not self._stopping:
            self._stopping = True
            self._say("Stopping: running cells write a checkpoint; Ctrl-C again stops them at once")

    def _ended(self, job: str, outcome: Outcome) -> None:
        if (bar := self._bars.pop(job, None)) is not None:
            self._live.remove_task(bar)
        if outcome.state != "interrupted":
            self._before.setdefault(job, 0)  # it never moved: it was quick, or had been done before
            self._done[job] = self._steps[job]
        if not self._quiet:
            over = self._table.count("finished") + self._table.count("failed")
            self._say(f"{over} of {len(self._table.rows)}  {job}  {outcome_text(outcome)}{self._left('  ')}")

    def _show_whole(self) -> None:
        """Show the sweep itself, above its cells."""
        table = self._table
        failed = f", {table.count('failed')} failed" if table.count("failed") else ""
        text = f"{table.count('finished')} of {plural(len(table.rows), 'cell')}{failed}"
        share = sum(self._done.values()) / max(sum(self._steps.values()), 1)
        completed = 1.0 - (1.0 - share) * len(self._steps) / max(len(table.rows), 1)
        self._live.update(self._whole, description=text, completed=completed, facts=self._left(""))

    def _left(self, gap: str) -> str:
        """Return how long the rest takes, if it goes on as it went since the first job began; empty if unknown."""
        done = sum(self._done.values())
        left, taken = sum(self._steps.values()) - done, done - sum(self._before.values())
        if self._first_s is None or taken <= 0 or not left:
            return ""
        return f"{gap}{duration_text((time.monotonic() - self._first_s) * left / taken)} left"

    def _say(self, line: str, style: str = "") -> None:
        self._live.console.print(Text(printable(line), style=style), soft_wrap=True)


def outcome_text(outcome: Outcome) -> str:
    """Return how a job ended, in a line."""
    if outcome.state == "finished":
        return f"finished in {duration_text(outcome.work_s)}  return {outcome.found['return']['mean']:.2f}"
    return f"{outcome.state}: {outcome.error.strip().splitlines()[-1]}" if outcome.error else outcome.state
