"""Environment steps per second of training on LBF, network included, evaluation excluded, on one thread.

    pytest tests/benchmarks/bench_training.py --benchmark-only

10x10-3p-3f with v3's food levels and uniform random play, so that nearly every episode lasts its 50 steps; the network
is that of scenarios/lossy_lbf.yaml, with room for its longer messages: one lossy exchange and one update of 32 episodes
per episode, by a network of 64 units. One episode at a time, as in the paper, and eight side by side; and beside our
own environment the package lbforaging. Last, MPE spread as JaxMARL trains it: eight episodes, one update, no network.
"""

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dvdn_sim.records import RecordWriter, create_run_dir
from dvdn_sim.scenario import load_scenario
from dvdn_sim.training import Loop, Recorder, build

SCENARIO = Path(__file__).parents[2] / "scenarios" / "lossy_lbf.yaml"
CHANGES = (
    "seeds=[0]",
    "network.deadline=200 ms",
    "training.epsilon={start: 1.0, end: 1.0, steps: 1}",
    "evaluation={every: 1_000_000, episodes: 1}",
)
WARM_UP, WINDOWS, WINDOW = 40, 10, 24  # episodes, windows, episodes per window


class _Enough(Exception):  # noqa: N818 (no error)
    """Ends the run."""


class Stopwatch:
    """Seconds in calls of a learner's methods, among all others."""

    def __init__(self, learner):
        self.seconds = 0.0
        for name in ("local_errors", "differentiate", "step"):
            setattr(learner, name, self._timed(getattr(learner, name)))

    def _timed(self, method):
        def timed(*args):
            began = time.perf_counter()
            found = method(*args)
            self.seconds += time.perf_counter() - began
            return found

        return timed


LBF = "env={kind: %s, field_size: [10, 10], players: 3, max_num_food: 3, sight: 10, max_episode_steps: 50}"
JAXMARL = (
    "env={kind: mpe_spread, max_episode_steps: 26}",
    "algorithm={kind: vdn, share_parameters: true, hidden: 64}",
    "network=null",
    "training.episodes_per_iteration=8",
    "training.updates_per_iteration=1",
)
"""Of its VDN on MPE spread: 11 900 steps/s on one core where `torch.mm` of 1024 x 1024 does 115 GFLOP/s."""


def lbf(env: str, algorithm: str, side_by_side: int) -> tuple[str, ...]:
    """Return the changes that make one setting of LBF."""
    kind = f"algorithm={{kind: {algorithm}, hidden: 64, lr: 3e-4}}"
    return LBF % env, kind, f"training.episodes_per_iteration={side_by_side}"


@pytest.mark.parametrize(
    "changes",
    [lbf("lbf", "dvdn", 8), lbf("lbf", "dvdn", 1), lbf("lbf", "vdn", 8), lbf("lbforaging", "dvdn", 1), JAXMARL],
    ids=["lbf-dvdn-8", "lbf-dvdn-1", "lbf-vdn-8", "lbforaging-dvdn-1", "mpe-vdn-8-1"],
)
def test_steps_per_second(benchmark, yardstick, tmp_path, changes):
    scenario = load_scenario(SCENARIO, [*CHANGES, *changes])
    parts = build(scenario, device=torch.device("cpu"))
    writer = RecordWriter(create_run_dir(tmp_path / "run", scenario.name))
    stopwatch, marks = Stopwatch(parts.learner), []

    def watch(progress):
        episodes = int(progress.episodes[0])
        if episodes >= WARM_UP and (episodes - WARM_UP) % WINDOW == 0:
            marks.append((time.perf_counter(), int(progress.env_steps[0]), episodes, stopwatch.seconds))
        if len(marks) > WINDOWS:
            raise _Enough

    def train():
        with contextlib.suppress(_Enough):
            Loop(parts, Recorder(writer, scenario.seeds, parts.networks), watch).run()

    benchmark.pedantic(train, rounds=1)
    seconds, steps, episodes, learning = np.diff(np.array(marks), axis=0).T
    benchmark.extra_info["steps_per_episode"] = round(float(steps.sum() / episodes.sum()), 1)
    benchmark.extra_info["env_steps_per_s_best"] = round(float((steps / seconds).max()))
    benchmark.extra_info["env_steps_per_s_median"] = round(float(np.median(steps / seconds)))
    outside_ms = (seconds - learning) / steps * 1e3
    yardstick.measure()
    benchmark.extra_info["mm_gflop_per_s"] = round(yardstick.rate / 1e9, 1)
    benchmark.extra_info["ms_per_step_outside_the_update"] = round(float(np.median(outside_ms)), 3)
