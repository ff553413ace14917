"""What messages, bytes and times of an exchange come to, where closed forms know it without a sample."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from dvdn_sim.consensus.theory import expected_round_time
from dvdn_sim.consensus.theory.ensembles import Ensemble
from dvdn_sim.network.figures import Figure
from dvdn_sim.network.trials import Setting
from dvdn_sim.scenario import ConstantTime, Network, ack_bytes
from netmodels.topology import Graph

BUSIEST: Final[dict[str, Callable[[Graph], int]]] = {
    "link": lambda graph: min(len(graph.edges), 1),
    "node": lambda graph: max(graph.degrees),
    "medium": lambda graph: len(graph.edges),
}
"""Messages of a round that the busiest transmitter sends, by whose it is."""
BUSIEST_BROADCAST: Final[dict[str, Callable[[Graph], int]]] = {
    "node": lambda graph: min(len(graph.edges), 1),
    "medium": lambda graph: sum(degree > 0 for degree in graph.degrees),
}


def of_a_message(setting: Setting) -> dict[str, Figure]:
    """The longest message on an idle link: its size, its time, its chances."""
    size_bytes, link = setting.size_bytes, setting.network.link
    link = replace(link, retries=0) if setting.network.broadcast else link
    wire_bytes = link.wire_bytes(size_bytes)
    figures = {
        "payload_bytes": float(size_bytes),
        "packets": float(link.packets(size_bytes)),
        "wire_bytes": float(wire_bytes),
        "airtime_s": link.serialisation_ns(wire_bytes) * 1e-9,
        "whole_probability": link.delivery_probability(size_bytes),
    }
    for name, probability in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        figures[f"completion_{name}_s"] = link.completion_quantile(size_bytes, probability)
    return {name: Figure.of(value, 0.0, "closed") for name, value in figures.items()}


def exchange_bytes(setting: Setting, graphs: Ensemble) -> dict[str, Figure]:
    """Bytes of an exchange, where the graphs say how many messages there are, and nothing is sent again."""
    network, link = setting.network, setting.network.link
    sent = {copies(network, graph) for sequence in graphs.sequences for graph in sequence}
    if len(sent) != 1 or link.retries:
        return {}
    acks = network.ack_repeat * link.wire_bytes(ack_bytes(setting.n_agents)) if network.acks else 0
    every = sent.pop() * setting.rounds * (link.wire_bytes(setting.size_bytes) + acks)
    return {"bytes_per_update": Figure.of(float(every), 0.0, "closed")}


def copies(network: Network, graph: Graph) -> int:
    """How many messages are sent in a round."""
    return sum(degree > 0 for degree in graph.degrees) if network.broadcast else len(graph.edges)


def mean_round_time(setting: Setting, graphs: Ensemble) -> dict[str, Figure]:
    """The mean round time, where it is known without a sample: of one round that all open together."""
    network, link, size_bytes = setting.network, setting.network.link, setting.size_bytes
    q = link.delivery_probability(size_bytes)
    together = not setting.computing or isinstance(network.compute, ConstantTime)
    if not together or network.share != "link" or setting.rounds > 1 or graphs.how == "sampled":
        return {}
    wait_s = np.inf if network.deadline is None else seconds(network.deadline)
    degrees = np.array([sequence[0].degrees for sequence in graphs.sequences])
    times = {
        int(degree): expected_round_time(lambda u: link.completion_quantile(size_bytes, u), q, int(degree), wait_s)
        for degree in np.unique(degrees)
    }
    means = np.array([np.mean([times[int(degree)] for degree in row]) for row in degrees])
    return {"round_time_s": Figure.of(float(graphs.chance @ means), 0.0, "closed")}


def seconds(deadline: object) -> float:
    """A deadline that is a number."""
    if not isinstance(deadline, float | int):
        raise TypeError(deadline)
    return float(deadline)


def sending_s(setting: Setting, graphs: Ensemble, wire_bytes: float) -> float:
    """How long the busiest transmitter sends in an exchange.

    Args:
        setting: What is exchanged.
        graphs: What it meets.
        wire_bytes: Of the whole team, in an exchange; the busiest transmitter sends its share of the messages.
    """
    network = setting.network
    busiest, every = (
        float(graphs.chance @ np.array([np.mean([count(graph) for graph in each]) for each in graphs.sequences]))
        for count in ((BUSIEST_BROADCAST if network.broadcast else BUSIEST)[network.share], partial(copies, network))
    )
    return 8.0 * wire_bytes / float(network.link.rate) * busiest / max(every, 1.0)
