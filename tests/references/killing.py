"""Runs that are killed, and what they leave: in processes of their own, forked from one that has all imports done."""

import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

import dvdn_sim
from dvdn_sim.records import TABLES, TRACE
from dvdn_sim.scenario import parse_scenario

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dvdn_sim.training", "dvdn_sim.cli", "dvdn_sim.reporting", "dvdn_sim.sweeps"])

BASE = """\
name: killed
seeds: [3, 4]
env: {kind: lbf, field_size: [5, 5], players: 3, max_num_food: 2, max_food_level: 1, sight: 4, max_episode_steps: 6}
algorithm: {kind: dvdn, hidden: 4, lr: 3e-3}
network:
  topology: {kind: random_connected, edges: 2, resample: update}
  link:
    rate: 1 Mbit/s
    mtu: 200 B
    delay: {kind: normal, mean: 5 ms, jitter: 4 ms}
    loss: {kind: gemodel, p: 10%, r: 30%}
    duplicate: 5%
  share: node
  deadline: 12 ms
  control_period: 100 ms
  compute: {kind: lognormal, mean: 10 ms, jitter: 3 ms}
training: {steps: 150, batch: 2, buffer: 8, epsilon: {steps: 100}, target_update: 3}
evaluation: {every: 40, episodes: 2}
"""
FAULTS = (
    "network.faults=[{kind: crash, node: 1, at: 2 s, for: 3 s, state: lost}, {kind: flap, up: 2 s, down: 1 s, at: 0 s},"
    " {kind: degrade, edge: [0, 2], at: 1 s, for: 5 s, link: {loss: 60%}},"
    " {kind: straggler, node: 0, factor: 3, at: 3 s}]"
)
GT = "algorithm={kind: dvdn_gt, hidden: 4, lr: 3e-3}"
DEADLINE_FOR_LONG = "network.deadline=300 ms"
CASES: dict[str, tuple[str, ...]] = {
    "iql": ("algorithm={kind: iql, hidden: 4}",),
    "vdn": ("algorithm={kind: vdn, hidden: 4, share_parameters: true}", "network=null"),
    "qmix": ("algorithm={kind: qmix, hidden: 4}", "training.target_tau=0.1", "network=null"),
    "networked_q": ("algorithm={kind: networked_q, hidden: 4}", DEADLINE_FOR_LONG),
    "self": ("algorithm.consensus={policy: self, rounds: 2}", FAULTS),
    "renormalize": ("algorithm.consensus={policy: renormalize}", "network.share=medium"),
    "symmetric": ("algorithm.consensus={policy: symmetric, rounds: 2}", "network.acks=true", FAULTS),
    "stale": ("algorithm.consensus={policy: stale, rounds: 3}", "network.deadline=auto"),
    "running_sum": ("algorithm.consensus={policy: running_sum, rounds: 3}", "network.broadcast=true"),
    "push_sum": ("algorithm.consensus={policy: push_sum, rounds: 2}", "network.topology={kind: ring}"),
    "zero_fill": ("algorithm.consensus={policy: zero_fill}", "network.link.retries=2", "network.link.retry_delay=1 ms"),
    "float16": ("algorithm.consensus={wire: float16}", "training.episodes_per_iteration=3"),
    "overlap": ("network.schedule=overlap", "network.acting=noop", FAULTS),
    "paper": (GT, DEADLINE_FOR_LONG, "network.topology={kind: edge_markov, up: 3 s, down: 1 s}"),
    "adapt_then_combine": (GT, "algorithm.tracking={form: adapt_then_combine}", DEADLINE_FOR_LONG, FAULTS),
    "tracking_sums": (GT, "algorithm.tracking={form: running_sum}", DEADLINE_FOR_LONG, FAULTS),
    "mpe": ("env={kind: mpe_spread, max_episode_steps: 6}",),
    "marbler": ("env={kind: marbler_arctic, max_episode_steps: 5}", "network.topology={kind: ring}"),
    "lbforaging": ("env.kind=lbforaging",),
}
"""By what is special about them; between them every algorithm, policy, form and kind of environment."""


@dataclass(frozen=True)
class Left:
    """What a run leaves that must not depend on how often it was killed."""

    tables: dict[str, pl.DataFrame]
    manifest: dict[str, Any]
    policies: dict[str, bytes]

    @classmethod
    def of(cls, run_dir: Path) -> "Left":
        run = dvdn_sim.load_run(run_dir)
        assert run.finished
        manifest = {name: run.manifest[name] for name in ("digest", "audit", "messages", "packets", "signs")}
        parts = {"metrics": run.metrics, "network": run.network, "trace": run.trace}
        assert set(parts) == {table.name for table in (*TABLES, TRACE)}
        policies = {path.name: path.read_bytes() for path in (run_dir / "policies").iterdir()}
        return cls(parts, manifest, policies)

    def check_equals(self, other: "Left") -> None:
        """To the bit, and in the same order."""
        for name, table in self.tables.items():
            assert table.equals(other.tables[name]), f"{name}: {first_difference(table, other.tables[name])}"
        assert self.manifest == other.manifest
        assert self.policies == other.policies


def first_difference(one: pl.DataFrame, other: pl.DataFrame) -> str:
    for number, (row, another) in enumerate(zip(one.iter_rows(named=True), other.iter_rows(named=True), strict=False)):
        differing = {name: (value, another[name]) for name, value in row.items() if repr(value) != repr(another[name])}
        if differing:
            return f"row {number}: {differing}"
    return f"{one.height} and {other.height} rows"


def work(case: str, out: Path, trace: bool) -> None:
    """Run a case, or go on with it, with a checkpoint after every iteration."""
    scenario = parse_scenario(BASE, CASES[case])
    dvdn_sim.run(scenario, device="cpu", out=out, resume=True, checkpoint_every_s=0.0, trace=trace)


def attempt(case: str, out: Path, *, trace: bool = True, kill_after_s: float | None = None) -> bool:
    """Run or go on in a process of its own, and kill -9 it after a while; whether it came to its end."""
    process = CONTEXT.Process(target=work, args=(case, out, trace and "network=null" not in CASES[case]))
    process.start()
    process.join(kill_after_s)
    process.kill()
    process.join()
    assert process.exitcode in (0, -9), f"{case}: exit code {process.exitcode}"
    return process.exitcode == 0


def timed(case: str, out: Path) -> float:
    """Run to the end; the seconds that it took."""
    began_s = time.monotonic()
    assert attempt(case, out)
    return time.monotonic() - began_s
