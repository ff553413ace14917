"""Sweeps: the cells of a grid, each trained as one batch of seeds in one process.

Read in this order:

* `sweep`: what a sweep file says. `grid`: its cells, or every mistake in the file and in any of them; `bounds`: what
  they are held against.
* `jobs`: what a job is, and `work`, which does it wherever it was sent; `Executor`: what sends them.
* `local`: jobs on processes of this machine, and how many fit it.
* `ray_executor`: jobs on a Ray cluster; `ray_tasks`: what is done in that cluster. Ray is imported there alone.
* `execute`: `run_sweep`, from cells to a table of results; `progress`: how far it is.

What a sweep leaves behind is `dvdn_sim.records.SweepTable`.
"""

# isort: off
# fmt: off
from dvdn_sim.sweeps.bounds import central, silent
from dvdn_sim.sweeps.grid import SweepCell, cell_id, load_cells
from dvdn_sim.sweeps.execute import run_sweep
from dvdn_sim.sweeps.jobs import Began, Ended, Event, Executor, Job, JobReport, Moved, Outcome, Told, Warned, work
from dvdn_sim.sweeps.local import Pool, processes_for, refuse_oversized_cells
from dvdn_sim.sweeps.progress import SweepProgress
from dvdn_sim.sweeps.ray_executor import RayCluster
from dvdn_sim.sweeps.sweep import BOUND, AxisFile, QuickFile, Sweep, SweepFile, folder_name, load_sweep
# fmt: on
# isort: on

__all__ = [
    "BOUND", "AxisFile", "Began", "Ended", "Event", "Executor", "Job", "JobReport", "Moved", "Outcome", "Pool",
    "QuickFile", "RayCluster", "Sweep", "SweepCell", "SweepFile", "SweepProgress", "Told", "Warned",
    "cell_id", "central", "folder_name", "load_cells", "load_sweep", "processes_for", "refuse_oversized_cells",
    "run_sweep", "silent", "work",
]  # fmt: skip
