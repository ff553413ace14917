"""What the loop makes of a network whose exchanges overlap with acting, and of agents that crash."""

import numpy as np
import torch

from dvdn_sim.records import RecordWriter, create_run_dir
from dvdn_sim.training import Loop, Recorder, build


def parameters_of(scenario, folder):
    """What each training episode was acted with, and what each update left."""
    parts = build(scenario, device=torch.device("cpu"))
    acted, updated = [], []
    begin, update = parts.actor.begin, parts.learner.update

    def beginning(weights, *rest):
        acted.append(weights.w3.clone())
        begin(weights, *rest)

    def updating(*rest):
        figures = update(*rest)
        updated.append(parts.learner.acting_weights.w3.clone())
        return figures

    parts.actor.begin, parts.learner.update = beginning, updating
    writer = RecordWriter(create_run_dir(folder, scenario.name))
    Loop(parts, Recorder(writer, scenario.seeds, parts.networks), lambda progress: None).run()
    return parts, acted, updated


def test_an_overlapping_episode_is_acted_with_the_parameters_before_the_update_under_way(tiny, tmp_path):
    for schedule, behind in (("blocking", 0), ("overlap", 1)):
        _, acted, updated = parameters_of(tiny(f"network.schedule={schedule}"), tmp_path / schedule)
        first = len(acted) - len(updated)  # episodes before the first update
        assert len(updated) > 5
        for index in range(1 + behind, len(updated)):
            torch.testing.assert_close(acted[first + index], updated[index - 1 - behind], rtol=0, atol=0)


def test_overlapping_takes_less_simulated_time(tiny, tmp_path):
    now = {}
    for schedule in ("blocking", "overlap"):
        slow = tiny(f"network.schedule={schedule}", "network.compute=500 ms")
        parts, _, _ = parameters_of(slow, tmp_path / schedule)
        now[schedule] = parts.networks[0].now_s
    assert now["overlap"] < now["blocking"]


def test_a_crashed_learner_does_not_update_and_the_others_do(tiny, tmp_path):
    faults = "network.faults=[{kind: crash, node: 1, at: 0 s}]"
    for algorithm in ("dvdn", "iql"):
        changes = (faults, "network.deadline=50 ms")
        changes += () if algorithm == "dvdn" else ("algorithm={kind: iql, hidden: 16}",)
        scenario = tiny(*changes)
        fresh = build(scenario, device=torch.device("cpu")).learner.parameters
        parts, _, updated = parameters_of(scenario, tmp_path / algorithm)
        assert len(updated) > 5
        changed = (parts.learner.parameters[0] != fresh[0]).any(-1)
        assert np.array_equal(changed[0].numpy(), [agent != 1 for agent in range(changed.shape[1])])
