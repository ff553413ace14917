"""Which links are up when: the topology's own answer, less what faults take down, as messages sent there find out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.network import LinksUp, SimulatedNetwork
from dvdn_sim.scenario import parse_scenario
from netmodels.topology import EdgeMarkov, Instant, RandomConnected, RandomWaypoint, Range, Ring

SECOND = 10**9
SCENARIO = """\
name: links_up
seeds: [5]
env: {kind: lbf, field_size: [6, 6], players: 4, max_num_food: 1, max_food_level: 1, sight: 6, max_episode_steps: 6}
algorithm: {kind: dvdn}
network:
  topology: {kind: complete}
  link: {rate: unlimited, delay: 0 ms, loss: 0%}
  deadline: 1 ms
  control_period: 100 ms
  compute: 0 ms
training: {steps: 60, batch: 2, buffer: 20, epsilon: {steps: 100}}
evaluation: {every: 10000, episodes: 1}
"""
FLAP = "{kind: flap, up: 300 ms, down: 200 ms, at: 1 s, for: 3 s}"
STORM = (
    "network.faults=[{kind: crash, node: 2, at: 1 s, for: 2 s}, {kind: one_way, edge: [0, 1], at: 500 ms, for: 1 s},"
    f" {{kind: partition, groups: [[0, 2], [1, 3]], at: 2500 ms, for: 1 s}}, {FLAP}]"
)


def network_of(*changes):
    return parse_scenario(SCENARIO, changes).network


def links_up(*changes, seed=5):
    return LinksUp(network_of(*changes), n_agents=4, seed=seed)


@pytest.mark.parametrize(
    ("words", "topology"),
    [
        ("{kind: random_connected, edges: 4}", RandomConnected(4)),
        ("{kind: random_connected, edges: 4, resample: update}", RandomConnected(4, "update")),
        ("{kind: edge_markov, up: 300 ms, down: 300 ms, base: {kind: ring}}", EdgeMarkov(0.3, 0.3, Ring())),
    ],
)
def test_without_faults_they_are_the_topologys(words, topology):
    links = links_up(f"network.topology={words}")
    found = [links.at(now, episode=7, update=9).up for now in range(0, 3 * SECOND, SECOND // 10)]
    expected = [topology.graph(4, 5, Instant(7, 9, now_ns=now)).edges for now in range(0, 3 * SECOND, SECOND // 10)]
    assert found == expected
    assert len(set(found)) > 1 or not isinstance(topology, EdgeMarkov)  # they come and go


def test_by_hand():
    """Agent 2 is down from 1 s on and back at 3 s; 0 cannot reach 1 from 0.5 s on, and can again at 1.5 s."""
    words = "[{kind: crash, node: 2, at: 1 s, for: 2 s}, {kind: one_way, edge: [0, 1], at: 500 ms, for: 1 s}]"
    links = links_up(f"network.faults={words}")
    assert links.at(0).cut == ()
    assert links.at(SECOND // 2).cut == ((0, 1),)
    assert links.at(SECOND // 2).faults == ("one_way",)
    at_one = links.at(SECOND)
    assert at_one.cut == ((0, 1), (0, 2), (1, 2), (2, 0), (2, 1), (2, 3), (3, 2))
    assert at_one.up == ((0, 3), (1, 0), (1, 3), (3, 0), (3, 1))
    assert (at_one.down, at_one.faults) == ((2,), ("crash", "one_way"))
    assert (0, 1) in links.at(3 * SECOND // 2).up
    assert links.at(3 * SECOND - 1).down == (2,)
    assert links.at(3 * SECOND).cut == links.at(3 * SECOND).down == links.at(3 * SECOND).faults == ()


@given(tenths=st.integers(0, 45), seed=st.integers(0, 3))
def test_a_message_sent_at_that_instant_gets_through_where_a_link_is_up_and_nowhere_else(tenths, seed):
    """The oracle is an exchange over the same network: no loss, no delay, and whoever is heard has sent over a link."""
    network = network_of(STORM)
    simulated = SimulatedNetwork(network, n_agents=4, seed=seed)
    simulated.act(tenths)
    links = LinksUp(network, n_agents=4, seed=seed).at(simulated.now_ns)
    # Agents that are down would send once they are back; those that are up send now.
    report = simulated.exchange("td", rounds=1, size_bytes=10, episode=0, update=0)
    heard = {tuple(edge) for edge in report.facts.edges[report.facts.held[0]].tolist()}
    up_now = {edge for edge in heard if not {*edge} & {*links.down}}
    assert up_now == set(links.up)
    assert set(links.up) | set(links.cut) == {(i, j) for i in range(4) for j in range(4) if i != j}


@pytest.mark.parametrize(
    "words",
    [
        "{walk}",
        "{{kind: edge_markov, up: 1 h, down: 1 ms, base: {walk}}}",
        "{{kind: schedule, entries: [{{at: 0 s, topology: {{kind: ring}}}}, {{at: 1 s, topology: {walk}}}]}}",
    ],
)
def test_where_a_topology_has_its_agents(words):
    """As far apart as its links say."""
    moves = "{kind: random_waypoint, area: [10 m, 10 m], speed: [1 m/s, 2 m/s], pause: 0 s}"
    walk = f"{{kind: range, radius: 5 m, mobility: {moves}}}"
    model = Range(5, RandomWaypoint((10, 10), (1, 2), 0))
    links = links_up(f"network.topology={words.format(walk=walk)}")
    for now in range(SECOND, 30 * SECOND, SECOND):
        found = links.at(now)
        np.testing.assert_array_equal(found.places, model.mobility.positions(4, 5, now))
        near = model.graph(4, 5, Instant(now_ns=now)).edges
        assert set(found.up) <= set(near)
        assert links.at(now).up == near or "markov" in words
    assert (links.at(0).places is None) == ("schedule" in words)


def test_agents_that_do_not_move_have_no_places():
    assert links_up().at(0).places is None
