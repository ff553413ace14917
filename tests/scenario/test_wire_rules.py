"""Rules about what is sent, at their edges, for every kind of message: TD errors, and parameters of two algorithms."""

import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import load_scenario, message_specs, parse_scenario

DVDN_GT = "algorithm={kind: dvdn_gt, consensus: {policy: running_sum}}"
NETWORKED_Q = "algorithm={kind: networked_q}"
SENDERS = {"tracking": DVDN_GT, "averaging": NETWORKED_Q}
LOSSLESS = ("network.link.loss=0", "network.deadline=")


def mistakes(text, *overrides):
    try:
        parse_scenario(text, overrides)
    except ScenarioError as error:
        return {mistake.path: mistake for mistake in error.mistakes}
    return {}


@pytest.mark.parametrize(
    ("algorithm", "what"),
    [("dvdn", "TD errors"), ("dvdn_gt", "TD errors, parameters and trackers"), ("networked_q", "parameters")],
)
def test_what_is_sent_needs_a_network_and_somebody_to_hear_it(lossy, algorithm, what):
    found = mistakes(lossy, f"algorithm={{kind: {algorithm}}}", "network=null")
    assert list(found) == ["network"]
    assert found["network"].message == f"is missing: {algorithm}'s agents exchange {what}"
    found = mistakes(lossy, f"algorithm={{kind: {algorithm}}}", "env.players=1", "network.topology={kind: complete}")
    assert list(found) == ["env"]
    assert "at least 2 agents" in found["env"].message
    assert "iql" in found["env"].remedy


def test_nothing_needs_nothing(lossy):
    assert mistakes(lossy, "algorithm.consensus.rounds=0", "network=null") == {}
    assert list(mistakes(lossy, DVDN_GT, "algorithm.consensus={rounds: 0}", "network=null")) == ["network"]
    assert mistakes(lossy, "algorithm={kind: iql}", "env.players=1", "network=null") == {}


# LBF of 3 players and 3 foods, 64 units: 26566 parameters; twice as many floats make 212552 bytes, 145 packets.
@pytest.mark.parametrize(("limit", "enough"), [(144, True), (143, False)])
def test_parameters_that_are_longer_than_the_queue(lossy, limit, enough):
    assert ("network.link.limit" not in mistakes(lossy, DVDN_GT, f"network.link.limit={limit}")) == enough
    assert mistakes(lossy, DVDN_GT, f"network.link.limit={limit}", "network.link.rate=unlimited") == {}


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
@pytest.mark.parametrize("limit", ["limit=5", "limit_bytes=9 kB"])
def test_the_number_of_blocks_that_is_named_is_just_enough(lossy, key, algorithm, limit):
    wrong = mistakes(lossy, algorithm, f"network.link.{limit}")[f"network.link.{limit.partition('=')[0]}"]
    enough = int(wrong.remedy.split("`")[0].split()[-2])
    assert f"`algorithm.{key}.blocks`" in wrong.remedy
    blocks = f"algorithm.{key}.blocks="
    assert mistakes(lossy, algorithm, f"network.link.{limit}", f"{blocks}{enough}") == {}
    assert mistakes(lossy, algorithm, f"network.link.{limit}", f"{blocks}{enough - 1}") != {}


def test_each_message_that_is_too_long_is_told(lossy):
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(lossy, [DVDN_GT, "network.link.limit=1"])
    said = [mistake.message for mistake in caught.value.mistakes]
    assert [text.partition(":")[0] for text in said] == ["TD errors", "parameters and trackers"]


@pytest.mark.parametrize("algorithm", SENDERS.values())
def test_parameters_need_a_deadline_where_they_may_be_lost(lossy, algorithm):
    """145 packets each to two neighbours by one transmitter: 290 may meet; for networked Q, 73 each."""
    packets = 145 if algorithm == DVDN_GT else 73
    node = (algorithm, *LOSSLESS, "network.share=node")
    assert mistakes(lossy, *node, f"network.link.limit={2 * packets - 1}") == {}
    assert list(mistakes(lossy, *node, f"network.link.limit={2 * packets - 2}")) == ["network.deadline"]
    assert list(mistakes(lossy, algorithm, "network.deadline=")) == ["network.deadline"]


@pytest.mark.parametrize("trouble", ["network.acks=true", "network.faults=[{kind: crash, node: 0, at: 1 s}]"])
def test_what_loses_messages_needs_a_deadline_whatever_is_sent(lossy, trouble):
    """The network itself refuses it otherwise, when a run begins."""
    assert list(mistakes(lossy, *LOSSLESS, trouble, "algorithm={kind: iql}")) == ["network.deadline"]


@pytest.mark.parametrize("algorithm", SENDERS.values())
def test_an_auto_deadline_for_parameters_that_never_arrive(lossy, algorithm):
    never = (algorithm, "network.link.loss=100%")
    assert list(mistakes(lossy, *never, "network.deadline=auto")) == ["network.deadline"]
    assert mistakes(lossy, *never) == {}


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
def test_symmetric_parameters_need_acknowledgements(lossy, key, algorithm):
    symmetric = (algorithm, f"algorithm.{key}.policy=symmetric")
    found = mistakes(lossy, *symmetric)
    assert list(found) == [f"algorithm.{key}.policy"]
    assert "`self`" in found[f"algorithm.{key}.policy"].remedy
    assert mistakes(lossy, *symmetric, "network.acks=true") == {}


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
def test_weights_of_parameters_need_links_in_both_directions(lossy, key, algorithm):
    one_way = "network.topology={kind: edges, edges: [[0, 1], [1, 2]], directed: true}"
    assert list(mistakes(lossy, algorithm, one_way)) == [f"algorithm.{key}.policy"]
    assert mistakes(lossy, algorithm, one_way.replace("[1, 2]]", "[1, 0]]")) == {}


def test_running_sums_of_trackers_are_not_for_symmetric_links(lossy):
    symmetric = (DVDN_GT, "network.acks=true", "algorithm.tracking.policy=symmetric")
    found = mistakes(lossy, *symmetric, "algorithm.tracking.form=running_sum")
    assert list(found) == ["algorithm.tracking.policy"]
    assert mistakes(lossy, *symmetric, "algorithm.tracking.form=adapt_then_combine") == {}
    assert mistakes(lossy, DVDN_GT, "algorithm.tracking.form=running_sum") == {}


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
def test_there_are_as_many_blocks_as_parameters_at_most(lossy, key, algorithm):
    assert mistakes(lossy, algorithm, f"algorithm.{key}.blocks=26566") == {}
    found = mistakes(lossy, algorithm, f"algorithm.{key}.blocks=26567")
    assert list(found) == [f"algorithm.{key}.blocks"]
    assert found[f"algorithm.{key}.blocks"].remedy == "at most 26566"


@pytest.mark.parametrize(("key", "value", "other"), [("schedule", "overlap", "blocking"), ("acting", "noop", "frozen")])
@pytest.mark.parametrize("algorithm", ["dvdn", "iql"])
def test_what_needs_one_episode_at_a_time(lossy, algorithm, key, value, other):
    changes = (f"algorithm={{kind: {algorithm}}}", f"network.{key}={value}")
    assert mistakes(lossy, *changes) == {}
    found = mistakes(lossy, *changes, "training.episodes_per_iteration=2")
    assert list(found) == [f"network.{key}"]
    assert "2 episodes are acted side by side" in found[f"network.{key}"].message
    assert f"`{other}`" in found[f"network.{key}"].remedy
    assert mistakes(lossy, changes[0], f"network.{key}={other}", "training.episodes_per_iteration=2") == {}


def test_what_is_shipped_sends_what_it_should(request):
    paper = request.config.rootpath / "scenarios" / "paper"
    kinds = {
        arm: {tuple(wire.kind for wire in message_specs(load_scenario(path))) for path in paper.glob(f"*_{arm}.yaml")}
        for arm in ("iql", "vdn", "dvdn", "dvdn_gt")
    }
    assert kinds == {"iql": {()}, "vdn": {()}, "dvdn": {("td",)}, "dvdn_gt": {("td", "gt")}}
