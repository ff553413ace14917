"""Rules over several values, at their edges: what is refused, and where."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import MAX_BYTES, Lbf, load_scenario, message_specs, parse_scenario, resolved_yaml
from dvdn_sim.scenario.document import MAX_VALUES
from netmodels.presets import PRESETS
from netmodels.recordings import MAX_WRITTEN
from netmodels.topology.static import _drawn_graph


def mistakes(text, *overrides):
    try:
        parse_scenario(text, overrides)
    except ScenarioError as error:
        return {mistake.path: mistake for mistake in error.mistakes}
    return {}


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (3, 6), (4, 4), (5, 5), (4, 7), (6, 6)])
def test_no_field_holds_more_food_than_it_may(rows, columns):
    """Against every way to place foods: off the border, none in another's 3 by 3, none 2 away in a row or column."""
    cells = list(product(range(1, rows - 1), range(1, columns - 1)))
    most = 0
    while any(all(map(_apart, combinations(chosen, 2))) for chosen in combinations(cells, most + 1)):
        most += 1
    assert most <= Lbf(field_size=(rows, columns), players=2, max_num_food=1, sight=2).most_food <= most + 2


def _apart(pair: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    (row, column), (other_row, other_column) = pair
    return abs(row - other_row) + abs(column - other_column) > 2


DVDN_GT = "algorithm={kind: dvdn_gt, consensus: {policy: running_sum}}"
NETWORKED_Q = "algorithm={kind: networked_q}"
IQL = "algorithm={kind: iql}"
SENDERS = {"tracking": DVDN_GT, "averaging": NETWORKED_Q}
LOSSLESS = ("network.link.loss=0", "network.deadline=")
DEADLINE, LIMIT = ["network.deadline"], ["network.link.limit"]
UNLIMITED = "network.link.rate=unlimited"
NEVER = ("network.link.loss=100%", "network.deadline=auto")
ONE_WAY = "network.topology={kind: edges, edges: [[0, 1], [1, 2]], directed: true}"
BOTH_WAYS = ONE_WAY.replace("[1, 2]]", "[1, 0]]")
SYMMETRIC_TRACKING = (DVDN_GT, "network.acks=true", "algorithm.tracking.policy=symmetric")
SLOWED = "network.faults=[{kind: degrade, link: {rate: 1 kbit/s}, at: 1 s}]"
RETRIES, DEGRADED = "network.link.retries=1", "network.faults=[{kind: degrade, link: {loss: 60%}, at: 1 s}]"


def crowd(share, limit, rounds=1, algorithm="algorithm.lr=0.01"):
    return *LOSSLESS, algorithm, f"network.share={share}", *(
        [f"algorithm.consensus.rounds={rounds}"] if rounds > 1 else []
    ), f"network.link.limit={limit}"  # fmt: skip


def other(link):
    return (f"network.other_links=[{{edge: [0, 1], link: {{{link}}}}}]",)


CASES = [
    # A deadline, unless nothing can be lost. A message of TD errors has 3 packets; a node has 2 neighbours.
    (LOSSLESS, []),
    ((*LOSSLESS, UNLIMITED, "network.link.limit=0"), []),
    (crowd("link", 2), []),
    (crowd("node", 5), []),
    (crowd("node", 4), DEADLINE),
    (crowd("node", 17, rounds=3), []),
    (crowd("node", 16, rounds=3), DEADLINE),
    # 145 packets of parameters and trackers, 73 of parameters alone, to each of two neighbours.
    (crowd("node", 2 * 145 - 1, algorithm=DVDN_GT), []),
    (crowd("node", 2 * 145 - 2, algorithm=DVDN_GT), DEADLINE),
    (crowd("node", 2 * 73 - 1, algorithm=NETWORKED_Q), []),
    (crowd("node", 2 * 73 - 2, algorithm=NETWORKED_Q), DEADLINE),
    ((*LOSSLESS, "network.link.limit_bytes=1 MB"), DEADLINE),
    ((*LOSSLESS, *other("corrupt: 1%")), DEADLINE),
    ((IQL, "network.deadline="), []),
    ((DVDN_GT, "network.deadline="), DEADLINE),
    ((NETWORKED_Q, "network.deadline="), DEADLINE),
    # The network itself refuses these otherwise, when a run begins.
    ((*LOSSLESS, IQL, "network.acks=true"), DEADLINE),
    ((*LOSSLESS, IQL, "network.faults=[{kind: crash, node: 0, at: 1 s}]"), DEADLINE),
    ((DVDN_GT, *NEVER), DEADLINE),
    ((NETWORKED_Q, *NEVER), DEADLINE),
    ((NETWORKED_Q, NEVER[0]), []),
    # A link without a queue has one while it is slower.
    ((*LOSSLESS, UNLIMITED, "network.link.limit=1", SLOWED), DEADLINE),
    # Messages that are longer than their queue.
    (("network.link.limit=2",), []),
    (("network.link.limit=1",), LIMIT),
    (("network.link.limit=1", UNLIMITED), []),
    ((DVDN_GT, "network.link.limit=144"), []),
    ((DVDN_GT, "network.link.limit=143"), LIMIT),
    ((DVDN_GT, "network.link.limit=143", UNLIMITED), []),
    # Topologies that there are.
    *[((f"network.topology.edges={edges}",), []) for edges in (2, 3, "null")],
    *[((f"network.topology.edges={edges}",), ["network.topology.edges"]) for edges in (1, 4)],
    *[((f"network.topology={{kind: {topology}}}",), wrong) for topology, wrong in [
        ("star, centre: 2", []),
        ("star, centre: 3", ["network.topology.centre"]),
        ("edges, edges: [[0, 3]]", ["network.topology"]),
        ("barabasi_albert, links: 3", ["network.topology.links"]),
        ("erdos_renyi, p: 0%, connected: true", ["network.topology.connected"]),
        ("edge_markov, up: 0 s, down: 1 s", ["network.topology.up"]),
        ("edge_markov, up: 1 s, down: 1 s, base: {kind: star, centre: 7}", ["network.topology.base.centre"]),
        # Every entry of a schedule, and every mistake in them.
        *[(f"schedule, entries: [{{at: 0 s, topology: {{kind: ring}}}}, {{at: 9 h, topology: {{kind: {later}}}}}]",
           [f"network.topology.entries.1.topology{key}"]) for later, key in [
              ("star, centre: 3", ".centre"),
              ("edges, edges: [[0, 3]]", ""),
              ("k_regular, degree: 3", ".degree"),
              ("barabasi_albert, links: 3", ".links"),
              ("watts_strogatz, neighbours: 4, p: 10%", ".neighbours"),
              ("random_connected, edges: 4", ".edges"),
              ("erdos_renyi, p: 0%, connected: true", ".connected"),
              ("range, radius: 5 m", ".mobility"),
           ]],
        ("schedule, entries: [{at: 0 s, topology: {kind: star, centre: 3}}, "
         "{at: 1 s, topology: {kind: k_regular, degree: 5}}]",
         ["network.topology.entries.0.topology.centre", "network.topology.entries.1.topology.degree"]),
        ("range, radius: 5 m", ["network.topology.mobility"]),
        ("schedule, entries: []", ["network.topology.entries"]),
        ("schedule, entries: [{at: 0 s, topology: {kind: schedule, entries: []}}]",
         ["network.topology.entries.0.topology.kind"]),
    ]],
    # Weights on which both ends agree need links in both directions.
    ((ONE_WAY,), ["algorithm.consensus.policy"]),
    ((BOTH_WAYS,), []),
    *[((algorithm, ONE_WAY), [f"algorithm.{key}.policy"]) for key, algorithm in SENDERS.items()],
    *[((algorithm, BOTH_WAYS), []) for algorithm in SENDERS.values()],
    # Links that differ.
    (("network.other_links=[{edge: [0, 2], link: {loss: 100%}}]",), []),
    (("network.other_links=[{edge: [0, 3], link: {loss: 100%}}]",), ["network.other_links.0.edge"]),
    (("network.other_links=[{edge: [1, 1], link: {loss: 100%}}]",), ["network.other_links.0.edge"]),
    (("network.other_links=[{edge: [0, 1]}]",), ["network.other_links.0.link"]),
    (other("retries: 2"), ["network.other_links"]),
    (other("retries: 2, retry_delay: 1 ms"), []),
    (other("limit: 1"), ["network.other_links.0.link.limit"]),
    (other("limit_bytes: 1 kB"), ["network.other_links.0.link.limit_bytes"]),
    (other("colour: red"), ["network.other_links.0.link.colour"]),
    (("network.link={preset: wifi}",), ["network.link.preset"]),
    (("network.link={preset: lan, colour: red}",), ["network.link.colour"]),
    # Found by the fuzzer: rules about degraded links cannot be asked of half a link.
    ((RETRIES, DEGRADED), ["network.link.retry_delay"]),
    ((RETRIES, *other("loss: 60%")), ["network.link.retry_delay"]),
    # Policies and what they are for.
    *[((f"algorithm.consensus={{policy: {policy}, wire: float16}}",), ["algorithm.consensus.wire"])
      for policy in ("running_sum", "push_sum", "stale")],
    (("algorithm.consensus={rounds: 9, wire: float16}",), []),
    ((*SYMMETRIC_TRACKING, "algorithm.tracking.form=running_sum"), ["algorithm.tracking.policy"]),
    ((*SYMMETRIC_TRACKING, "algorithm.tracking.form=adapt_then_combine"), []),
    ((DVDN_GT, "algorithm.tracking.form=running_sum"), []),
    # Who sends nothing needs no network.
    (("algorithm.consensus.rounds=0", "network=null"), []),
    ((DVDN_GT, "algorithm.consensus={rounds: 0}", "network=null"), ["network"]),
    ((IQL, "env.players=1", "network=null"), []),
    # The clock: steps of 100 s are 10⁹ s in all.
    (("training.steps=10000000", "network.control_period=99.9 s"), []),
    (("training.steps=10000000", "network.control_period=100 s"), ["network.control_period"]),
    (("network.faults=[{kind: flap, up: 150 us, down: 1 us}]",), []),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "wrong"), CASES, ids=" ".join)
def test_what_is_refused_and_where(lossy, changes, wrong):
    assert list(mistakes(lossy, *changes)) == wrong


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


def test_later_entries_for_a_link_add_to_earlier_ones(lossy):
    entries = "{edge: [0, 1], link: {loss: 0}}, {edge: [1, 0], one_way: true, link: {delay: 1 ms}}"
    network = parse_scenario(lossy, [f"network.other_links=[{entries}]"]).network
    assert network is not None
    changed = network.changed_links
    assert set(changed) == {(0, 1), (1, 0)}
    assert changed[0, 1] == replace(network.link, loss=0.0)
    assert changed[1, 0] == replace(network.link, loss=0.0, delay=1e-3)


def test_a_preset_is_a_link_and_other_keys_change_it(lossy):
    network = parse_scenario(lossy, ["network.link={preset: wifi_adhoc, loss: 0%}"]).network
    assert network is not None
    assert network.link == replace(PRESETS["wifi_adhoc"], loss=0.0)


@pytest.mark.parametrize("rounds", [0, 1, 10])
def test_the_policy_that_stands_for_auto(lossy, rounds):
    """Running sums, nearer to the mean after many rounds, let Q-values diverge under loss."""
    scenario = parse_scenario(lossy, ["algorithm.consensus.policy=auto", f"algorithm.consensus.rounds={rounds}"])
    assert scenario.algorithm.consensus.policy == "self"


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
@pytest.mark.parametrize("limit", ["limit=5", "limit_bytes=9 kB"])
def test_the_number_of_blocks_that_is_named_is_just_enough(lossy, key, algorithm, limit):
    wrong = mistakes(lossy, algorithm, f"network.link.{limit}")[f"network.link.{limit.partition('=')[0]}"]
    enough = int(wrong.remedy.split("`")[0].split()[-2])
    assert f"`algorithm.{key}.blocks`" in wrong.remedy
    blocks = f"algorithm.{key}.blocks="
    assert mistakes(lossy, algorithm, f"network.link.{limit}", f"{blocks}{enough}") == {}
    assert mistakes(lossy, algorithm, f"network.link.{limit}", f"{blocks}{enough - 1}") != {}


def test_each_message_that_is_too_long_is_told(lossy, mistakes_of):
    said = [mistake.message for mistake in mistakes_of(lossy, [DVDN_GT, "network.link.limit=1"])]
    assert [text.partition(":")[0] for text in said] == ["TD errors", "parameters and trackers"]


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
def test_symmetric_parameters_need_acknowledgements(lossy, key, algorithm):
    symmetric = (algorithm, f"algorithm.{key}.policy=symmetric")
    found = mistakes(lossy, *symmetric)
    assert list(found) == [f"algorithm.{key}.policy"]
    assert "`self`" in found[f"algorithm.{key}.policy"].remedy
    assert mistakes(lossy, *symmetric, "network.acks=true") == {}


@pytest.mark.parametrize(("key", "algorithm"), SENDERS.items())
def test_there_are_as_many_blocks_as_parameters_at_most(lossy, key, algorithm):
    """LBF of 3 players and 3 foods, 64 units: 26566 parameters."""
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


def test_an_update_that_is_under_way_while_the_next_episode_is_acted_is_the_only_one(lossy):
    assert mistakes(lossy, "network.schedule=overlap", "training.updates_per_iteration=1") == {}
    found = mistakes(lossy, "network.schedule=overlap", "training.updates_per_iteration=2")
    assert list(found) == ["network.schedule"]
    assert found["network.schedule"].remedy == "1 as `training.updates_per_iteration`, or `blocking`"
    assert mistakes(lossy, "training.updates_per_iteration=2") == {}


def test_what_is_shipped_sends_what_it_should(request):
    paper = request.config.rootpath / "scenarios" / "paper"
    kinds = {
        arm: {tuple(wire.kind for wire in message_specs(load_scenario(path))) for path in paper.glob(f"*_{arm}.yaml")}
        for arm in ("iql", "vdn", "dvdn", "dvdn_gt")
    }
    assert kinds == {"iql": {()}, "vdn": {()}, "dvdn": {("td",)}, "dvdn_gt": {("td", "gt")}}


RANGE = "{kind: range, radius: 1 m, mobility: {kind: random_waypoint, area: [1 mm, 1 mm], speed: [1e3 m/s, 1e3 m/s]"
SHORTER = "a shorter time, or fewer `training.steps`"
TURNS = "turns of at least 150 us"  # 15 000 s / 10⁸
# 150 000 steps of 100 ms are 15 000 s; with a deadline of 50 ms they last 22 500 s at most.
TOO_LONG_OR_FAST = [
    (("network.control_period=10 h",), "network.control_period", "can last 171 years", SHORTER),
    (("network.deadline=2 h",), "network.deadline", "can last 34.2 years", SHORTER),
    (("network.deadline=1 h", "algorithm.consensus.rounds=3"), "network.deadline", "can last 51.3 years", SHORTER),
    (("training.steps=1000000000000",), "network.control_period", "ends after 31", SHORTER),
    (("network.compute=1e5 s",), "network.compute", "can last 475 years", SHORTER),
    (("network.deadline=null", "network.link={rate: unlimited, delay: 1e6 s}"), "network.link.delay", "", SHORTER),
    (("network.deadline=auto", "network.link.delay={kind: normal, mean: 0 s, jitter: 9 h}"), "network.link.delay", "",
     SHORTER),
    (("network.deadline=null", "network.link={rate: 1 bit/s, delay: 0 s}"), "network.link.rate", "",
     SHORTER.replace("shorter time", "higher rate")),
    (("network.faults=[{kind: straggler, node: 0, factor: 1.0e9, at: 1 s}]",), "network.faults.0.factor", "", SHORTER),
    (("network.faults=[{kind: flap, up: 1 ns, down: 1 ns}]",), "network.faults.0", "2 ns on average", TURNS),
    (("network.topology={kind: edge_markov, up: 100 us, down: 10 us}",), "network.topology", "110 us on", TURNS),
    ((f"network.topology={{kind: schedule, entries: [{{at: 0 s, topology: {RANGE}, pause: 0 s}}}}}}]}}",),
     "network.topology.entries.0.topology.mobility", "on average", TURNS),
]  # fmt: skip


@pytest.mark.parametrize("case", TOO_LONG_OR_FAST, ids=lambda case: " ".join(case[0])[:80])
def test_a_run_fits_the_clock_and_gets_on(lossy, mistakes_of, case):
    changes, path, message, remedy = case
    (mistake,) = mistakes_of(lossy, changes)
    assert (mistake.path, mistake.remedy) == (path, remedy)
    assert message in mistake.message


def test_recordings_are_no_longer_than_a_run_can_keep(lossy, mistakes_of, monkeypatch):
    def trace(kind, value, count):
        return f"network.link.{kind}={{kind: trace, values: [{', '.join([value] * count)}]}}"

    longest = parse_scenario(lossy, [trace("delay", "0.0012345678901234567 s", MAX_WRITTEN)])
    assert len(resolved_yaml(longest)) < MAX_BYTES
    assert MAX_WRITTEN < MAX_VALUES
    monkeypatch.setattr("dvdn_sim.scenario.rules.MAX_WRITTEN", 10)
    assert parse_scenario(lossy, [trace("loss", "0", 5), trace("delay", "1 ms", 5)])
    (mistake,) = mistakes_of(lossy, [trace("loss", "0", 5), trace("delay", "1 ms", 6)])
    assert mistake.path == "network.link.delay"
    assert "11 recorded values" in mistake.message


def test_every_seed_has_its_graph(lossy, mistakes_of):
    """G(3, p) is connected with probability 3p² − 2p³: 1 in 9300 draws of 0.6 %, of which a seed has 10 000."""
    rare, seeds = "network.topology={{kind: erdos_renyi, p: {}, connected: true}}", f"seeds={list(range(1000))}"
    first = [rare.format("0.6%"), "seeds=[0, 1, 2]"]
    parse_scenario(lossy, first)
    (mistake,) = mistakes_of(lossy, [rare.format("0.6%"), "seeds=[0, 1, 2, 6]"])
    assert mistake.path == "network.topology.connected"
    assert "seed 6 finds no connected graph" in mistake.message
    # What some seeds find is no proof for a thousand, unless it is found often.
    (mistake,) = mistakes_of(lossy, [rare.format("2%"), seeds])
    assert "one draw in" in mistake.message
    assert "too few for 1000 seeds" in mistake.message
    drawn_before = _drawn_graph.cache_info().misses
    parse_scenario(lossy, [rare.format("50%"), seeds])
    assert _drawn_graph.cache_info().misses - drawn_before < 50
