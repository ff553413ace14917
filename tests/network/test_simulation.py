"""The network of one team: its clock, its topology, its streams."""

import numpy as np
import pytest
from small_networks import MS, ConstantTime, Given, LognormalTime, transport_of
from small_networks import network_of as any_network_of

from dvdn_sim.consensus import lossless_facts
from dvdn_sim.network import kernel
from netmodels import LinkSpec
from netmodels.topology import Complete, Graph, Instant, RandomConnected, Ring

LOSSY = LinkSpec(
    rate="20 Mbit/s",
    delay={"kind": "normal", "mean": "5 ms", "jitter": "2 ms"},
    loss={"kind": "gemodel", "p": "10%", "r": "40%"},
)


def network_of(n_agents=4, **changes):
    return any_network_of(
        n_agents, **{"link": LOSSY, "deadline": 0.02, "compute": LognormalTime(0.01, 0.003)} | changes
    )


def exchange(network, update=0, rounds=2, size_bytes=6424):
    return network.exchange("td", rounds=rounds, size_bytes=size_bytes, episode=update, update=update)


def test_the_clock_goes_through_acting_computing_and_exchanging():
    network = network_of(2, link=LinkSpec(rate="12 Mbit/s", delay="5 ms"), compute=ConstantTime(0.010), deadline=None)
    assert network.now_ns == 0
    network.act(50)
    assert network.now_ns == 5000 * MS
    report = exchange(network, rounds=2, size_bytes=1472)
    assert report.started_at_ns.tolist() == [5010 * MS] * 2
    assert report.closed_at_ns.tolist() == [[5016 * MS] * 2, [5022 * MS] * 2]
    assert network.now_ns == 5022 * MS
    assert network.now_s == pytest.approx(5.022)
    network.act(0)
    assert network.now_ns == 5022 * MS
    network.compute()
    assert network.now_ns == 5032 * MS
    assert type(network.now_ns) is int


def test_agents_start_when_their_own_computation_is_done():
    network = network_of(4)
    starts = [exchange(network, update).started_at_ns for update in range(3)]
    assert all(len(set(times.tolist())) == 4 for times in starts)
    network = network_of(4)
    network.compute()
    assert network.now_ns == starts[0].max()


@pytest.mark.parametrize("deadline", [None, 0.0, 0.05])
@pytest.mark.parametrize("share", ["link", "node"])
@pytest.mark.parametrize(
    "topology",
    [
        Complete(),
        Ring(),
        RandomConnected(),
        RandomConnected(edges=6, resample="round"),
        RandomConnected(edges=5, resample="update"),
        Given([Graph(5, ()), Graph.undirected(5, [(0, 1)]), Graph.undirected(5, [(1, 2), (0, 1), (3, 4)])]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_a_perfect_network_changes_nothing(topology, rounds, share, deadline):
    """Invariant 2: no loss, delay, or computing, unlimited rate: the facts are those of the graphs, and time stands."""
    ideal = LinkSpec(rate="unlimited", delay=0)
    network = network_of(5, topology=topology, link=ideal, share=share, deadline=deadline, compute=ConstantTime(0.0))
    for update in range(4):
        network.act(1)
        before_ns = network.now_ns
        report = exchange(network, update, rounds)
        expected = lossless_facts([topology.graph(5, 1, Instant(update, update, k)) for k in range(rounds)])
        for name in ("edges", "active", "latest"):
            np.testing.assert_array_equal(getattr(report.facts, name), getattr(expected, name))
        assert (report.closed_at_ns == before_ns).all()
        assert report.messages.delivered == report.messages.sent
    assert network.counters.audit() == "ok"


def test_graphs_are_those_of_the_episode_update_and_round():
    network = network_of(5, topology=RandomConnected(resample="round"))
    assert network.graphs(rounds=3, episode=0, update=4) == [
        RandomConnected(resample="round").graph(5, 1, Instant(0, 4, k)) for k in range(3)
    ]
    network = network_of(5, topology=RandomConnected(resample="episode"))
    first, again, other = (network.graphs(rounds=2, episode=episode, update=0) for episode in (0, 0, 1))
    assert first == again
    assert first[0] == first[1]
    assert first != other


def test_another_agent_or_link_leaves_the_luck_of_the_others_alone():
    """One round per exchange, and a long deadline: what differs is only who sends to whom."""
    path = Graph.undirected(4, [(0, 1), (1, 2)])
    more_links = Graph.undirected(4, [(0, 1), (1, 2), (0, 2)])
    more_agents = Graph.undirected(6, [(0, 1), (1, 2), (2, 5), (0, 4)])
    results = []
    for n_agents, graph in ((4, path), (4, more_links), (6, more_agents)):
        network = network_of(n_agents, topology=Given([graph]), deadline=10.0)
        heard, starts = [], []
        for update in range(40):
            before_ns = network.now_ns
            report = exchange(network, update, rounds=1)
            common = [tuple(edge) in path.edges for edge in report.facts.edges.tolist()]
            heard.append(report.facts.held[0, common].tolist())
            starts.append((report.started_at_ns[:3] - before_ns).tolist())
        results.append((heard, starts))
    assert results[0] == results[1] == results[2]
    flat = [held for row in results[0][0] for held in row]
    assert 0 < sum(flat) < len(flat)


def test_links_draw_apart_from_each_other_in_each_direction():
    transport = transport_of((7, 8, 9), link=LOSSY)
    names = {transport.link(i, j).name for i in range(3) for j in range(3) if i != j}
    assert names == {(a, b) for a in (7, 8, 9) for b in (7, 8, 9) if a != b}
    assert transport.link(0, 1) is transport.link(0, 1)
    fates = [[transport.link(i, j).offer(k, 6424).lost_reason for k in range(60)] for i, j in ((0, 1), (1, 0), (0, 2))]
    assert fates[0] != fates[1]
    assert fates[0] != fates[2]


def test_seeds_differ_and_the_same_seed_repeats():
    def told(seed):
        network = network_of(4, seed=seed)
        return [exchange(network, update).closed_at_ns.tolist() for update in range(5)]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_an_exchange_overlaps_with_acting():
    """Computing takes 10 ms, two rounds 12; acting 5 s, or one step of 10 ms."""
    for schedule, control_period, times_ms in (
        ("blocking", 0.1, [5000, 5022, 10022, 10044]),
        ("overlap", 0.1, [5000, 5022, 10000, 10022]),
        ("overlap", 0.0002, [10, 32, 32, 54]),  # the second episode waits for the first update
    ):
        network = network_of(
            2, link=LinkSpec(rate="12 Mbit/s", delay="5 ms"), compute=ConstantTime(0.010), deadline=None,
            control_period=control_period, schedule=schedule,
        )  # fmt: skip
        times = []
        for update in range(2):
            network.act(50)
            times.append(network.now_ns)
            exchange(network, update, rounds=2, size_bytes=1472)
            times.append(network.now_ns)
        assert times == [ms * MS for ms in times_ms]


def test_computing_without_an_exchange_overlaps_too():
    network = network_of(2, compute=ConstantTime(0.3), schedule="overlap")
    network.act(1)
    assert network.compute().all()
    network.act(1)
    assert network.now_ns == 400 * MS  # the update, which began at 100
    network.compute()
    network.act(5)
    assert network.now_ns == 900 * MS


def test_exchanges_have_arrays_of_the_types_for_which_another_process_compiles():
    """Of any other type, all of it would be compiled twice: in that process and in the one that waits for it."""
    kernel.prepare()
    changing = RandomConnected(edges=4, resample="update")
    for options in ({}, {"topology": changing}, {"faults": [{"kind": "crash", "node": 1, "at": "5 ms", "for": "9 ms"}]},
                    {"share": "medium"}, {"topology": Given([Ring().graph(4, 0), Graph(4, [])])}):  # fmt: skip
        network = network_of(engine="compiled", **options)
        for update in range(3):
            exchange(network, update)
    for function in (kernel.seed, kernel.by_rounds, kernel.by_events):
        assert len({types[:-1] for types in function.signatures}) == 1, function  # the last differs if rounds are many
