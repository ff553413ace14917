"""Scenarios that load: values, defaults, units, and the way back to YAML."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import (
    Consensus,
    ConstantTime,
    Dvdn,
    Epsilon,
    Evaluation,
    Lbf,
    LognormalTime,
    Network,
    Scenario,
    Training,
    Vdn,
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
        algorithm=Dvdn(consensus=Consensus(rounds=1, weights="metropolis"), hidden=64, lr=3e-4),
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
    env = "env={kind: lbf, field_size: [8, 9], players: 2, max_num_food: 2, sight: 8}"
    scenario = parse_scenario(lossy, ["algorithm={kind: vdn}", "network=", env])
    assert parse_scenario(lossy, ["algorithm={kind: vdn}"]).network is not None  # may be there, and is not needed
    assert scenario.algorithm == Vdn()
    assert scenario.network is None
    assert scenario.env == Lbf(field_size=(8, 9), players=2, max_num_food=2, sight=8)
    assert (scenario.env.min_player_level, scenario.env.max_player_level, scenario.env.max_food_level) == (1, 2, None)


def test_bare_quantities_are_constant_and_bernoulli(lossy):
    network = parse_scenario(
        lossy, ["network.link.delay=5 ms", "network.link.loss=0.1", "network.compute=10 ms"]
    ).network
    assert network is not None
    assert (network.link.delay, network.link.loss) == (Constant(0.005), Bernoulli(0.1))
    assert network.compute == ConstantTime(0.01)


def test_numbers_that_yaml_1_1_reads_as_text(lossy):
    changes = ["algorithm.lr=1e-3", "training.epsilon.end=10%", "algorithm.clip=null", "training.steps=1.5e5"]
    scenario = parse_scenario(lossy, changes)
    assert scenario.training.steps == 150_000
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
PROBABILITIES = st.one_of(st.floats(0.0, 1.0), st.builds("{}%".format, st.integers(0, 100)))
RATES = st.builds(
    "{} {}".format, st.integers(1, 10**6), st.sampled_from(["bit/s", "kbit/s", "Mbit/s", "kB/s", "Kibit/s"])
)


CHANGES = st.tuples(
    st.builds("seeds={}".format, st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5, unique=True)),
    st.builds("network.link={{rate: {}, delay: {}, loss: {}, mtu: {} B}}".format, RATES, TIMES, PROBABILITIES,
              st.integers(1000, 9000)),
    st.builds("network.compute={{kind: normal, mean: {}, jitter: {}}}".format, TIMES, TIMES),
    st.builds("network.faults=[{{kind: degrade, at: {}, link: {{loss: {{kind: gemodel, p: {}, r: {}}}}}}}]".format,
              TIMES, PROBABILITIES, PROBABILITIES),
    st.builds("algorithm.lr={}".format, st.floats(1e-12, 1.0)),
)  # fmt: skip


@settings(max_examples=30)
@given(changes=CHANGES)
def test_any_numbers_come_back_equal_from_resolved_yaml(lossy, changes):
    """Whole scenarios: test_bad_input."""
    scenario = parse_scenario(lossy, ["training.steps=1000", *changes])
    resolved = resolved_yaml(scenario)
    assert parse_scenario(resolved) == scenario
    assert resolved_yaml(parse_scenario(resolved)) == resolved


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(ScenarioError, match="cannot be read: No such file") as caught:
        load_scenario(tmp_path / "no.yaml")
    assert caught.value.source == str(tmp_path / "no.yaml")


@pytest.mark.parametrize("path", ["", "nul\0byte", "scenarios"])
def test_what_is_no_file_is_a_mistake(path):
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(path)
