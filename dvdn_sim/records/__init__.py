"""Run folders: what a run leaves behind, and the way back to it.

Read in this order:

* `schema`: the names in a run folder, and every column of its tables with unit and meaning.
* `folder`: which folder a run writes to, and one process in it.
* `durable`: files that appear whole or not at all, and their checksums.
* `write`: `RecordWriter`, the manifest and the scenario; `read`: `load_run`.
* `digest`: one hash of all records.
* `health`: warnings read off the records while a run goes on.
* `inspect`: what a folder holds, whatever became of the run.
* `cells`: what a sweep leaves behind.
* `episode`: one episode as it was played.
"""

# isort: off
# fmt: off
from dvdn_sim.records.cells import (
    CELLS_FILE, FOUND, SWEEP_FILE, SweepRow, SweepTable, finished_digest, read_cells, write_cells,
)
from dvdn_sim.records.digest import digest, digest_rows
from dvdn_sim.records.durable import Checksums, read_sealed, refuse_changed, write_durably, write_sealed
from dvdn_sim.records.episode import Edge, Episode, Frame, Links, Picture, Point, Stroke
from dvdn_sim.records.folder import LOCK_FILE, create_run_dir, locked, refuse_links, run_dir_to_resume
from dvdn_sim.records.health import HEALTH_CHECKS, HealthChecks, HealthWarning, health_warnings
from dvdn_sim.records.inspect import contents, resume_command
from dvdn_sim.records.read import FILES, NO_COLUMNS, Columns, Run, listed, load_run, read_manifest, read_table
from dvdn_sim.records.schema import (
    FINISHED, MANIFEST_FILE, MESSAGE_COUNTS, METRICS, NETWORK, SCENARIO_FILE, TABLES, TRACE, Column, Table,
)
from dvdn_sim.records.write import RecordWriter, frame_of, write_files, write_scenario
# fmt: on
# isort: on

__all__ = [
    "CELLS_FILE", "FILES", "FINISHED", "FOUND", "HEALTH_CHECKS", "LOCK_FILE", "MANIFEST_FILE", "MESSAGE_COUNTS",
    "METRICS", "NETWORK", "NO_COLUMNS", "SCENARIO_FILE", "SWEEP_FILE", "TABLES", "TRACE", "Checksums", "Column",
    "Columns", "Edge", "Episode", "Frame", "HealthChecks", "HealthWarning", "Links", "Picture", "Point",
    "RecordWriter", "Run", "Stroke", "SweepRow", "SweepTable", "Table", "contents", "create_run_dir", "digest",
    "digest_rows", "finished_digest", "frame_of", "health_warnings", "listed", "load_run", "locked", "read_cells",
    "read_manifest", "read_sealed", "read_table", "refuse_changed", "refuse_links", "resume_command",
    "run_dir_to_resume", "write_cells", "write_durably", "write_files", "write_scenario", "write_sealed",
]  # fmt: skip
