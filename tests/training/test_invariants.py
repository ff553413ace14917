"""Invariant 2 of docs/design.md, over whole runs: a network that loses nothing changes nothing that is learnt."""

import pytest
from small_runs import Direct, recorded

from dvdn_sim.records import METRICS, NETWORK, Table, digest_rows

ON_THE_WIRE = {"bytes_sent"}
ON_THE_CLOCK = {"sim_time_s"}
OF_THE_OPERATOR = {
    "seed", "update", "env_steps", "rounds", "a_eff", "row_sum_error", "column_sum_error", "disagreement_norm",
    "lambda_min", "isolated_agents", "jtd_relative_error",
}  # fmt: skip


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
    metrics, network, _ = recorded(scenario, tmp_path / "simulated")
    directly, operators, _ = recorded(scenario, tmp_path / "direct", wrap=Direct)
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
    metrics, network, _ = recorded(slow, tmp_path / "simulated")
    directly, _, _ = recorded(slow, tmp_path / "direct", wrap=Direct)
    assert network["duration_s"].min() > 0.01
    assert metrics["sim_time_s"].max() > directly["sim_time_s"].max()
    without = ON_THE_WIRE | ON_THE_CLOCK
    assert digest_of(METRICS, metrics, without=without) == digest_of(METRICS, directly, without=without)


def test_the_comparison_sees_a_lost_message(tiny, lossy, tmp_path):
    """The tests above could fail: on the lossy network learners learn otherwise."""
    metrics, network, _ = recorded(tiny(*lossy), tmp_path / "simulated")
    directly, _, _ = recorded(tiny(*lossy), tmp_path / "direct", wrap=Direct)
    assert network["held"].sum() < network["sent"].sum()
    without = ON_THE_WIRE | ON_THE_CLOCK
    assert digest_of(METRICS, metrics, without=without) != digest_of(METRICS, directly, without=without)


def test_a_dead_network_is_no_exchange_at_all(tiny, tmp_path):
    """Where every message is lost, learners learn bit for bit as with zero rounds: A = I both times."""
    dead, none = tiny("network.link.loss=100%", "network.deadline=50 ms"), tiny("algorithm.consensus.rounds=0")
    metrics, network, _ = recorded(dead, tmp_path / "dead")
    expected, nothing, _ = recorded(none, tmp_path / "none")
    assert network["isolated_agents"].unique().to_list() == [3]
    assert nothing.is_empty()
    without = ON_THE_WIRE | ON_THE_CLOCK
    assert digest_of(METRICS, metrics, without=without) == digest_of(METRICS, expected, without=without)
