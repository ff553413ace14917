"""Reading a run folder, finished or not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dvdn_sim.errors import RunFolderError, os_errors_as
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


@dataclass(frozen=True)
class Run:
    """What a run folder holds.

    Attributes:
        scenario: Text of the resolved scenario; empty if the run was killed before it was written.
        manifest: The manifest; empty if the run was killed before it was written.
        metrics: The rows of `METRICS`, in the order of writing; `network` those of `NETWORK`.
        seeds: Seeds of the replicas, as the manifest has them.
        finished: Whether the run came to its end.
    """

    path: Path
    scenario: str
    manifest: Mapping[str, object]
    metrics: pl.DataFrame
    network: pl.DataFrame
    seeds: tuple[int, ...]
    finished: bool

    @property
    def trace(self) -> pl.DataFrame:
        """The rows of `TRACE`, read when asked for: there may be millions. No rows if no trace was asked for.

        Raises:
            RunFolderError: A part is damaged.
        """
        return read_table(self.path, TRACE)


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
    wanted = {METRICS.name: None, NETWORK.name: None} if columns is None else columns
    return Run(
        path=path,
        scenario=_text(path / SCENARIO_FILE),
        manifest=manifest,
        metrics=read_table(path, METRICS, columns=wanted[METRICS.name]),
        network=read_table(path, NETWORK, columns=wanted[NETWORK.name]),
        seeds=_seeds(manifest, path / MANIFEST_FILE),
        finished=manifest.get("state") == FINISHED,
    )


def read_table(
    run_dir: Path, table: Table, *, columns: Sequence[str] | None = None, seed: int | None = None
) -> pl.DataFrame:
    """Return the rows of all parts of a table, in the order of writing; no rows if there is no part.

    Args:
        columns: Some of its columns; None for all.
        seed: Whose rows, of all columns; None for everybody's.

    Raises:
        RunFolderError: A part is damaged or has other columns.
    """
    schema = table.schema
    wanted = list(schema) if columns is None else list(columns)
    frames = [schema.to_frame().select(wanted)]
    for part in sorted((run_dir / table.name).glob(PART_GLOB)):
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


def read_manifest(run_dir: Path) -> dict[str, object]:
    """Return the manifest of a run folder; empty if there is none.

    Raises:
        RunFolderError: It is damaged.
    """
    path = run_dir / MANIFEST_FILE
    if not path.exists():
        return {}
    try:
        manifest = printable(json.loads(_text(path)))
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(manifest, dict):
        raise RunFolderError(f"{path} is damaged: an object expected")
    return manifest


def _seeds(manifest: Mapping[str, object], path: Path) -> tuple[int, ...]:
    seeds = manifest.get("seeds", [])
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds):
        raise RunFolderError(f"{path} is damaged: {seeds!r} found; a list of seeds expected")
    return tuple(seeds)
