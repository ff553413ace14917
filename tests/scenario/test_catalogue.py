"""Everything that can be chosen loads by its name and comes back, and is listed with what its keys mean."""

import pytest

from dvdn_sim.consensus import POLICIES
from dvdn_sim.scenario import (
    ALGORITHMS,
    ENVS,
    Scenario,
    Shape,
    listing,
    parse_scenario,
    resolved_yaml,
    shape_of,
)
from netmodels.faults import FAULTS
from netmodels.presets import PRESETS

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


def choice(family: str) -> Shape:
    """Return what a family chooses from."""
    found = shape_of(Scenario).at(tuple(PATHS[family].split(".")))
    return found.entry() or found


def blocks(shape: Shape) -> list[Shape]:
    """Return every block of a shape, itself too if it is one."""
    here = [*shape.kinds.values(), *filter(None, [shape.block()])]
    within = [each for block in here for key in block.keys.values() for each in blocks(key)]
    entry = shape.entry()
    return here + within + (blocks(entry) if entry else [])


@pytest.mark.parametrize(("family", "kind"), [(family, kind) for family in PATHS for kind in choice(family).kinds])
def test_every_kind_loads_and_comes_back(lossy, family, kind):
    options = MINIMAL[family].get(kind, "")
    block = f"{{kind: {kind}{', ' if options else ''}{options}}}"
    any_number = "network.topology.edges=null"  # of agents
    scenario = parse_scenario(lossy, [any_number, f"{PATHS[family]}={f'[{block}]' if family == 'fault' else block}"])
    text = resolved_yaml(scenario)
    assert f"kind: {kind}" in text
    assert parse_scenario(text) == scenario


def test_every_key_is_described():
    found = [block for block in blocks(shape_of(Scenario)) if "description" in block.node]
    assert len(found) > 60
    for block in found:
        assert block.node["description"]
        assert [name for name, key in block.keys.items() if "description" not in key.node] == []


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
