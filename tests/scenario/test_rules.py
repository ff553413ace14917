"""Rules over several values, at their edges."""

from itertools import combinations, product

import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.scenario.env import Lbf
from dvdn_sim.scenario.network_rules import payload_bytes
from dvdn_sim.scenario.rules import most_food


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (3, 6), (4, 4), (5, 5), (4, 7), (6, 6)])
def test_no_field_holds_more_food_than_it_may(rows, columns):
    """Against every way to place foods: off the border, none in another's 3 by 3, none 2 away in a row or column."""
    cells = list(product(range(1, rows - 1), range(1, columns - 1)))
    most = 0
    while any(all(map(_apart, combinations(chosen, 2))) for chosen in combinations(cells, most + 1)):
        most += 1
    assert most <= most_food(Lbf(field_size=(rows, columns), players=2, max_num_food=1, sight=2)) <= most + 2


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
    assert payload_bytes(parse_scenario(lossy)) == 24 + 4 * 32 * 25
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


def test_a_queue_bounded_in_bytes_needs_a_deadline(lossy):
    assert paths(lossy, *LOSSLESS, "network.link.limit_bytes=1 MB") == ["network.deadline"]


def test_a_deadline_is_not_needed_where_nothing_is_sent(lossy):
    assert paths(lossy, "algorithm={kind: iql}", "network.deadline=") == []


@pytest.mark.parametrize(("edges", "exists"), [(2, True), (3, True), (1, False), (4, False), ("null", True)])
def test_graphs_that_connect_the_players(lossy, edges, exists):
    assert paths(lossy, f"network.topology.edges={edges}") == ([] if exists else ["network.topology.edges"])


def test_a_message_longer_than_its_queue(lossy):
    assert paths(lossy, "network.link.limit=2") == []
    assert paths(lossy, "network.link.limit=1") == ["network.link.limit"]
    assert paths(lossy, "network.link.limit=1", "network.link.rate=unlimited") == []
