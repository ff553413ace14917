"""`deadline: auto`, worked out by hand. 12 Mbit/s: a full packet takes 1 ms on the wire."""

import numpy as np
import pytest
from small_networks import MS, ConstantTime, LognormalTime, network_of, transport_of

from dvdn_sim.network import auto_deadlines_ns
from netmodels import LinkSpec
from netmodels.topology import Complete, Graph, Star

SPEC = LinkSpec(rate="12 Mbit/s", delay="5 ms")
STAR = Graph.undirected(4, [(0, 1), (0, 2), (0, 3)])


def waits(share="link", size_bytes=1472, copies=1, spec=SPEC, graph=STAR, **more):
    transport = transport_of(4, link=spec, share=share, **more)
    return [ns / MS for ns in auto_deadlines_ns(transport, graph, size_bytes, copies)]


def test_with_a_transmitter_per_link_it_is_the_time_of_one_message():
    assert waits() == [6, 6, 6, 6]
    assert waits(size_bytes=1473) == waits(size_bytes=2944) == [7, 7, 7, 7]  # packets are counted as full


def test_on_a_shared_transmitter_all_others_may_come_first():
    assert waits("node") == [6, 8, 8, 8]
    assert waits("medium") == [11] * 4
    assert waits("node", broadcast=True) == [6] * 4
    assert waits("medium", broadcast=True) == [9] * 4


def test_copies_follow_each_other():
    assert waits(copies=3) == [8] * 4
    assert waits("node", copies=2) == [7, 11, 11, 11]


def test_it_is_the_largest_over_incoming_links():
    slow = {"delay": "9 ms"}
    assert waits(other_links={(2, 0): slow, (0, 1): slow}) == [10, 10, 6, 6]
    assert waits(graph=Graph(4, ((0, 1), (2, 1))), other_links={(2, 1): slow}) == [0, 10, 0, 0]


def test_it_is_the_quantile_that_netmodels_states_given_delivery():
    lossy = LinkSpec(
        rate="12 Mbit/s", delay={"kind": "lognormal", "mean": "5 ms", "jitter": "3 ms"}, loss=0.3, retries=2,
        retry_delay="1 ms",
    )  # fmt: skip
    [wait] = set(waits(spec=lossy, size_bytes=3 * 1472))
    assert wait == pytest.approx(lossy.completion_quantile(3 * 1472, 0.999) * 1e3)
    with pytest.raises(ValueError, match="auto has no answer"):
        waits(spec=LinkSpec(rate="12 Mbit/s", delay=0, loss=1.0))


def waiting(**changes):
    return network_of(4, **{"deadline": "auto", "compute": ConstantTime(0.01)} | changes)


def test_it_is_reported_and_the_spread_of_starts_is_added_in_the_first_round():
    network = waiting(compute=LognormalTime(0.01, 0.005))
    for update in range(5):
        report = network.exchange("td", rounds=3, size_bytes=1472, episode=0, update=update)
        spread_ns = int(np.ptp(report.started_at_ns))
        assert spread_ns > 0
        assert report.deadlines_ns.tolist() == [[6 * MS + spread_ns] * 4, [6 * MS] * 4, [6 * MS] * 4]


@pytest.mark.parametrize("broadcast", [False, True])
@pytest.mark.parametrize("share", ["link", "node", "medium"])
def test_with_constant_delays_and_no_loss_everything_comes_in_time(share, broadcast):
    if broadcast and share == "link":
        return
    for topology in (Complete(), Star()):
        network = waiting(
            share=share, broadcast=broadcast, topology=topology, compute=LognormalTime(0.01, 0.005),
            acks=True, ack_deadline="auto",
        )  # fmt: skip
        for update in range(10):
            report = network.exchange("td", rounds=1, size_bytes=5000, episode=0, update=update)
            assert report.facts.held.all()
            assert report.facts.confirmed.all()


def test_about_one_in_a_thousand_that_comes_comes_too_late():
    network = waiting(link=LinkSpec(rate="unlimited", delay={"kind": "exponential", "mean": "5 ms"}, loss=0.2))
    for update in range(1500):
        network.exchange("td", rounds=1, size_bytes=100, episode=0, update=update)
        network.act(10)
    counts = network.counters.messages
    came = counts.delivered + counts.expired
    assert abs(counts.expired - came / 1000) < 4.5 * np.sqrt(came / 1000)
    assert counts.late == 0
