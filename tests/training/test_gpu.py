"""Whole runs on a GPU are those on the CPU: acting, replay, exchanges and updates."""

import pytest
import torch
from small_runs import run_small


def near(value):
    """To 1e-6; what is no number, as it is."""
    return pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value


@pytest.mark.gpu
@pytest.mark.parametrize(
    "algorithm",
    [
        "{kind: vdn, share_parameters: true}",
        "{kind: qmix}",
        "{kind: dvdn, consensus: {rounds: 2}}",
        "{kind: dvdn_gt, tracking: {form: running_sum}}",
        "{kind: networked_q}",
    ],
)
def test_a_run_is_that_on_the_cpu(algorithm):
    """Every figure of every row to 1e-6 in float64: the same episodes, minibatches and losses of messages."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    changes = [f"algorithm={algorithm}", "algorithm.hidden=4", "training.steps=100"]
    if "vdn," not in algorithm and "qmix" not in algorithm:
        changes.append("network.link.loss=20%")
    here, there = run_small(*changes, device="cuda"), run_small(*changes)
    assert here.parts.learner.parameters.is_cuda
    assert len(there.rows.updates) > 10
    for found, expected in zip(here.rows.all_metrics, there.rows.all_metrics, strict=True):
        assert found == {name: near(each) for name, each in expected.items()}
    assert len(here.rows.exchanges) == len(there.rows.exchanges)
    parameters = (done.parts.learner.parameters.cpu() for done in (here, there))
    torch.testing.assert_close(*parameters, rtol=1e-6, atol=1e-9)
