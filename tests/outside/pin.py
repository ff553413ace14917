"""What the outside says, as plain values; ``python tests/outside/pin.py`` writes it to ``pinned/`` anew.

To be called before a change that keeps behaviour, never to make a test pass: `test_outside` holds the program to it.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dvdn_sim
from dvdn_sim.cli import main as main_of_program
from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import load_scenario, parse_scenario, resolved_yaml

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "references")]

from inputs import COMMANDS, FILES, LOSSY, OVERRIDES, ROOT, SWEEP, TEXTS  # noqa: E402
from killing import BASE, CASES, CONTEXT, FAULTS  # noqa: E402

PINNED = HERE / "pinned"
SHORT = ("training.steps=72", "evaluation.every=40")
TIMED = {
    "wall_s", "env_steps_per_s", "versions", "disk", "estimate", "memory_bytes", "jobs", "sampler", "sampled_exchanges",
    "starts",
}  # fmt: skip
"""Keys whose values differ from call to call or machine to machine, or say how a figure was sampled."""


def machine() -> dict[str, str]:
    """Return what the last bit of a trained number depends on."""
    cpus = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "processor": cpus.group(1) if cpus else "unknown",
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def resolved() -> dict[str, str]:
    """Return the complete YAML of every scenario file."""
    found = {}
    for path in sorted((ROOT / "scenarios").rglob("*.yaml")):
        with contextlib.suppress(ScenarioError):  # parts of scenarios, and sweeps
            found[str(path.relative_to(ROOT))] = resolved_yaml(load_scenario(path))
    return found


def run_of(case: str, out: Path) -> dict[str, Any]:
    """Return what a short run of one of `CASES` leaves: its digest, its messages, and a hash of its teams."""
    faults = () if "network=null" in CASES[case] else (FAULTS,)
    summary = dvdn_sim.run(parse_scenario(BASE, [*CASES[case], *faults, *SHORT]), device="cpu", out=out).as_json()
    manifest = dvdn_sim.load_run(out).manifest
    teams = hashlib.sha256()
    for path in sorted((out / "policies").iterdir()):
        teams.update(path.read_bytes())
    kept = {name: manifest[name] for name in ("messages", "packets", "cut_for_ever", "signs", "audit")}
    return {"digest": summary["digest"], "teams": teams.hexdigest(), "network": summary["network"], **kept}


def said_by(arguments: Iterable[str], out: Path) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of the command in a process of its own."""
    words = [word.replace("OUT", str(out)) for word in arguments]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        process = CONTEXT.Process(target=_command, args=(words, files))
        process.start()
        process.join()
        printed, said = (file.read_text().replace(str(out), "OUT") for file in files)
    return process.exitcode, printed, said


def _command(words: list[str], files: list[Path]) -> None:
    """Be `dvdn-sim`, in a process that was forked with all imports done."""
    for descriptor, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.update({"COLUMNS": "200", "NO_COLOR": "1", "OMP_NUM_THREADS": "1", "TERM": "dumb"})
    os.chdir(ROOT)
    sys.argv = ["dvdn-sim", *words]
    main_of_program()


def commands(out: Path) -> dict[str, Any]:
    """Return the JSON that every command prints."""
    (out / "sweep.yaml").write_text(SWEEP)
    found: dict[str, Any] = {}
    for name, arguments in COMMANDS.items():
        code, printed, _ = said_by(arguments, out)
        found[name] = {"exit": code, "json": _without_times(json.loads(printed or "null"))}
    return found


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items() if key not in TIMED}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def texts(out: Path) -> dict[str, dict[str, Any]]:
    """Return what commands print for people, or refuse with."""
    found = {}
    for name, arguments in TEXTS.items():
        code, printed, said = said_by(arguments, out)
        found[name] = {"exit": code, "printed": printed, "said": said}
    return found


def mistakes(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the mistakes found in every bad input: where, and what is said."""
    found = {f"--set {name}": _mistakes_of(ROOT / LOSSY, changes) for name, changes in OVERRIDES.items()}
    for name, content in FILES.items():
        file = out / "main.yaml"
        file.write_bytes(content)
        found[f"file: {name}"] = _mistakes_of(file, [])
    return found


def _mistakes_of(file: Path, changes: list[str]) -> list[dict[str, Any]]:
    try:
        load_scenario(file, changes)
    except ScenarioError as error:
        return [
            {"place": each.place, "path": each.path, "said": each.message, "remedy": each.remedy}
            for each in error.mistakes
        ]
    return []


PINS = {
    "resolved": lambda _: resolved(),
    "runs": lambda out: {"machine": machine(), "runs": {case: run_of(case, out / "cases" / case) for case in CASES}},
    "commands": lambda out: {"machine": machine(), "commands": commands(out)},
    "texts": texts,
    "mistakes": mistakes,
}
"""By the file's name, what finds out what it holds, given a folder to work in."""


def main() -> None:
    """Write all pins, or those that are named."""
    PINNED.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PINS:
        with tempfile.TemporaryDirectory() as folder:
            text = json.dumps(PINS[name](Path(folder)), indent=1, ensure_ascii=False)
        (PINNED / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
