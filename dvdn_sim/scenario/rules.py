"""Rules that join several values of a scenario. Each yields what breaks it: (path, message, remedy)."""

from collections.abc import Callable, Iterator
from typing import cast

from dvdn_sim.scenario.clock_rules import CLOCK_RULES
from dvdn_sim.scenario.consensus_rules import CONSENSUS_RULES
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.env_rules import ENV_RULES
from dvdn_sim.scenario.network_rules import NETWORK_RULES
from dvdn_sim.scenario.partial import Unknown
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.wire_rules import WIRE_RULES

Broken = tuple[Path, str, str]
Rule = Callable[[Scenario], Iterator[Broken]]


def broken_rules(scenario: object) -> list[Broken]:
    """Return what is broken in a scenario or a `Partial` of one; rules about what is unknown are left out."""
    broken: list[Broken] = []
    for rule in RULES:
        try:
            broken.extend(rule(cast("Scenario", scenario)))
        except Unknown:
            continue
    return broken


def _seeds_differ(scenario: Scenario) -> Iterator[Broken]:
    seeds = scenario.seeds
    twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
    if twice:
        yield ("seeds",), f"seed {twice[0]} is given twice", "a seed gives one result, however often it is run"


def _buffer_holds_a_batch(scenario: Scenario) -> Iterator[Broken]:
    training = scenario.training
    if training.buffer < training.batch:
        message = f"{training.buffer} episodes do not hold a batch of {training.batch}"
        yield ("training", "buffer"), message, f"at least {training.batch}"


def _buffer_holds_an_iteration(scenario: Scenario) -> Iterator[Broken]:
    training = scenario.training
    if training.buffer < training.episodes_per_iteration:
        message = f"a buffer of {training.buffer} episodes does not hold {training.episodes_per_iteration} at once"
        remedy = f"at most {training.buffer}, or a larger `training.buffer`"
        yield ("training", "episodes_per_iteration"), message, remedy


def _exploration_falls(scenario: Scenario) -> Iterator[Broken]:
    epsilon = scenario.training.epsilon
    if epsilon.end > epsilon.start:
        message = f"{epsilon.end} is above the start, {epsilon.start}"
        yield ("training", "epsilon", "end"), message, "exploration falls from `start` to `end`"


RULES: tuple[Rule, ...] = (
    _seeds_differ,
    _buffer_holds_a_batch,
    _buffer_holds_an_iteration,
    _exploration_falls,
    *ENV_RULES,
    *NETWORK_RULES,
    *WIRE_RULES,
    *CONSENSUS_RULES,
    *CLOCK_RULES,
)
