"""Messages per second through the exchange, link model included, on one core; and one exchange with all around it.

pytest tests/benchmarks/bench_exchange.py --benchmark-only

Graphs are redrawn every episode. Links are made when they are first used, which costs about as much as ten messages:
the first exchanges are not timed.
"""

from dataclasses import fields

import numpy as np
import pytest
import torch
from small_networks import LognormalTime, network_of

from dvdn_sim.consensus import POLICIES, metropolis, operator_of
from dvdn_sim.learners import Episodes, UpdateFigures
from dvdn_sim.records import RecordWriter
from dvdn_sim.training import Progress, Recorder
from dvdn_sim.training.communication import ReplicaExchange
from dvdn_sim.training.recorder import Update
from netmodels import LinkSpec
from netmodels.topology import Complete, RandomConnected

LINK = LinkSpec(
    rate="20 Mbit/s",
    delay={"kind": "normal", "mean": "5 ms", "jitter": "2 ms"},
    loss={"kind": "gemodel", "p": "3%", "r": "25%"},
)


ENGINES = pytest.mark.parametrize("engine", ["simpy", "compiled"])


@ENGINES
@pytest.mark.parametrize("size_bytes", [1000, 6424], ids=["one_packet", "five_packets"])
@pytest.mark.parametrize(
    ("n_agents", "topology"),
    [(4, Complete()), (10, Complete()), (24, Complete()), (50, RandomConnected(edges=200))],
    ids=["complete4", "complete10", "complete24", "random50"],
)
def test_messages_per_second(benchmark, n_agents, topology, size_bytes, engine):
    measure(benchmark, size_bytes, n_agents=n_agents, topology=topology, share="link", engine=engine)


@ENGINES
@pytest.mark.parametrize("share", ["link", "node", "medium"])
def test_messages_per_second_with_everything_switched_on(benchmark, share, engine):
    """Acknowledgements, crashes and flapping links, deadlines worked out; with a broadcast where there can be one."""
    faults = [
        {"kind": "crash", "node": 0, "at": "10 s", "for": "20 s"},
        {"kind": "flap", "up": "10 s", "down": "1 s"},
        {"kind": "degrade", "link": {"loss": "20%"}, "at": "50 s", "for": "50 s"},
    ]
    measure(
        benchmark, 6424, n_agents=10, topology=Complete(), share=share, broadcast=share != "link", faults=faults,
        acks=True, deadline="auto", engine=engine,
    )  # fmt: skip


def measure(benchmark, size_bytes, **options):
    network = network_of(**{"seed": 0, "link": LINK, "deadline": 0.05, "compute": LognormalTime(0.01, 0.003)} | options)
    episode = iter(range(10**9))

    def exchange():
        index = next(episode)
        network.act(50)
        network.exchange("td", rounds=3, size_bytes=size_bytes, episode=index, update=index)

    for _ in range(50):
        exchange()
    benchmark(exchange)
    messages = network.counters.messages.sent / next(episode)
    benchmark.extra_info["messages_per_s"] = round(messages / benchmark.stats.stats.median)
    assert network.counters.audit() == "ok"


@pytest.mark.parametrize(
    ("n_agents", "rounds", "kind"),
    [(3, 1, "tree"), (10, 3, "complete"), (24, 3, "complete")],
    ids=["tree3", "complete10", "complete24"],
)
def test_graph_operator_and_records_included(benchmark, tmp_path, n_agents, rounds, kind):
    """What an exchange of a training costs, the row of its episode included.

    On an idle core at most 0.6 ms for the README's run (three agents on a tree, one round), 0.5 ms for ten agents on a
    complete graph with three rounds, and 2 ms for 24.
    """
    network = network_of(
        n_agents=n_agents, seed=0, topology=RandomConnected() if kind == "tree" else Complete(), link=LINK,
        share="node" if kind == "tree" else "link", deadline=0.05,
        compute=LognormalTime(0.01, 0.003),
    )  # fmt: skip
    policy, writer = POLICIES["self"](metropolis), RecordWriter(tmp_path)
    recorder, progress = Recorder(writer, (0,), (network,)), Progress.start(1)
    nothing = torch.zeros(1, 1, n_agents, 10)
    episode = Episodes(nothing, nothing, nothing, np.full((1, 1), 10), torch.zeros(1, 1, dtype=torch.bool))
    figures = UpdateFigures(*(torch.ones(1) for _ in fields(UpdateFigures)))
    everyone, invalid, epsilon = np.ones(1, bool), np.zeros((1, n_agents), bool), np.full(1, 0.05)

    def iteration():
        network.act(10)
        update = int(progress.updates[0])
        report = network.exchange("td", rounds=rounds, size_bytes=1304, episode=update, update=update)
        exchange = ReplicaExchange("td", report, operator_of(policy, report.facts))
        progress.episodes += 1
        progress.updates += 1
        recorder.update(progress, Update(figures, [{0: exchange}], invalid), everyone)
        recorder.episode(progress, episode, epsilon, everyone)

    for _ in range(200):
        iteration()
    benchmark(iteration)
    writer.flush()
    assert network.counters.audit() == "ok"
