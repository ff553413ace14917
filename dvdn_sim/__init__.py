"""dvdn-sim: what does a real network do to distributed multi-agent learning?

The road, in the order of the data: `scenario`, `envs`, `learners`, `network` (over `netmodels`), `consensus`,
`training`, `records`. `load_scenario` and `run` are the front door:

    from dvdn_sim import load_scenario, run
    summary = run(load_scenario("scenarios/lossy_lbf.yaml", ["network.link.loss=20%"]))

Names are imported when first used, so that nothing pays for torch before it trains.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvdn_sim.records import Run as Run
    from dvdn_sim.records import load_run as load_run
    from dvdn_sim.scenario import Scenario as Scenario
    from dvdn_sim.scenario import load_scenario as load_scenario
    from dvdn_sim.training.evaluate import Evaluation as Evaluation
    from dvdn_sim.training.evaluate import evaluate as evaluate
    from dvdn_sim.training.policies import TeamPolicy as TeamPolicy
    from dvdn_sim.training.policies import load_policy as load_policy
    from dvdn_sim.training.run import run as run
    from dvdn_sim.training.summary import RunSummary as RunSummary

_HOMES = {
    "Evaluation": "dvdn_sim.training.evaluate",
    "Run": "dvdn_sim.records",
    "RunSummary": "dvdn_sim.training.summary",
    "Scenario": "dvdn_sim.scenario",
    "TeamPolicy": "dvdn_sim.training.policies",
    "evaluate": "dvdn_sim.training.evaluate",
    "load_policy": "dvdn_sim.training.policies",
    "load_run": "dvdn_sim.records",
    "load_scenario": "dvdn_sim.scenario",
    "run": "dvdn_sim.training.run",
}

__all__ = [
    "Evaluation",
    "Run",
    "RunSummary",
    "Scenario",
    "TeamPolicy",
    "evaluate",
    "load_policy",
    "load_run",
    "load_scenario",
    "run",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
