"""The hyperparameters of the papers: each file gives a scenario those that its source has."""

from pathlib import Path

import pytest

from dvdn_sim.scenario import DvdnGt, Scenario, parse_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PAPER = SCENARIOS / "presets" / "paper"

# One row for each table row of the sources: hidden units, learning rate, memory, whether all share a network (None
# where there is no such choice), exploration while evaluating, steps in which exploration falls, updates between copies
# into the target network or the share that it takes over.
ROWS = {
    "lbf_iql": (128, 3e-4, True, True, 0.05, 200_000, 200),
    "lbf_iql_ns": (64, 3e-4, True, False, 0.05, 50_000, 200),
    "lbf_vdn": (128, 3e-4, True, True, 0.0, 200_000, 0.01),
    "lbf_vdn_ns": (64, 1e-4, True, False, 0.05, 50_000, 200),
    "lbf_qmix": (64, 3e-4, True, True, 0.05, 200_000, 0.01),
    "lbf_networked_q": (64, 3e-4, True, None, 0.05, 50_000, 200),
    "lbf_dvdn": (64, 3e-4, True, None, 0.05, 50_000, 200),
    "lbf_dvdn_gt": (64, 3e-4, True, None, 0.05, 50_000, 200),
    "mpe_iql": (128, 5e-4, False, True, 0.0, 200_000, 0.01),
    "mpe_iql_ns": (128, 5e-4, False, False, 0.0, 200_000, 0.01),
    "mpe_vdn": (128, 5e-4, False, True, 0.0, 50_000, 200),
    "mpe_vdn_ns": (128, 5e-4, False, False, 0.0, 50_000, 200),
    "mpe_qmix": (64, 5e-4, True, True, 0.0, 200_000, 0.01),
    "mpe_networked_q": (128, 5e-4, False, None, 0.0, 200_000, 0.01),
    "mpe_dvdn": (128, 5e-4, False, None, 0.0, 200_000, 0.01),
    "mpe_dvdn_gt": (128, 5e-4, False, None, 0.0, 200_000, 0.01),
    "marbler_iql_ns": (128, 3e-4, True, False, 0.0, 50_000, 200),
    "marbler_vdn": (128, 3e-4, True, True, 0.0, 50_000, 200),
    "marbler_vdn_ns": (128, 3e-4, True, False, 0.0, 50_000, 200),
    "marbler_qmix": (128, 1e-4, True, True, 0.05, 50_000, 0.01),
    "marbler_qmix_ns": (64, 5e-4, True, False, 0.0, 50_000, 200),
    "marbler_dvdn": (128, 3e-4, True, None, 0.0, 50_000, 200),
}
TASKS = {"lbf": "lbf_easy", "mpe": "mpe_tag", "marbler": "marbler_pcp"}


def of_preset(name: str) -> Scenario:
    """Return a scenario that says no more than a preset needs."""
    task = SCENARIOS / "tasks" / f"{TASKS[name.partition('_')[0]]}.yaml"
    network = "topology: {kind: complete}, link: {preset: lan}, deadline: auto, control_period: 100 ms, compute: 0 s"
    return parse_scenario(
        f"include: {PAPER / name}.yaml\nname: {name}\nenv: {{include: {task}}}\nnetwork: {{{network}}}\n"
    )


def test_these_are_the_presets():
    assert {path.stem for path in PAPER.glob("*.yaml")} == {*ROWS, "protocol", "network"}


@pytest.mark.parametrize("name", ROWS)
def test_a_preset_is_its_row_and_follows_the_protocol(name):
    """41 evaluations of 100 episodes, the first at once, 10 seeds."""
    scenario = of_preset(name)
    algorithm, training, evaluation = scenario.algorithm, scenario.training, scenario.evaluation
    assert (
        algorithm.hidden, algorithm.lr, algorithm.recurrent, getattr(algorithm, "share_parameters", None),
        evaluation.epsilon, training.epsilon.steps, training.target_tau or training.target_update,
    ) == ROWS[name]  # fmt: skip
    assert algorithm.standardise_rewards is not name.startswith("marbler")
    assert algorithm.kind == name.partition("_")[2].removesuffix("_ns")
    assert (1 + training.steps // evaluation.every, evaluation.episodes, len(scenario.seeds)) == (41, 100, 10)
    assert (training.batch, training.buffer, training.episodes_per_iteration) == (32, 5000, 1)
    assert (training.epsilon.start, training.epsilon.end) == (1.0, 0.05)
    assert (algorithm.gamma, algorithm.clip, algorithm.bootstrap_on_timeout) == (0.99, 10.0, False)


def test_the_tracked_step_is_the_papers_as_far_as_it_is_known():
    """All of it is the dataclass's own default: a scenario that names no preset tracks in the same way."""
    for name in ("lbf_dvdn_gt", "mpe_dvdn_gt"):
        algorithm = of_preset(name).algorithm
        assert isinstance(algorithm, DvdnGt)
        assert (algorithm.tracking, algorithm.optimiser) == (DvdnGt().tracking, DvdnGt().optimiser)
