"""Run folders: what a run leaves behind, and the way back to it.

Read in this order:

* ``schema``: the names in a run folder, and every column of its two tables with unit and meaning.
* ``frames``: those tables as polars frames.
* ``durable``: files that appear whole or not at all.
* ``folder``: which folder a run writes to, `create_run_dir`; ``lock``: one process per folder.
* ``write``: `RecordWriter`, the manifest and the scenario.
* ``read``: `load_run`.
* ``digest``: one hash of all records.
* ``contents``: what a folder holds, whatever became of the run.
* ``compare``: the first record in which two runs differ.
* ``cells``: what a sweep leaves behind.
* ``episode``: one episode as it was played.
"""

__all__ = [
    "cells",
    "compare",
    "contents",
    "digest",
    "durable",
    "episode",
    "folder",
    "frames",
    "lock",
    "read",
    "schema",
    "write",
]
