"""Messages per second through the exchange, link model included, on one core.

pytest tests/benchmarks/bench_exchange.py --benchmark-only
"""

import pytest

from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.scenario.compute import LognormalTime
from netmodels import LinkSpec
from netmodels.topology import Complete, RandomConnected

LINK = LinkSpec(
    rate="20 Mbit/s",
    delay={"kind": "normal", "mean": "5 ms", "jitter": "2 ms"},
    loss={"kind": "gemodel", "p": "3%", "r": "25%"},
)


@pytest.mark.parametrize("size_bytes", [1000, 6424], ids=["one_packet", "five_packets"])
@pytest.mark.parametrize(
    ("n_agents", "topology"),
    [(4, Complete()), (10, Complete()), (50, RandomConnected(edges=200))],
    ids=["complete4", "complete10", "random50"],
)
def test_messages_per_second(benchmark, n_agents, topology, size_bytes):
    network = SimulatedNetwork(
        n_agents=n_agents,
        seed=0,
        topology=topology,
        link=LINK,
        share="link",
        deadline_s=0.05,
        control_period_s=0.1,
        compute=LognormalTime(0.01, 0.003),
    )
    episode = iter(range(10**9))

    def exchange():
        index = next(episode)
        network.act(50)
        network.exchange("td", rounds=3, size_bytes=size_bytes, episode=index, update=index)

    benchmark(exchange)
    messages = network.ledger.messages.sent / next(episode)
    benchmark.extra_info["messages_per_s"] = round(messages / benchmark.stats.stats.median)
    assert network.ledger.audit() == "ok"
