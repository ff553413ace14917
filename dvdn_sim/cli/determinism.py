"""``run --check-determinism``: a scenario in two processes that hash differently, and the records of both compared."""

import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dvdn_sim.cli.output import BAD_INPUT, print_message, print_warnings, say, this_command
from dvdn_sim.records import METRICS, NETWORK, SCENARIO_FILE, Run, load_run, write_scenario
from dvdn_sim.scenario import Scenario, load_scenario, resolved_yaml, warnings_of
from dvdn_sim.wording import thousands

UPDATES = 20
HASH_SEEDS = {"first": "1", "second": "2"}
LAST_LINES = 20
TABLES = (  # exchanges first: they come before the learner's figures of the same update
    (NETWORK, ("update", "seed", "kind"), ("update", "kind")),
    (METRICS, ("episodes", "seed", "phase"), ("updates", "phase")),
)
"""Each table, what makes a row of one run the same record as one of another, and its columns of updates and phase.

Parameters may be sent in several parts, each an exchange of the same kind at the same update, in order.
"""


def check_determinism(
    scenario: Path, changes: Sequence[str], steps: int | None, *, device: str, as_json: bool, quiet: bool
) -> int:
    """Run a scenario twice, print that all records are equal or where they first differ, and return the exit code."""
    steps = enough_steps(load_scenario(scenario, changes)) if steps is None else steps
    loaded = load_scenario(scenario, [*changes, f"training.steps={steps}"])
    warnings = warnings_of(loaded)
    print_warnings(warnings)
    with ExitStack() as removed:  # unless something is left to look at
        folder = Path(tempfile.mkdtemp(prefix="dvdn-sim-determinism-"))
        removed.callback(shutil.rmtree, folder)
        files: dict[str, bytes] = {}
        write_scenario(folder, resolved_yaml(loaded, files), files)
        if not quiet:
            print_message(f"2 runs of {thousands(steps)} steps, side by side")
        failed = {name: code for name, code in _run_both(folder, device).items() if code}
        if failed:
            code = _print_failure(folder, *next(iter(failed.items())), device)
        else:
            found = _found(loaded, [load_run(folder / name) for name in HASH_SEEDS]) | {"warnings": warnings}
            say(found if as_json else _text(found))
            code = 0 if found["equal"] else 1
            if code:
                print_message(f"To reproduce: {this_command()}")
        if code == 1:
            removed.pop_all()
        return code


def enough_steps(scenario: Scenario) -> int:
    """Return how many steps of each seed make at least `UPDATES` updates, or all there are.

    The first update is made with `batch` episodes, and there is one for every episode after it, or U for every E.
    """
    training = scenario.training
    updates = training.updates_per_iteration or training.episodes_per_iteration
    episodes = training.batch + math.ceil(UPDATES * training.episodes_per_iteration / updates)
    return min(training.steps, episodes * scenario.env.longest_episode)


def _run_both(folder: Path, device: str) -> dict[str, int | None]:
    """Run to the end, or until one fails, and return the exit codes; no process is left, Ctrl-C or SIGTERM included."""
    # It imports what this process would, and nothing that happens to lie in the current folder.
    path = os.pathsep.join(filter(None, sys.path))
    words = [sys.executable, "-P", "-m", "dvdn_sim.cli", "run", str(folder / SCENARIO_FILE), "--device", device]
    with ExitStack() as ended:
        ended.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        children = {}
        for name, hash_seed in HASH_SEEDS.items():
            with (folder / f"{name}.log").open("wb") as log:
                children[name] = subprocess.Popen(  # noqa: S603 (our own command)
                    [*words, "--quiet", "--out", str(folder / name)],
                    env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            ended.callback(children[name].wait)
            ended.callback(children[name].kill)
        while True:
            codes = {name: child.poll() for name, child in children.items()}
            if any(codes.values()) or None not in codes.values():
                return codes
            time.sleep(0.05)


def _print_failure(folder: Path, name: str, code: int, device: str) -> int:
    """Print the last lines of a run that failed, and how to see it again; return the exit code."""
    lines = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
    for line in [line for line in lines if not line.startswith("To reproduce: ")][-LAST_LINES:]:
        print_message(line)
    if code == BAD_INPUT:
        return BAD_INPUT
    how = f"was ended by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"
    print_message(f"Error: the {name} run {how}; both are kept in {shlex.quote(str(folder))}", style="red")
    again = shlex.join(["dvdn-sim", "run", str(folder / SCENARIO_FILE), "--device", device])
    print_message(f"To reproduce: PYTHONHASHSEED={HASH_SEEDS[name]} {again}")
    return 1


def _found(scenario: Scenario, runs: Sequence[Run]) -> dict[str, Any]:
    """Return what `dvdn-sim run --check-determinism --json` prints."""
    first = runs[0]
    digests = [run.manifest["digest"] for run in runs]
    equal = digests[0] == digests[1]
    return {
        "name": scenario.name,
        "equal": equal,
        "seeds": list(scenario.seeds),
        "device": first.manifest["device"],
        "steps": scenario.training.steps,
        "updates": [first.metrics.filter(seed=seed)["updates"].max() for seed in scenario.seeds],
        "records": max(run.metrics.height + run.network.height for run in runs),
        "digests": digests,
        "first_difference": None if equal else first_difference(*runs),
        "run_dirs": None if equal else [str(run.path) for run in runs],
    }


def first_difference(one: Run, other: Run) -> dict[str, Any] | None:
    """Return the earliest value, by updates and then steps, that is not the same in two runs; None if all are equal.

    Columns that measure the machine stay out. A column of lists is named with the first index that differs; ``column``
    is empty where one run lacks the record. Values are compared as Python writes them: any NaN is equal to any other.
    """
    found = []
    for table, key, (updates, phase) in TABLES:
        names = [column.name for column in table.columns if not column.wall_clock]
        sides = [getattr(run, table.name).select(names).sort(key, maintain_order=True) for run in (one, other)]
        for pair in zip_longest(*(side.iter_rows(named=True) for side in sides)):
            if repr(pair[0]) != repr(pair[1]):
                row, column, values = _difference(pair, key)
                moment = {"updates": row[updates], "env_steps": row["env_steps"]}
                named = {"table": table.name, "seed": row["seed"], "what": row[phase], **moment, "column": column}
                found.append(named | dict(zip(("one", "other"), values, strict=True)))
                break
    return min(found, key=lambda each: (each["updates"], each["env_steps"]), default=None)


def _difference(pair: Sequence[Any], key: Sequence[str]) -> tuple[dict[str, Any], str, Sequence[str]]:
    """Return a record that differs, the first column that does, and what either run has there; a side may be None."""
    places = [[row[name] for name in key] if row else [math.inf] for row in pair]
    row = pair[places.index(min(places))]
    if places[0] != places[1]:
        return row, "", ["there" if each is row else "no such record" for each in pair]
    name = next(name for name in row if repr(pair[0][name]) != repr(pair[1][name]))
    values = [each[name] for each in pair]
    if not all(isinstance(value, list) for value in values):
        return row, name, [repr(value) for value in values]
    items = zip_longest(*(map(repr, value) for value in values), fillvalue="no value")
    return next((row, f"{name}[{at}]", item) for at, item in enumerate(items) if item[0] != item[1])


def _text(found: Mapping[str, Any]) -> str:
    """Return for people what `_found` found."""
    seeds, updates = ", ".join(map(str, found["seeds"])), min(found["updates"])
    head = f"{found['name']}: 2 runs of {thousands(found['steps'])} steps, seeds {seeds}, {updates} updates"
    head += f" on {found['device']}"
    if found["equal"]:
        hint = "" if updates else "; nothing was learnt yet, so this says little: more --steps"
        return f"{head}: all {thousands(found['records'])} records equal, digest {found['digests'][0][:16]}{hint}"
    first = "all values are equal, but not the bits of a NaN"
    if (each := found["first_difference"]) is not None:
        first = "{table}, seed {seed}, update {updates}, step {env_steps}, {what}: ".format(**each)
        first += f"{each['column']}: " if each["column"] else ""
        first += "{one} in the first run, {other} in the second".format(**each)
    return f"{head}: the records differ, first\n  {first}\n  kept in {' and '.join(found['run_dirs'])}"
