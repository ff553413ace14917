"""Whole runs that take a tenth of a second, their records kept in lists, in double precision."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from dvdn_sim.consensus import lossless_facts
from dvdn_sim.network import ExchangeReport, MessageCounts, SimulatedNetwork
from dvdn_sim.records import RecordWriter, create_run_dir, load_run
from dvdn_sim.scenario import Scenario, parse_scenario
from dvdn_sim.training import Loop, Progress, Recorder, RunParts, build

SCENARIO = """\
name: small
seeds: [0]
env: {kind: lbf, field_size: [5, 5], players: 3, max_num_food: 2, max_food_level: 1, sight: 4, max_episode_steps: 6}
algorithm: {kind: dvdn, hidden: 4, lr: 3e-3}
network:
  topology: {kind: random_connected, edges: 2, resample: episode}
  link: {rate: unlimited, delay: 1 ms, loss: 0%}
  deadline: 50 ms
  control_period: 100 ms
  compute: 0 ms
training: {steps: 60, batch: 2, buffer: 20, epsilon: {steps: 100}, target_update: 3}
evaluation: {every: 10000, episodes: 1}
"""
Row = dict[str, Any]


@dataclass
class Rows:
    """Takes records, and keeps them."""

    all_metrics: list[Row] = field(default_factory=list)
    exchanges: list[Row] = field(default_factory=list)

    def metrics(self, row: Row) -> None:
        self.all_metrics.append({name: _plain(value) for name, value in row.items()})

    def network(self, row: Row) -> None:
        self.exchanges.append({name: _plain(value) for name, value in row.items()})

    def of(self, phase: str, seed: int = 0) -> list[Row]:
        return [row for row in self.all_metrics if row["phase"] == phase and row["seed"] == seed]

    @property
    def updates(self) -> list[Row]:
        """Of training episodes after which there was an update."""
        return [row for row in self.of("train") if row["loss"] is not None]


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray) else value


def spied(learner: Any) -> list[list[torch.Tensor]]:
    """What agents hold before and after every exchange that is to come, ``[R, N, T, B]`` each."""
    seen: list[list[torch.Tensor]] = []
    errors, differentiate = learner.local_errors, learner.differentiate

    def local_errors(minibatch: Any, active: Any) -> torch.Tensor:
        td = errors(minibatch, active)
        seen.append([td.clone()])
        return td

    def differentiated(held: Any) -> Any:
        seen[-1].append(held.values.clone())
        return differentiate(held)

    learner.local_errors, learner.differentiate = local_errors, differentiated
    return seen


@dataclass
class Done:
    """A run that is over: what it was asked, its records, and its parts as they are left."""

    scenario: Scenario
    rows: Rows
    parts: RunParts


def small(*overrides: str) -> Scenario:
    """The scenario under overrides."""
    return parse_scenario(SCENARIO, overrides)


def run_small(
    *overrides: str,
    watch: Callable[[RunParts, Progress], None] = lambda parts, progress: None,
    wrap: Callable[[SimulatedNetwork], Any] | None = None,
    prepare: Callable[[RunParts], None] = lambda parts: None,
    device: str = "cpu",
) -> Done:
    """Run it.

    Args:
        overrides: As `--set` takes them.
        watch: Called after every iteration.
        wrap: What stands in for each network.
        prepare: Called before it begins.
        device: Where it computes.
    """
    scenario = small(*overrides)
    parts = build(scenario, device=torch.device(device), dtype=torch.float64)
    if wrap is not None:
        parts = replace(parts, networks=tuple(map(wrap, parts.networks)))
    prepare(parts)
    rows = Rows()
    Loop(parts, Recorder(rows, scenario.seeds, parts.networks), lambda progress: watch(parts, progress)).run()
    return Done(scenario, rows, parts)


def recorded(
    scenario: Scenario,
    folder: Path,
    *,
    wrap: Callable[[SimulatedNetwork], Any] | None = None,
    watch: Callable[[Progress, RunParts], None] = lambda progress, parts: None,
) -> tuple[pl.DataFrame, pl.DataFrame, RunParts]:
    """Run a scenario in single precision; return its metrics and network rows as they were read, and its parts."""
    parts = build(scenario, device=torch.device("cpu"))
    if wrap is not None:
        parts = replace(parts, networks=tuple(map(wrap, parts.networks)))
    writer = RecordWriter(create_run_dir(folder, scenario.name))
    Loop(parts, Recorder(writer, scenario.seeds, parts.networks), lambda progress: watch(progress, parts)).run()
    writer.flush()
    run = load_run(folder)
    return run.metrics, run.network, parts


class Direct:
    """In place of a `SimulatedNetwork`: its graphs and its clock, and no exchange; all is taken as heard."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network = network
        self.act, self.compute, self.counters = network.act, network.compute, network.counters
        self.take_restarted, self.faults = network.take_restarted, network.faults

    @property
    def now_s(self) -> float:
        return self._network.now_s

    def exchange(
        self, kind: str, *, rounds: int, size_bytes: int, episode: int, update: int, computing: bool = True
    ) -> ExchangeReport:
        graphs = self._network.graphs(rounds=rounds, episode=episode, update=update)
        nothing = np.zeros((rounds, graphs[0].n_agents), np.int64)
        return ExchangeReport(lossless_facts(graphs), nothing[0], nothing, MessageCounts(), wire_bytes=0)
