"""How long a sweep will take, by training some of its cells for some seconds."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dvdn_sim.scenario import Scenario
from dvdn_sim.sweeps.grid import Cell
from dvdn_sim.sweeps.progress import duration_text

TIMED_S = 3.0
"""Seconds of learning per cell that is timed, after its first updates."""
SETTLING = 5
"""Iterations before the watch is started: the first updates take longer."""


@dataclass(frozen=True)
class Rate:
    """How fast one process is.

    Attributes:
        step_s: seconds per environment step of training, over all seeds together.
        evaluation_s: seconds of one evaluation, what else a run begins with included.
    """

    step_s: float
    evaluation_s: float

    def run_s(self, scenario: Scenario) -> float:
        """Return the seconds that a run takes; its first and its random evaluation included."""
        steps, every = scenario.training.steps, scenario.evaluation.every
        return self.step_s * steps * len(scenario.seeds) + self.evaluation_s * (2 + -(-steps // every))


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take.

    Attributes:
        work_s: seconds of all cells together, on one process.
        timed: cells that were timed, and the rate of each.
    """

    work_s: float
    timed: Mapping[str, Rate]

    def wall_s(self, processes: int) -> float:
        """Return the seconds on so many processes, if they do not slow each other."""
        return self.work_s / processes

    def as_json(self, processes: int) -> dict[str, Any]:
        """Return what `dvdn-sim sweep --dry-run --json` says of it."""
        timed = [
            {"id": name, "steps_per_s": 1.0 / rate.step_s, "evaluation_s": rate.evaluation_s}
            for name, rate in self.timed.items()
            if rate.step_s > 0.0
        ]
        return {"wall_s": self.wall_s(processes), "work_s": self.work_s, "timed": timed}

    def text(self, processes: int) -> str:
        """Return the same for people: how long, and how that is known."""
        rates = " and ".join(f"{1.0 / rate.step_s:.0f}" for rate in self.timed.values() if rate.step_s > 0.0)
        which = "the first and the last cell" if len(self.timed) > 1 else "one cell"
        return (
            f"about {duration_text(self.wall_s(processes))} on {processes} at a time, {duration_text(self.work_s)} of"
            f" work; from {TIMED_S:.0f} s each of {which} on this machine ({rates} steps/s)"
        )


def estimate(cells: Sequence[Cell], device: str = "auto") -> Estimate:
    """Train the first and the last cell for some seconds; the others are taken for their mean.

    The first cell has the first value of every axis, and the last one the last. Their records are thrown away.

    Args:
        cells: What is to be run; at least one.
        device: As in `dvdn_sim.run`.

    Raises:
        DvdnSimError: One of these cells fails.
    """
    ends = {cell.id: cell for cell in (cells[0], cells[-1])}
    timed = {name: rate_of(cell.scenario, device) for name, cell in ends.items()}
    mean = Rate(
        sum(rate.step_s for rate in timed.values()) / len(timed),
        sum(rate.evaluation_s for rate in timed.values()) / len(timed),
    )
    return Estimate(sum(timed.get(cell.id, mean).run_s(cell.scenario) for cell in cells), timed)


def rate_of(scenario: Scenario, device: str) -> Rate:
    """Train for some seconds and say how fast that was."""
    from dvdn_sim.training.run import run  # noqa: PLC0415 (torch)

    training = scenario.training
    unseen = replace(scenario, evaluation=replace(scenario.evaluation, every=training.steps))
    watch = _StopWatch(-(-training.batch // training.episodes_per_iteration) + SETTLING)
    with tempfile.TemporaryDirectory() as folder, suppress(_EnoughSeenError):
        run(unseen, device=device, out=Path(folder) / "run", checkpoint_every_s=float("inf"), progress=watch.show)
    return watch.rate


class _EnoughSeenError(Exception):
    """Ends a run that was for timing."""


@dataclass
class _StopWatch:
    """Times a run from inside.

    Attributes:
        settled: Iterations after which updates go on at their pace.
        rate: What was seen of it; of a run that was over before, the pace that it had until then.
    """

    settled: int
    rate: Rate = Rate(0.0, 0.0)
    _iterations: int = 0
    _from: tuple[float, int] = field(default_factory=lambda: (time.perf_counter(), 0))
    """When, and at which step, timing began."""

    def show(self, done: int, total: int, facts: Mapping[str, str]) -> None:
        """Take what `dvdn_sim.run` tells after every iteration."""
        now_s = time.perf_counter()
        self._iterations += 1
        if self._iterations == 1:
            self.rate = Rate(0.0, (now_s - self._from[0]) / 2)  # the evaluation of random play, and the first
        if self._iterations in (1, self.settled):
            self._from = now_s, done
        elif done > self._from[1]:
            self.rate = replace(self.rate, step_s=(now_s - self._from[0]) / (done - self._from[1]))
        if self._iterations > self.settled and now_s - self._from[0] >= TIMED_S:
            raise _EnoughSeenError
