"""Describe a run folder, finished or not."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.digest import digest
from dvdn_sim.records.durable import refuse_changed
from dvdn_sim.records.folder import LOCK_FILE, locked
from dvdn_sim.records.health import health_warnings
from dvdn_sim.records.read import Run, load_run
from dvdn_sim.records.schema import MANIFEST_FILE, MESSAGE_COUNTS, PART_GLOB, SCENARIO_FILE, TABLES, TRACE

Json = dict[str, Any]


def contents(run_dir: Path | str) -> Json:
    """Return what `dvdn-sim show --json` prints; of a run that came to its end, the digest is computed anew.

    Raises:
        RunFolderError: The folder does not exist or holds no run, or a file in it is damaged.
    """
    try:
        run = load_run(run_dir)
        scenario = yaml.safe_load(run.scenario) or {}
        seeds = list(run.seeds) or [int(seed) for seed in scenario.get("seeds", [])]
        return {
            **_who(run, scenario),
            "seeds": seeds,
            **_how_far(run, scenario, seeds),
            "network": _network(run.network),
            "signs": [{"seed": s.seed, "message": s.message, "cause": s.cause} for s in health_warnings(run.manifest)],
            "audit": run.manifest.get("audit"),
            **_digests(run),
            "disk": _disk(run.path),
        }
    except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        files = f"{MANIFEST_FILE} or {SCENARIO_FILE}"
        raise RunFolderError(f"{run_dir} is damaged: {files} is not as a run leaves it: {error}") from error


def _who(run: Run, scenario: Mapping[str, Any]) -> Json:
    """Return what it is a run of: by the manifest or, killed before that was written, by the scenario."""
    of_scenario = {
        "name": scenario.get("name"),
        "algorithm": scenario.get("algorithm", {}).get("kind"),
        "env": scenario.get("env", {}).get("kind"),
        "device": None,
    }
    who = {name: run.manifest.get(name, value) for name, value in of_scenario.items()}
    versions: Any = run.manifest.get("versions", {})
    starts: Any = run.manifest.get("starts", [])
    told = {"starts": [{name: each[name] for name in ("at", "command", "commit")} for each in starts]}
    return {
        "run_dir": str(run.path),
        **who,
        **told,
        "versions": dict(versions),
        "wall_s": _number(run.manifest.get("wall_s")),
    }


def _how_far(run: Run, scenario: Mapping[str, Any], seeds: Sequence[int]) -> Json:
    """Return how far each seed came, and how to go on."""
    state, steps = _state(run), scenario.get("training", {}).get("steps")
    rows = [run.metrics.filter(seed=seed) for seed in seeds]
    evaluated = [each.filter(phase="evaluation").sort("env_steps") for each in rows]
    return {
        "state": state,
        "resume": None if state in {"finished", "running"} else _command(run, scenario),
        "steps": None if steps is None else int(steps),
        "env_steps": [_max(each["env_steps"]) for each in rows],
        "updates": [_max(each["updates"]) for each in rows],
        "evaluations": [each.height for each in evaluated],
        "random_return": _number(run.metrics.filter(phase="random")["return_mean"].mean()),
        "return": [_number(each["return_mean"].last()) if each.height else None for each in evaluated],
    }


def _state(run: Run) -> str:
    """Return finished, interrupted, "failed: why", running, or killed; or that it cannot be told."""
    state = str(run.manifest.get("state", "running"))  # killed as it began, it has no manifest
    if state != "running":
        return state
    if not (run.path / LOCK_FILE).exists():
        return "killed"
    try:
        with locked(run.path):
            return "killed"
    except RunFolderError as error:
        return "running" if error.__cause__ is None else f"running or killed: {error}"


def _command(run: Run, scenario: Mapping[str, Any]) -> str | None:
    """Return the command that goes on with it; None where it was begun from Python, in an environment of its own."""
    if run.manifest.get("env", kind := scenario.get("env", {}).get("kind")) != kind:
        return None
    return resume_command(run.path, traced=bool(run.manifest.get("traced")))


def resume_command(run_dir: Path, *, traced: bool) -> str:
    """Return the command that goes on with a run, whatever it was begun with."""
    trace = ["--trace"] if traced else []
    return shlex.join(["dvdn-sim", "run", str(run_dir / SCENARIO_FILE), "--out", str(run_dir), *trace, "--resume"])


def _network(rows: pl.DataFrame) -> Json | None:
    """Return messages, as recorded up to now; None if there was no exchange."""
    if rows.is_empty():
        return None
    counted = [column.name for column in MESSAGE_COUNTS if column.name not in {"in_flight", "duplicates"}]
    totals = rows.select(pl.col(*counted, "bytes").sum()).row(0, named=True)
    fraction = totals["held"] / totals["sent"] if totals["sent"] else None
    return {"exchanges": rows.height, **totals, "delivered_fraction": fraction}


def _digests(run: Run) -> Json:
    """Return the digest of the manifest, that of the records, and whether they are equal; None until it is finished."""
    if not run.finished:
        return {"digest": None, "digest_of_records": None, "verified": None}
    refuse_changed(run.path, run.files)
    said, found = run.manifest.get("digest"), digest(run.path)
    return {"digest": said, "digest_of_records": found, "verified": said == found}


def _disk(run_dir: Path) -> Json:
    """Return how many files there are of everything, and their size in bytes; of checkpoints, how many of these."""
    tables = {table.name: (PART_GLOB, f"{table.name}/*") for table in (*TABLES, TRACE)}
    kinds = {name: (f"{name}/{glob}", files) for name, (glob, files) in tables.items()}
    kinds |= {
        "policies": ("policies/*.safetensors", "policies/*"),
        "checkpoint": ("checkpoint/*.json", "checkpoint/**/*"),
    }
    return {
        name: {"count": len(list(run_dir.glob(counted))), "bytes": _size(run_dir.glob(files))}
        for name, (counted, files) in kinds.items()
    }


def _size(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):  # a run under way removes checkpoints
            total += path.stat().st_size if path.is_file() else 0
    return total


def _max(counts: pl.Series) -> int:
    return int(counts.max() or 0)  # type: ignore[arg-type]


def _number(value: object) -> float | None:
    """Return a number as JSON can say it."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
