"""Sweeps: the cells of a grid, each trained as one batch of seeds in one process.

Read in this order:

* ``sweep``: what a sweep is, as `Sweep`; ``entries``: the keys of its file; ``reading``: from the one to the other.
* ``grid``: the cells of a sweep, each with its name and scenario, or every mistake of all of them.
* ``jobs``: what a job is, and `work`, which does it, wherever it was sent.
* ``local``: jobs on a pool of processes; ``machine``: how many fit this machine.
* ``folder``: what a sweep leaves behind, and what of it is finished.
* ``run``: `run_sweep`, from cells to a table of results; ``progress``: how far it is; ``estimate``: how long it takes.

A second executor needs what `jobs.Executor` says, and nothing of ``local``.
"""

__all__ = ["entries", "estimate", "folder", "grid", "jobs", "local", "machine", "progress", "reading", "run", "sweep"]
