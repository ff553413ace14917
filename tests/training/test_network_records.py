"""What the network records depends on whom it carries messages for, never on what they learn, nor where."""

import pytest
import torch
from killing import BASE, FAULTS

import dvdn_sim
from dvdn_sim.records import METRICS, NETWORK, Table, digest_rows, load_run
from dvdn_sim.scenario import parse_scenario

# Episodes of mpe_spread are all of one length, whatever agents do, so that time passes alike for every policy.
CHANGES = (FAULTS, "env={kind: mpe_spread, max_episode_steps: 6}", "network.deadline=300 ms")
ALGORITHMS = {
    "dvdn": "{kind: dvdn, hidden: 4, consensus: {policy: running_sum, rounds: 2}, lr: 3e-3}",
    "dvdn_gt": "{kind: dvdn_gt, hidden: 4, lr: 3e-3}",
    "networked_q": "{kind: networked_q, hidden: 4, lr: 3e-3}",
}
# The one figure that is of what agents exchange, and not of its way.
SIMULATED = Table(NETWORK.name, tuple(column for column in NETWORK.columns if column.name != "jtd_relative_error"))


def run_of(out, algorithm, *changes, device="cpu"):
    scenario = parse_scenario(BASE, [*CHANGES, f"algorithm={ALGORITHMS[algorithm]}", *changes])
    dvdn_sim.run(scenario, device=device, out=out)
    run = load_run(out)
    assert run.network["update"].max() >= 20
    assert run.network["lost"].sum() > 0
    assert run.network.filter(run.network["faults"] != "").height > 0
    return run


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_other_learning_leaves_the_same_network(algorithm, tmp_path):
    """To the bit, though all that is learnt differs; and another network leaves another."""
    one = run_of(tmp_path / "one", algorithm)
    other = run_of(tmp_path / "other", algorithm, "algorithm.lr=1e-2")
    assert digest_rows(METRICS, one.metrics) != digest_rows(METRICS, other.metrics)
    assert digest_rows(SIMULATED, one.network) == digest_rows(SIMULATED, other.network)
    if algorithm == "dvdn":
        elsewhere = run_of(tmp_path / "elsewhere", algorithm, "network.link.delay.mean=6 ms")
        assert digest_rows(SIMULATED, one.network) != digest_rows(SIMULATED, elsewhere.network)


@pytest.mark.gpu
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_on_a_gpu_the_network_is_that_on_the_cpu(algorithm, tmp_path):
    """To the bit, in single precision, whatever the GPU's sums round to."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    here = run_of(tmp_path / "here", algorithm, device="cuda")
    there = run_of(tmp_path / "there", algorithm)
    assert str(here.manifest["device"]).startswith("cuda")
    assert digest_rows(SIMULATED, here.network) == digest_rows(SIMULATED, there.network)
