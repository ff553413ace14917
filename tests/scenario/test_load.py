"""Scenarios that load: values, defaults, units, and the way back to YAML."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import (
    Consensus,
    ConstantTime,
    Dvdn,
    Epsilon,
    Evaluation,
    Iql,
    Lbf,
    LognormalTime,
    Network,
    Scenario,
    Training,
    Vdn,
    block_text,
    describe,
    load_scenario,
    parse_scenario,
    resolved_yaml,
)
from netmodels import LinkSpec
from netmodels.links import Bernoulli, Constant, GilbertElliott, Normal
from netmodels.topology import RandomConnected

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_every_key_of_the_design_loads(lossy):
    assert parse_scenario(lossy) == Scenario(
        name="lossy_lbf",
        seeds=(0, 1),
        env=Lbf(field_size=(10, 10), players=3, max_num_food=3, max_food_level=1, sight=10, max_episode_steps=25),
        algorithm=Dvdn(consensus=Consensus(rounds=1), hidden=64, lr=3e-4),
        network=Network(
            topology=RandomConnected(edges=2),
            link=LinkSpec(rate=20e6, delay=Normal(0.005, 0.002), loss=GilbertElliott(0.03, 0.25)),
            share="node",
            deadline=0.05,
            control_period=0.1,
            compute=LognormalTime(0.01, 0.003),
        ),
        training=Training(steps=150_000, epsilon=Epsilon(start=1.0, end=0.05, steps=30_000)),
        evaluation=Evaluation(every=15_000, episodes=100),
    )


def test_what_is_left_out_has_the_default_of_its_dataclass(lossy):
    scenario = parse_scenario(
        lossy,
        [
            "algorithm={kind: vdn}",
            "network=",
            "env={kind: lbf, field_size: [8, 9], players: 2, max_num_food: 2, sight: 8}",
        ],
    )
    assert scenario.algorithm == Vdn()
    assert scenario.network is None
    assert scenario.env == Lbf(field_size=(8, 9), players=2, max_num_food=2, sight=8)
    assert (scenario.env.min_player_level, scenario.env.max_player_level, scenario.env.max_food_level) == (1, 2, None)


@pytest.mark.parametrize("kind", ["iql", "vdn"])
def test_algorithms_that_send_nothing_may_have_a_network(lossy, kind):
    scenario = parse_scenario(lossy, [f"algorithm={{kind: {kind}}}"])
    assert type(scenario.algorithm) is {"iql": Iql, "vdn": Vdn}[kind]
    assert scenario.network is not None


def test_bare_quantities_are_constant_and_bernoulli(lossy):
    network = parse_scenario(
        lossy, ["network.link.delay=5 ms", "network.link.loss=0.1", "network.compute=10 ms"]
    ).network
    assert network is not None
    assert (network.link.delay, network.link.loss) == (Constant(0.005), Bernoulli(0.1))
    assert network.compute == ConstantTime(0.01)


@pytest.mark.parametrize(
    ("change", "value"),
    [("training.steps=1.5e5", 150_000), ("training.steps=150_000", 150_000), ("training.steps=1e6", 1_000_000)],
)
def test_whole_numbers_may_have_exponents_and_underscores(lossy, change, value):
    assert parse_scenario(lossy, [change]).training.steps == value


def test_numbers_that_yaml_1_1_reads_as_text(lossy):
    scenario = parse_scenario(lossy, ["algorithm.lr=1e-3", "training.epsilon.end=10%", "algorithm.clip=null"])
    assert (scenario.algorithm.lr, scenario.training.epsilon.end, scenario.algorithm.clip) == (1e-3, 0.1, None)


def test_a_scenario_is_frozen_and_hashable(lossy):
    scenario = parse_scenario(lossy)
    assert hash(scenario) == hash(parse_scenario(lossy))
    with pytest.raises(FrozenInstanceError):
        scenario.name = "another"


def test_resolved_yaml_is_complete_and_keeps_units(lossy):
    text = resolved_yaml(parse_scenario(lossy))
    assert "rate: 20 Mbit/s" in text
    assert "delay: {kind: normal, mean: 5 ms, jitter: 2 ms}" in text
    assert "loss: {kind: gemodel, p: 3%, r: 25%, one_minus_h: 100%, one_minus_k: 0%}" in text
    assert "mtu: 1472 B" in text
    assert "standardise_rewards: true" in text


NO_SCENARIOS = {SCENARIOS / "tasks", SCENARIOS / "presets", SCENARIOS / "ablations"}  # blocks, and sweeps
SHIPPED = [path for path in sorted(SCENARIOS.rglob("*.yaml")) if NO_SCENARIOS.isdisjoint(path.parents)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_load_and_come_back(path):
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert parse_scenario(resolved_yaml(scenario)) == scenario


TIMES = st.one_of(
    st.builds("{} {}".format, st.integers(0, 5000), st.sampled_from(["ns", "us", "ms", "s", "min"])),
    st.builds("{:.4f} ms".format, st.floats(0.0, 1e4)),
)
SOME_TIME = st.builds("{} ms".format, st.integers(1, 10**6))
PROBABILITIES = st.one_of(st.floats(0.0, 1.0), st.builds("{}%".format, st.integers(0, 100)))
DELAYS = st.one_of(
    TIMES,
    st.fixed_dictionaries({"kind": st.just("constant"), "mean": TIMES}),
    st.fixed_dictionaries({"kind": st.just("normal"), "mean": TIMES, "jitter": TIMES}),
)
LOSSES = st.one_of(
    PROBABILITIES,
    st.fixed_dictionaries({"kind": st.just("bernoulli"), "p": PROBABILITIES}),
    st.fixed_dictionaries(
        {"kind": st.just("gemodel"), "p": PROBABILITIES},
        optional={"r": PROBABILITIES, "one_minus_h": PROBABILITIES, "one_minus_k": PROBABILITIES},
    ),
)
TOPOLOGIES = st.one_of(
    st.sampled_from([{"kind": "complete"}, {"kind": "ring"}, {"kind": "random_connected"}]),
    st.fixed_dictionaries({"kind": st.just("random_connected"), "edges": st.sampled_from([None, 3, 4, 6])}),
)
RATES = st.one_of(
    st.just("unlimited"),
    st.builds("{} {}".format, st.integers(1, 10**6), st.sampled_from(["bit/s", "kbit/s", "Mbit/s", "kB/s", "Kibit/s"])),
)
NETWORKS = st.fixed_dictionaries(
    {
        "topology": TOPOLOGIES,
        "link": st.fixed_dictionaries(
            {"rate": RATES, "delay": DELAYS, "loss": LOSSES},
            optional={"mtu": st.builds("{} B".format, st.integers(64, 9000)), "limit": st.integers(10_000, 10**9)},
        ),
        "deadline": SOME_TIME,
        "control_period": TIMES,
        "compute": st.one_of(
            TIMES, st.fixed_dictionaries({"kind": st.just("lognormal"), "mean": SOME_TIME, "jitter": TIMES})
        ),
    },
    optional={"share": st.sampled_from(["link", "node"])},
)
ALGORITHMS = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["iql", "vdn"])}, optional={"clip": st.sampled_from([None, 1, 2.5])}
    ),
    st.fixed_dictionaries(
        {"kind": st.just("dvdn")},
        optional={
            "lr": st.floats(1e-12, 1.0),
            "gamma": st.floats(0.0, 1.0),
            "consensus": st.fixed_dictionaries({}, optional={"rounds": st.integers(0, 20)}),
        },
    ),
)


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5, unique=True),
    algorithm=ALGORITHMS,
    network=NETWORKS,
)
def test_any_scenario_comes_back_equal_from_its_resolved_yaml(name, seeds, algorithm, network):
    text = block_text(
        {
            "name": name,
            "seeds": seeds,
            "env": {"kind": "lbf", "field_size": [9, 9], "players": 4, "max_num_food": 2, "sight": 2},
            "algorithm": algorithm,
            "network": network,
            "training": {"steps": 1000, "epsilon": {"steps": 10}},
            "evaluation": {"every": 100, "episodes": 2},
        }
    )
    scenario = parse_scenario(text)
    resolved = resolved_yaml(scenario)
    assert parse_scenario(resolved) == scenario
    assert resolved_yaml(parse_scenario(resolved)) == resolved
    assert describe(scenario).startswith(name)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(ScenarioError, match="cannot be read: No such file") as caught:
        load_scenario(tmp_path / "no.yaml")
    assert caught.value.source == str(tmp_path / "no.yaml")


@pytest.mark.parametrize("path", ["", "nul\0byte", "scenarios"])
def test_what_is_no_file_is_a_mistake(path):
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(path)
