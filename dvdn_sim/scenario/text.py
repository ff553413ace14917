"""A scenario in words for people: what would run, and in what two scenarios differ."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from dvdn_sim.algorithms import Consensus, ParameterExchange, Tracking
from dvdn_sim.consensus import POLICIES
from dvdn_sim.scenario.document import flow_text
from dvdn_sim.scenario.scenario import AUTO, CARRIES, Network, Scenario, exchanged, weights_of
from dvdn_sim.wording import plural, thousands
from netmodels.units import RATE, TIME


def headline(scenario: Scenario) -> str:
    """Return what would run in one short line."""
    kind, seeds = scenario.algorithm.kind, plural(len(scenario.seeds), "seed")
    return f"{kind}, {scenario.env.title}, {seeds} x {thousands(scenario.training.steps)} steps"


def describe(scenario: Scenario) -> str:
    """Return what would run in a few lines."""
    env, training, evaluation = scenario.env, scenario.training, scenario.evaluation
    permuted = f", {env.permuted} of {env.n_agents} permuted" if env.permuted else ""
    lines = [
        f"{scenario.name}: {headline(scenario)}",
        f"env         {env.describe()}{permuted}, at most {env.longest_episode} steps",
        f"algorithm   {_algorithm(scenario)}",
        *([] if scenario.network is None else _network(scenario.network)),
        f"training    batch {training.batch} of {training.buffer} episodes, exploration {training.epsilon.start:g} to "
        f"{training.epsilon.end:g} in {thousands(training.epsilon.steps)} steps",
        f"evaluation  every {thousands(evaluation.every)} steps, {evaluation.episodes} episodes",
    ]
    return "\n".join(lines)


def _algorithm(scenario: Scenario) -> str:
    """Return how the agents learn, in words."""
    algorithm = scenario.algorithm
    clip = "no clipping" if algorithm.clip is None else f"gradients clipped at {algorithm.clip:g}"
    said = f"{algorithm.kind}, {algorithm.hidden} hidden units, lr {algorithm.lr:g}, {clip}"
    blocks = exchanged(algorithm)
    return "; ".join([said, *(_exchange(key, block, scenario.network) for key, block in blocks.items())])


def _exchange(key: str, block: Consensus | ParameterExchange, network: Network | None) -> str:
    """Return how something is exchanged, in words."""
    weights = weights_of(block, network)
    policy = f"policy {block.policy}"
    if weights != "metropolis" and not POLICIES[block.policy].shares:
        policy += f", {weights} weights"
    if isinstance(block, Consensus):
        said = f"{plural(block.rounds, 'consensus round')}, {policy}"
        return said + ("" if block.wire == "float32" else f", messages in {block.wire}")
    often = "every update" if block.every == 1 else f"every {block.every} updates"
    parts = "" if block.blocks == 1 else f" in {block.blocks} parts, one at a time"
    form = f", {block.form}" if isinstance(block, Tracking) else ""
    return f"{CARRIES[key]} {often}{parts}{form}, {policy}"


def _network(network: Network) -> list[str]:
    """Return what carries the messages, in lines."""
    link = network.link
    wait = TIME.format(network.deadline) if isinstance(network.deadline, float) else AUTO
    sharing = {"link": "one transmitter per link", "node": "one transmitter per node", "medium": "one shared medium"}
    parts = [
        network.topology.describe(),
        sharing[network.share] + (", broadcast" if network.broadcast else ""),
        "waits for every message" if network.deadline is None else f"deadline {wait}",
    ]
    parts += ["acknowledged"] if network.acks else []
    parts += ["exchanged while acting"] if network.schedule == "overlap" else []
    lines = [
        f"network     {'; '.join(parts)}",
        f"link        {RATE.format(link.rate)}; delay {link.delay.describe()}; {link.loss.describe()}",
    ]
    lines += [f"            {len(network.other_links)} differ"] if network.other_links else []
    return lines + [f"fault       {fault.describe()}" for fault in network.faults]


def differences(before: str, now: str) -> list[str]:
    """Return what changed between two scenarios in resolved YAML, by value; ValueError for what is no YAML.

    >>> differences("{a: {b: 1, c: 2}}", "{a: {b: 1, c: 3, d: []}}")
    ['a.c: 2 before, 3 now', 'a.d: nothing before, [] now']
    """
    try:
        old, new = (dict(_values(yaml.safe_load(text), "")) for text in (before, now))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return [
        f"{path}: {_said(old, path)} before, {_said(new, path)} now"
        for path in dict.fromkeys([*old, *new])
        if path not in old or path not in new or old[path] != new[path]
    ]


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All that is no block, by its dotted path."""
    if not isinstance(value, Mapping):
        yield path, value
        return
    for key, inner in value.items():
        yield from _values(inner, f"{path}.{key}" if path else str(key))


def _said(values: Mapping[str, Any], path: str) -> str:
    return flow_text(values[path]) if path in values else "nothing"
