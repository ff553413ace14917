"""The sweeps that come with the program: they read, they compare with something, and their quick setting is one."""

from pathlib import Path

import pytest

from dvdn_sim.scenario import warnings_of
from dvdn_sim.sweeps import load_cells

FOLDER = Path(__file__).parents[2] / "scenarios" / "ablations"
FILES = sorted(FOLDER.glob("*.yaml"))
MAX_STEPS = 600_000
"""Of a quick look, all seeds of all cells together: at 350 steps/s on each of two cores they take 15 minutes."""
ABOUT = {
    "bandwidth": ("come too late", "are late or dropped"),
    "deadline": ("come too late",),
    "gt_heterogeneity": ("play different parts",),
}
"""What is warned of because it is what the sweep asks: late messages, unlike teams."""


def test_all_are_here():
    names = {"rounds_x_loss", "topology", "policy_x_loss", "gt_heterogeneity", "deadline", "bandwidth"}
    assert {path.stem for path in FILES} == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_ablation_reads_and_says_how_it_is_run_and_no_cell_learns_to_diverge(path):
    sweep, cells = load_cells(path)
    assert sweep.name == path.stem
    assert sweep.question.endswith("?")
    assert sweep.compare is not None
    assert len(sweep.seeds) == 10
    assert len(cells) >= 8
    text = path.read_text(encoding="utf-8")
    for options in ("--dry-run", "--quick"):
        assert f"dvdn-sim sweep scenarios/ablations/{path.name} {options}" in text
    small, few = load_cells(path, quick=True)
    assert small.compare == sweep.compare
    assert sum(cell.scenario.training.steps * len(cell.scenario.seeds) for cell in few) <= MAX_STEPS
    assert all(cell.scenario.training.steps >= 3 * cell.scenario.evaluation.every for cell in few)
    for cell in cells:
        for warning in warnings_of(cell.scenario):
            assert any(words in warning for words in ABOUT.get(path.stem, ())), warning
