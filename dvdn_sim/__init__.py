"""dvdn-sim: what does a real network do to distributed multi-agent learning?

Read, in the order of the data: `scenario`, `envs`, `learners`, `network` (over `netmodels`), `consensus`,
`training`, `records`. `load_scenario` and `run` are the front door:

    from dvdn_sim import load_scenario, run
    summary = run(load_scenario("scenarios/lossy_lbf.yaml", ["network.link.loss=20%"]))

Names are imported when first used, so that nothing pays for torch before it trains.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvdn_sim.records import Run, load_run
    from dvdn_sim.scenario import Scenario, load_scenario
    from dvdn_sim.training import EvaluationResult, RunSummary, TeamPolicy, evaluate, load_policy, run

_HOMES = {
    "dvdn_sim.records": ("Run", "load_run"),
    "dvdn_sim.scenario": ("Scenario", "load_scenario"),
    "dvdn_sim.training": ("EvaluationResult", "RunSummary", "TeamPolicy", "evaluate", "load_policy", "run"),
}

__all__ = [
    "EvaluationResult", "Run", "RunSummary", "Scenario", "TeamPolicy", "evaluate", "load_policy", "load_run",
    "load_scenario", "run",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name from its home."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
