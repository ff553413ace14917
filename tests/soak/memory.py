"""What runs are said to take, against what they take: the peak of whole processes that run the real command.

    python tests/soak/memory.py              all cases, some ten minutes on an idle core
    python tests/soak/memory.py lossy_lbf    some of them

The peak is Linux's `VmHWM`, not `ru_maxrss`, which a process inherits from the one that started it. Runs are as short
as shows everything: torch commits what it fills with zeros, so that the ring counts from the start; there are
evaluations, updates and checkpoints.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from dvdn_sim.scenario import load_scenario
from dvdn_sim.scenario.memory import memory_of

SCENARIOS = Path(__file__).parents[2] / "scenarios"
WITHIN = 0.25
PROGRAM = """
import atexit, sys
def peak():
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")).split()[1])
atexit.register(peak)
from dvdn_sim.cli import app
app(sys.argv[1:])
"""
SPREAD_10 = ("paper/mpe_spread_dvdn_gt.yaml", "training.steps=1200", "env.N=10", "env.observation=full")
CASES: dict[str, tuple[str, ...]] = {
    "lossy_lbf": ("lossy_lbf.yaml", "training.steps=1500"),
    "lbf_hard_gt": ("paper/lbf_hard_dvdn_gt.yaml", "training.steps=2500"),
    "lbf_easy_vdn": ("paper/lbf_easy_vdn.yaml", "training.steps=2500"),
    "lbf_shared": ("paper/lbf_medium_vdn.yaml", "training.steps=2500", "algorithm.share_parameters=true"),
    "lbf_qmix": ("paper/lbf_hard_vdn.yaml", "training.steps=2500", "algorithm={kind: qmix, hidden: 64}"),
    "mpe_tag_gt": ("paper/mpe_tag_dvdn_gt.yaml", "training.steps=1200"),
    "mpe_networked_q": (
        "paper/mpe_spread_dvdn_gt.yaml", "training.steps=1200", "algorithm={kind: networked_q, hidden: 256}",
        "training.buffer=200",
    ),
    "marbler_pcp": ("paper/marbler_pcp_dvdn.yaml", "training.steps=3000"),
    "running_sum_10": (*SPREAD_10, "algorithm.tracking.form=running_sum"),
    "running_sum_10_gru": (
        *SPREAD_10, "algorithm.tracking.form=running_sum", "algorithm.recurrent=true", "algorithm.hidden=64",
        "training.buffer=500",
    ),
    "side_by_side": ("lossy_lbf.yaml", "training.steps=8000", "training.episodes_per_iteration=64"),
    "wide": ("lossy_lbf.yaml", "training.steps=900", "algorithm.hidden=1024"),
    "large_batch": ("lossy_lbf.yaml", "training.steps=6000", "training.batch=512", "algorithm.hidden=128"),
    "long_evaluation": ("lossy_lbf.yaml", "training.steps=1000", "evaluation.episodes=10_000"),
    "large_field": (
        "lossy_lbf.yaml", "training.steps=1000", "env.field_size=[100, 100]", "env.sight=100", "env.max_num_food=20",
        "evaluation.episodes=500",
    ),
    "many_links": (
        "lossy_lbf.yaml", "training.steps=3000", "env.players=20", "env.field_size=[20, 20]", "env.sight=20",
        "network.topology={kind: complete}", "training.batch=4", "training.buffer=100", "seeds=[0, 1, 2, 3]",
    ),
}  # fmt: skip
"""File and changes: every algorithm and every kind of environment, and each part once as the one that matters."""


def measured_bytes(path: Path, changes: tuple[str, ...]) -> int:
    """The peak of a process that runs a scenario."""
    options = [word for change in changes for word in ("--set", change)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROGRAM, "run", str(path), *options, "--out", f"{folder}/run", "--quiet"]
        command += ["--device", "cpu", "--checkpoint-every", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (ourselves)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return int(done.stdout.split()[-1]) * 1024


def main() -> None:
    """Print a line for each case; exit 1 if one is off by more than a quarter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="; ".join(CASES))
    off = []
    for name in parser.parse_args().cases or CASES:
        file, *changes = CASES[name]
        said = memory_of(load_scenario(SCENARIOS / file, changes))
        found = measured_bytes(SCENARIOS / file, tuple(changes))
        error = said.total_bytes / found - 1.0
        off += [name] * (abs(error) > WITHIN)
        print(f"{name:20s} measured {found / 1e9:.2f} GB, {error:+.0%}: {said.text()}", flush=True)  # noqa: T201
    sys.exit(f"off by more than {WITHIN:.0%}: {', '.join(off)}" if off else 0)


if __name__ == "__main__":
    main()
