"""A scenario: everything that decides what a run does."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dvdn_sim.scenario.algorithm import Dvdn, DvdnGt, Iql, NetworkedQ, Qmix, Vdn
from dvdn_sim.scenario.blocks import Choice
from dvdn_sim.scenario.catalogue import ALGORITHMS, ENVS
from dvdn_sim.scenario.env import Env
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.quantities import Natural
from dvdn_sim.scenario.training import Evaluation, Training

Seed = Annotated[Natural, Field(le=2**63 - 1)]
AnyAlgorithm = Iql | Vdn | Qmix | NetworkedQ | Dvdn | DvdnGt


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Everything that decides what a run does.

    Times are in seconds, rates in bits per second, sizes in bytes.

    Attributes:
        name: what the run folder is called.
        seeds: one team is trained for each.
        env: what the agents act in.
        algorithm: how they learn.
        network: what carries their messages; None where the algorithm sends none.
        training: how long, from which experience.
        evaluation: how they are measured.
    """

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    seeds: Annotated[tuple[Seed, ...], Field(strict=False, min_length=1, max_length=1000)]
    env: Annotated[Env, Choice("env", ENVS)]
    algorithm: Annotated[AnyAlgorithm, Choice("algorithm", ALGORITHMS)]
    network: Network | None = None
    training: Training
    evaluation: Evaluation
