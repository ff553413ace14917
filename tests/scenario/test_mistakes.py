"""Every kind of mistake is told with its path, its line and a remedy, and all of them at once."""

import pickle

import pytest

from dvdn_sim.errors import DvdnSimError, Mistake, ScenarioError
from dvdn_sim.scenario import parse_scenario

# (what stands in the scenario, what is written instead, path, part of the message, part of the remedy)
ONE_MISTAKE = [
    # unknown keys
    ("hidden: 64", "hiden: 64", "algorithm.hiden", "unknown key", "did you mean `hidden`?"),
    ("weights: metropolis", "wieghts: metropolis", "algorithm.consensus.wieghts", "unknown key", "`weights`"),
    ("  share: node", "  colour: red", "network.colour", "unknown key", "topology, link, other_links, share"),
    ("    rate: 20", "    deadline: 1 s\n    rate: 20", "network.link.deadline", "unknown", "`network.deadline`"),
    # missing keys
    ("  control_period: 100 ms\n", "", "network.control_period", "is missing", "`50 ms`"),
    ("  compute: {kind: lognormal, mean: 10 ms, jitter: 3 ms}\n", "", "network.compute", "is missing", "lognormal"),
    ("kind: normal, mean: 5 ms,", "kind: normal,", "network.link.delay.mean", "is missing", "`50 ms`"),
    ("episodes: 100, ", "", "evaluation.episodes", "is missing", "no default"),
    ("    rate: 20 Mbit/s\n", "", "network.link.rate", "is missing", "`20 Mbit/s`"),
    ("epsilon: {start: 1.0, end: 0.05, steps: 30_000}, ", "", "training.epsilon", "is missing", "steps, start, end"),
    ("name: lossy_lbf\n", "", "name", "is missing", ""),
    # kinds
    ("{kind: lbf,", "{kind: lfb,", "env.kind", "there is no env `lfb`", "did you mean `lbf`?"),
    ("{kind: lbf,", "{kind: pettingzoo,", "env.kind", "there is no env `pettingzoo`", "lbf, mpe_spread"),
    ("kind: random_connected", "kind: randomconnected", "network.topology.kind", "no topology", "`random_connected`"),
    ("kind: normal,", "kind: 3,", "network.link.delay.kind", "there is no delay `3`", "constant"),
    ("{kind: random_connected, edges: 2, resample: episode}", "ring", "network.topology", "`kind`", "{kind: ring}"),
    ("{kind: random_connected, edges: 2, resample: episode}", "[ring]", "network.topology", "a list", "ring"),
    ("{kind: random_connected, edges: 2,", "{edges: 2,", "network.topology.kind", "is missing", "complete, ring"),
    # words
    ("policy: self", "policy: symmetric", "algorithm.consensus.policy", "needs acknowledgements", "`running_sum`"),
    ("policy: self", "policy: slef", "algorithm.consensus.policy", "there is no policy `slef`", "did you mean `self`?"),
    ("weights: metropolis", "weights: lasy", "algorithm.consensus.weights", "no weights `lasy`", "mean `lazy`?"),
    ("reward_model: team_mean", "reward_model: team", "algorithm.reward_model", "no reward_model `team`", "team_sum"),
    ("share: node", "share: all", "network.share", "there is no share `all`", "link, node, medium"),
    ("resample: episode", "resample: epoch", "network.topology.resample", "there is no resample `epoch`", "update"),
    ("faults: []", "faults: [{kind: crash}]", "network.faults.0.at", "is missing", "constant"),
    (
        "faults: []",
        "faults: [{kind: crsh, at: 1 s}]",
        "network.faults.0.kind",
        "no fault `crsh`",
        "did you mean `crash`",
    ),
    ("faults: []", "faults: [{kind: crash, node: 0, at: 1}]", "network.faults.0.at", "1 has no unit", "`1 s`"),
    ("faults: []", "faults: none", "network.faults", "must be a list, not `none`", ""),
    # quantities
    ("deadline: 50 ms", "deadline: 50", "network.deadline", "50 has no unit", "`50 ms` or `50 s`"),
    ("deadline: 50 ms", "deadline: automatic", "network.deadline", "`automatic` is not a time", "`50 ms` or `auto`"),
    ("deadline: 50 ms", "deadline: 50 sec", "network.deadline", "`50 sec` is not a time", "units: ns, us, ms, s"),
    ("deadline: 50 ms", "deadline: -50 ms", "network.deadline", "`-50 ms` is not a time", "`50 ms`"),
    ("deadline: 50 ms", "deadline: true", "network.deadline", "true is not a time", "`50 ms`"),
    ("rate: 20 Mbit/s", "rate: 20", "network.link.rate", "20 has no unit", "`20 Mbit/s`"),
    ("rate: 20 Mbit/s", "rate: 20 Mbps", "network.link.rate", "`20 Mbps` is not a rate", "Mbit/s"),
    ("    rate: 20", "    mtu: 1472\n    rate: 20", "network.link.mtu", "1472 has no unit", "`1472 B`"),
    ("{kind: gemodel, p: 3%, r: 25%}", "20", "network.link.loss", "`20` is not a probability", "`20%`"),
    ("p: 3%", "p: 130%", "network.link.loss.p", "`130%` is not a probability", "`10%`"),
    ("mean: 5 ms, jitter: 2 ms", "mean: 5, jitter: 2 ms", "network.link.delay.mean", "5 has no unit", "`5 ms`"),
    ("end: 0.05", "end: 2", "training.epsilon.end", "`2` is not a number from 0 to 1", "`0.05`"),
    # plain types and ranges
    ("hidden: 64", "hidden: many", "algorithm.hidden", "must be a whole number, not `many`", ""),
    ("hidden: 64", "hidden: 6.4", "algorithm.hidden", "must be a whole number, not `6.4`", ""),
    ("hidden: 64", "hidden: '64'", "algorithm.hidden", "must be a whole number, not `64`", ""),
    ("hidden: 64", "hidden: true", "algorithm.hidden", "must be a whole number, not true", ""),
    ("hidden: 64", "hidden: 0", "algorithm.hidden", "must be at least 1, not `0`", ""),
    ("lr: 3e-4", "lr: fast", "algorithm.lr", "must be a number, not `fast`", ""),
    ("lr: 3e-4", "lr: 0.0", "algorithm.lr", "must be more than 0", ""),
    ("lr: 3e-4", "lr: .nan", "algorithm.lr", "must be a finite number", ""),
    ("lr: 3e-4", "clip: off", "algorithm.clip", "must be a number, not `off`", ""),
    ("lr: 3e-4", "standardise_rewards: yes", "algorithm.standardise_rewards", "must be true or false, not `yes`", ""),
    ("players: 3", "players: 101", "env.players", "must be at most 100, not `101`", ""),
    ("sight: 10", "sight: null", "env.sight", "must be a whole number, not nothing (null)", ""),
    ("[10, 10]", "[10]", "env.field_size", "more than 1 entry", ""),
    ("[10, 10]", "[10, 10, 10]", "env.field_size", "at most 2 entries, not 3", ""),
    ("[10, 10]", "[10, 2]", "env.field_size.1", "must be at least 3, not `2`", ""),
    ("[10, 10]", "10", "env.field_size", "must be a list, not `10`", ""),
    ("seeds: [0, 1]", "seeds: []", "seeds", "must have at least 1 entry, not 0", ""),
    ("seeds: [0, 1]", "seeds: 0-1", "seeds", "must be a list, not `0-1`", ""),
    ("seeds: [0, 1]", "seeds: [0, -1]", "seeds.1", "must be at least 0, not `-1`", ""),
    ("name: lossy_lbf", "name: lossy/lbf", "name", "cannot name a folder", "letters, digits"),
    ("name: lossy_lbf", "name: 3", "name", "must be a text, not `3`", ""),
    ("{every: 15_000, episodes: 100, epsilon: 0.05}", "often", "evaluation", "must be a block, not `often`", "every"),
    # rules over several values
    ("seeds: [0, 1]", "seeds: [1, 1]", "seeds", "seed 1 is given twice", ""),
    ("buffer: 5000", "buffer: 31", "training.buffer", "31 episodes do not hold a batch of 32", "at least 32"),
    ("buffer: 5000", "buffer: 40, episodes_per_iteration: 41", "training.episodes_per_iteration", "41 at once", "40"),
    ("start: 1.0, end: 0.05", "start: 0.1, end: 0.2", "training.epsilon.end", "0.2 is above the start, 0.1", ""),
    ("sight: 10,", "sight: 10, min_player_level: 3,", "env.min_player_level", "above max_player_level, 2", ""),
    ("sight: 10,", "sight: 10, min_food_level: 2,", "env.min_food_level", "2 is above max_food_level, 1", ""),
    ("max_food_level: 1", "min_food_level: 4", "env.min_food_level", "as low as 3", "max_food_level"),
    ("max_food_level: 1", "max_food_level: 7", "env.max_food_level", "no team could load it", "at most 6"),
    (
        "max_num_food: 3",
        "max_num_food: 17",
        "env.max_num_food",
        "17 foods do not fit a field of 10 by 10",
        "at most 16",
    ),
    ("[10, 10], players: 3", "[3, 3], players: 9", "env.max_num_food", "do not fit", "at most 1"),
    ("edges: 2", "edges: 4", "network.topology.edges", "no connected graph of 3 agents has 4 links", "2 to 3"),
    ("players: 3", "players: 1", "env", "at least 2 agents", "no `network`"),
    ("  deadline: 50 ms\n", "", "network.deadline", "links lose packets", "`deadline: 50 ms`"),
    ("    rate: 20", "    limit: 1\n    rate: 20", "network.link.limit", "3 packets never arrive whole", "at least 2"),
]

LINES_OF_WHAT_IS_NOT_THERE = {  # the block that lacks it
    "network.control_period": 10,
    "network.compute": 10,
    "network.deadline": 10,
    "network.faults.0.at": 20,
    "network.link.rate": 12,
    "network.link.delay.mean": 14,
    "network.topology.kind": 11,
    "evaluation.episodes": 22,
    "training.epsilon": 21,
    "name": 1,
}


@pytest.mark.parametrize("case", ONE_MISTAKE, ids=lambda case: f"{case[2]}: {case[3]}")
def test_a_mistake_is_told_with_its_place_and_remedy(lossy, mistakes_of, case):
    old, new, path, message, remedy = case
    assert lossy.count(old) >= 1
    written = lossy.replace(old, new, 1)
    mistakes = [mistake for mistake in mistakes_of(written) if mistake.path == path]
    assert len(mistakes) == 1
    (mistake,) = mistakes
    assert message in mistake.message
    assert remedy in mistake.remedy
    if "is missing" in mistake.message:
        assert mistake.line == LINES_OF_WHAT_IS_NOT_THERE[path]
    else:
        assert mistake.line == _line_of(path, written, lossy.index(old))


def _line_of(path: str, text: str, start: int) -> int:
    """Return the line on which the last key of a path stands, on the line of ``start`` or after it."""
    key = [key for key in path.split(".") if not key.isdigit()][-1]
    start = text.rindex("\n", 0, start) + 1 if "\n" in text[:start] else 0
    return text.count("\n", 0, text.index(f"{key}:", start)) + 1


def test_one_mistake_is_one_mistake(lossy, mistakes_of):
    mistakes = mistakes_of(lossy.replace("lr: 3e-4", "lr: fast"))
    assert mistakes == (Mistake("algorithm.lr", 9, "must be a number, not `fast`"),)


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
        "algorithm.hidden", "network.topology.edges", "training.colour",
    }  # fmt: skip


def test_rules_wait_for_blocks_without_mistakes(lossy, mistakes_of):
    text = lossy.replace("sight: 10", "sight: far").replace("edges: 2", "edges: 9")
    assert [mistake.path for mistake in mistakes_of(text)] == ["env.sight"]


def test_dvdn_needs_a_network(lossy, mistakes_of):
    (mistake,) = mistakes_of(lossy, ["network=null"])
    assert mistake.path == "network"
    assert "is missing: dvdn's agents exchange" in mistake.message
    assert "algorithm: {kind: vdn}" in mistake.remedy


def test_an_unreadable_queue_is_no_queue(lossy, mistakes_of):
    (mistake,) = mistakes_of(lossy, ["network.link.limit=few"])
    assert mistake.path == "network.link.limit"


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
