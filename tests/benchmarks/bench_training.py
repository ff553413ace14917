"""Environment steps per second of training on `lbforaging`, network included, evaluation excluded, on one thread.

    pytest tests/benchmarks/bench_training.py --benchmark-only

10x10-3p-3f with v3's food levels and uniform random play, so that nearly every episode lasts its 50 steps; network and
learner are those of scenarios/lossy_lbf.yaml: one lossy exchange and one update of 32 episodes per episode.
"""

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dvdn_sim.records.write import RecordWriter, create_run_dir
from dvdn_sim.scenario import load_scenario
from dvdn_sim.training.build import build
from dvdn_sim.training.loop import Loop
from dvdn_sim.training.recorder import Recorder

SCENARIO = Path(__file__).parents[2] / "scenarios" / "lossy_lbf.yaml"
CHANGES = (
    "seeds=[0]",
    "env={kind: lbf, field_size: [10, 10], players: 3, max_num_food: 3, sight: 10, max_episode_steps: 50}",
    "training.epsilon={start: 1.0, end: 1.0, steps: 1}",
    "evaluation={every: 1_000_000, episodes: 1}",
)
WARM_UP, WINDOWS, WINDOW = 40, 10, 20  # episodes, windows, episodes per window


class _Enough(Exception):  # noqa: N818 (no error)
    """Ends the run."""


@pytest.mark.parametrize("algorithm", ["dvdn", "vdn"])
def test_steps_per_second(benchmark, tmp_path, algorithm):
    changes = CHANGES if algorithm == "dvdn" else (*CHANGES, f"algorithm={{kind: {algorithm}, hidden: 64, lr: 3e-4}}")
    scenario = load_scenario(SCENARIO, changes)
    parts = build(scenario, device=torch.device("cpu"))
    writer = RecordWriter(create_run_dir(tmp_path / "run", scenario.name))
    marks = []

    def watch(progress):
        episodes = int(progress.episodes[0])
        if episodes >= WARM_UP and (episodes - WARM_UP) % WINDOW == 0:
            marks.append((time.perf_counter(), int(progress.env_steps[0]), episodes))
        if len(marks) > WINDOWS:
            raise _Enough

    def train():
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            Loop(parts, Recorder(writer, scenario.seeds, parts.networks), watch).run()
        except _Enough:
            pass
        finally:
            torch.set_num_threads(threads)

    benchmark.pedantic(train, rounds=1)
    seconds, steps, episodes = np.diff(np.array(marks), axis=0).T
    benchmark.extra_info["steps_per_episode"] = round(float(steps.sum() / episodes.sum()), 1)
    benchmark.extra_info["env_steps_per_s_best"] = round(float((steps / seconds).max()))
    benchmark.extra_info["env_steps_per_s_median"] = round(float(np.median(steps / seconds)))
