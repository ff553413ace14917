"""What a run tells a device with a memory of its own, and asks of it; and that torch computes the same every time."""

import os
from collections import Counter

import pytest
import torch
from killing import BASE, CASES, FAULTS
from pretend_device import DEVICE, Log, There, pretended
from small_runs import Done, Rows, run_small

import dvdn_sim
from dvdn_sim.learners import transfer
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import CUBLAS, Loop, Recorder, ReplicaEnvs, build, repeatable

MINIBATCH, ERRORS, PARAMETERS = (
    "learners/replay.py minibatch",
    "training/communication.py errors_held",
    "learners/transfer.py together",
)
GT = "kind: dvdn_gt, tracking"
COPIED: dict[str, dict[str, int]] = {
    "kind: iql": {MINIBATCH: 1},
    "kind: vdn, share_parameters: true": {MINIBATCH: 1},
    "kind: qmix": {MINIBATCH: 1},
    "kind: networked_q, averaging: {every: 1}": {MINIBATCH: 1, PARAMETERS: 1},
    "kind: dvdn, consensus: {rounds: 2}": {MINIBATCH: 1, ERRORS: 1},
    "kind: dvdn, consensus: {wire: float16}": {MINIBATCH: 1, ERRORS: 2},
    f"{GT}: {{form: paper}}": {MINIBATCH: 1, ERRORS: 1, PARAMETERS: 1},
    f"{GT}: {{form: running_sum, blocks: 2}}": {MINIBATCH: 1, ERRORS: 1, PARAMETERS: 1},
}
"""How many copies an update makes, and where."""
REMEMBERED = "learners/transfer.py _remembered"
REFUSED = {"put", "put_", "histc", "bincount", "kthvalue", "median", "nanmedian", "scatter_reduce", "scatter_reduce_"}
REFUSED |= {"index_reduce", "index_reduce_", "nll_loss_forward", "resize_", "logcumsumexp", "cumprod"}
"""What torch has no CUDA kernel for, or none in some cases, whose result does not depend on which thread is first; nor
has it one for `cumsum` of numbers that are not whole."""
BETWEEN_THEM = {
    "overlap": (),
    "tracking_sums": (),
    "mpe": (),
    "marbler": ("env.max_episode_steps=3", "env.iterations_per_step=3"),
    "lbforaging": (),
}


@pytest.fixture(autouse=True)
def _torch_everywhere(monkeypatch):
    """What is compiled on the host is held to its torch twins in tests/learners, and to rounding."""
    monkeypatch.setattr(transfer, "compiled_for", lambda like: False)


def check_repeatable(log: Log) -> None:
    used = {name for name, _ in log.operations}
    assert len(used) > 50
    assert not used & REFUSED
    assert not {each for each in log.operations if each[0] in {"cumsum", "cumsum_"} and each[1].is_floating_point}


@pytest.mark.parametrize("algorithm", COPIED)
def test_every_copy_of_a_run_and_every_wait(algorithm):
    """All there is: an episode crosses once it is over, and an update reads twice. Arithmetic is the CPU's, to the
    bit, with every setting that a run on CUDA has."""
    changes = (f"algorithm={{{algorithm}, hidden: 4}}", "training.steps=20", "env.max_episode_steps=4")
    here = run_small(*changes)
    with pretended() as log, repeatable():
        transfer._remembered.cache_clear()
        there = run_small(*changes, device=str(DEVICE), prepare=lambda parts: (log.copies.clear(), log.waits.clear()))
    check_same(here, there)
    check_repeatable(log)

    updates, played = len(here.rows.updates), here.rows.all_metrics
    episodes = len(here.rows.of("train"))
    assert updates >= 4
    assert len(played) == episodes + 3  # a random evaluation, the first and the last
    copies, waits = Counter(log.copies), Counter(log.waits)
    few = copies.pop(REMEMBERED)  # which replicas play, which networks' targets are due
    assert few <= 3
    assert copies == {
        **{place: count * updates for place, count in COPIED[algorithm].items()},
        "learners/replay.py insert": episodes,
        "training/rollout.py _by_replica": 4 * len(played),  # what was seen, done, gained, and whether it timed out
    }
    assert waits == {
        "training/communication.py of_errors": updates,  # are all errors finite?
        "training/recorder.py by_replica": updates,  # figures
        **({ERRORS: updates} if "float16" in algorithm else {}),
        "training/recorder.py episode": episodes,  # its return
        "learners/exploration.py begin": len(played),  # parameters: acting is the CPU's
        "training/recorder.py evaluation": 3,
        "training/loop.py _evaluate": 2,
    }


@pytest.mark.parametrize("case", BETWEEN_THEM)
def test_a_run_there_is_that_on_the_cpu(case):
    """Two seeds, one of which is done before the other; agents that are down and begin anew; other environments."""
    with pretended() as log, repeatable():
        there = left_by(case, DEVICE)
    here = left_by(case, torch.device("cpu"))
    check_same(here, there)
    check_repeatable(log)
    assert ("learners/learner.py restart" in log.copies) == (FAULTS in CASES[case])


def left_by(case, device):
    steps = 50 if FAULTS in CASES[case] else 20
    changes = *CASES[case], *BETWEEN_THEM[case], f"training.steps={steps}", "evaluation.episodes=1"
    scenario = parse_scenario(BASE, changes)
    parts, rows = build(scenario, device=device), Rows()
    Loop(parts, Recorder(rows, scenario.seeds, parts.networks), lambda progress: None).run()
    return Done(scenario, rows, parts)


def check_same(here, there):
    """Records, parameters and all that learners hold, to the bit."""
    assert repr(there.rows) == repr(here.rows)  # NaN is itself
    own, theirs = here.parts.learner.state, there.parts.learner.state
    assert isinstance(theirs["parameters"], There)
    for name, tensor in theirs.items():
        assert torch.equal(getattr(tensor, "here", tensor), own[name]), name


def scatter_any_order():
    """One of the operations that torch refuses everywhere."""
    torch.zeros(3).put_(torch.tensor([0]), torch.tensor([1.0]))


def settings():
    precision = torch.backends.cuda.matmul.fp32_precision
    return torch.get_num_threads(), torch.get_deterministic_debug_mode(), precision, os.environ.get(CUBLAS)


def test_within_a_run_torch_is_repeatable_and_afterwards_as_it_was(monkeypatch):
    monkeypatch.delenv(CUBLAS, raising=False)
    before = settings()
    with repeatable():
        assert settings() == (1, 2, "ieee", ":4096:8")
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cuda.matmul.allow_tf32
        with pytest.raises(RuntimeError, match="deterministic"):
            scatter_any_order()
    assert settings() == before


def test_what_was_set_before_is_set_again_whatever_happens(monkeypatch):
    monkeypatch.setenv(CUBLAS, ":16:8")  # the other one that torch takes for deterministic
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.set_deterministic_debug_mode("warn")
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        with pytest.raises(RuntimeError, match="deterministic"), repeatable():
            scatter_any_order()
        assert settings() == (2, 1, "tf32", ":16:8")
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode("default")
        torch.backends.cuda.matmul.fp32_precision = "none"


def test_runs_and_evaluations_are_repeatable(tmp_path, tiny, monkeypatch):
    """Seen where episodes are played."""
    seen, play = [], ReplicaEnvs.play
    monkeypatch.setattr(ReplicaEnvs, "play", lambda *args: seen.append(settings()) or play(*args))
    monkeypatch.delenv(CUBLAS, raising=False)
    dvdn_sim.run(tiny("training.steps=30"), device="cpu", out=tmp_path / "run")
    trained = len(seen)
    dvdn_sim.evaluate(tmp_path / "run", episodes=1, device="cpu")
    assert trained > 3
    assert len(seen) == trained + 1
    assert set(seen) == {(1, 2, "ieee", ":4096:8")}
