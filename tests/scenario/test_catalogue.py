"""Everything that can be chosen loads by its name and comes back; what is announced for later is not there yet."""

import dataclasses
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from dvdn_sim.scenario import parse_scenario, resolved_yaml
from dvdn_sim.scenario.algorithm import Consensus
from dvdn_sim.scenario.blocks import Block, Choice, block_fields, entry_annotation, mark_of
from dvdn_sim.scenario.catalogue import ALGORITHMS, ENVS, KEYS_NOT_YET, NOT_YET, POLICIES
from dvdn_sim.scenario.json_schema import described_fields
from dvdn_sim.scenario.listing import listing
from dvdn_sim.scenario.walk import ROOT, block_of
from netmodels import LinkSpec
from netmodels.catalogue import DELAYS, FAULTS, LOSSES, PRESETS, TOPOLOGIES

MINIMAL = {
    "env": dict.fromkeys(["lbf", "lbforaging"], "field_size: [8, 8], players: 3, max_num_food: 2, sight: 2"),
    "algorithm": {},
    "topology": {
        "edges": "edges: [[0, 1], [2, 1]]", "k_regular": "degree: 2", "erdos_renyi": "p: 40%, connected: true",
        "barabasi_albert": "links: 1", "watts_strogatz": "neighbours: 2, p: 10%", "random_geometric": "radius: 0.9",
        "edge_markov": "up: 9 s, down: 1 s, base: {kind: ring}",
        "range": "radius: 30 m, mobility: {kind: random_waypoint, area: [9 m, 9 m], speed: [1 m/s, 2 m/s], pause: 0 s}",
        "schedule": "entries: [{at: 0 s, topology: {kind: ring}}, {at: 5 s, topology: {kind: star, centre: 2}}]",
    },
    "delay": {
        "constant": "mean: 3.3 ms", "normal": "mean: 1 ms, jitter: 2 ms", "uniform": "mean: 3 ms, jitter: 2 ms",
        "lognormal": "mean: 3 ms, jitter: 2 ms", "pareto": "mean: 3 ms, jitter: 2 ms", "exponential": "mean: 3 ms",
        "empirical": "values: [1 ms, 2.5 ms]", "trace": "values: [1 ms, 2.5 ms, 1 ms]",
    },
    "loss": {"bernoulli": "p: 10%", "gemodel": "p: 3.3%", "trace": "values: [0, 1, 0]"},
    "fault": {
        "crash": "node: 1, at: 1 s, for: {kind: exponential, mean: 5 s}, state: lost",
        "link_down": "edge: [0, 1], at: {kind: uniform, mean: 5 s, jitter: 1 s}", "one_way": "edge: [0, 1], at: 0 s",
        "partition": "groups: [[0, 1], [2]], at: 5 s, for: 1 min", "blackout": "at: 5 s, for: 1 s",
        "flap": "up: 9 s, down: 500 ms", "straggler": "node: 2, factor: 2.5, at: 1 s",
        "degrade": "link: {loss: 50%, delay: {kind: pareto, mean: 1 s, shape: 3.0}}, at: 1 s",
    },
    "compute": {
        "constant": "mean: 5 ms", "normal": "mean: 1 ms, jitter: 2 ms", "lognormal": "mean: 5 ms, jitter: 1 ms",
    },
}  # fmt: skip
PATHS = {
    "env": "env", "algorithm": "algorithm", "topology": "network.topology", "delay": "network.link.delay",
    "loss": "network.link.loss", "compute": "network.compute", "fault": "network.faults",
}  # fmt: skip


def choices(block: Block = ROOT) -> dict[str, Choice]:
    """Return every choice of a scenario by its family, not those within a choice."""
    found: dict[str, Choice] = {}
    for field in block_fields(block):
        mark = mark_of(entry_annotation(field.annotation) or field.annotation)
        if isinstance(mark, Choice):
            found[mark.family] = mark
        elif isinstance(mark, Block):
            found |= choices(mark)
    return found


def blocks() -> list[Block]:
    """Return every block that a scenario can hold."""
    found = [ROOT]
    for block in found:
        marks = [mark_of(entry_annotation(field.annotation) or field.annotation) for field in block_fields(block)]
        found += [mark for mark in marks if isinstance(mark, Block)]
        found += [mark.block(kind) for mark in marks if isinstance(mark, Choice) for kind in mark.catalogue]
    return found


def test_the_choices_are_those_tested_here():
    assert set(choices()) == set(PATHS)


@pytest.mark.parametrize(
    ("family", "kind"), [(family, kind) for family, choice in choices().items() for kind in choice.catalogue]
)
def test_every_kind_loads_and_comes_back(lossy, family, kind):
    options = MINIMAL[family].get(kind, "")
    block = f"{{kind: {kind}{', ' if options else ''}{options}}}"
    any_number = "network.topology.edges=null"  # of agents
    scenario = parse_scenario(lossy, [any_number, f"{PATHS[family]}={f'[{block}]' if family == 'fault' else block}"])
    text = resolved_yaml(scenario)
    assert f"kind: {kind}" in text
    assert parse_scenario(text) == scenario


def test_a_kind_is_not_announced_for_later_once_it_is_there():
    for family, choice in choices().items():
        assert set(choice.catalogue).isdisjoint(NOT_YET.get(family, ()))


@pytest.mark.parametrize(
    ("family", "known"),
    [("topology", TOPOLOGIES), ("delay", DELAYS), ("loss", LOSSES), ("fault", FAULTS)],
    ids=["topology", "delay", "loss", "fault"],
)
def test_every_kind_of_netmodels_may_be_chosen_or_is_announced(family, known):
    assert set(known) <= {*choices()[family].catalogue, *NOT_YET.get(family, ())}


def test_a_key_is_not_announced_for_later_once_it_is_there(lossy):
    for path, names in KEYS_NOT_YET.items():
        block = block_of(tuple(path.split(".")), {"algorithm": {"kind": "dvdn"}})
        assert block is not None
        assert {field.name for field in block_fields(block)}.isdisjoint(names)


def test_policies_are_those_that_a_scenario_may_name():
    policy = get_type_hints(Consensus)["policy"]
    assert get_origin(policy) is Literal
    assert set(get_args(policy)) == {"auto", *POLICIES}


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.cls.__name__)
def test_no_field_takes_numbers_and_texts_alike(block):
    """`netmodels` does; in YAML each must say whether it carries a unit."""
    for field in block_fields(block):
        assert not {str, float} <= set(get_args(field.annotation)), field.name
        assert not {str, int} <= set(get_args(field.annotation)), field.name


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.cls.__name__)
def test_every_key_of_our_own_classes_is_described(block):
    if block.cls.__module__.startswith("dvdn_sim."):
        assert {field.name for field in block_fields(block)} <= set(described_fields(block.cls))


def test_every_key_of_a_link_exists():
    network = block_of(("network", "link"), {"network": {"link": {}}})
    assert network is not None
    assert set(network.fields) <= {field.name for field in dataclasses.fields(LinkSpec)}


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("envs", list(ENVS)),
        ("algorithms", list(ALGORITHMS)),
        ("policies", list(POLICIES)),
        ("presets", list(PRESETS)),
        ("faults", list(FAULTS)),
    ],
)
def test_listings_name_everything(family, names):
    assert [name for rows in listing(family).values() for name, _, _ in rows] == names


def test_a_listing_shows_keys_with_defaults():
    rows = {name: keys for name, _, keys in listing("links")["network.link.loss.kind"]}
    assert rows["gemodel"] == "p: ..., r: null, one_minus_h: 100%, one_minus_k: 0%"
