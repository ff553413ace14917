"""What the simulated network delivers, and what that means for consensus, against closed forms in standard errors."""

import math

import numpy as np
import pytest
from small_networks import ConstantTime, LognormalTime
from small_networks import network_of as any_network_of

from dvdn_sim.consensus import POLICIES, metropolis, operator_figures
from netmodels import LinkSpec
from netmodels.topology import Complete, Graph, RandomConnected

SELF = POLICIES["self"](metropolis)
SIGMAS = 5.0


def network_of(n_agents, topology, *, seed, share="link", deadline=0.05, compute=ConstantTime(0.0), **link):  # noqa: B008
    spec = LinkSpec(**{"rate": "100 Mbit/s", "delay": "1 ms"} | link)
    return any_network_of(
        n_agents, seed=seed, topology=topology, link=spec, share=share, deadline=deadline, compute=compute
    )


def exchanges(network, number, *, rounds=1, size_bytes=1000):
    for index in range(number):
        network.act(1)
        yield network.exchange("td", rounds=rounds, size_bytes=size_bytes, episode=index, update=index)


@pytest.mark.parametrize(("p", "packets", "share"), [(0.05, 5, "link"), (0.3, 1, "node"), (0.3, 5, "node")])
def test_delivered_fraction_is_that_of_all_packets_coming_through(p, packets, share):
    """Held / sent = (1 - p)^F where losses are independent and the deadline is long."""
    network = network_of(4, Complete(), seed=11, share=share, loss=p)
    for _ in exchanges(network, 400, size_bytes=packets * 1472):
        pass
    counts = network.counters.messages
    whole = (1 - p) ** packets
    error = math.sqrt(whole * (1 - whole) / counts.sent)
    assert counts.sent == 400 * 12
    assert abs(counts.delivered / counts.sent - whole) <= SIGMAS * error
    assert counts.delivered + counts.lost["loss"] == counts.sent
    sent = [count.sent for count in network.counters.packets.values()]
    assert sent == [400 * packets] * 12
    assert network.counters.audit() == "ok"


@pytest.mark.parametrize(("n_agents", "n_links", "a"), [(3, 2, 1 / 3), (4, 4, 0.2444444), (5, 6, None)])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_a_of_random_connected_graphs_under_loss(n_agents, n_links, a, p):
    """E a(p) = 1 - (1 - p)(1 - a), with the graphs drawn, the messages sent and the losses suffered in the simulator.

    Against the table's a, and against that of the very graphs drawn, which leaves the error of the losses alone.
    """
    network = network_of(n_agents, RandomConnected(edges=n_links), seed=5, loss=p)
    lossy, lossless = [], []
    for report in exchanges(network, 700):
        lossy.append(operator_figures(SELF.operator(report.facts)[-1]).a_eff)
        # tr W = N - Σ w_ij over all directed edges, whatever arrived.
        lossless.append(1 - SELF.weights(report.facts)[0].sum() / (n_agents - 1))
    if a is not None:
        sample = np.array(lossy) - (1 - (1 - p) * (1 - a))
        assert abs(sample.mean()) <= SIGMAS * sample.std() / math.sqrt(len(sample))
    paired = np.array(lossy) - (1 - (1 - p) * (1 - np.array(lossless)))
    assert abs(paired.mean()) <= SIGMAS * paired.std() / math.sqrt(len(paired))


def test_k_rounds_over_graphs_drawn_each_round_have_a_to_the_k():
    """K = 2, N = 3, 2 links, 30% loss: a(p)² = 0.2844, because rounds are independent."""
    network = network_of(3, RandomConnected(edges=2, resample="round"), seed=6, loss=0.3)
    sample = [operator_figures(SELF.operator(report.facts)[-1]).a_eff for report in exchanges(network, 1200, rounds=2)]
    assert abs(np.mean(sample) - (1 - 0.7 * 2 / 3) ** 2) <= SIGMAS * np.std(sample) / math.sqrt(len(sample))


def test_the_mean_walks_under_one_way_loss_as_far_as_the_closed_form_says():
    """No drift, and in one round the variance (1/N²) Σ_{i<j} 2 q (1 - q) w_ij² (x_i - x_j)²."""
    n_agents, q = 4, 0.7
    x = np.array([3.0, -1.0, 0.5, 2.0])
    network = network_of(n_agents, Complete(), seed=7, loss=1 - q)
    moved = np.array([SELF.apply(report.facts, x)[-1].mean() - x.mean() for report in exchanges(network, 2000)])
    pairs = [(x[i] - x[j]) ** 2 for i in range(n_agents) for j in range(i)]
    variance = 2 * q * (1 - q) * sum(pairs) / n_agents**2 / n_agents**2
    assert abs(moved.mean()) <= SIGMAS * math.sqrt(variance / len(moved))
    squares = moved**2
    assert abs(squares.mean() - variance) <= SIGMAS * squares.std() / math.sqrt(len(squares))


def test_losses_on_the_two_directions_of_a_link_and_in_two_rounds_are_independent():
    network = network_of(2, Complete(), seed=8, loss=0.4)
    held = np.array([report.facts.held.ravel() for report in exchanges(network, 2000, rounds=2)], float)
    correlation = np.corrcoef(held.T)
    assert (np.abs(correlation - np.eye(4)) <= SIGMAS / math.sqrt(len(held))).all()


def test_round_time_is_that_of_the_last_message_of_the_slowest_start():
    """Lognormal starts, constant transit τ: round 0 ends for i at max(start_i, max_j start_j + τ); exact."""
    network = network_of(5, Complete(), seed=9, compute=LognormalTime(0.01, 0.005), deadline=None, rate="unlimited")
    for report in exchanges(network, 200):
        starts = report.started_at_ns
        others = np.array([np.delete(starts, agent).max() for agent in range(5)])
        np.testing.assert_array_equal(report.closed_at_ns[0], np.maximum(starts, others + 1_000_000))
        assert len(set(starts.tolist())) == 5


def test_the_second_singular_value_is_met_through_the_network():
    """Along its slowest direction, disagreement on a ring shrinks by exactly σ₂ = 1/3 + 2/3 cos(2π/6) every round."""
    ring = Graph.undirected(6, [(i, (i + 1) % 6) for i in range(6)])

    class Fixed(Complete):
        def graph(self, *_, **__):
            return ring

    network = network_of(6, Fixed(), seed=10, compute=LognormalTime(0.01, 0.005), deadline=None)
    (report,) = exchanges(network, 1, rounds=8)
    wave = np.cos(2 * np.pi * np.arange(6) / 6)
    after = SELF.apply(report.facts, wave)
    np.testing.assert_allclose(
        after, np.outer((1 / 3 + 2 / 3 * np.cos(np.pi / 3)) ** np.arange(1, 9), wave), atol=1e-12
    )
