"""Invariants 2 and 7 of docs/design.md, over whole runs."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from dvdn_sim.consensus import lossless_facts
from dvdn_sim.network import ExchangeReport, MessageCounts
from dvdn_sim.records import METRICS, NETWORK, RecordWriter, Table, create_run_dir, digest_rows, load_run
from dvdn_sim.training import Loop, Recorder, build

ON_THE_WIRE = {"bytes_sent"}
ON_THE_CLOCK = {"sim_time_s"}
OF_THE_OPERATOR = {
    "seed",
    "update",
    "env_steps",
    "rounds",
    "a_eff",
    "row_sum_error",
    "column_sum_error",
    "disagreement_norm",
    "lambda_min",
    "isolated_agents",
    "jtd_relative_error",
}


class Direct:
    """In place of a `SimulatedNetwork`: its graphs and its clock, and no exchange; all is taken as heard."""

    def __init__(self, network):
        self._network = network
        self.act, self.compute, self.counters = network.act, network.compute, network.counters
        self.take_restarted, self.faults = network.take_restarted, network.faults

    @property
    def now_s(self):
        return self._network.now_s

    def exchange(self, kind, *, rounds, size_bytes, episode, update, computing=True):
        graphs = self._network.graphs(rounds=rounds, episode=episode, update=update)
        nothing = np.zeros((rounds, graphs[0].n_agents), np.int64)
        return ExchangeReport(lossless_facts(graphs), nothing[0], nothing, MessageCounts(), wire_bytes=0)


def records_of(scenario, folder, wrap=None):
    """Metrics and network rows of a run, the networks wrapped."""
    parts = build(scenario, device=torch.device("cpu"))
    if wrap is not None:
        parts = replace(parts, networks=tuple(map(wrap, parts.networks)))
    writer = RecordWriter(create_run_dir(folder, scenario.name))
    Loop(parts, Recorder(writer, scenario.seeds, parts.networks), lambda progress: None).run()
    writer.flush()
    run = load_run(folder)
    return run.metrics, run.network


def digest_of(table, rows, *, without=(), only=None):
    columns = [c for c in table.columns if c.name not in without and (only is None or c.name in only)]
    return digest_rows(Table(table.name, tuple(columns)), rows)


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("topology", ["{kind: complete}", "{kind: random_connected, edges: 2, resample: episode}"])
def test_a_perfect_network_changes_nothing(tiny, tmp_path, topology, rounds):
    """Invariant 2: zero loss, zero delay, unlimited rate, zero compute, against the operator computed directly.

    Compared bit by bit: all metrics but the bytes on the wire, the simulated clock included; and of every exchange the
    operator's figures and the error about the JTD.
    """
    scenario = tiny(f"network.topology={topology}", f"algorithm.consensus.rounds={rounds}")
    metrics, network = records_of(scenario, tmp_path / "simulated")
    directly, operators = records_of(scenario, tmp_path / "direct", Direct)
    assert metrics["updates"].max() >= 30
    assert network["held"].sum() == network["sent"].sum() > 0
    assert digest_of(METRICS, metrics, without=ON_THE_WIRE) == digest_of(METRICS, directly, without=ON_THE_WIRE)
    assert digest_of(NETWORK, network, only=OF_THE_OPERATOR) == digest_of(NETWORK, operators, only=OF_THE_OPERATOR)


def test_a_slow_network_that_loses_nothing_costs_time_only(tiny, tmp_path):
    """The same with compute times, delay, a finite rate, and no deadline: learners see nothing of all this."""
    slow = tiny(
        "network.compute={kind: lognormal, mean: 10 ms, jitter: 9 ms}",
        "network.link={rate: 1 Mbit/s, delay: {kind: normal, mean: 5 ms, jitter: 4 ms}}",
        "algorithm.consensus.rounds=3",
    )
    metrics, network = records_of(slow, tmp_path / "simulated")
    directly, _ = records_of(slow, tmp_path / "direct", Direct)
    assert network["duration_s"].min() > 0.01
    assert metrics["sim_time_s"].max() > directly["sim_time_s"].max()
    without = ON_THE_WIRE | ON_THE_CLOCK
    assert digest_of(METRICS, metrics, without=without) == digest_of(METRICS, directly, without=without)


def test_the_comparison_sees_a_lost_message(tiny, lossy, tmp_path):
    """The tests above could fail: on the lossy network learners learn otherwise."""
    metrics, network = records_of(tiny(*lossy), tmp_path / "simulated")
    directly, _ = records_of(tiny(*lossy), tmp_path / "direct", Direct)
    assert network["held"].sum() < network["sent"].sum()
    without = ON_THE_WIRE | ON_THE_CLOCK
    assert digest_of(METRICS, metrics, without=without) != digest_of(METRICS, directly, without=without)


def test_a_dead_network_is_no_exchange_at_all(tiny, tmp_path):
    """Where every message is lost, learners learn bit for bit as with zero rounds: A = I both times."""
    dead, none = tiny("network.link.loss=100%", "network.deadline=50 ms"), tiny("algorithm.consensus.rounds=0")
    metrics, network = records_of(dead, tmp_path / "dead")
    expected, nothing = records_of(none, tmp_path / "none")
    assert network["isolated_agents"].unique().to_list() == [3]
    assert nothing.is_empty()
    without = ON_THE_WIRE | ON_THE_CLOCK
    assert digest_of(METRICS, metrics, without=without) == digest_of(METRICS, expected, without=without)


@pytest.mark.slow
def test_same_scenario_same_bytes(tiny_text, lossy, tmp_path):
    """Invariant 7: the lossy run in two processes that hash differently, and a third with another seed."""
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(tiny_text)
    changes = [
        word for change in (*lossy, "algorithm.consensus.rounds=2", "training.steps=200") for word in ("--set", change)
    ]

    def run(number, hash_seed, *more):
        command = [sys.executable, "-m", "dvdn_sim.cli", "run", scenario, "--json", "--quiet", "--device", "cpu"]
        done = subprocess.run(  # noqa: S603 (our own command)
            [*command, "--out", tmp_path / f"run{number}", *changes, *more],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["digest"]

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(run, *of) for of in ((0, "1"), (1, "2"), (2, "1", "--seeds", "0,2"))]
    digests = [each.result() for each in runs]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
    first, second = (load_run(tmp_path / f"run{number}") for number in (0, 1))
    for mine, theirs in ((first.metrics, second.metrics), (first.network, second.network)):
        assert mine.height > 0
        assert mine.equals(theirs)
    # Seed 0 is in the third run too, with another batch mate.
    of_seed = [load_run(tmp_path / f"run{number}").network.filter(seed=0) for number in (0, 2)]
    assert of_seed[0].drop("jtd_relative_error").equals(of_seed[1].drop("jtd_relative_error"))
