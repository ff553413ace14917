"""How long an agent waits in a round, where the scenario says `auto`."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import ceil, isinf

from dvdn_sim.network.transport import Transport
from netmodels import LinkSpec
from netmodels.topology import Edge, Graph

ROUNDING_NS = 1e-3
"""What adding up floats may cost."""

SHARE_IN_TIME = 0.999
"""Of the messages that arrive at all, how many an `auto` deadline waits for."""


@lru_cache(maxsize=65536)
def _completion_s(spec: LinkSpec, packets: int) -> float:
    """When a message of that many full packets is complete with probability `SHARE_IN_TIME`, given that it arrives."""
    return spec.completion_quantile(packets * spec.mtu, SHARE_IN_TIME)


@lru_cache(maxsize=65536)
def _held_s(spec: LinkSpec, packets: int) -> float:
    """How long such a message holds the transmitter."""
    return _completion_s(spec.changed({"delay": 0.0, "fifo": True}), packets)


@lru_cache(maxsize=65536)
def _once(spec: LinkSpec) -> LinkSpec:
    """The link without retransmission, as a broadcast finds it."""
    return replace(spec, retries=0)


def auto_deadlines_ns(transport: Transport, graph: Graph, size_bytes: int, copies: int = 1) -> list[int]:
    """Return how long each agent is to wait for a round's messages, by agent.

    The 99.9 % quantile of completion given delivery, the largest over the agent's incoming links in the round's graph.
    It counts what may be sent before a message on a transmitter that is shared, and packets as full: the wait is
    rather too long than too short.

    0 where nobody sends to the agent.

    Raises:
        ValueError: On some link no message ever arrives, so that no wait is long enough.
    """
    waits_s = [0.0] * graph.n_agents
    specs = {
        edge: _once(transport.spec(*edge)) if transport.broadcast else transport.spec(*edge) for edge in graph.edges
    }
    held_s = {edge: _held_s(spec, spec.packets(size_bytes)) for edge, spec in specs.items()}
    queued_s = _queued_s(transport, held_s)
    for edge, spec in specs.items():
        sender, receiver = edge
        complete_s = _completion_s(spec, spec.packets(size_bytes))
        if isinf(complete_s):
            raise ValueError(
                f"deadline: auto has no answer, since no message from agent {sender} ever gets to {receiver}"
            )
        before_s = copies * queued_s[edge] + (copies - 1) * held_s[edge]
        waits_s[receiver] = max(waits_s[receiver], complete_s + before_s)
    return [ceil(wait_s * 1e9 - ROUNDING_NS) for wait_s in waits_s]


def _queued_s(transport: Transport, held_s: Mapping[Edge, float]) -> dict[Edge, float]:
    """By link, how long the other messages of a round hold the transmitter that it shares."""
    if transport.share == "link":
        return dict.fromkeys(held_s, 0.0)
    once: dict[Edge, float] = defaultdict(float)
    for edge, time_s in held_s.items():
        once[_message(transport, edge)] = max(once[_message(transport, edge)], time_s)
    by_owner: dict[int, float] = defaultdict(float)
    for message, time_s in once.items():
        by_owner[_owner(transport, message[0])] += time_s
    return {edge: by_owner[_owner(transport, edge[0])] - once[_message(transport, edge)] for edge in held_s}


def _message(transport: Transport, edge: Edge) -> Edge:
    """What stands for the message on a link: the same for all receivers of a broadcast."""
    return (edge[0], -1) if transport.broadcast else edge


def _owner(transport: Transport, sender: int) -> int:
    return sender if transport.share == "node" else -1
