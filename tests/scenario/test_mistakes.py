"""Every kind of mistake is told with its path, its line, what was found and a remedy, and all of them at once."""

import pickle

import pytest

from dvdn_sim.errors import DvdnSimError, ScenarioError
from dvdn_sim.scenario import load_scenario, parse_scenario

TRACE = "network.link.delay={kind: trace"
FAULT = "network.faults=[{kind: "
RANGE = "network.topology={kind: range, radius: 1 m"

# (--set, dotted path, what was found, what was expected); many more, word by word: tests/outside/inputs.py
TYPICAL = [
    # names
    ("algorithm.rounds=3", "algorithm.rounds", "unknown key", "it belongs at `algorithm.consensus.rounds`"),
    # kinds
    ("env.kind=null", "env.kind", "nothing (null)", "choose one of: lbf"),
    ("env=lbf", "env", "`lbf`", "`env: {kind: lbf}`"),
    ("network.topology.kind=[ring]", "network.topology.kind", "a list", "choose one of: complete, ring"),
    # quantities
    ("network.control_period=.inf", "network.control_period", "inf has no unit", "`50 ms`"),
    ("network.link.rate=0 bit/s", "network.link.rate", "`0 bit/s`", "at least 1 bit/s"),
    ("network.link.mtu=0 B", "network.link.mtu", "`0 B`", "at least 1"),
    ("network.link.mtu=0.5 B", "network.link.mtu", "`0.5 B`", "`1472 B`"),
    ("network.link.duplicate=true", "network.link.duplicate", "true", "`10%`"),
    ("evaluation.epsilon=5", "evaluation.epsilon", "`5`", "a number from 0 to 1"),
    # plain types and ranges
    ("env.field_size=[10, 10, 10]", "env.field_size", "not 3", "at most 2 entries"),
    # what is missing
    ("evaluation={every: 3}", "evaluation.episodes", "is missing", "episodes of one evaluation"),
    ("training={steps: 3}", "training.epsilon", "is missing", "it has the keys steps, start, end"),
    ("network.compute={kind: lognormal, mean: 1 ms}", "network.compute.jitter", "is missing", "`50 ms`"),
    # what does not fit together
    ("network.topology={kind: k_regular, degree: 3}", "network.topology.degree", "got 3", "fewer than the 3 agents"),
    (RANGE + "}", "network.topology.mobility", "is missing", "`mobility: {kind: random_waypoint, ...}`"),
    ("network.ack_repeat=3", "network.ack_repeat", "nothing is acknowledged", "`acks: true`"),
    # files
    (f"{TRACE}, file: /dev/zero}}", "network.link.delay.file", "got '/dev/zero'", "a text file"),
    (f"{TRACE}}}", "network.link.delay.file", "got '' and ()", "either a file or some values"),
    (f"{TRACE}, values: [5 ms, x]}}", "network.link.delay.values.1", "`x`", "`50 ms`"),
    (RANGE + ", mobility: {kind: trace, file: /}}", "network.topology.mobility.file", "got '/'", "a text file"),
    ("env={kind: mpe_tag, opponent_policy: x}", "env.opponent_policy", "no file `x`", "`policies/seed-….safetensors`"),
    # YAML
    ("env=*x", "env", "alias `*x`", "write the value out"),
    ("env=!!python/object:os.system {}", "env", "tag `tag:yaml.org,2002:python/object:os.system`", "remove it"),
]  # fmt: skip


@pytest.mark.parametrize("case", TYPICAL, ids=lambda case: case[0][:60])
def test_a_typical_mistake_is_told_with_path_finding_and_expectation(lossy, case):
    change, path, found, expected = case
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(lossy, [change])
    said = [wrong for wrong in caught.value.mistakes if wrong.path == path]
    assert any(found in wrong.message and expected in f"{wrong.message}; {wrong.remedy}" for wrong in said), str(caught)
    head = ": ".join(part for part in (f"--set {change}", path) if part)
    assert any(line.startswith(f"  {head}: ") for line in str(caught.value).splitlines())


# (what stands in the scenario, what is written instead, line, path, part of the message, part of the remedy)
ONE_MISTAKE = [
    ("  share: node", "  colour: red", 16, "network.colour", "unknown key", "topology, link, other_links, share"),
    ("    rate: 20", "    deadline: 1 s\n    rate: 20", 13, "network.link.deadline", "unknown", "`network.deadline`"),
    ("[10, 10]", "[10, 2]", 3, "env.field_size.1", "must be at least 3, not `2`", ""),
    ("resample: episode", "resample: epoch", 11, "network.topology.resample", "there is no resample `epoch`", "update"),
    ("deadline: 50 ms", "deadline: soon", 17, "network.deadline", "`soon` is not a time", "`50 ms` or `auto`"),
    ("{every: 15_000, episodes: 100, epsilon: 0.05}", "often", 22, "evaluation", "a block, not `often`", "every"),
    # The line of what is missing is that of the block that lacks it.
    ("name: lossy_lbf\n", "", 1, "name", "is missing", ""),
    ("{kind: random_connected, edges: 2,", "{edges: 2,", 11, "network.topology.kind", "is missing", "complete, ring"),
    ("  control_period: 100 ms\n", "", 10, "network.control_period", "is missing", "`50 ms`"),
    ("    rate: 20 Mbit/s\n", "", 12, "network.link.rate", "is missing", "`20 Mbit/s`"),
    ("kind: normal, mean: 5 ms,", "kind: normal,", 14, "network.link.delay.mean", "is missing", "`50 ms`"),
    # Rules over several values.
    ("buffer: 5000", "buffer: 40, episodes_per_iteration: 41", 21, "training.episodes_per_iteration", "41 at", "40"),
    ("sight: 10,", "sight: 10, min_player_level: 3,", 3, "env.min_player_level", "above max_player_level, 2", ""),
    ("sight: 10,", "sight: 10, min_food_level: 2,", 3, "env.min_food_level", "2 is above max_food_level, 1", ""),
    ("max_food_level: 1", "min_food_level: 4", 3, "env.min_food_level", "as low as 3", "max_food_level"),
    ("max_food_level: 1", "max_food_level: 7", 3, "env.max_food_level", "no team could load it", "at most 6"),
]  # fmt: skip


@pytest.mark.parametrize("case", ONE_MISTAKE, ids=lambda case: f"{case[3]}: {case[4]}")
def test_a_mistake_is_told_with_its_place_and_remedy(lossy, mistakes_of, case):
    old, new, line, path, message, remedy = case
    assert lossy.count(old) >= 1
    (mistake,) = [mistake for mistake in mistakes_of(lossy.replace(old, new, 1)) if mistake.path == path]
    assert (mistake.line, message in mistake.message, remedy in mistake.remedy) == (line, True, True)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(lossy, mistakes_of):
    text = lossy
    for old, new in [
        ("seeds: [0, 1]", "seeds: [1, 1]"),
        ("hidden: 64", "hiden: 64"),
        ("policy: self", "policy: stall"),
        ("    rate: 20 Mbit/s\n", ""),
        ("share: node", "share: nodes"),
        ("buffer: 5000", "buffer: 1"),
        ("{every: 15_000, episodes: 100, epsilon: 0.05}", "3"),
    ]:
        text = text.replace(old, new)
    paths = [mistake.path for mistake in mistakes_of(text)]
    assert paths == [
        "seeds", "algorithm.consensus.policy", "algorithm.hiden", "network.link.rate", "network.share",
        "training.buffer", "evaluation",
    ]  # fmt: skip


def test_rules_speak_although_another_block_has_a_mistake(lossy, mistakes_of):
    text = lossy.replace("buffer: 5000", "buffer: 1, colour: red").replace("edges: 2", "edges: 9").replace("64", "x")
    assert {mistake.path for mistake in mistakes_of(text)} == {
        "algorithm.hidden", "network.topology.edges", "training.colour", "training.buffer",
    }  # fmt: skip


FAULTS = "network.faults=[{kind: crash, node: player_2, at: 5 s}, {kind: link_down, edge: [0, 5], at: 1 s}]"


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ([FAULTS], ["network.faults.0.node", "network.faults.1"]),
        ([FAULTS, "network.deadline=50"], ["network.deadline", "network.faults.0.node", "network.faults.1"]),
        (["network.deadline=50", "network.topology={kind: star, centre: 7}"],
         ["network.deadline", "network.topology.centre"]),
        (["network.share=nobody", "network.faults=[{kind: crash, node: 9, at: 1 s}]"],
         ["network.faults.0", "network.share"]),
        (["network.other_links=[{edge: [0], link: {loss: 1%}}, {edge: [0, 8], link: {loss: 1%}}]"],
         ["network.other_links.0.edge", "network.other_links.1.edge"]),
        (["network.acks=yes", "network.ack_repeat=2"], ["network.acks"]),
        (["training.batch=0", "training.buffer=10", "training.episodes_per_iteration=20"],
         ["training.batch", "training.episodes_per_iteration"]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_block_hides_no_other_in_it(lossy, mistakes_of, changes, paths):
    assert sorted(mistake.path for mistake in mistakes_of(lossy, changes)) == paths


def test_a_key_is_said_to_belong_where_it_can_stand(lossy, mistakes_of):
    """`every` is a key of `evaluation`, and of exchanges of parameters, which this algorithm has none of."""
    fault = "network.faults=[{kind: crash, node: 1, at: 5 s, every: 7 s}]"
    (mistake,) = mistakes_of(lossy, [fault])
    assert mistake.remedy == "the keys here are: at, for, node, state"
    (mistake,) = mistakes_of(lossy, ["network.every=3"])
    assert mistake.remedy == "it belongs at `evaluation.every`"
    (mistake,) = mistakes_of(lossy, ["network.every=3", "algorithm={kind: networked_q}"])
    assert mistake.remedy == "it belongs at `algorithm.averaging.every` or `evaluation.every`"


def test_a_sweep_is_no_scenario(request):
    with pytest.raises(ScenarioError, match="is a sweep, not a scenario; `dvdn-sim sweep` runs it") as caught:
        load_scenario(request.config.rootpath / "scenarios" / "ablations" / "rounds_x_loss.yaml")
    assert len(caught.value.mistakes) == 1


def test_rules_wait_for_blocks_without_mistakes(lossy, mistakes_of):
    text = lossy.replace("sight: 10", "sight: far").replace("edges: 2", "edges: 9")
    assert [mistake.path for mistake in mistakes_of(text)] == ["env.sight"]


@pytest.mark.parametrize("text", ["", "# nothing", "a list", "- 1\n- 2", "3"])
def test_what_is_no_mapping_is_no_scenario(mistakes_of, text):
    (mistake,) = mistakes_of(text)
    assert mistake.message == "is not a scenario"


def test_an_empty_mapping_lacks_everything(mistakes_of):
    assert {mistake.path for mistake in mistakes_of("{}")} == {
        "name", "seeds", "env", "algorithm", "training", "evaluation",
    }  # fmt: skip


def test_the_error_lists_all_in_its_message_and_survives_a_rebuild(lossy):
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(lossy.replace("lr: 3e-4", "lr: fast"), source="some.yaml")
    error = caught.value
    assert isinstance(error, DvdnSimError)
    assert str(error) == "some.yaml: 1 mistake\n  line 9: algorithm.lr: must be a number, not `fast`"
    assert str(type(error)(*error.args)) == str(error)
    assert pickle.loads(pickle.dumps(error)).mistakes == error.mistakes  # noqa: S301 (our own bytes)
