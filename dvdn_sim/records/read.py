"""Reading a run folder, finished or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dvdn_sim.errors import RunFolderError, os_errors_as
from dvdn_sim.records.durable import Checksums, read_sealed, refuse_changed
from dvdn_sim.records.schema import (
    FINISHED,
    MANIFEST_FILE,
    METRICS,
    NETWORK,
    PART_GLOB,
    SCENARIO_FILE,
    TABLES,
    TRACE,
    Table,
)
from dvdn_sim.wording import printable

Columns = Mapping[str, Sequence[str]]
"""By the name of a table, some of its columns."""
NO_COLUMNS: Columns = {METRICS.name: (), NETWORK.name: ()}
"""For whoever wants to know of a run, and not its records."""
FILES = "files"
"""The key of the manifest under which it has the checksums of all other files; checkpoints have their own."""


@dataclass(frozen=True)
class Run:
    """What a run folder holds.

    Attributes:
        scenario: Text of the resolved scenario; empty if the run was killed before it was written.
        manifest: The manifest; empty if the run was killed before it was written.
        metrics: The rows of `METRICS`, in the order of writing; `network` those of `NETWORK`.
        files: Checksums of all that the run has written up to now; other files mean nothing.
        seeds: Seeds of the replicas, as the manifest has them.
        finished: Whether the run came to its end.
    """

    path: Path
    scenario: str
    manifest: Mapping[str, object]
    metrics: pl.DataFrame
    network: pl.DataFrame
    files: Checksums
    seeds: tuple[int, ...]
    finished: bool

    @property
    def trace(self) -> pl.DataFrame:
        """The rows of `TRACE`, read when asked for: there may be millions. No rows if no trace was asked for.

        Raises:
            RunFolderError: A part is damaged.
        """
        return read_table(self.path, TRACE, self.files)


def load_run(run_dir: Path | str, columns: Columns | None = None) -> Run:
    """Read a run folder. Temporary files that a killed run left behind are ignored.

    Args:
        columns: All that is wanted of the records; None for everything, some 600 bytes for each update.

    Raises:
        RunFolderError: The folder does not exist or holds no run, or a file in it is damaged.
    """
    path = Path(run_dir)
    with os_errors_as(RunFolderError, f"{path} cannot be read"):
        parts = [path / table.name for table in TABLES]
        holds_run = any(each.exists() for each in (path / SCENARIO_FILE, path / MANIFEST_FILE, *parts))
    if not holds_run:
        raise RunFolderError(f"{path} holds no run: no {SCENARIO_FILE}, {MANIFEST_FILE}, metrics or network")
    manifest = read_manifest(path)
    files = manifest.pop(FILES, {})
    if manifest or files:
        refuse_changed(path, listed(files, SCENARIO_FILE))
    else:
        _refuse_orphans(path)
    wanted = {METRICS.name: None, NETWORK.name: None} if columns is None else columns
    return Run(
        path=path,
        scenario=_text(path / SCENARIO_FILE),
        manifest=manifest,
        metrics=read_table(path, METRICS, files, columns=wanted[METRICS.name]),
        network=read_table(path, NETWORK, files, columns=wanted[NETWORK.name]),
        files=files,
        seeds=_seeds(manifest, path / MANIFEST_FILE),
        finished=manifest.get("state") == FINISHED,
    )


def _refuse_orphans(path: Path) -> None:
    """Refuse what a run writes only after its first manifest, where there is no manifest."""
    kinds = (*(f"{table.name}/{PART_GLOB}" for table in (*TABLES, TRACE)), "policies/*", "checkpoint/*.json")
    found = next((each for kind in kinds for each in path.glob(kind)), None)
    if found is not None:
        raise RunFolderError(f"{path / MANIFEST_FILE} is missing, without which {found} is worth nothing")


def listed(files: Checksums, name: str) -> Checksums:
    """Return one of some files, if it is among them."""
    return {name: files[name]} if name in files else {}


def parts_of(files: Checksums, table: Table) -> Checksums:
    """Return the parts of a table, in the order of writing."""
    return {name: files[name] for name in sorted(files) if name.startswith(f"{table.name}/")}


def read_table(
    run_dir: Path, table: Table, files: Checksums, *, columns: Sequence[str] | None = None, seed: int | None = None
) -> pl.DataFrame:
    """Return the rows of all parts of a table, in the order of writing; no rows if there is no part.

    Args:
        files: What the run has written, as its manifest lists it.
        columns: Some of its columns; None for all.
        seed: Whose rows, of all columns; None for everybody's.

    Raises:
        RunFolderError: A part is damaged or has other columns.
    """
    schema = table.schema
    wanted = list(schema) if columns is None else list(columns)
    frames = [schema.to_frame().select(wanted)]
    for name, sha in parts_of(files, table).items() if wanted else ():
        refuse_changed(run_dir, {name: sha})  # which polars might not survive
        part = run_dir / name
        try:
            with part.open("rb") as opened:
                found = pl.read_parquet_schema(opened)
            if found == schema:
                # Else polars takes `~` for a home, and brackets for a pattern.
                rows = pl.read_parquet(part.absolute(), glob=False, columns=None if columns is None else wanted)
                frames.append(rows if seed is None else rows.filter(seed=seed))
                continue
        except (pl.exceptions.PolarsError, OSError) as error:
            raise RunFolderError(f"{part} cannot be read: {error}") from error
        differing = sorted(set(found.items()) ^ set(schema.items()), key=str)
        raise RunFolderError(f"{part} has other columns than this version's {table.name}: {differing}")
    return pl.concat(frames)


def _text(path: Path) -> str:
    """Return the text of a file; empty if there is none."""
    if not path.exists():
        return ""
    if not path.is_file():  # a pipe would never end
        raise RunFolderError(f"{path} is damaged: a file expected")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error


def read_manifest(run_dir: Path) -> dict[str, Any]:
    """Return the manifest of a run folder; empty if there is none.

    Raises:
        RunFolderError: It is damaged.
    """
    path = run_dir / MANIFEST_FILE
    return printable(read_sealed(path)) if path.exists() else {}


def _seeds(manifest: Mapping[str, object], path: Path) -> tuple[int, ...]:
    seeds = manifest.get("seeds", [])
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        raise RunFolderError(f"{path} is damaged: {seeds!r} found; a list of seeds expected")
    return tuple(seeds)
