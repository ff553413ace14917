"""The finished ones of many runs; the others are named."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import Columns, Run, contents, load_run


@dataclass(frozen=True)
class LeftOut:
    """A folder whose runs enter no statistic.

    Attributes:
        run_dir: The folder.
        why: The state of its run (interrupted, killed, running, "failed: why"), or why it cannot be read.
    """

    run_dir: Path
    why: str


def finished_runs(run_dirs: Iterable[Path | str], columns: Columns | None = None) -> tuple[list[Run], list[LeftOut]]:
    """Read run folders, and leave out those that did not come to their end: their last return is not a final one.

    Args:
        run_dirs: In any order, which is kept.
        columns: All that is wanted of the records; None for everything.
    """
    finished: list[Run] = []
    left_out: list[LeftOut] = []
    for run_dir in run_dirs:
        try:
            run = load_run(run_dir, columns)
            if run.finished:
                finished.append(run)
            else:
                left_out.append(LeftOut(Path(run_dir), str(contents(run_dir)["state"])))
        except RunFolderError as error:
            left_out.append(LeftOut(Path(run_dir), str(error)))
    return finished, left_out
