"""Whole runs on a GPU are those on the CPU, and every time the same: acting, replay, exchanges and updates.

`test_device` shows on any machine what such a run copies and waits for.
"""

import warnings

import pytest
import torch
from killing import BASE, CASES
from pin import SHORT
from small_runs import run_small

import dvdn_sim
from dvdn_sim.learners import transfer
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import Loop, repeatable

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _as_in_a_run():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with repeatable():
        yield


def near(value):
    """To 1e-6; what is no number, as it is."""
    return pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value


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


@pytest.mark.parametrize("case", CASES)
def test_a_run_leaves_the_same_bytes_every_time(case, tmp_path):
    """In float32, with every environment, policy and form."""
    scenario = parse_scenario(BASE, [*CASES[case], *SHORT])
    one, other = (dvdn_sim.run(scenario, device="cuda", out=tmp_path / name).as_json() for name in ("one", "other"))
    assert one["device"].startswith("cuda")
    assert one["digest"] == other["digest"]
    for path in sorted((tmp_path / "one" / "policies").iterdir()):
        assert path.read_bytes() == (tmp_path / "other" / "policies" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("algorithm", "copies"),
    [("vdn", 1), ("qmix", 1), ("dvdn", 2), ("dvdn_gt", 3), ("dvdn_gt, tracking: {form: running_sum}", 3)],
)
def test_an_update_waits_as_often_as_it_copies_and_once_more(algorithm, copies, monkeypatch):
    """A copy from the host is waited for, too; once, the host asks whether all errors are finite."""
    found, learn = [], Loop._learn

    def watched(self, active):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                return learn(self, active)
            finally:
                torch.cuda.set_sync_debug_mode("default")
                found.append([each for each in caught if "synchronizing CUDA operation" in str(each.message)])

    monkeypatch.setattr(Loop, "_learn", watched)
    transfer._remembered.cache_clear()
    run_small(f"algorithm={{kind: {algorithm}, hidden: 4}}", "training.steps=60", device="cuda")
    assert len(found) > 6
    assert [len(waits) for waits in found[4:]] == [copies + 1] * len(found[4:])
