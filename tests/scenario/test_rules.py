"""Rules over several values, at their edges."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import Lbf, parse_scenario
from netmodels.presets import PRESETS


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


def paths(text: str, *overrides: str) -> list[str]:
    try:
        parse_scenario(text, overrides)
    except ScenarioError as error:
        return [mistake.path for mistake in error.mistakes]
    return []


LOSSLESS = ("network.link.loss=0", "network.deadline=")


def test_no_deadline_where_nothing_can_be_lost(lossy):
    assert paths(lossy, *LOSSLESS) == []
    assert paths(lossy, *LOSSLESS, "network.link.rate=unlimited", "network.link.limit=0") == []


@pytest.mark.parametrize(
    ("share", "rounds", "limit", "enough"),
    [("link", 1, 2, True), ("node", 1, 5, True), ("node", 1, 4, False), ("node", 3, 17, True), ("node", 3, 16, False)],
)
def test_a_queue_that_may_overflow_needs_a_deadline(lossy, share, rounds, limit, enough):
    """A message has 3 packets here; a node sends it to at most 2 neighbours in each round."""
    changes = [f"network.share={share}", f"algorithm.consensus.rounds={rounds}", f"network.link.limit={limit}"]
    assert paths(lossy, *LOSSLESS, *changes) == ([] if enough else ["network.deadline"])


def test_other_reasons_for_a_deadline(lossy):
    assert paths(lossy, *LOSSLESS, "network.link.limit_bytes=1 MB") == ["network.deadline"]
    other = "network.other_links=[{edge: [0, 1], link: {corrupt: 1%}}]"
    assert paths(lossy, *LOSSLESS, other) == ["network.deadline"]
    assert paths(lossy, "algorithm={kind: iql}", "network.deadline=") == []


@pytest.mark.parametrize(("edges", "exists"), [(2, True), (3, True), (1, False), (4, False), ("null", True)])
def test_graphs_that_connect_the_players(lossy, edges, exists):
    assert paths(lossy, f"network.topology.edges={edges}") == ([] if exists else ["network.topology.edges"])


def test_a_message_longer_than_its_queue(lossy):
    assert paths(lossy, "network.link.limit=2") == []
    assert paths(lossy, "network.link.limit=1") == ["network.link.limit"]
    assert paths(lossy, "network.link.limit=1", "network.link.rate=unlimited") == []


ONE_WAY = "network.topology={kind: edges, edges: [[0, 1], [1, 2]], directed: true}"


@pytest.mark.parametrize(
    ("topology", "wrong"),
    [
        ("{kind: star, centre: 2}", []),
        ("{kind: star, centre: 3}", ["network.topology.centre"]),
        ("{kind: edges, edges: [[0, 3]]}", ["network.topology"]),
        ("{kind: barabasi_albert, links: 3}", ["network.topology.links"]),
        ("{kind: erdos_renyi, p: 0%, connected: true}", ["network.topology.connected"]),
        ("{kind: edge_markov, up: 0 s, down: 1 s}", ["network.topology.up"]),
        ("{kind: edge_markov, up: 1 s, down: 1 s, base: {kind: star, centre: 7}}", ["network.topology.centre"]),
        ("{kind: range, radius: 5 m}", ["network.topology.mobility"]),
        ("{kind: schedule, entries: []}", ["network.topology.entries"]),
        ("{kind: schedule, entries: [{at: 0 s, topology: {kind: schedule, entries: []}}]}",
         ["network.topology.entries.0.topology.kind"]),
    ],
)  # fmt: skip
def test_topologies_that_there_are(lossy, topology, wrong):
    assert paths(lossy, f"network.topology={topology}") == wrong


def test_weights_on_which_both_ends_agree_need_links_in_both_directions(lossy):
    assert paths(lossy, ONE_WAY) == ["algorithm.consensus.policy"]
    assert paths(lossy, ONE_WAY.replace("[[0, 1], [1, 2]]", "[[0, 1], [1, 0]]")) == []


@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        ("edge: [0, 2], link: {loss: 100%}", []),
        ("edge: [0, 3], link: {loss: 100%}", ["network.other_links.0.edge"]),
        ("edge: [1, 1], link: {loss: 100%}", ["network.other_links.0.edge"]),
        ("edge: [0, 1], link: {retries: 2}", ["network.other_links"]),
        ("edge: [0, 1], link: {retries: 2, retry_delay: 1 ms}", []),
        ("edge: [0, 1], link: {limit: 1}", ["network.other_links.0.link.limit"]),
        ("edge: [0, 1], link: {limit_bytes: 1 kB}", ["network.other_links.0.link.limit_bytes"]),
        ("edge: [0, 1], link: {colour: red}", ["network.other_links.0.link.colour"]),
        ("edge: [0, 1]", ["network.other_links.0.link"]),
    ],
)
def test_links_that_differ(lossy, other, wrong):
    assert paths(lossy, f"network.other_links=[{{{other}}}]") == wrong


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
    assert paths(lossy, "network.link={preset: wifi}") == ["network.link.preset"]
    assert paths(lossy, "network.link={preset: lan, colour: red}") == ["network.link.colour"]


@pytest.mark.parametrize("rounds", [0, 1, 3, 4, 10])
def test_the_policy_that_stands_for_auto(lossy, rounds):
    """Running sums, nearer to the mean after many rounds, let Q-values diverge under loss."""
    scenario = parse_scenario(lossy, ["algorithm.consensus.policy=auto", f"algorithm.consensus.rounds={rounds}"])
    assert scenario.algorithm.consensus.policy == "self"


@pytest.mark.parametrize("policy", ["running_sum", "push_sum", "stale"])
def test_float16_is_refused_for_policies_with_a_memory(lossy, policy):
    changes = [f"algorithm.consensus.policy={policy}", "algorithm.consensus.wire=float16"]
    assert paths(lossy, *changes) == ["algorithm.consensus.wire"]
    assert paths(lossy, "algorithm.consensus={rounds: 9, wire: float16}") == []


def test_a_link_with_mistakes_beside_a_fault_that_degrades_it_is_told_without_a_traceback(lossy):
    """Found by the fuzzer: rules about what degraded links are like cannot be asked of half a link."""
    wrong = ("network.link.retries=1", "network.faults=[{kind: degrade, link: {loss: 60%}, at: 1 s}]")
    assert paths(lossy, *wrong) == ["network.link.retry_delay"]
    others = "network.other_links=[{edge: [0, 1], link: {loss: 60%}}]"
    assert paths(lossy, wrong[0], others) == ["network.link.retry_delay"]
