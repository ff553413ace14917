"""What ``run --check-determinism`` does: a scenario in two processes that hash differently, their records compared."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from dvdn_sim.cli.output import BAD_INPUT, command, say, warn
from dvdn_sim.records import SCENARIO_FILE, Run, load_run
from dvdn_sim.records.compare import Difference, first_difference
from dvdn_sim.scenario import Scenario, load_scenario, resolved_yaml, warnings_of
from dvdn_sim.scenario.describe import spaced

UPDATES = 20
HASH_SEEDS = {"first": "1", "second": "2"}
LAST_LINES = 20


def check_determinism(
    scenario: Path, changes: Sequence[str], steps: int | None, *, device: str, again: str, as_json: bool, quiet: bool
) -> int:
    """Run a scenario twice, and print that all records are equal, or the first that differs.

    Args:
        scenario: The file.
        changes: As ``--set`` takes them.
        steps: Environment steps per seed; None for as many as some `UPDATES` updates take, within the scenario's.
        device: As ``--device`` takes it.
        again: The command that does the same again.
        as_json: Whether to print one object.
        quiet: Whether to say nothing meanwhile.

    Returns:
        The exit code.

    Raises:
        ScenarioError: The scenario is refused.
        KeyboardInterrupt: Ctrl-C or SIGTERM; both runs are gone.
    """
    loaded = load_scenario(scenario, changes)
    changes = [*changes, f"training.steps={enough_steps(loaded) if steps is None else steps}"]
    loaded = load_scenario(scenario, changes)
    warnings = warnings_of(loaded)
    for warning in warnings:
        warn(warning)
    with ExitStack() as cleared:
        folder = Path(tempfile.mkdtemp(prefix="dvdn-sim-determinism-"))
        cleared.callback(shutil.rmtree, folder)
        (folder / SCENARIO_FILE).write_text(resolved_yaml(loaded), encoding="utf-8")
        if not quiet:
            say(f"2 runs of {spaced(loaded.training.steps)} steps, side by side")
        failed = _run_both(folder, device)
        if failed is not None:
            if failed.process.returncode != BAD_INPUT:
                cleared.pop_all()
            return _tell_failure(failed, command("run", scenario, changes, "--device", device))
        runs = [load_run(folder / name) for name in HASH_SEEDS]
        difference = first_difference(*runs)
        found = _found(loaded, runs, difference) | {"warnings": warnings}
        typer.echo(json.dumps(found, allow_nan=False) if as_json else _text(found, difference))
        if difference is None:
            return 0
        cleared.pop_all()
        say(f"To reproduce: {again}")
        return 1


def enough_steps(scenario: Scenario) -> int:
    """Return how many steps of each seed make at least `UPDATES` updates, or all there are.

    The first update is made with `batch` episodes, and there is one for every episode after it.
    """
    training = scenario.training
    return min(training.steps, (training.batch + UPDATES) * scenario.env.longest_episode)


@dataclass(frozen=True)
class _Child:
    """One of the runs, in a process of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def _run_both(folder: Path, device: str) -> _Child | None:
    """Run to the end, or until one fails; return that one."""
    with _stopped_by_sigterm(), ExitStack() as ended:
        children = []
        for name in HASH_SEEDS:
            children.append(_start(folder, name, device))
            ended.callback(_end, children[-1].process)
        while True:
            codes = [child.process.poll() for child in children]
            failed = next((child for child, code in zip(children, codes, strict=True) if code), None)
            if failed is not None or None not in codes:
                return failed
            time.sleep(0.05)


def _start(folder: Path, name: str, device: str) -> _Child:
    words = ["run", str(folder / SCENARIO_FILE), "--out", str(folder / name), "--device", device, "--quiet"]
    log = folder / f"{name}.log"
    # It imports what this process would, and nothing that happens to lie in the current folder.
    path = os.pathsep.join(filter(None, sys.path))
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-P", "-m", "dvdn_sim.cli", *words],
            env=os.environ | {"PYTHONHASHSEED": HASH_SEEDS[name], "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    return _Child(name, process, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that no run outlives this process."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell_failure(failed: _Child, again: str) -> int:
    """Print the last words of a run that failed, and how to see it again; return the exit code."""
    said = failed.log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in [line for line in said if not line.startswith("To reproduce: ")][-LAST_LINES:]:
        say(line)
    code = failed.process.returncode
    if code == BAD_INPUT:
        return BAD_INPUT
    how = f"was ended by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"
    say(f"Error: the {failed.name} run {how}; both are kept in {shlex.quote(str(failed.log.parent))}", style="red")
    say(f"To reproduce: PYTHONHASHSEED={HASH_SEEDS[failed.name]} {again}")
    return 1


def _found(scenario: Scenario, runs: Sequence[Run], difference: Difference | None) -> dict[str, Any]:
    """Return what `dvdn-sim run --check-determinism --json` prints."""
    first = runs[0]
    updates = [first.metrics.filter(seed=seed)["updates"].max() for seed in scenario.seeds]
    return {
        "name": scenario.name,
        "equal": difference is None,
        "seeds": list(scenario.seeds),
        "device": first.manifest["device"],
        "steps": scenario.training.steps,
        "updates": updates,
        "records": max(run.metrics.height + run.network.height for run in runs),
        "digests": [run.manifest["digest"] for run in runs],
        "first_difference": None if difference is None else asdict(difference),
        "run_dirs": None if difference is None else [str(run.path) for run in runs],
    }


def _text(found: Mapping[str, Any], difference: Difference | None) -> str:
    """Return the same for people."""
    seeds, updates = ", ".join(map(str, found["seeds"])), min(found["updates"])
    said = f"{found['name']}: 2 runs of {spaced(found['steps'])} steps, seeds {seeds}, {updates} updates"
    said += f" on {found['device']}"
    if difference is None:
        little = "" if updates else "; nothing was learnt yet, so this says little: more --steps"
        return f"{said}: all {spaced(found['records'])} records equal, digest {found['digests'][0][:16]}{little}"
    more = f"; {difference.columns - 1} more of its columns differ" if difference.columns > 1 else ""
    return (
        f"{said}: {spaced(difference.records)} of {spaced(found['records'])} records differ, the first\n"
        f"  {difference}{more}\n"
        f"  kept in {' and '.join(found['run_dirs'])}"
    )
