"""Thousands of mistreated scenarios, read in this process, and hundreds given to the real command.

    python tests/soak/bad_input.py --read 10000 --commands 200

Each is to be fine or refused in words: no other exception, no exit code but 0 and 2, no traceback, none above 5 s, and
nothing written but in the folder that was named. What breaks that is kept in a file, and named.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "references"))

from bad_input import HOSTILE, lay_traps, mistreated
from hypothesis import HealthCheck, Phase, given, seed, settings

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import headline, load_scenario, resolved_yaml, warnings_of

LONGEST_S = 5.0
COMMANDS = (["check"], ["check"], ["predict"], ["consensus", "--trials", "1", "--quiet"])


def samples(count: int, of_seed: int) -> list[bytes]:
    """The hostile texts, and so many mistreated scenarios."""
    found: list[bytes] = list(HOSTILE.values())
    if not count:
        return found

    @seed(of_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(mistreated())
    def draw(content: bytes) -> None:
        found.append(content)

    draw()
    return found


def read(file: Path) -> str:
    """What `dvdn-sim check` does, and writing it back."""
    try:
        scenario = load_scenario(file)
        headline(scenario), warnings_of(scenario), resolved_yaml(scenario)
    except ScenarioError:
        return "refused"
    return "fine"


def commanded(file: Path, number: int) -> str:
    """The command as a user types it."""
    words = [sys.executable, "-m", "dvdn_sim.cli", *COMMANDS[number % len(COMMANDS)], str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    if done.returncode not in (0, 2) or "Traceback" in done.stderr:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr[-300:]}")
    return f"exit {done.returncode}"


def main() -> int:
    """Print the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--read", type=int, default=10_000)
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    lay_traps(folder)
    os.chdir(folder)
    file, broken = folder / "main.yaml", 0
    for what, count, of_seed in (("read", asked.read, asked.seed), ("commanded", asked.commands, asked.seed + 1)):
        ends, longest_s, began_s = Counter(), 0.0, time.monotonic()
        for number, content in enumerate(samples(count, of_seed)):
            file.write_bytes(content)
            before = {path.name for path in folder.iterdir()}
            # What this process reads is timed by the processor's clock, since others may use the machine, too.
            clock = time.process_time if what == "read" else time.monotonic
            started_s = clock()
            try:
                end = read(file) if what == "read" else commanded(file, number)
            except Exception as error:
                end = "broken"
                kept = folder.with_name(f"{folder.name}-{what}-{number}.yaml")
                kept.write_bytes(content)
                print(f"{kept}: {type(error).__name__}: {error}", flush=True)  # noqa: T201
            took_s = clock() - started_s
            strays = {path.name for path in folder.iterdir()} - before
            broken += end == "broken" or took_s > LONGEST_S or bool(strays)
            ends[end], longest_s = ends[end] + 1, max(longest_s, took_s)
        print(f"{what}: {dict(ends)}, the longest {longest_s:.1f} s, {time.monotonic() - began_s:.0f} s in all")  # noqa: T201
    print("nothing broke" if not broken else f"{broken} broke")  # noqa: T201
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
